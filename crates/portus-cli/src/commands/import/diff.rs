//! What changes in a text, line by line.

use std::fmt::Write as _;

/// How many unchanged lines are shown around those that change.
const CONTEXT_LEN: usize = 2;

/// The most pairs of lines that are compared; beyond it everything between the first and the last change is shown anew.
const PAIRS_MAX: usize = 4_000_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Line<'a> {
    Same(&'a str),
    Gone(&'a str),
    New(&'a str),
}

/// The lines that change, with a few around them: ` same`, `-gone`, `+new`. Empty when none do.
pub(super) fn diff(name: &str, before: &str, after: &str) -> String {
    let lines = lines(&before.lines().collect::<Vec<_>>(), &after.lines().collect::<Vec<_>>());
    if lines.iter().all(|line| matches!(line, Line::Same(_))) {
        return String::new();
    }
    let changes: Vec<usize> = (0..lines.len()).filter(|place| !matches!(lines[*place], Line::Same(_))).collect();
    let is_near = |place: usize| changes.iter().any(|change| change.abs_diff(place) <= CONTEXT_LEN);
    let mut text = format!("--- {name}\n+++ {name}\n");
    let mut is_cut = false;
    for (place, line) in lines.iter().enumerate() {
        if !is_near(place) {
            is_cut = true;
            continue;
        }
        if std::mem::take(&mut is_cut) {
            text.push_str("@@\n");
        }
        // Writing to a text cannot fail.
        let _ = match line {
            Line::Same(line) => writeln!(text, " {line}"),
            Line::Gone(line) => writeln!(text, "-{line}"),
            Line::New(line) => writeln!(text, "+{line}"),
        };
    }
    text
}

/// The same in the usual colours.
pub(super) fn colored(diff: &str) -> String {
    let (red, green) = (anstyle::AnsiColor::Red.on_default(), anstyle::AnsiColor::Green.on_default());
    let mut text = String::new();
    for line in diff.lines() {
        let shown = crate::text::safe(line);
        let style = match line.as_bytes().first() {
            Some(b'-') => red,
            Some(b'+') => green,
            _ => anstyle::Style::new(),
        };
        text.push_str(&format!("{style}{shown}{style:#}\n"));
    }
    text
}

/// The longest common lines stay; the rest goes or is new.
fn lines<'a>(before: &[&'a str], after: &[&'a str]) -> Vec<Line<'a>> {
    let head = before.iter().zip(after).take_while(|(old, new)| old == new).count();
    let tail = before[head..].iter().rev().zip(after[head..].iter().rev()).take_while(|(old, new)| old == new).count();
    let (old, new) = (&before[head..before.len() - tail], &after[head..after.len() - tail]);
    let same = |lines: &[&'a str]| lines.iter().map(|line| Line::Same(line)).collect::<Vec<_>>();
    let middle = if old.len().saturating_mul(new.len()) <= PAIRS_MAX { compared(old, new) } else { replaced(old, new) };
    [same(&before[..head]), middle, same(&before[before.len() - tail..])].concat()
}

fn replaced<'a>(old: &[&'a str], new: &[&'a str]) -> Vec<Line<'a>> {
    old.iter().map(|line| Line::Gone(line)).chain(new.iter().map(|line| Line::New(line))).collect()
}

fn compared<'a>(old: &[&'a str], new: &[&'a str]) -> Vec<Line<'a>> {
    // How many lines the rests from here on have in common.
    let mut common = vec![vec![0_u32; new.len() + 1]; old.len() + 1];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            common[i][j] =
                if old[i] == new[j] { common[i + 1][j + 1] + 1 } else { common[i + 1][j].max(common[i][j + 1]) };
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut lines = Vec::new();
    while i < old.len() && j < new.len() {
        if old[i] == new[j] {
            lines.push(Line::Same(old[i]));
            (i, j) = (i + 1, j + 1);
        } else if common[i + 1][j] >= common[i][j + 1] {
            lines.push(Line::Gone(old[i]));
            i += 1;
        } else {
            lines.push(Line::New(new[j]));
            j += 1;
        }
    }
    [lines, replaced(&old[i..], &new[j..])].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_changes_is_shown_and_a_little_around_it() {
        assert_eq!(diff("x", "a\nb\n", "a\nb\n"), "");
        assert_eq!(diff("x", "", "a\n"), "--- x\n+++ x\n+a\n");
        assert_eq!(
            diff("x", "1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\nIV\n5\n6\n7\n8\nten\n9\n"),
            "--- x\n+++ x\n@@\n 2\n 3\n-4\n+IV\n 5\n 6\n 7\n 8\n+ten\n 9\n"
        );
        assert_eq!(diff("x", "a\nb\nc\n", "c\n"), "--- x\n+++ x\n-a\n-b\n c\n");
    }
}
