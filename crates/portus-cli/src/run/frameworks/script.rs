//! The scripts of `package.json`: which command gets the arguments that a package manager appends.

use std::path::Path;

use super::unwrap::is_assignment;

/// A larger file is nobody's package.json.
const FILE_LEN_MAX: u64 = 1 << 20;

/// Which script is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Lookup {
    /// Its name.
    pub(super) name: String,
    /// The directory it is looked for in, seen from the current one.
    pub(super) dir: Option<String>,
}

/// What became of the search.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found {
    /// The last command of the script: the one that appended arguments reach.
    Script(Vec<String>),
    /// There is a package.json without that script.
    NoSuchScript,
    /// There is none, or it cannot be read.
    Unknown,
}

/// Looks a script up in the nearest package.json, upward.
pub(super) fn read(cwd: &Path, lookup: &Lookup) -> Found {
    let start = lookup.dir.as_ref().map_or_else(|| cwd.to_path_buf(), |dir| cwd.join(dir));
    let Some(file) = start.ancestors().map(|dir| dir.join("package.json")).find(|file| file.is_file()) else {
        return if lookup.dir.is_none() { Found::NoSuchScript } else { Found::Unknown };
    };
    let small = std::fs::metadata(&file).is_ok_and(|found| found.len() <= FILE_LEN_MAX);
    let text = if small { std::fs::read(&file).ok() } else { None };
    let package: Option<serde_json::Value> = text.and_then(|text| serde_json::from_slice(&text).ok());
    let Some(package) = package else { return Found::Unknown };
    match package.get("scripts").and_then(|scripts| scripts.get(&lookup.name)).and_then(serde_json::Value::as_str) {
        Some(script) => last_command(script).map_or(Found::Unknown, Found::Script),
        None => Found::NoSuchScript,
    }
}

/// The words of the last command in a shell's text, without the variables set for it. `None` when the text
/// ends in something that appended words do not reach, or that only a shell understands.
pub(super) fn last_command(text: &str) -> Option<Vec<String>> {
    let mut words = Words::default();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match (words.quote, c) {
            (Some(quote), c) if c == quote => words.quote = None,
            (Some('"') | None, '\\') => words.push(chars.next()?),
            (Some('"') | None, '`') => return None,
            (Some('"') | None, '$') if chars.peek() == Some(&'(') => return None,
            (Some(_), c) => words.push(c),
            (None, '\'' | '"') => {
                words.quote = Some(c);
                words.begin();
            }
            // `2>&1` is no end of a command.
            (None, '&') if words.after_redirection() => words.push(c),
            (None, '&' | '|' | ';' | '\n') => words.new_command(),
            (None, '(' | ')') => return None,
            (None, c) if c.is_whitespace() => words.end_word(),
            (None, c) => words.push(c),
        }
    }
    words.end_word();
    let mut words = if words.quote.is_none() { words.done } else { return None };
    words.drain(..words.iter().take_while(|word| is_assignment(word)).count());
    (!words.is_empty()).then_some(words)
}

/// The words of one command, as they grow.
#[derive(Debug, Default)]
struct Words {
    done: Vec<String>,
    current: Option<String>,
    quote: Option<char>,
}

impl Words {
    fn push(&mut self, c: char) {
        self.current.get_or_insert_default().push(c);
    }

    /// Quotes make a word even around nothing.
    fn begin(&mut self) {
        self.current.get_or_insert_default();
    }

    fn end_word(&mut self) {
        self.done.extend(self.current.take());
    }

    fn new_command(&mut self) {
        self.current = None;
        self.done.clear();
    }

    fn after_redirection(&self) -> bool {
        self.current.as_ref().is_some_and(|word| word.ends_with(['>', '<']))
    }
}
