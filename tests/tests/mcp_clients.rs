//! Real MCP clients walk through the five tools: the Python and TypeScript SDKs of both eras, and the Inspector.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "tests report by panicking")]
#![expect(clippy::print_stderr, reason = "a test that cannot run must say so")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use portus_tests::{Rig, portus_binary};
use serde_json::Value;

const TOOLS: [&str; 5] = ["request_port", "release_port", "list_ports", "check_port", "free_port"];

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Where the clients are installed; `None` where they cannot be, which is no excuse in CI.
fn clients() -> Option<&'static Path> {
    static CLIENTS: OnceLock<Option<PathBuf>> = OnceLock::new();
    let install = || {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(cargo);
        command.args(["run", "--quiet", "--package", "xtask", "--", "mcp-clients"]).current_dir(workspace());
        let output = command.output().unwrap();
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(std::env::var_os("CI").is_none(), "{said}");
            eprintln!("NOT TESTED with real MCP clients: {said}");
            return None;
        }
        let clients = workspace().join("target/mcp-clients");
        // Node looks for packages beside the script.
        for script in ["walk.mjs", "client-old.mjs", "client-new.mjs", "server.py"] {
            std::fs::copy(workspace().join("tests/mcp-clients").join(script), clients.join("npm").join(script))
                .unwrap();
        }
        Some(clients)
    };
    CLIENTS.get_or_init(install).as_deref()
}

/// Runs a client in a world of its own.
fn run(rig: &Rig, program: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(program);
    command.args(args).env_clear().current_dir(rig.work());
    // The Inspector needs a newer Node than many machines have: it comes with its own.
    let node = clients().unwrap().join("npm/node_modules/node/bin");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let paths = std::iter::once(node).chain(std::env::split_paths(&path));
    command.env("PATH", std::env::join_paths(paths).unwrap());
    command.env("HOME", rig.work().parent().unwrap()).env("PORTUS_HOME", rig.home());
    command.output().unwrap()
}

/// The project's name decides where the search for a port begins: worlds that know nothing of each other need their own.
fn walk(name: &str, program: &Path, script: &Path, ways: &[&str]) {
    let rig = Rig::new();
    let project = rig.repository(name);
    let binary = portus_binary();
    let mut args = vec![script.to_str().unwrap(), binary.to_str().unwrap(), project.path().to_str().unwrap()];
    args.extend(ways);
    let output = run(&rig, program, &args);
    let said = String::from_utf8(output.stdout).unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    let walks: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(walks.len(), ways.len(), "{said}\n{errors}");
    for (walk, way) in walks.iter().zip(ways) {
        assert_eq!(walk["way"], *way);
        went_well(walk);
    }
}

fn went_well(walk: &Value) {
    assert_eq!(walk["tools"], serde_json::json!(TOOLS));
    let lease = &walk["requested"]["structured"]["leases"][0];
    let port = &lease["port"];
    assert_eq!((&lease["state"], &lease["service"]), (&"pending".into(), &"web".into()));
    assert!(lease["requester"]["client"].is_string(), "who asked is recorded: {lease}");
    let pending = &walk["pending"]["structured"];
    assert_eq!((&pending["verdict"], &pending["verified"]), (&"leased".into(), &false.into()));
    let up = &walk["up"]["structured"];
    assert_eq!((&up["verdict"], &up["verified"], &up["evidence"]), (&"mine".into(), &true.into(), &"worktree".into()));
    assert_eq!(up["lease"]["state"], "active");
    let listed = &walk["listed"]["structured"];
    assert_eq!((&listed["leases"][0]["port"], &listed["listeners"][0]["pid"]), (port, &walk["pid"]));
    assert_eq!(walk["error"]["error"], true);
    let text = walk["error"]["text"].as_str().unwrap();
    assert!(text.starts_with("bad_argument: ") && text.contains("Did you mean `preferred`?"), "{text}");
    assert_eq!(walk["error"]["structured"], Value::Null);
    if walk["way"] == "argument" {
        let text = walk["refused"]["text"].as_str().unwrap();
        assert!(text.starts_with("confirmation_required: "), "{text}");
        assert_eq!(walk["asked"], serde_json::json!([]));
    } else {
        let question = walk["asked"][0].as_str().unwrap();
        assert!(question.contains(&format!("port {port}")) && question.contains("pid"), "{question}");
    }
    assert_eq!(walk["freed"]["structured"]["killed"][0]["pid"], walk["pid"]);
    assert!(walk["ended"] == -15 || walk["ended"] == "SIGTERM", "ended by a signal: {}", walk["ended"]);
    assert_eq!(&walk["again"]["structured"]["leases"][0]["port"], port);
    assert!(walk["again"]["text"].as_str().unwrap().starts_with("Start `web` on port "), "{}", walk["again"]["text"]);
    assert_eq!(walk["released"]["structured"]["leases"][0]["state"], "ended");
    for answer in ["requested", "pending", "up", "listed", "freed", "again", "released"] {
        let (text, next) =
            (walk[answer]["text"].as_str().unwrap(), walk[answer]["structured"]["next"].as_str().unwrap());
        assert!(text.starts_with(next) && !next.is_empty(), "{answer}: text and structure say what to do next");
    }
}

fn script(name: &str) -> PathBuf {
    workspace().join("tests/mcp-clients").join(name)
}

#[test]
fn the_older_python_sdk() {
    let Some(clients) = clients() else { return };
    walk("python-old", &clients.join("python-old/bin/python"), &script("client.py"), &["argument", "elicitation"]);
}

#[test]
fn the_newer_python_sdk() {
    let Some(clients) = clients() else { return };
    let ways = ["argument", "elicitation", "input-required"];
    walk("python-new", &clients.join("python-new/bin/python"), &script("client.py"), &ways);
}

#[test]
fn the_older_typescript_sdk() {
    let Some(clients) = clients() else { return };
    let node = clients.join("npm/node_modules/node/bin/node");
    walk("typescript-old", &node, &clients.join("npm/client-old.mjs"), &["argument", "elicitation"]);
}

#[test]
fn the_newer_typescript_client() {
    let Some(clients) = clients() else { return };
    let node = clients.join("npm/node_modules/node/bin/node");
    walk("typescript-new", &node, &clients.join("npm/client-new.mjs"), &["argument", "elicitation", "input-required"]);
}

#[test]
fn the_inspector_finds_nothing_to_complain_about() {
    let Some(clients) = clients() else { return };
    let rig = Rig::new();
    let project = rig.repository("inspected");
    let inspector = clients.join("npm/node_modules/.bin/mcp-inspector");
    let home = format!("PORTUS_HOME={}", rig.home().display());
    let binary = portus_binary();
    for era in ["legacy", "modern"] {
        let common = ["--cli", "--protocol-era", era, "--cwd", project.path().to_str().unwrap(), "-e", &home];
        let inspect = |more: &[&str]| {
            let mut args = common.to_vec();
            args.extend(more);
            args.extend([binary.to_str().unwrap(), "mcp"]);
            let output = run(&rig, &inspector, &args);
            let errors = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(output.status.success() && errors.is_empty(), "{era} {more:?}: {}\n{errors}", output.status);
            serde_json::from_slice::<Value>(&output.stdout).unwrap()
        };
        let tools = inspect(&["--strict", "--method", "tools/list"]);
        assert_eq!(tools["tools"].as_array().unwrap().len(), TOOLS.len());
        let answer = inspect(&["--tool-arg", "service=web", "--tool-name", "request_port", "--method", "tools/call"]);
        assert_eq!(answer["structuredContent"]["leases"][0]["service"], "web");
        let resources = inspect(&["--method", "resources/list"]);
        assert_eq!(resources["resources"][0]["uri"], "portus://leases");
    }
}
