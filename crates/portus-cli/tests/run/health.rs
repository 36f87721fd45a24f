//! Whether services are well: asked by clients, known to everybody.

use serde_json::Value;

use crate::rig::{House, Running, signal};

/// Answers with the status that the file `status` names. Its port is the argument, else `PORT`.
const SERVER: &str = "import http.server, os, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(int(open('status').read())); self.end_headers()
    def log_message(self, *args): pass
port = int((sys.argv[1:] or [os.environ.get('PORT')])[0])
server = http.server.HTTPServer(('127.0.0.1', port), Handler)
print('serving', os.getpid(), flush=True)
server.serve_forever()
";

/// A project whose service says how it is asked, and answers with this status.
fn house(status: u16) -> House {
    let house = House::new();
    house.write("server.py", SERVER);
    house.write("portus.toml", "[services.web]\nhealth = '/health'\n");
    set(&house, status);
    house
}

/// At once or not at all: the server may be about to read it.
fn set(house: &House, status: u16) {
    let new = house.write("status.new", &status.to_string());
    std::fs::rename(new, house.project().join("status")).unwrap();
}

/// The next event of this kind.
fn event(watch: &mut Running, kind: &str) -> Value {
    loop {
        let event: Value = serde_json::from_str(&watch.line()).unwrap();
        if event["event"] == kind {
            return event;
        }
    }
}

fn health_of(house: &House) -> Value {
    let leases = house.leases();
    assert_eq!(leases.len(), 1, "{leases:?}");
    leases[0]["health"].clone()
}

/// A server on the port, which no `run` watches, once it listens.
fn server(house: &House, port: &str) -> Running {
    let mut command = std::process::Command::new("python3");
    command.args(["server.py", port]).current_dir(house.project());
    let mut server = Running::start(command);
    assert!(server.line().starts_with("serving "));
    server
}

#[test]
fn run_asks_until_the_service_is_well_and_everybody_hears_of_it() {
    let house = house(503);
    let mut watch = house.watch();
    let mut run = house.run(&["-s", "web", "--", "python3", "server.py"]);
    assert!(run.line().starts_with("serving "));
    let ill = event(&mut watch, "health");
    assert_eq!(ill["lease"]["health"], "unhealthy");
    assert!(ill["detail"].as_str().unwrap().ends_with("/health answered 503"), "{ill}");
    assert_eq!(health_of(&house), "unhealthy");
    assert!(house.say(&["list"]).ended_with(0).out.contains(", unhealthy"));
    assert!(house.say(&["dashboard", "--once"]).ended_with(0).out.contains("✗ unhealthy"));

    set(&house, 200);
    let well = event(&mut watch, "health");
    assert_eq!(well["lease"]["health"], "healthy");
    assert_eq!(health_of(&house), "healthy");
    assert!(house.say(&["list"]).ended_with(0).out.contains(", healthy"));
    assert!(house.say(&["dashboard", "--once"]).ended_with(0).out.contains("● healthy"));

    // Nobody asks any more: what is found anew is found by whoever asks.
    set(&house, 500);
    assert_eq!(health_of(&house), "healthy");
    let said = house.say(&["health", "web"]).ended_with(8);
    assert!(said.out.contains("answered 500"), "{said:?}");
    assert_eq!(event(&mut watch, "health")["lease"]["health"], "unhealthy");
    run.signal("TERM");
    run.end().ended_with(143);
    assert_eq!(event(&mut watch, "ended")["lease"]["health"], "unknown");
}

#[test]
fn another_server_is_not_known_to_be_well() {
    let house = house(200);
    let mut watch = house.watch();
    let port = house.say(&["request", "web"]).ended_with(0).out.trim().to_owned();
    assert_eq!(health_of(&house), "unknown");
    let first = server(&house, &port);
    // Asked right away, before the daemon has looked: then it looks first.
    house.say(&["health", "web"]).ended_with(0);
    assert_eq!(event(&mut watch, "health")["lease"]["health"], "healthy");
    assert_eq!(health_of(&house), "healthy");
    signal(first.pid(), "KILL");
    first.end();
    assert_eq!(event(&mut watch, "lapsing")["lease"]["health"], "unknown");
    assert_eq!(health_of(&house), "unknown");

    let _second = server(&house, &port);
    assert_eq!(event(&mut watch, "confirmed")["lease"]["health"], "unknown");
    assert_eq!(health_of(&house), "unknown");
    house.say(&["health", "web"]).ended_with(0);
    assert_eq!(health_of(&house), "healthy");
    // What is known in memory only is not known to the next daemon.
    house.say(&["daemon", "restart"]).ended_with(0);
    assert_eq!(health_of(&house), "unknown");
}

#[test]
fn who_waits_waits_until_the_service_is_well() {
    let house = house(503);
    let mut watch = house.watch();
    let port = house.say(&["request", "web"]).ended_with(0).out.trim().to_owned();
    let wait = Running::start(house.portus(&["get", "web", "--wait", "60s", "--json"]));
    let _server = server(&house, &port);
    assert_eq!(event(&mut watch, "health")["lease"]["health"], "unhealthy");
    set(&house, 204);
    let said = wait.end().ended_with(0).json();
    assert_eq!((&said["leases"][0]["health"], &said["leases"][0]["state"]), (&"healthy".into(), &"active".into()));
    assert_eq!(house.say(&["get", "web", "--wait", "60s"]).ended_with(0).out, format!("{port}\n"));
}

#[test]
fn who_waits_in_vain_hears_what_was_seen_last() {
    let house = house(503);
    let port = house.say(&["request", "web"]).ended_with(0).out.trim().to_owned();
    let said = house.say(&["get", "web", "--wait", "50ms"]).ended_with(7);
    assert!(said.err.contains("until somebody listens"), "{said:?}");
    let _server = server(&house, &port);
    house.say(&["confirm", "web"]).ended_with(0);
    let said = house.say(&["get", "web", "--wait", "50ms"]).ended_with(7);
    let seen = format!(
        "`web` listens on port {port}, but was not healthy while it was waited for: http://localhost:{port}/health answered 503\n"
    );
    assert!(said.err.contains(&seen), "{said:?}");
    assert!(said.err.contains("hint: `health` is declared, so `--wait` waits for it as well: "), "{said:?}");
    let json = house.say(&["get", "web", "--wait", "50ms", "--json"]).ended_with(7).json();
    assert_eq!(json["error"]["code"], "timed_out");
}

#[test]
fn a_service_that_hangs_takes_no_longer_than_it_may() {
    let house = house(200);
    house.write("hang.py", "import socket, sys\ns = socket.create_server(('127.0.0.1', int(sys.argv[1])))\nprint('serving', flush=True)\nheld = [s.accept() for _ in range(100)]\n");
    let port = house.say(&["request", "web"]).ended_with(0).out.trim().to_owned();
    let mut command = std::process::Command::new("python3");
    command.args(["hang.py", &port]).current_dir(house.project());
    let mut hung = Running::start(command);
    assert_eq!(hung.line(), "serving");
    let said = house.say(&["health", "web", "--timeout", "300ms"]).ended_with(8);
    assert!(said.out.contains("gave no answer in time"), "{said:?}");
    assert_eq!(health_of(&house), "unhealthy");
    // The time is over before the first answer is.
    let said = house.say(&["get", "web", "--wait", "300ms"]).ended_with(7);
    assert!(said.err.contains("gave no answer in time"), "{said:?}");
}
