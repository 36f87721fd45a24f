//! Tests wait for events. A test that sleeps is slow when it passes and wrong when it fails.

use super::rust_text::{layers, line_of, test_regions, word};
use super::{Findings, Tree};

/// Calls of a `sleep`, in files of tests and in test modules. A method of that name is none: the simulator's
/// machines go to sleep, too.
pub(super) fn check(tree: &Tree, findings: &mut Findings) {
    for (path, text) in tree.ending(".rs") {
        let code = layers(text).code;
        let regions = test_regions(&code);
        let all_tests = is_test_file(path);
        for name in ["sleep", "sleep_ms", "sleep_until"] {
            for at in word(&code, name).filter(|at| is_call(&code, *at, name)) {
                if all_tests || regions.iter().any(|region| region.contains(&at)) {
                    findings.add(path, line_of(text, at), format!("a test calls `{name}`"));
                }
            }
        }
    }
}

/// Whether a whole file is for tests, by its place or name.
pub(super) fn is_test_file(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    path.starts_with("tests/") || path.contains("/tests/") || name == "tests.rs" || name.ends_with("_tests.rs")
}

fn is_call(code: &str, at: usize, name: &str) -> bool {
    let before = code[..at].trim_end();
    let called = code[at + name.len()..].trim_start().starts_with('(');
    called && !before.ends_with('.') && !before.ends_with("fn")
}
