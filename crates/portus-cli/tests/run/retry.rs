//! A stranger is faster: the command is started again on another port.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use crate::rig::{House, fifo, get};

/// Says its port, waits for a word, then serves there, or fails as servers do.
const HASTY: &str = "import http.server, os, sys
port = int(os.environ['PORT'])
print('port', port, sys.argv[1], flush=True)
open('go').readline()
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(b'hello')
    def log_message(self, *args): pass
http.server.HTTPServer(('127.0.0.1', port), Handler).serve_forever()
";

fn port_of(line: &str) -> u16 {
    let words: Vec<&str> = line.split(' ').collect();
    assert_eq!(words[0], "port", "{line}");
    assert_eq!(words[1], words[2], "arguments and environment are filled in anew");
    words[1].parse().unwrap()
}

fn house() -> House {
    let house = House::new();
    house.write("hasty.py", HASTY);
    fifo(&house.project().join("go"));
    house
}

fn go(house: &House) {
    std::fs::write(house.project().join("go"), "go\n").unwrap();
}

#[test]
fn a_port_that_a_stranger_took_is_left_to_him() {
    let house = house();
    let mut run = house.run(&["-s", "web", "--", "python3", "hasty.py", "{port}"]);
    let first = port_of(&run.line());
    let stranger = std::net::TcpListener::bind(("127.0.0.1", first)).unwrap();
    go(&house);
    let told = run.hears("starting again on");
    assert!(told.contains(&first.to_string()) && told.contains(&std::process::id().to_string()), "{told}");
    let second = port_of(&run.line());
    assert_ne!(first, second);
    assert!(told.contains(&second.to_string()), "{told}");
    go(&house);
    run.hears("is up");
    assert_eq!(get(second, "/"), "hello");
    run.signal("TERM");
    run.end().ended_with(143);
    drop(stranger);
}

#[test]
fn retries_come_to_an_end() {
    let house = house();
    let mut run = house.run(&["-s", "web", "--retry", "1", "--", "python3", "hasty.py", "{port}"]);
    let mut strangers = Vec::new();
    for _ in 0..2 {
        let port = port_of(&run.line());
        strangers.push(std::net::TcpListener::bind(("127.0.0.1", port)).unwrap());
        go(&house);
    }
    let said = run.end().ended_with(1);
    assert!(said.err.contains("is taken by"), "{}", said.err);
    assert!(house.leases().is_empty());
}

/// Binds a port and never listens, so that no table of sockets shows it. Ends when its standard input does.
const SILENT: &str = "import socket, sys
s = socket.socket()
s.bind(('127.0.0.1', int(sys.argv[1])))
print('bound', flush=True)
sys.stdin.read()
";

#[test]
fn a_port_that_nobody_shows_on_is_kept_dead_if_the_project_says_so() {
    let house = house();
    house.write("portus.toml", "[pool]\ndead = \"keep\"\n");
    let mut run = house.run(&["-s", "web", "--", "python3", "hasty.py", "{port}"]);
    let first = port_of(&run.line());
    let mut silent = Command::new("python3");
    silent.args(["-c", SILENT, &first.to_string()]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut silent = silent.spawn().unwrap();
    let mut bound = String::new();
    BufReader::new(silent.stdout.take().unwrap()).read_line(&mut bound).unwrap();
    assert_eq!(bound, "bound\n");
    go(&house);
    run.hears("starting again on");
    assert_ne!(port_of(&run.line()), first);
    go(&house);
    run.hears("is up");
    run.signal("TERM");
    run.end().ended_with(143);
    drop(silent.stdin.take());
    silent.wait().unwrap();
    let revived = house.say(&["revive", &first.to_string(), "--json"]).ended_with(0);
    assert!(revived.out.contains("\"until\":\"revived\""), "{}", revived.out);
}

#[test]
fn a_failure_for_other_reasons_is_not_repeated() {
    let house = House::new();
    let said = house.say(&["run", "-s", "web", "--", "sh", "-c", "echo once; exit 9"]).ended_with(9);
    assert_eq!(said.out, "once\n");
}
