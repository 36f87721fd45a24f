//! Whose port is it? The verdicts of `explain` and `verify`, each with real servers.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "tests report by panicking")]

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use portus_tests::{Piped, Rig, Running, net};
use serde_json::Value;

/// Listens on the port given, in the directory given, until its standard input ends.
fn server(dir: &Path, port: u16) -> Piped {
    let script = format!(
        "import socket, sys
s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(('127.0.0.1', {port})); s.listen(); print('up', flush=True); sys.stdin.read()"
    );
    let mut command = Command::new("python3");
    command.args(["-c", &script]).current_dir(dir);
    let mut server = Piped::start(command);
    assert_eq!(server.line(), "up");
    server
}

/// Has the port given without listening on it, until its standard input ends.
fn silent(dir: &Path, port: u16) -> Piped {
    let script = format!(
        "import socket, sys
s = socket.socket(); s.bind(('127.0.0.1', {port})); print('bound', flush=True); sys.stdin.read()"
    );
    let mut command = Command::new("python3");
    command.args(["-c", &script]).current_dir(dir);
    let mut silent = Piped::start(command);
    assert_eq!(silent.line(), "bound");
    silent
}

fn explain(rig: &Rig, dir: &Path, what: &str) -> Value {
    rig.json(dir, ["explain", what, "--json"])
}

#[test]
fn explain_tells_free_leased_guarded_quarantined_and_unmanaged_apart() {
    let rig = Rig::new();
    let dir = rig.directory("app");
    let free = net::free_port();
    let said = explain(&rig, &dir, &free.to_string());
    assert_eq!((&said["verdict"], &said["mine"], &said["schema"]), (&"free".into(), &false.into(), &"portus/1".into()));

    let leased = rig.say(&dir, ["request", "web"]).good().port();
    let said = explain(&rig, &dir, "web");
    assert_eq!((&said["verdict"], &said["mine"], &said["port"]), (&"leased".into(), &true.into(), &leased.into()));

    let held = rig.say(&dir, ["request", "api", "--hold"]).good().port();
    assert_eq!(explain(&rig, &dir, &held.to_string())["verdict"], "guarded");

    let _ = rig.say(&dir, ["quarantine", &free.to_string(), "--reason", "haunted"]).good();
    let said = explain(&rig, &dir, &free.to_string());
    assert_eq!(said["verdict"], "quarantined");
    assert_eq!(said["next"], format!("portus revive {free}"));

    let port = net::free_port();
    let stranger = server(&rig.work(), port);
    let said = explain(&rig, &dir, &port.to_string());
    assert_eq!(said["verdict"], "unmanaged");
    assert_eq!(said["listeners"][0]["pid"], stranger.pid());
    assert_eq!(said["ancestors"][0]["pid"], stranger.pid());
    assert!(said["ancestors"].as_array().unwrap().iter().any(|one| one["pid"] == std::process::id()), "{said}");
    assert!(said["next"].as_str().unwrap().contains("portus"));
}

#[test]
fn a_free_port_that_is_not_to_be_had_is_told_with_the_reason() {
    let rig = Rig::new();
    let dir = rig.directory("app");
    let other = rig.directory("other");
    let taken = net::free_port();
    let _silent = silent(&dir, taken);
    let said = explain(&rig, &dir, &taken.to_string());
    assert_eq!(said["verdict"], "free");
    assert!(said["why"].as_str().unwrap().contains("bound without listening"), "{said}");
    let said = rig.say(&dir, ["request", "--port", &taken.to_string(), "--strict"]).ended_with(4);
    assert!(!said.stderr.contains("portus kill"), "{}", said.stderr);

    let port = rig.say(&dir, ["request", "web"]).good().port();
    let _ = rig.say(&dir, ["release", "web"]).good();
    let said = explain(&rig, &dir, &port.to_string());
    assert_eq!((&said["verdict"], &said["next"]), (&"free".into(), &"portus run -s web -- CMD".into()), "{said}");
    let said = explain(&rig, &other, &port.to_string());
    let why = said["why"].as_str().unwrap();
    assert!(why.contains("the number of `web` of app") && why.contains("freed just before"), "{said}");
    assert_eq!(said["next"], format!("portus request --port {port} --strict --wait 30s"));
    let _ = rig.say(&other, ["request", "--port", &port.to_string(), "--strict", "--wait", "30s"]).good();
}

#[test]
fn a_server_in_the_worktree_is_mine_and_another_worktrees_is_not() {
    let rig = Rig::new();
    let repository = rig.repository("shop");
    let (main, feature) = (repository.path().to_owned(), repository.worktree("feature"));
    let port = rig.say(&main, ["request", "web"]).good().port();
    let mine = server(&main, port);
    assert_eq!(rig.say(&main, ["get", "web", "--wait", "20s"]).good().port(), port);

    let said = explain(&rig, &main, &port.to_string());
    assert_eq!((&said["verdict"], &said["mine"]), (&"mine".into(), &true.into()));
    assert_eq!(said["lease"]["evidence"], "worktree");
    let said = explain(&rig, &feature, &port.to_string());
    assert_eq!((&said["verdict"], &said["mine"]), (&"other-worktree".into(), &false.into()));
    let said = rig.json(&main, ["verify", "web", "--json"]);
    assert_eq!((&said["ok"], &said["services"][0]["evidence"]), (&true.into(), &"worktree".into()));
    let said = rig.say(&main, ["verify", "web", "--", "sh", "-c", "exit 7"]).ended_with(7);
    assert_eq!(said.stdout, "");
    drop(mine);
}

#[test]
fn another_worktrees_server_on_my_number_is_contested_and_fails_verification() {
    let rig = Rig::new();
    let repository = rig.repository("shop");
    let (main, feature) = (repository.path().to_owned(), repository.worktree("feature"));
    let port = rig.say(&main, ["request", "web"]).good().port();
    let foreign = server(&feature, port);

    let said = explain(&rig, &main, "web");
    assert_eq!((&said["verdict"], &said["mine"]), (&"contested".into(), &true.into()), "{said}");
    let said = rig.say(&main, ["verify", "web", "--json"]).ended_with(8).json();
    assert_eq!((&said["ok"], &said["services"][0]["ok"]), (&false.into(), &false.into()));
    assert!(said["services"][0]["why"].as_str().unwrap().contains(&foreign.pid().to_string()), "{said}");
    // Never the contested port again: asking again gives another.
    assert_ne!(rig.say(&main, ["request", "web"]).good().port(), port);
    let _ = rig.say(&main, ["verify", "api"]).ended_with(8);
}

#[test]
fn a_nested_worktrees_server_does_not_confirm_its_parents_lease() {
    let rig = Rig::new();
    let repository = rig.repository("shop");
    let outer = repository.path().to_owned();
    let nested = repository.nested_worktree("trees/feature");
    let port = rig.say(&outer, ["request", "web"]).good().port();
    let _foreign = server(&nested, port);
    assert_eq!(explain(&rig, &outer, "web")["verdict"], "contested");
    assert_eq!(rig.json(&outer, ["list", "--json"])["leases"][0]["state"], "pending");
}

#[test]
fn scan_agrees_with_ss_on_every_listener() {
    let rig = Rig::new();
    let dir = rig.directory("app");
    let port = rig.say(&dir, ["request", "web"]).good().port();
    let mut run = Running::start({
        let mut command = Command::new("python3");
        command.args(["-u", "-m", "http.server", "--bind", "::1", &port.to_string()]).current_dir(&dir);
        command
    });
    assert!(run.line().starts_with("Serving"));
    let _ = rig.say(&dir, ["get", "web", "--wait", "20s"]).good();
    let scan = rig.json(&dir, ["scan", "--json"]);
    let listeners = scan["listeners"].as_array().unwrap();
    let own = listeners.iter().find(|one| one["port"] == port).unwrap();
    assert_eq!((&own["pid"], &own["address"]), (&run.pid().into(), &"::1".into()));
    assert_eq!(own["cwd"], dir.to_str().unwrap());
    assert!(own["lease"].is_u64() && own["command"].as_str().unwrap().contains("http.server"), "{own}");
    let (before, scan, after) = (sockets_of_ss(), rig.json(&dir, ["scan", "--json"]), sockets_of_ss());
    let seen: BTreeSet<Row> = scan["listeners"].as_array().unwrap().iter().map(row_of_scan).collect();
    // What was there all the while must be seen, and nothing else but what came or went meanwhile.
    let missed: Vec<_> = before.intersection(&after).filter(|row| !seen.contains(row)).collect();
    assert!(missed.is_empty() && !before.is_empty(), "scan does not show {missed:?}");
    let both: BTreeSet<Row> = before.union(&after).cloned().collect();
    let own: Vec<_> = seen.iter().filter(|row| row.1 == port && !both.contains(row)).collect();
    assert!(own.is_empty(), "ss does not show {own:?}");
    let only = rig.json(&dir, ["scan", &port.to_string(), "--json"]);
    assert!(only["listeners"].as_array().unwrap().iter().all(|one| one["port"] == port));
}

/// Protocol, port, address and process of one listener.
type Row = (String, u16, String, Option<u64>);

/// What `ss` shows, in the words of `scan`.
fn sockets_of_ss() -> BTreeSet<Row> {
    let output = Command::new("ss").args(["-H", "-ltnup"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let rows = text.lines().flat_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let (address, port) = words[4].rsplit_once(':').unwrap();
        let address = address.split('%').next().unwrap().trim_matches(['[', ']']);
        let address = if address == "*" { "::" } else { address };
        let address = address.strip_prefix("::ffff:").unwrap_or(address).to_owned();
        let pids: Vec<Option<u64>> =
            line.split("pid=").skip(1).map(|rest| rest.split(',').next().unwrap().parse().ok()).collect();
        let pids = if pids.is_empty() { vec![None] } else { pids };
        let (protocol, port) = (words[0].to_owned(), port.parse().unwrap());
        pids.into_iter().map(move |pid| (protocol.clone(), port, address.clone(), pid)).collect::<Vec<_>>()
    });
    rows.collect()
}

fn row_of_scan(listener: &Value) -> Row {
    let text = |name: &str| listener[name].as_str().unwrap().to_owned();
    let port = u16::try_from(listener["port"].as_u64().unwrap()).unwrap();
    (text("protocol"), port, text("address"), listener["pid"].as_u64())
}

#[test]
fn a_port_that_a_server_drifted_to_is_its_leases_own() {
    let rig = Rig::new();
    let (dir, elsewhere) = (rig.directory("app"), rig.directory("elsewhere"));
    rig.say(&dir, ["daemon", "start"]).good();
    let mut watch = Running::start(rig.portus(&dir, ["watch", "--json", "-v"]));
    assert!(watch.error_line().contains("watching"));
    let other = net::free_port().to_string();
    let script = "import socket, sys
s = socket.create_server(('127.0.0.1', int(sys.argv[1]))); s.accept()";
    let run = Running::start(rig.portus(&dir, ["run", "-s", "web", "--", "python3", "-c", script, &other]));
    loop {
        let line = watch.line();
        assert!(!line.is_empty(), "the stream of events has ended");
        if line.contains("\"drifted\"") {
            break;
        }
    }
    let said = explain(&rig, &dir, &other);
    assert_eq!((&said["verdict"], &said["mine"]), (&"mine".into(), &true.into()), "{said}");
    assert_eq!(said["lease"]["service"], "web");
    assert_eq!(said["next"], format!("portus pin web --port {other}"));
    let said = explain(&rig, &elsewhere, &other);
    assert_eq!((&said["verdict"], &said["mine"]), (&"other-worktree".into(), &false.into()), "{said}");
    drop(run);
}
