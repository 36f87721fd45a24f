//! A check that cannot fail is worse than none: for every law, violations are planted and have to be found,
//! and near misses are planted and must not be.

use super::*;

const MANIFEST: &str = "[dependencies]\nthiserror.workspace = true\n[lints]\nworkspace = true\n";

/// A house in order, in which each test plants something.
const ORDERLY: &[(&str, &str)] = &[
    ("Cargo.toml", "[workspace.dependencies]\nthiserror = \"2\"\nportus-core = { path = \"crates/portus-core\" }\n"),
    ("LICENSE-MIT", ""),
    (".ci/run", ""),
    ("README.md", "See [the map](docs/map.md#the-laws).\n"),
    ("docs/map.md", "# Map\n## The laws\n`crates/portus-core/src/lib.rs`\n"),
    ("docs/decisions/0002-dependencies.md", "| crate | why |\n|---|---|\n| `thiserror` | errors |\n"),
    ("crates/portus-core/Cargo.toml", MANIFEST),
    ("crates/portus-core/src/lib.rs", "//! unsafe is a word here, and so is #[allow(dead_code)].\n"),
    ("crates/portus-core/src/vocabulary/port.rs", "#[cfg_attr(feature = \"serde\", derive(serde::Serialize))]\n"),
    ("crates/portus-os/Cargo.toml", MANIFEST),
    ("crates/portus-os/src/lib.rs", "#[cfg(unix)] fn f() { unsafe {} }\n"),
    ("crates/portus-daemon/Cargo.toml", MANIFEST),
    ("crates/portus-daemon/src/journal/mod.rs", "use rusqlite::X; const Q: &str = \"SELECT 1\";\n"),
    ("crates/portus-daemon/src/transport.rs", "#[cfg(windows)] mod pipe;\n"),
    (
        "crates/portus-daemon/src/engine.rs",
        "fn wait() { thread::sleep(x) } const HELP: &str = \"to UPDATE it, SELECT one\";\n",
    ),
    ("crates/portus-daemon/src/engine/tests.rs", "#[cfg(unix)] fn t() {}\n"),
    ("crates/portus-daemon/tests/serve.rs", "fn t() { laptop.sleep(1); Command::new(\"sleep 5\"); }\n"),
];

struct Planted {
    law: &'static str,
    file: &'static str,
    text: &'static str,
    line: usize,
}

const fn planted(law: &'static str, file: &'static str, line: usize, text: &'static str) -> Planted {
    Planted { law, file, text, line }
}

const PLANTED: &[Planted] = &[
    planted(
        "arrows-point-down",
        "crates/portus-core/Cargo.toml",
        2,
        "[dependencies]\nthiserror-impl.workspace = true\n[lints]\nworkspace = true\n",
    ),
    planted(
        "arrows-point-down",
        "crates/portus-os/Cargo.toml",
        2,
        "[target.'cfg(unix)'.dependencies]\ntokio.workspace = true\n[lints]\nworkspace = true\n",
    ),
    planted(
        "arrows-point-down",
        "crates/portus-daemon/Cargo.toml",
        2,
        "[dependencies]\nclient = { workspace = true, package = \"portus-client\" }\n[lints]\nworkspace = true\n",
    ),
    planted("arrows-point-down", "crates/portus-new/Cargo.toml", 0, MANIFEST),
    planted(
        "manifests-inherit",
        "crates/portus-os/Cargo.toml",
        2,
        "[dev-dependencies]\nx = \"1\"\n[lints]\nworkspace = true\n",
    ),
    planted("manifests-inherit", "xtask/Cargo.toml", 0, "[package]\nname = \"xtask\"\n"),
    planted("dependencies-have-a-reason", "Cargo.toml", 2, "[workspace.dependencies]\nleft-pad = \"1\"\n"),
    planted("sql-in-the-journal", "crates/portus-daemon/src/engine.rs", 1, "use rusqlite::Connection;\n"),
    planted("sql-in-the-journal", "crates/portus-cli/src/list.rs", 2, "fn f() {\nq(\"DELETE FROM leases\") }\n"),
    planted("sql-in-the-journal", "crates/portus-cli/src/list.rs", 3, "fn f() {\nq(r#\"\n  SELECT 1\"#) }\n"),
    planted("unsafe-in-portus-os", "crates/portus-cli/src/main.rs", 2, "fn f() {\nunsafe { g() } }\n"),
    planted("unsafe-in-portus-os", "tests/src/lib.rs", 1, "unsafe fn f() {}\n"),
    planted("platforms-in-portus-os", "crates/portus-client/src/lib.rs", 1, "#[cfg(target_os = \"linux\")] mod x;\n"),
    planted("platforms-in-portus-os", "crates/portus-daemon/src/server.rs", 2, "\n#[cfg(not(unix))] mod x;\n"),
    planted("platforms-in-portus-os", "crates/portus-cli/src/main.rs", 1, "fn f() { if cfg!(windows) {} }\n"),
    planted(
        "platforms-in-portus-os",
        "crates/portus-cli/src/main.rs",
        1,
        "#[cfg_attr(unix, path = \"x.rs\")] mod x;\n",
    ),
    planted(
        "core-state-is-not-serialised",
        "crates/portus-core/src/broker.rs",
        1,
        "#[derive(Clone, Serialize)] struct B;\n",
    ),
    planted(
        "core-state-is-not-serialised",
        "crates/portus-core/src/broker.rs",
        2,
        "\nimpl<'a> serde::Deserialize<'a> for B {}\n",
    ),
    planted("tests-do-not-sleep", "tests/src/rig.rs", 2, "fn f() {\nstd::thread::sleep(ONE_SECOND); }\n"),
    planted(
        "tests-do-not-sleep",
        "crates/portus-os/tests/probe.rs",
        1,
        "async fn f() { tokio::time::sleep(d).await }\n",
    ),
    planted(
        "tests-do-not-sleep",
        "crates/portus-os/src/probe.rs",
        3,
        "fn f() {}\n#[cfg(test)] mod tests {\nfn t() { sleep(d) } }\n",
    ),
    planted("tests-do-not-sleep", "crates/portus-os/src/probe/tests.rs", 1, "fn t() { thread::sleep_ms(3) }\n"),
    planted("no-allow", "crates/portus-cli/src/main.rs", 1, "#[allow(dead_code)] fn f() {}\n"),
    planted("no-allow", "xtask/src/main.rs", 2, "\n#![allow(unused)]\n"),
    planted("top-level-is-fixed", "notes.txt", 0, ""),
    planted(
        "docs-name-what-exists",
        "docs/map.md",
        2,
        "# Map\n## The laws: `crates/portus-core/src/gone.rs`\n## The laws\n",
    ),
    planted("docs-name-what-exists", "docs/more.md", 1, "Start at engine/gone.rs.\n"),
    planted("docs-name-what-exists", "docs/decisions/0003.md", 1, "- tests/src/gone/\n"),
    planted("decisions-have-numbers", "docs/decisions/0002-zeal.md", 0, "# 2. Zeal\n"),
    planted("links-resolve", "README.md", 1, "See [it](LICENSE-GONE).\n"),
    planted("links-resolve", "docs/more.md", 1, "See [it](map.md#no-such-heading).\n"),
    planted("links-resolve", "docs/more.md", 2, "\n[it]: ../gone.md\n"),
    planted("no-private-places", "docs/more.md", 1, concat!("As in ", "..", "/shared", ".\n")),
    planted("no-private-places", "docs/more.md", 1, concat!("Lies in /work", "/x.\n")),
    planted("no-private-places", "crates/portus-cli/src/main.rs", 1, concat!("// see /work", "/main\n")),
];

fn house_with(file: &str, text: &str) -> Tree {
    let mut files: Vec<_> = ORDERLY.iter().copied().filter(|(path, _)| *path != file).collect();
    files.push((file, text));
    Tree::planted(&files)
}

#[test]
fn a_house_in_order_breaks_no_law() {
    assert_eq!(violations(&Tree::planted(ORDERLY)), []);
}

#[test]
fn every_planted_violation_is_found_where_it_is() {
    for Planted { law, file, text, line } in PLANTED {
        let found = violations(&house_with(file, text));
        let places: Vec<_> =
            found.iter().map(|violation| (violation.law, violation.file.as_str(), violation.line)).collect();
        assert!(places.contains(&(*law, *file, *line)), "{law} missed its plant in {file}: found {places:?}");
        assert!(places.iter().all(|(found, ..)| found == law), "beside {law}, in {file}: {places:?}");
    }
}

#[test]
fn a_long_file_is_noted_and_then_refused() {
    let lines = |count: usize| "\n".repeat(count);
    let judged = |count| {
        let tree = house_with("crates/portus-cli/src/long.rs", &lines(count));
        (shape::long_files(&tree).count(), violations(&tree).len())
    };
    assert_eq!([400, 401, 450, 451].map(judged), [(0, 0), (1, 0), (1, 0), (1, 1)]);
}

#[test]
fn a_long_function_is_noted_and_then_refused() {
    let judged = |lines: usize| {
        let source = format!("type F = fn(u8);\nfn f(x: [u8; 2]) {{{}}}\nfn g() {{}}\n", "\n".repeat(lines - 1));
        let tree = house_with("crates/portus-cli/src/long.rs", &source);
        let found: Vec<_> = violations(&tree).into_iter().map(|violation| (violation.law, violation.line)).collect();
        (shape::long_functions(&tree).len(), found)
    };
    let refused = vec![("functions-are-short", 2)];
    assert_eq!([60, 61, 80, 81].map(judged), [(0, vec![]), (1, vec![]), (1, vec![]), (1, refused)]);
}

#[test]
fn a_commit_message_names_no_private_place() {
    let tree = Tree::planted(ORDERLY).with_commit(concat!("Follow ", "..", "/shared", "/design.md"));
    let found: Vec<_> = violations(&tree).into_iter().map(|violation| (violation.law, violation.file)).collect();
    assert_eq!(found, [("no-private-places", "commit c0ffee1".to_owned())]);
}

#[test]
fn no_law_is_without_a_plant() {
    for law in LAWS {
        let has_own_test = matches!(law.name, "files-are-short" | "functions-are-short");
        assert!(has_own_test || PLANTED.iter().any(|plant| plant.law == law.name), "plant a violation of {}", law.name);
    }
}

#[test]
fn a_violation_says_where_what_and_what_to_do() {
    let tree = house_with("crates/portus-cli/src/main.rs", "\nunsafe fn f() {}\n");
    let shown: Vec<_> = violations(&tree).iter().map(ToString::to_string).collect();
    let expected = "crates/portus-cli/src/main.rs:2: `unsafe` [unsafe-in-portus-os]\n    move it into portus-os behind a safe function";
    assert_eq!(shown, [expected]);
}
