//! Documents name only what exists: paths in prose, and links with their anchors.

use std::collections::BTreeMap;

use super::{Findings, Tree};

/// Directories of the repository that a document may mean when it writes a path.
const ROOTS: [&str; 5] = ["crates/", "docs/", "tests/", "xtask/", ".ci/"];

pub(super) fn paths(tree: &Tree, findings: &mut Findings) {
    for (file, text) in own_documents(tree) {
        for (number, line) in text.lines().enumerate() {
            for path in line.split(separates).filter_map(as_path) {
                let there = if ROOTS.iter().any(|root| path.starts_with(root)) {
                    tree.has(path)
                } else {
                    tree.has_ending(path)
                };
                if !there {
                    findings.add(file, number + 1, format!("`{path}` does not exist"));
                }
            }
        }
    }
}

/// One number names one decision.
pub(super) fn numbers(tree: &Tree, findings: &mut Findings) {
    let mut known: BTreeMap<&str, &str> = BTreeMap::new();
    for (file, _) in tree.ending(".md") {
        let Some(name) = file.strip_prefix("docs/decisions/") else { continue };
        let number = name.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default();
        if let Some(first) = known.get(number) {
            findings.add(file, 0, format!("the decision {first} has the number {number}, too"));
        } else {
            known.insert(number, file);
        }
    }
}

fn own_documents(tree: &Tree) -> impl Iterator<Item = (&str, &str)> {
    tree.ending(".md").filter(|(path, _)| *path == "README.md" || path.starts_with("docs/"))
}

fn separates(c: char) -> bool {
    !(c.is_ascii_alphanumeric() || "._/-*:".contains(c))
}

/// A word that means a path of this repository: one below its directories, or some way to a Rust file.
fn as_path(word: &str) -> Option<&str> {
    if word.contains("://") || word.contains("::") {
        return None;
    }
    // `crates/x/src/y.rs:12` names a line, and a sentence may end after a path.
    let word = word.split(':').next().unwrap_or(word).trim_end_matches('.');
    let word = word.trim_start_matches("./");
    let is_rust = word.ends_with(".rs") && word.contains('/') && !word.starts_with(['/', '.']);
    (is_rust || ROOTS.iter().any(|root| word.starts_with(root))).then_some(word)
}

pub(super) fn links(tree: &Tree, findings: &mut Findings) {
    for (file, text) in tree.ending(".md") {
        let mut in_code = false;
        for (number, line) in text.lines().enumerate() {
            if line.trim_start().starts_with("```") {
                in_code = !in_code;
            }
            if in_code {
                continue;
            }
            for target in targets(line) {
                if let Some(what) = broken(tree, file, target) {
                    findings.add(file, number + 1, what);
                }
            }
        }
    }
}

/// What the links of a line point to: `[text](target)` and `[name]: target`.
fn targets(line: &str) -> Vec<&str> {
    let mut all = Vec::new();
    let prose: Vec<&str> = line.split('`').step_by(2).collect();
    // Code in backquotes is no link, but `[`code`](target)` is one: its target stands outside of them.
    for part in prose {
        for (at, _) in part.match_indices("](") {
            let rest = &part[at + 2..];
            all.extend(rest.find(')').map(|end| rest[..end].split(' ').next().unwrap_or_default()));
        }
    }
    if let Some((name, target)) = line.split_once("]: ")
        && name.starts_with('[')
    {
        all.extend(target.split_whitespace().next());
    }
    all
}

fn broken(tree: &Tree, file: &str, target: &str) -> Option<String> {
    if target.contains("://") || target.starts_with("mailto:") {
        return None;
    }
    let (path, anchor) = target.split_once('#').map_or((target, None), |(path, anchor)| (path, Some(anchor)));
    let path = if path.is_empty() { file.to_owned() } else { beside(file, path) };
    if !tree.has(&path) {
        return Some(format!("the link's target `{path}` does not exist"));
    }
    let anchor = anchor?;
    let headings = tree.text(&path).unwrap_or_default().lines().filter(|line| line.starts_with('#'));
    let there = path.ends_with(".md") && headings.map(slug).any(|slug| slug == anchor);
    (!there).then(|| format!("`{path}` has no heading for `#{anchor}`"))
}

/// A path relative to the directory of a file, without `.` and `..`.
fn beside(file: &str, path: &str) -> String {
    let mut parts: Vec<&str> = file.split('/').collect();
    parts.pop();
    for part in path.split('/') {
        match part {
            "." | "" => {}
            ".." => drop(parts.pop()),
            name => parts.push(name),
        }
    }
    parts.join("/")
}

/// The anchor that a heading gets where Markdown is shown.
fn slug(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = text.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_of_the_repository_count() {
        let line =
            "See `crates/a/src/b.rs:12`, engine/decide.rs. Not /etc/x.rs, https://docs.rs/a/b.rs or std::fs::read.";
        let seen: Vec<_> = line.split(separates).filter_map(as_path).collect();
        assert_eq!(seen, ["crates/a/src/b.rs", "engine/decide.rs"]);
    }

    #[test]
    fn links_are_found_beside_code() {
        assert_eq!(targets("a [`x`](one.md) b [y](two.md#z) `[no](three.md)`"), ["one.md", "two.md#z"]);
        assert_eq!(targets("[ref]: four.md"), ["four.md"]);
    }

    #[test]
    fn a_link_is_seen_from_its_files_directory() {
        assert_eq!(beside("docs/decisions/0001.md", "../protocol.md"), "docs/protocol.md");
        assert_eq!(beside("README.md", "./docs/protocol.md"), "docs/protocol.md");
    }

    #[test]
    fn a_heading_becomes_an_anchor() {
        assert_eq!(slug("## What is `deliberately` absent?"), "what-is-deliberately-absent");
    }
}
