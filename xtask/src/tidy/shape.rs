//! The shape of the tree: short files, no lint switched off in silence, a fixed top level.

use super::rust_text::{balanced, layers, line_of, word};
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

/// What a function should not exceed, in lines from its name to its last brace.
pub(super) const FUNCTION_LINES_AIM: usize = 60;
/// What a function may not exceed, in such lines.
const FUNCTION_LINES_MAX: usize = 80;

pub(super) fn functions(tree: &Tree, findings: &mut Findings) {
    for function in long_functions(tree).into_iter().filter(|function| function.lines > FUNCTION_LINES_MAX) {
        let Function { file, line, name, lines } = function;
        findings.add(file, line, format!("`{name}` has {lines} lines"));
    }
}

/// A function, where it begins, and how long it is.
pub(super) struct Function<'a> {
    pub(super) file: &'a str,
    pub(super) line: usize,
    pub(super) name: String,
    pub(super) lines: usize,
}

/// The functions above what is aimed for.
pub(super) fn long_functions(tree: &Tree) -> Vec<Function<'_>> {
    let mut all = Vec::new();
    for (file, text) in tree.ending(".rs") {
        let code = layers(text).code;
        for at in word(&code, "fn") {
            let name: String =
                code[at + 2..].trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            // A type such as `fn(u8)` has no name, and a declaration in a trait no body.
            let Some(stop) = signature_end(&code, at).filter(|_| !name.is_empty()) else { continue };
            if code.as_bytes()[stop] == b';' {
                continue;
            }
            let Some(body) = balanced(&code, stop, b'{', b'}') else { continue };
            let line = line_of(text, at);
            let lines = line_of(text, body.end) + 1 - line;
            if lines > FUNCTION_LINES_AIM {
                all.push(Function { file, line, name, lines });
            }
        }
    }
    all
}

/// Where a function's body or the semicolon in its stead stands: not a semicolon within `[u8; 4]`.
fn signature_end(code: &str, at: usize) -> Option<usize> {
    let mut depth = 0_i32;
    for (place, byte) in code.bytes().enumerate().skip(at) {
        match byte {
            b'(' | b'[' => depth += 1,
            b')' | b']' => depth -= 1,
            b'{' | b';' if depth == 0 => return Some(place),
            _ => {}
        }
    }
    None
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
