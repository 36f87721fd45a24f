//! Ending servers: only one's own, only those, and all of them.
#![cfg(unix)]

use std::io::Write;
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;

use portus_tests::{Piped, Rig, Running, net};

const SERVER: &str = "import socket, sys, os
s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(('127.0.0.1', int(os.environ['PORT']))); s.listen(); print('up', flush=True)
held = [s.accept() for _ in range(1000)]";

#[test]
fn kill_ends_my_server_and_nobody_elses() {
    let rig = Rig::new();
    let repository = rig.repository("shop");
    let (main, feature) = (repository.path().to_owned(), repository.worktree("feature"));
    // As from a shell: `sh` starts portus, which starts a shell that starts the server.
    let started = |dir: &Path| {
        let mut run = Running::start(
            rig.portus(dir, ["run", "-s", "web", "--", "sh", "-c", "python3 -c \"$0\"; exit 3", SERVER]),
        );
        assert_eq!(run.line(), "up");
        let port = rig.say(dir, ["get", "web", "--wait", "20s"]).good().port();
        (run, port)
    };
    let (mine, port) = started(&main);
    let (other, other_port) = started(&feature);
    let mut client = Command::new("python3");
    client.args([
        "-c",
        &format!(
            "import socket, sys
c = socket.create_connection(('127.0.0.1', {port})); print('connected', flush=True); sys.stdin.read()"
        ),
    ]);
    let mut client = Piped::start(client);
    assert_eq!(client.line(), "connected");

    let refused = rig.say(&main, ["kill", &other_port.to_string()]).ended_with(5);
    assert!(refused.stderr.contains("feature") && refused.stderr.contains("--force"), "{}", refused.stderr);
    let shown = rig.say(&main, ["kill", &other_port.to_string(), "--dry-run"]).good();
    assert!(shown.stdout.contains("would end"), "{}", shown.stdout);
    assert!(shown.stderr.contains("feature") && shown.stderr.contains("only `--force`"), "{}", shown.stderr);
    let shown = rig.json(&main, ["kill", "web", "--dry-run", "--json"]);
    assert_eq!((&shown["dry_run"], &shown["port"]), (&true.into(), &port.into()));
    assert_eq!(shown["notes"], serde_json::json!([]), "it is the worktree's own");

    let ended = rig.json(&main, ["kill", "web", "--json"]);
    assert_eq!(ended["dry_run"], false);
    assert_eq!(ended["killed"], shown["killed"], "what was shown is what was ended");
    let code = mine.wait().code;
    assert!(code > 128, "the run's child was ended by a signal: {code}");
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err(), "the port is free");
    assert!(client.is_running(), "a client of the port was ended");
    assert!(TcpStream::connect(("127.0.0.1", other_port)).unwrap().write_all(b"x").is_ok());
    drop(other);
}

#[test]
fn an_unmanaged_server_is_shown_and_spared_unless_forced() {
    let rig = Rig::new();
    let dir = rig.directory("app");
    let port = net::free_port();
    let mut command = Command::new("python3");
    command.args(["-c", SERVER]).env("PORT", port.to_string()).current_dir(rig.work());
    let mut server = Running::start(command);
    assert_eq!(server.line(), "up");
    let number = port.to_string();
    let refused = rig.say(&dir, ["kill", &number]).ended_with(5);
    assert!(
        refused.stderr.contains(&server.pid().to_string()) && refused.stderr.contains("--force"),
        "{}",
        refused.stderr
    );
    let refused = rig.say(&dir, ["kill", &number, "--json"]).ended_with(5).json();
    assert_eq!(refused["error"]["code"], "not_yours");
    assert!(TcpStream::connect(("127.0.0.1", port)).is_ok());
    let ended = rig.json(&dir, ["kill", &number, "--force", "--json"]);
    assert_eq!(ended["killed"][0]["pid"], server.pid());
    assert!(server.wait().code > 128);
    let _ = rig.say(&dir, ["kill", &number]).ended_with(3);
    let _ = rig.say(&dir, ["kill", "nothing"]).ended_with(3);
}

#[test]
fn a_server_that_ignores_a_polite_request_is_ended_all_the_same() {
    let rig = Rig::new();
    let dir = rig.directory("app");
    let stubborn = format!("import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n{SERVER}");
    let mut run = Running::start(rig.portus(&dir, ["run", "-s", "web", "--", "python3", "-c", &stubborn]));
    assert_eq!(run.line(), "up");
    let port = rig.say(&dir, ["get", "web", "--wait", "20s"]).good().port();
    let _ = rig.say(&dir, ["kill", "web", "--grace", "50ms"]).good();
    assert_eq!(run.wait().code, 137);
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
}
