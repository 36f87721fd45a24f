//! Commands that serve: by a grandchild, by a daemon of their own, elsewhere than they should.

use crate::rig::{House, get, signal};

/// Serves on its port, and says so.
const SERVER: &str = "import http.server, os, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(b'served by ' + str(os.getpid()).encode())
    def log_message(self, *args): pass
server = http.server.HTTPServer(('127.0.0.1', int(sys.argv[1])), Handler)
print('serving', os.getpid(), flush=True)
server.serve_forever()
";

/// Serves in a process that leaves its parent, its group and its session; the parent exits at once.
const DAEMON: &str = "import os, sys
if os.fork(): os._exit(0)
os.setsid()
if os.fork(): os._exit(0)
exec(open('server.py').read())
";

fn pid_of(line: &str) -> u32 {
    line.strip_prefix("serving ").and_then(|pid| pid.parse().ok()).unwrap_or_else(|| panic!("{line}"))
}

fn house() -> House {
    let house = House::new();
    house.write("server.py", SERVER);
    house.write("daemon.py", DAEMON);
    house
}

fn only_lease(house: &House) -> serde_json::Value {
    let leases = house.leases();
    assert_eq!(leases.len(), 1, "{leases:?}");
    leases[0].clone()
}

#[test]
fn a_grandchilds_listener_is_evidence_and_is_told() {
    let house = house();
    let script = "python3 server.py $PORT & wait";
    let mut run = house.run(&["-s", "web", "--", "sh", "-c", script]);
    let server = pid_of(&run.line());
    let told = run.hears("is up");
    let lease = only_lease(&house);
    assert_eq!(lease["state"], "active");
    assert_eq!(lease["evidence"], "lineage");
    let port = u16::try_from(lease["port"].as_u64().unwrap()).unwrap();
    assert!(told.contains(&format!("http://localhost:{port}")), "{told}");
    assert!(get(port, "/").contains(&server.to_string()));
    run.signal("TERM");
    run.end().ended_with(143);
    assert!(house.leases().is_empty());
}

#[test]
fn a_second_run_of_a_service_is_told_where_the_first_one_is() {
    let house = house();
    let mut run = house.run(&["-s", "web", "--", "python3", "server.py", "{port}"]);
    run.hears("is up");
    let said = house.say(&["run", "--json", "-s", "web", "--", "true"]).ended_with(4);
    let lease = only_lease(&house);
    let error = &said.json()["error"];
    assert_eq!(error["code"], "already_running");
    let message = error["message"].as_str().unwrap();
    for fact in [lease["port"].to_string(), run.pid().to_string(), house.project().display().to_string()] {
        assert!(message.contains(&fact), "{fact} is not in: {message}");
    }
    run.signal("INT");
    run.end();
}

#[test]
fn a_server_that_daemonises_keeps_run_waiting_until_it_ends() {
    let house = house();
    let mut run = house.run(&["-s", "web", "--", "python3", "daemon.py", "{port}"]);
    let server = pid_of(&run.line());
    run.hears("is up");
    assert_eq!(only_lease(&house)["state"], "active");
    signal(server, "TERM");
    run.end().ended_with(0);
    assert!(house.leases().is_empty());
}

#[test]
fn a_signal_reaches_a_server_that_has_daemonised() {
    let house = house();
    let mut run = house.run(&["-s", "web", "--", "python3", "daemon.py", "{port}"]);
    let server = pid_of(&run.line());
    run.hears("is up");
    run.signal("TERM");
    run.end().ended_with(143);
    assert!(!std::path::Path::new(&format!("/proc/{server}/exe")).exists());
    assert!(house.leases().is_empty());
}

#[test]
fn what_outlives_the_command_without_listening_is_not_waited_for() {
    let house = house();
    // The server ends with the command; the watcher does not, and holds no output of ours.
    let script = "python3 server.py $PORT & server=$!
        setsid sleep 1000 <&- >/dev/null 2>&1 & echo watcher $!
        read go; kill $server; wait $server; exit 5";
    let mut run = house.run(&["-s", "web", "--", "sh", "-c", script]);
    let mut lines = [run.line(), run.line()];
    lines.sort();
    let watcher: u32 = lines[1].strip_prefix("watcher ").unwrap().parse().unwrap();
    run.hears("is up");
    run.tell("go");
    assert_eq!(run.exit_code(), 5);
    signal(watcher, "KILL");
    assert!(house.leases().is_empty());
}

#[test]
fn a_server_whose_run_was_killed_keeps_its_lease() {
    let house = house();
    let mut run = house.run(&["-s", "web", "--", "python3", "server.py", "{port}"]);
    let server = pid_of(&run.line());
    run.hears("is up");
    let mut watch = house.watch();
    let port = only_lease(&house)["port"].clone();
    run.signal("KILL");
    assert_eq!(run.exit_code(), 137);
    while !watch.line().contains("\"orphaned\":true") {}
    let lease = only_lease(&house);
    assert_eq!(lease["orphaned"], true);
    assert_eq!(lease["port"], port);
    signal(server, "KILL");
}

#[test]
fn a_server_elsewhere_has_drifted_and_can_be_a_failure() {
    let house = house();
    let other = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port().to_string();
    let args = ["-s", "web", "--fail-on-drift", "--", "python3", "server.py", &other];
    let mut run = house.run(&args);
    let server = pid_of(&run.line());
    let told = run.hears("listens on");
    assert!(told.contains(&other), "{told}");
    let said = run.end().ended_with(1);
    let why = said.err.lines().find(|line| line.starts_with("error: ")).unwrap();
    assert!(why.contains(&other), "{}", said.err);
    assert!(!std::path::Path::new(&format!("/proc/{server}/exe")).exists());
    assert!(house.leases().is_empty());
}

#[test]
fn readiness_by_http_waits_for_a_good_answer() {
    for address in ["127.0.0.1", "::1"] {
        let house = House::new();
        let server = format!(
            "const http = require('http');
            let good = false;
            process.stdin.on('data', () => {{ good = true; }});
            let asked = 0;
            http.createServer((request, answer) => {{
                asked += 1;
                if (asked == 1) console.log('asked', request.url);
                answer.statusCode = good ? 200 : 503;
                answer.end();
            }}).listen(process.env.PORT, '{address}');
            process.on('SIGTERM', () => process.exit(0));"
        );
        let mut run = house.run(&["-s", "web", "--ready", "http:/health", "--", "node", "-e", &server]);
        assert_eq!(run.line(), "asked /health");
        assert_eq!(only_lease(&house)["state"], "active");
        run.tell("go");
        let told = run.hears("is up");
        assert!(told.contains("http://localhost:"), "{told}");
        run.signal("TERM");
        let said = run.end().ended_with(0);
        assert_eq!(said.err.matches("is up").count(), 1, "{}", said.err);
    }
}

#[test]
fn who_asks_twice_leaves_a_stubborn_server_with_its_lease() {
    let house = house();
    house.write(
        "server.py",
        &format!("import signal; signal.signal(signal.SIGTERM, lambda *_: print('no', flush=True))\n{SERVER}"),
    );
    let mut run = house.run(&["-s", "web", "--", "python3", "daemon.py", "{port}"]);
    let server = pid_of(&run.line());
    run.hears("is up");
    run.signal("TERM");
    assert_eq!(run.line(), "no");
    let mut watch = house.watch();
    run.signal("TERM");
    assert_eq!(run.exit_code(), 143);
    while !watch.line().contains("\"orphaned\":true") {}
    let lease = only_lease(&house);
    assert_eq!(lease["orphaned"], true);
    signal(server, "KILL");
}

#[test]
fn what_is_told_can_be_read_by_programs() {
    let house = house();
    let mut run = house.run(&["--json", "-s", "web", "--", "python3", "server.py", "{port}"]);
    let told: serde_json::Value = serde_json::from_str(&run.hears("is up")).unwrap();
    assert_eq!(told["schema"], "portus/1");
    assert_eq!(told["event"], "up");
    assert_eq!(told["leases"][0]["state"], "active");
    run.signal("TERM");
    run.end();
}
