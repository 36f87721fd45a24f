//! The shape of the tree: short files, no lint switched off in silence, a fixed top level.

use super::rust_text::{layers, line_of};
use super::{Findings, Tree};
use std::collections::BTreeSet;

/// What a source file should not exceed, in lines.
pub(super) const LINES_AIM: usize = 400;
/// What a source file may not exceed, in lines.
const LINES_MAX: usize = 450;

pub(super) fn length(tree: &Tree, findings: &mut Findings) {
    for (path, lines) in long_files(tree).filter(|(_, lines)| *lines > LINES_MAX) {
        findings.add(path, 0, format!("{lines} lines"));
    }
}

/// The files above what is aimed for, with their lines.
pub(super) fn long_files(tree: &Tree) -> impl Iterator<Item = (&str, usize)> {
    tree.ending(".rs").map(|(path, text)| (path, text.lines().count())).filter(|(_, lines)| *lines > LINES_AIM)
}

pub(super) fn allow_attributes(tree: &Tree, findings: &mut Findings) {
    for (path, text) in tree.ending(".rs") {
        let code = layers(text).code;
        for attribute in ["#[allow(", "#![allow("] {
            for (at, _) in code.match_indices(attribute) {
                findings.add(path, line_of(text, at), format!("{attribute}...)]"));
            }
        }
    }
}

const TOP_LEVEL: [&str; 10] = [
    "Cargo.lock",
    "Cargo.toml",
    "README.md",
    "clippy.toml",
    "crates",
    "deny.toml",
    "docs",
    "rust-toolchain.toml",
    "rustfmt.toml",
    "tests",
];

pub(super) fn top_level(tree: &Tree, findings: &mut Findings) {
    let names: BTreeSet<&str> = tree.paths().filter_map(|path| path.split('/').next()).collect();
    for name in names {
        let permitted =
            TOP_LEVEL.contains(&name) || name == "xtask" || name.starts_with('.') || name.starts_with("LICENSE-");
        if !permitted {
            findings.add(name, 0, "does not belong at the top level");
        }
    }
}
