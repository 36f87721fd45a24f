//! `cargo xtask tidy`: the laws of the house that a tool can check, over the files that git knows or would add.
//!
//! A law is a function from a [`Tree`] to violations; it reads no disk, so a test can plant a violation for each.
//! What is text in Rust (comments, strings) is told from what is code by [`rust_text`], not by a parser: quick, and
//! good enough for words. Laws with exceptions name them in their own file, with the reason.

mod arrows;
mod documents;
mod homes;
mod manifests;
mod rust_text;
mod shape;
mod tests_wait;
mod tree;
mod words;

use crate::tools;
use anyhow::Result;
use std::fmt;
use std::process::ExitCode;
use tree::Tree;

/// One place where a law is broken.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Violation {
    file: String,
    /// Counted from 1; 0 means the file as a whole.
    line: usize,
    law: &'static str,
    what: String,
    remedy: &'static str,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, law, what, remedy } = self;
        match line {
            0 => write!(f, "{file}: {what} [{law}]\n    {remedy}"),
            _ => write!(f, "{file}:{line}: {what} [{law}]\n    {remedy}"),
        }
    }
}

/// A rule, its name in messages, and what to do when it is broken.
struct Law {
    name: &'static str,
    remedy: &'static str,
    check: fn(&Tree, &mut Findings),
}

/// Where a check puts what it finds; knows the law it runs for.
struct Findings {
    law: &'static str,
    remedy: &'static str,
    found: Vec<Violation>,
}

impl Findings {
    fn add(&mut self, file: &str, line: usize, what: impl Into<String>) {
        self.found.push(Violation {
            file: file.to_owned(),
            line,
            law: self.law,
            what: what.into(),
            remedy: self.remedy,
        });
    }
}

const LAWS: &[Law] = &[
    Law {
        name: "arrows-point-down",
        remedy: "depend on what the table in xtask/src/tidy/arrows.rs permits; to change the table, write a decision",
        check: arrows::check,
    },
    Law {
        name: "manifests-inherit",
        remedy: "write `NAME.workspace = true`, with versions and lints in the root's Cargo.toml",
        check: manifests::inherit,
    },
    Law {
        name: "dependencies-have-a-reason",
        remedy: "add a row with the reason to docs/decisions/0002-dependencies.md",
        check: manifests::reasons,
    },
    Law {
        name: "sql-in-the-journal",
        remedy: "move it into crates/portus-daemon/src/journal and offer a typed function there",
        check: homes::sql,
    },
    Law {
        name: "unsafe-in-portus-os",
        remedy: "move it into portus-os behind a safe function",
        check: homes::unsafe_code,
    },
    Law {
        name: "platforms-in-portus-os",
        remedy: "move it into portus-os; what a system lacks is a typed `unsupported` error there",
        check: homes::platforms,
    },
    Law {
        name: "core-state-is-not-serialised",
        remedy: "give the wire or the disk a type of its own and translate; only vocabulary types serialise",
        check: homes::serialised_state,
    },
    Law {
        name: "tests-do-not-sleep",
        remedy: "wait for an event: a line printed, a pipe closed, a child gone, a pushed message",
        check: tests_wait::check,
    },
    Law { name: "files-are-short", remedy: "split by concern: 400 lines at most", check: shape::length },
    Law { name: "functions-are-short", remedy: "name its parts: 60 lines at most", check: shape::functions },
    Law {
        name: "no-allow",
        remedy: "fix the cause, or write #[expect(lint, reason = \"...\")]",
        check: shape::allow_attributes,
    },
    Law { name: "top-level-is-fixed", remedy: "move it below crates, xtask, tests or docs", check: shape::top_level },
    Law { name: "docs-name-what-exists", remedy: "correct the path, or drop the sentence", check: documents::paths },
    Law { name: "decisions-have-numbers", remedy: "take the next free number", check: documents::numbers },
    Law { name: "links-resolve", remedy: "correct the link", check: documents::links },
    Law {
        name: "no-private-places",
        remedy: "say it without naming a place that only one machine has",
        check: words::check,
    },
];

/// Checks all laws, prints each violation and the files that come near the limit of length.
pub(crate) fn run() -> Result<ExitCode> {
    let tree = Tree::of_repository(&tools::root())?;
    let violations = violations(&tree);
    for violation in &violations {
        println!("{violation}");
    }
    for (file, lines) in shape::long_files(&tree) {
        println!("note: {file} has {lines} lines (aim for {} at most)", shape::LINES_AIM);
    }
    for shape::Function { file, line, name, lines } in shape::long_functions(&tree) {
        println!("note: {file}:{line}: `{name}` has {lines} lines (aim for {} at most)", shape::FUNCTION_LINES_AIM);
    }
    let (laws, files) = (LAWS.len(), tree.len());
    if violations.is_empty() {
        println!("tidy: {laws} laws hold over {files} files");
        return Ok(ExitCode::SUCCESS);
    }
    println!("tidy: {} violations of {laws} laws in {files} files", violations.len());
    Ok(ExitCode::FAILURE)
}

fn violations(tree: &Tree) -> Vec<Violation> {
    let mut all: Vec<_> = LAWS.iter().flat_map(|law| broken(law, tree)).collect();
    all.sort();
    all
}

fn broken(law: &Law, tree: &Tree) -> Vec<Violation> {
    let mut findings = Findings { law: law.name, remedy: law.remedy, found: Vec::new() };
    (law.check)(tree, &mut findings);
    findings.found
}

#[cfg(test)]
mod tests;
