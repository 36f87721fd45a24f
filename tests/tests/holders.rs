//! Signals, holders that die, and waiters in line.
#![cfg(unix)]

use std::process::Command;

use portus_tests::{Rig, Running, net};

/// Says its port and the signal that ended it.
const TELLTALE: &str = "import signal, sys, os, http.server
def told(number, frame):
    os.write(1, b'got %d\\n' % number)  # never within a print that the signal came into
    os._exit(0)
for name in (signal.SIGTERM, signal.SIGINT):
    signal.signal(name, told)
server = http.server.HTTPServer(('127.0.0.1', int(os.environ['PORT'])), http.server.SimpleHTTPRequestHandler)
print('up', flush=True)
server.serve_forever()";

#[test]
fn a_signal_reaches_the_child_and_the_lease_is_given_back() {
    let rig = Rig::new();
    let dir = rig.directory("app");
    for (signal, number) in [("TERM", "got 15"), ("INT", "got 2")] {
        let mut run = Running::start(rig.portus(&dir, ["run", "-s", "web", "--", "python3", "-c", TELLTALE]));
        assert_eq!(run.line(), "up");
        run.signal(signal);
        assert_eq!(run.line(), number);
        run.wait().good();
        assert_eq!(rig.json(&dir, ["list", "--json"])["leases"].as_array().unwrap().len(), 0);
    }
}

#[test]
fn a_signal_in_the_first_instant_leaves_no_lease() {
    let rig = Rig::new();
    let dir = rig.directory("app");
    rig.say(&dir, ["daemon", "start"]).good();
    // A command without a mind of its own: a shell may swallow an interrupt between two of its words.
    for signal in ["TERM", "INT"].into_iter().cycle().take(10) {
        let run = Running::start(rig.portus(&dir, ["run", "-s", "web", "--", "tail", "-f", "/dev/null"]));
        run.signal(signal);
        let said = run.wait();
        let expected = if signal == "TERM" { 143 } else { 130 };
        assert_eq!(said.code, expected, "{}", said.stderr);
        assert_eq!(rig.json(&dir, ["list", "--json"])["leases"].as_array().unwrap().len(), 0);
    }
}

#[test]
fn a_killed_holder_ends_its_lease() {
    let rig = Rig::new();
    let dir = rig.directory("app");
    let mut holder = Command::new("sh").args(["-c", "read x"]).stdin(std::process::Stdio::piped()).spawn().unwrap();
    rig.say(&dir, ["request", "web", "--pid", &holder.id().to_string()]).good();
    let mut watch = Running::start(rig.portus(&dir, ["watch", "--json", "-v"]));
    assert_eq!(rig.json(&dir, ["list", "--json"])["leases"][0]["holder"]["pid"], holder.id());
    subscribed(&mut watch);
    holder.kill().unwrap();
    holder.wait().unwrap();
    let event = next_event(&mut watch, "holder_exited");
    assert!(event.contains("\"web\""), "{event}");
    assert!(rig.say(&dir, ["get", "web"]).ended_with(3).stdout.is_empty());
}

#[test]
fn waiters_are_served_in_order_and_a_vanished_one_is_skipped() {
    let rig = Rig::new();
    let port = net::free_port().to_string();
    let owner = rig.directory("owner");
    rig.say(&owner, ["request", "web", "--port", &port]).good();
    let dirs: Vec<_> = ["first", "vanishing", "third"].map(|name| rig.directory(name)).into();
    let mut watch = Running::start(rig.portus(&owner, ["watch", "--json", "-v"]));
    subscribed(&mut watch);
    let mut waiters = Vec::new();
    for dir in &dirs {
        waiters.push(Running::start(rig.portus(dir, ["request", "web", "--port", &port, "--wait", "20s"])));
        next_event(&mut watch, "\"queued\"");
    }
    let third = waiters.pop().unwrap();
    drop(waiters.pop());
    let first = waiters.pop().unwrap();
    rig.say(&owner, ["release", "web"]).good();
    assert_eq!(first.wait().good().port().to_string(), port);
    rig.say(&dirs[0], ["release", "web"]).good();
    assert_eq!(third.wait().good().port().to_string(), port);
    let granted = [next_event(&mut watch, "\"granted\""), next_event(&mut watch, "\"granted\"")];
    assert!(granted[0].contains("/first\"") && granted[1].contains("/third\""), "{granted:?}");
}

/// Returns once the stream is known to run: `watch -v` says so.
fn subscribed(watch: &mut Running) {
    assert!(watch.error_line().contains("watching"));
}

fn next_event(watch: &mut Running, sign: &str) -> String {
    loop {
        let line = watch.line();
        assert!(!line.is_empty(), "the stream ended before {sign} came");
        if line.contains(sign) {
            return line;
        }
    }
}

/// Serves one client, says so, and leaves: as a server does that is restarted on every change.
const ONE_SHOT: &str = "import socket, os
s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(('127.0.0.1', int(os.environ['PORT']))); s.listen(); print('up', flush=True)
s.accept()[0].close()";

#[test]
fn a_server_that_is_restarted_ten_times_keeps_its_lease() {
    let rig = Rig::new();
    let dir = rig.directory("app");
    let restarted = "n=0; while [ $n -lt 10 ]; do python3 -c \"$0\"; n=$((n+1)); done";
    let mut run = Running::start(rig.portus(&dir, ["run", "-s", "web", "--", "sh", "-c", restarted, ONE_SHOT]));
    let mut lease = None;
    for _ in 0..10 {
        assert_eq!(run.line(), "up");
        let port = rig.say(&dir, ["get", "web", "--wait", "20s"]).good().port();
        let listed = rig.json(&dir, ["list", "--json"]);
        let now = (listed["leases"][0]["id"].as_u64(), port);
        assert_eq!(*lease.get_or_insert(now), now);
        drop(std::net::TcpStream::connect(("127.0.0.1", port)).unwrap());
    }
    let _ = run.wait().good();
    assert_eq!(rig.json(&dir, ["list", "--json"])["leases"].as_array().unwrap().len(), 0);
}

#[test]
fn a_run_within_a_run_of_the_same_service_shares_its_port() {
    let rig = Rig::new();
    let dir = rig.directory("app");
    let inner = format!("exec '{}' run -s web -- python3 -c \"$0\"", portus_tests::portus_binary().display());
    // Nor does one need to know of `--`.
    let mut run = Running::start(rig.portus(&dir, ["run", "-s", "web", "sh", "-c", &inner, TELLTALE]));
    assert_eq!(run.line(), "up");
    let port = rig.say(&dir, ["get", "web", "--wait", "20s"]).good().port();
    assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
    assert_eq!(rig.json(&dir, ["list", "--json"])["leases"].as_array().unwrap().len(), 1);
    run.signal("TERM");
    assert_eq!(run.line(), "got 15");
    let _ = run.wait();
    assert_eq!(rig.json(&dir, ["list", "--json"])["leases"].as_array().unwrap().len(), 0);
}
