//! What is wrong with a configuration, and where.

use std::fmt;
use std::path::PathBuf;

/// Where a value, or a mistake, stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// Nobody said anything.
    Default,
    /// A file.
    File {
        /// Its path.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// The column in characters, counted from 1.
        column: usize,
    },
    /// A variable of the environment.
    Environment(String),
}

impl fmt::Display for Source {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => out.write_str("default"),
            Self::File { path, line, .. } => write!(out, "{}:{line}", path.display()),
            Self::Environment(name) => write!(out, "${name}"),
        }
    }
}

/// A configuration that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// Where.
    pub at: Source,
    /// What is wrong.
    pub message: String,
    /// What to write instead; may be empty.
    pub hint: String,
}

impl ConfigError {
    pub(super) fn new(at: Source, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { at, message: message.into(), hint: hint.into() }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.at {
            Source::File { path, line, column } => {
                write!(out, "{}:{line}:{column}: {}", path.display(), self.message)
            }
            at => write!(out, "{at}: {}", self.message),
        }
    }
}

impl std::error::Error for ConfigError {}

/// A value, and where it was said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sourced<T> {
    /// The value.
    pub value: T,
    /// Where it was said.
    pub source: Source,
}

/// The known name that is nearest to one that is not, if any is near enough to be meant.
pub(crate) fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let tolerance = (name.chars().count() / 3).max(1);
    let distances = known.iter().map(|candidate| (distance(name, candidate), *candidate));
    distances.filter(|(distance, _)| *distance <= tolerance).min().map(|(_, candidate)| candidate)
}

/// How many letters must be put in, taken out, exchanged or swapped with their neighbour.
fn distance(from: &str, to: &str) -> usize {
    let from: Vec<char> = from.to_lowercase().chars().collect();
    let to: Vec<char> = to.to_lowercase().chars().collect();
    let mut rows = vec![vec![0; to.len() + 1]; from.len() + 1];
    for (i, row) in rows.iter_mut().enumerate() {
        row[0] = i;
    }
    for (j, cell) in rows[0].iter_mut().enumerate() {
        *cell = j;
    }
    for i in 1..=from.len() {
        for j in 1..=to.len() {
            let exchanged = rows[i - 1][j - 1] + usize::from(from[i - 1] != to[j - 1]);
            let mut best = exchanged.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
            if i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = best;
        }
    }
    rows[from.len()][to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_offered_and_far_ones_are_not() {
        let known = ["preferred", "range", "fallback", "env", "health", "protocol"];
        assert_eq!(nearest("prefered", &known), Some("preferred"));
        assert_eq!(nearest("Range", &known), Some("range"));
        assert_eq!(nearest("rnage", &known), Some("range"));
        assert_eq!(nearest("ev", &known), Some("env"));
        assert_eq!(nearest("port", &known), None);
        assert_eq!(nearest("", &known), None);
    }
}
