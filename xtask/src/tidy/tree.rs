//! What the laws are checked against: the repository's files and its commits' messages, held in memory.

use crate::tools;
use anyhow::{Context, Result};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// A commit that can still be reworded: it is on no remote yet.
pub(super) struct Commit {
    pub(super) id: String,
    pub(super) message: String,
}

/// Paths are relative to the root, with `/`. A file that is not UTF-8 text counts as empty.
pub(super) struct Tree {
    files: BTreeMap<String, String>,
    commits: Vec<Commit>,
}

impl Tree {
    /// The files that git tracks or would add (so nothing that is ignored), as they are on disk.
    pub(super) fn of_repository(root: &Path) -> Result<Self> {
        let listing = tools::text_of(Command::new("git").current_dir(root).args([
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ]))
        .context("tidy looks at what git knows")?;
        let mut files = BTreeMap::new();
        for path in listing.split('\0').filter(|path| !path.is_empty()) {
            // A file that was removed but not yet from the index is no file.
            if let Ok(bytes) = std::fs::read(root.join(path)) {
                files.insert(path.to_owned(), String::from_utf8(bytes).unwrap_or_default());
            }
        }
        let log = tools::text_of(Command::new("git").current_dir(root).args([
            "log",
            "-z",
            "--format=%h %B",
            "HEAD",
            "--not",
            "--remotes",
        ]))?;
        let commits = log.split('\0').filter_map(|entry| entry.split_once(' '));
        let commits = commits.map(|(id, message)| Commit { id: id.to_owned(), message: message.to_owned() }).collect();
        Ok(Self { files, commits })
    }

    pub(super) fn len(&self) -> usize {
        self.files.len()
    }

    pub(super) fn commits(&self) -> &[Commit] {
        &self.commits
    }

    pub(super) fn text(&self, path: &str) -> Option<&str> {
        self.files.get(path).map(String::as_str)
    }

    pub(super) fn paths(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }

    /// All files whose name ends so, in order of their paths.
    pub(super) fn ending<'a>(&'a self, ending: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        let files = self.files.iter().filter(move |(path, _)| path.ends_with(ending));
        files.map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// Every workspace member's manifest under `crates/`, as (name of its directory, path, text).
    pub(super) fn crate_manifests(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        self.ending("/Cargo.toml").filter_map(|(path, text)| {
            let name = path.strip_prefix("crates/")?.strip_suffix("/Cargo.toml")?;
            (!name.contains('/')).then_some((name, path, text))
        })
    }

    /// Whether a file or directory of that path is there. A `*` stands for any rest of it.
    pub(super) fn has(&self, path: &str) -> bool {
        if let Some((start, _)) = path.split_once('*') {
            return self.files.keys().any(|file| file.starts_with(start));
        }
        let path = path.trim_end_matches('/');
        self.files.contains_key(path) || self.files.keys().any(|file| is_below(file, path))
    }

    /// Whether some file's path ends with that path, from a `/` on.
    pub(super) fn has_ending(&self, path: &str) -> bool {
        self.files
            .keys()
            .any(|file| file.strip_suffix(path).is_some_and(|start| start.is_empty() || start.ends_with('/')))
    }
}

fn is_below(file: &str, directory: &str) -> bool {
    file.strip_prefix(directory).is_some_and(|rest| rest.starts_with('/'))
}

#[cfg(test)]
impl Tree {
    /// A repository of a few files, for a test to plant something in.
    pub(super) fn planted(files: &[(&str, &str)]) -> Self {
        let files = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
        Self { files, commits: Vec::new() }
    }

    pub(super) fn with_commit(mut self, message: &str) -> Self {
        self.commits.push(Commit { id: "c0ffee1".to_owned(), message: message.to_owned() });
        self
    }
}
