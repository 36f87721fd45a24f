//! Places that only one machine has do not belong into what everybody reads.

use super::{Findings, Tree};

/// Written in pieces, so that this file does not break its own law.
const EVERYWHERE: [&str; 4] =
    [concat!("..", "/shared"), concat!("/work", "/main"), concat!("/work", "/shared"), concat!("/work", "/.library")];
const IN_PROSE: &str = concat!("/work", "/");

/// Documents, sources and manifests, and the messages of commits that are on no remote yet. Not `.ci`, which runs on
/// one kind of machine and may look around there.
pub(super) fn check(tree: &Tree, findings: &mut Findings) {
    for ending in [".md", ".rs", ".toml"] {
        for (path, text) in tree.ending(ending).filter(|(path, _)| !path.starts_with(".ci/")) {
            let words: &[&str] = if ending == ".md" { &[EVERYWHERE[0], IN_PROSE] } else { &EVERYWHERE };
            for (number, line) in text.lines().enumerate() {
                for word in words.iter().filter(|word| line.contains(**word)) {
                    findings.add(path, number + 1, format!("mentions `{word}`"));
                }
            }
        }
    }
    for commit in tree.commits() {
        for word in [EVERYWHERE[0], IN_PROSE].iter().filter(|word| commit.message.contains(**word)) {
            findings.add(&format!("commit {}", commit.id), 0, format!("its message mentions `{word}`"));
        }
    }
}
