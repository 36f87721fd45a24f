//! Things that have one home: SQL, `unsafe`, the differences between systems, what serialises.

use super::rust_text::{balanced, layers, line_of, test_regions, word};
use super::tests_wait::is_test_file;
use super::{Findings, Tree};

const JOURNAL: &str = "crates/portus-daemon/src/journal";

/// How an SQL statement begins. Upper case, as it is always written here; prose is not.
const STATEMENTS: [&str; 9] = [
    "SELECT ",
    "INSERT INTO ",
    "INSERT OR ",
    "UPDATE ",
    "DELETE FROM ",
    "CREATE TABLE ",
    "CREATE INDEX ",
    "PRAGMA ",
    "BEGIN IMMEDIATE",
];

/// SQL, and the crate that speaks it, only in the journal. The rig in `tests/` may look into a journal file.
pub(super) fn sql(tree: &Tree, findings: &mut Findings) {
    for (path, text) in tree.ending(".rs").filter(|(path, _)| path.starts_with("crates/") && !path.starts_with(JOURNAL))
    {
        if path.starts_with("crates/portus-daemon/tests/journal") {
            continue;
        }
        let layers = layers(text);
        for at in word(&layers.code, "rusqlite") {
            findings.add(path, line_of(text, at), "names `rusqlite`");
        }
        for statement in STATEMENTS {
            for (at, _) in layers.strings.match_indices(statement) {
                if starts_its_string(&layers.strings, at) {
                    findings.add(path, line_of(text, at), format!("holds SQL (`{}`)", statement.trim_end()));
                }
            }
        }
    }
}

/// Whether only white space (or a line continued) lies between a place in a string and the quote that opens it.
fn starts_its_string(strings: &str, at: usize) -> bool {
    strings[..at].trim_end_matches(|c: char| c.is_whitespace() || c == '\\').ends_with('"')
}

/// `unsafe` only in portus-os: everywhere else, tests included.
pub(super) fn unsafe_code(tree: &Tree, findings: &mut Findings) {
    for (path, text) in tree.ending(".rs").filter(|(path, _)| !path.starts_with("crates/portus-os/")) {
        for at in word(&layers(text).code, "unsafe") {
            findings.add(path, line_of(text, at), "`unsafe`");
        }
    }
}

/// Where a transport is chosen by type: a socket here, a named pipe there. Nothing else in the daemon may differ.
const TRANSPORT: &str = "crates/portus-daemon/src/transport.rs";

const PLATFORM_WORDS: [&str; 6] = ["unix", "windows", "target_os", "target_family", "target_env", "target_vendor"];

/// Conditions on the system only in portus-os. Tests are exempt: they may be written for one system.
pub(super) fn platforms(tree: &Tree, findings: &mut Findings) {
    let sources = tree.ending(".rs").filter(|(path, _)| path.starts_with("crates/") && path.contains("/src/"));
    let bound = |path: &str| !path.starts_with("crates/portus-os/") && path != TRANSPORT && !is_test_file(path);
    for (path, text) in sources.filter(|(path, _)| bound(path)) {
        let code = layers(text).code;
        let tests = test_regions(&code);
        for at in word(&code, "cfg").chain(word(&code, "cfg_attr")) {
            let called = code[at..].trim_start_matches(|c: char| c.is_alphanumeric() || c == '_' || c == '!');
            if !called.starts_with('(') || tests.iter().any(|region| region.contains(&at)) {
                continue;
            }
            let Some(condition) = balanced(&code, at, b'(', b')').map(|range| &code[range]) else { continue };
            let is = |name: &str| word(condition, name).next().is_some();
            if !is("test") && PLATFORM_WORDS.iter().any(|name| is(name)) {
                findings.add(path, line_of(text, at), format!("depends on the system: cfg({})", condition.trim()));
            }
        }
    }
}

const CORE: &str = "crates/portus-core/src/";

/// The broker's state has no serialised form. Vocabulary has one, behind a feature.
pub(super) fn serialised_state(tree: &Tree, findings: &mut Findings) {
    let sources = tree.ending(".rs").filter(|(path, _)| path.starts_with(CORE) && !path.contains("/vocabulary/"));
    for (path, text) in sources {
        let code = layers(text).code;
        for name in ["Serialize", "Deserialize"] {
            for at in word(&code, name) {
                findings.add(path, line_of(text, at), format!("`{name}` outside the vocabulary"));
            }
        }
    }
}
