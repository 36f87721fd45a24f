//! What scrapers get: text that Prometheus' own checker is content with, and only that, and only on loopback.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::{Command, Stdio};

use portus_tests::{Rig, Said};
use serde_json::Value;

use super::{PATIENCE, alerts, configure, rig, stats, ten_ports};

/// A daemon with something of everything in its figures.
fn busy(settings: &str) -> Rig {
    let rig = rig(settings);
    let (mine, other) = (rig.directory("mine"), rig.directory("other"));
    let (_, range) = ten_ports(&rig);
    for nth in 1..=10 {
        rig.say(&mine, ["request", &format!("s{nth}"), "--range", &range]).good();
    }
    rig.say(&other, ["request", "web", "--range", &range]).ended_with(4);
    rig.say(&mine, ["quarantine", "2999", "--reason", "a \"quoted\" \\ reason"]).good();
    rig.say(&mine, ["request", "held", "--hold"]).good();
    rig.say(&mine, ["release", "s1"]).good();
    rig
}

/// Debian's package `prometheus` has it. Where it is missing, this says so; in CI that is a failure.
fn promtool() -> bool {
    let found = Command::new("promtool").arg("--version").output().is_ok_and(|output| output.status.success());
    if !found {
        assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "promtool is missing: install `prometheus`");
        let told = "SKIPPED: `promtool` (Debian: prometheus) is missing, so the figures' form was not checked\n";
        std::io::stderr().write_all(told.as_bytes()).unwrap();
    }
    found
}

#[test]
fn promtool_is_content_with_the_figures_of_a_busy_daemon() {
    if !promtool() {
        return;
    }
    let rig = busy("");
    let figures = rig.say(&rig.work(), ["metrics"]).good().stdout;
    assert!(figures.contains("portus_refusals_total{code=\"no_port_available\"} 1\n"), "{figures}");
    let check = |text: &str| {
        let mut promtool = Command::new("promtool");
        promtool.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = promtool.spawn().unwrap();
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        Said::from(child.wait_with_output().unwrap())
    };
    let said = check(&figures).good();
    assert_eq!((said.stdout.as_str(), said.stderr.as_str()), ("", ""), "it has something to say");
    // It does look.
    assert_ne!(check(&figures.replace("portus_allocations_total", "portus_allocations")).code, 0);
    assert_ne!(check(&figures.replace(" counter\n", " countre\n")).code, 0);
}

pub(crate) const ANY_PORT: &str = "[metrics]\naddress = \"127.0.0.1:0\"\n";

/// The address on which the rig's daemon serves its figures.
pub(crate) fn served(rig: &Rig) -> String {
    stats(rig)["metrics_address"].as_str().expect("figures are served").to_owned()
}

/// What an address answers to these bytes.
fn ask(address: &str, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    // What is refused may be refused before all of it is written.
    drop(stream.write_all(bytes));
    drop(stream.shutdown(Shutdown::Write));
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    String::from_utf8(answer).unwrap()
}

pub(crate) fn get(address: &str, path: &str, host: &str) -> String {
    ask(address, format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes())
}

/// The names of a text's metrics, which do not change from one look to the next.
fn names(figures: &str) -> Vec<&str> {
    figures.lines().filter(|line| line.starts_with("# TYPE ")).collect()
}

#[test]
fn the_figures_are_served_on_loopback_and_nothing_else_is() {
    let rig = busy(ANY_PORT);
    let address = served(&rig);
    let answer = get(&address, "/metrics", &address);
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    assert!(head.contains("\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"), "{head}");
    assert_eq!(names(body), names(&rig.say(&rig.work(), ["metrics"]).good().stdout));
    assert!(body.contains("portus_requests_total{outcome=\"refused\"} 1\n"), "{body}");

    let port = address.rsplit(':').next().unwrap();
    let localhost = format!("localhost:{port}");
    assert!(get(&address, "/metrics", &localhost).starts_with("HTTP/1.1 200 "));
    for (wanted, answer) in [
        ("403", get(&address, "/metrics", &format!("rebound.example:{port}"))),
        ("403", get(&address, "/metrics", "127.0.0.1")),
        ("404", get(&address, "/", &localhost)),
        ("404", get(&address, "/metrics/../etc/passwd", &localhost)),
        ("405", ask(&address, format!("POST /metrics HTTP/1.1\r\nHost: {localhost}\r\n\r\n").as_bytes())),
        ("405", ask(&address, format!("DELETE /metrics HTTP/1.1\r\nHost: {localhost}\r\n\r\n").as_bytes())),
        ("400", ask(&address, b"GET /metrics HTTP/1.1\r\n\r\n")),
        ("400", ask(&address, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n")),
        ("400", ask(&address, &[0xff; 500])),
        ("400", ask(&address, b"GET /metr")),
        ("431", ask(&address, &[b'x'; 20_000])),
    ] {
        assert!(answer.starts_with(&format!("HTTP/1.1 {wanted} ")), "{wanted}: {answer}");
        assert!(!answer.contains("portus_"), "{answer}");
    }
    // It is the daemon's own, and known to be.
    let explained = rig.json(&rig.work(), ["explain", port, "--json"]);
    assert_eq!((&explained["verdict"], &explained["next"]), (&"unmanaged".into(), &"portus metrics".into()));
    let refused = rig.say(&rig.work(), ["kill", port, "--force"]).ended_with(5);
    assert!(refused.stderr.contains("serves its figures"), "{}", refused.stderr);
    rig.say(&rig.work(), ["request", "web", "--port", port, "--strict"]).ended_with(4);
}

#[test]
fn scrapers_that_say_nothing_stand_in_nobodys_way() {
    let rig = rig(ANY_PORT);
    rig.say(&rig.work(), ["daemon", "start"]).good();
    let address = served(&rig);
    // One fewer than are served at once.
    let mut slow: Vec<TcpStream> = (0..7).map(|_| TcpStream::connect(&address).unwrap()).collect();
    for stream in &mut slow {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(b"GET /metrics HTTP/1.1\r\n").unwrap();
    }
    assert!(get(&address, "/metrics", &address).starts_with("HTTP/1.1 200 "), "others are served");
    for mut stream in slow {
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    }
    // Those who come while all places are taken are served when one is free.
    let crowd: Vec<TcpStream> = (0..20).map(|_| TcpStream::connect(&address).unwrap()).collect();
    drop(crowd);
    assert!(get(&address, "/metrics", &address).starts_with("HTTP/1.1 200 "));
    rig.say(&rig.work(), ["request", "web"]).good();
}

#[test]
fn an_address_in_use_is_told_and_keeps_nobody_from_starting() {
    let rig = Rig::new();
    // A port of the rig's own, which nothing draws by chance.
    let stranger = TcpListener::bind(("127.0.0.1", ten_ports(&rig).0)).unwrap();
    let address = stranger.local_addr().unwrap();
    configure(&rig, &format!("[metrics]\naddress = \"{address}\"\n"));
    let dir = rig.directory("app");
    rig.say(&dir, ["request", "web"]).good();
    let stats = stats(&rig);
    assert_eq!((alerts(&stats), &stats["metrics_address"]), (vec!["metrics_not_served"], &Value::Null));
    assert!(stats["alerts"][0]["message"].as_str().unwrap().contains(&address.to_string()), "{stats}");
    let doctor = rig.json(&dir, ["doctor", "--json"]);
    let check = doctor["checks"].as_array().unwrap().iter().find(|check| check["name"] == "metrics").unwrap();
    assert_eq!(check["status"], "warn", "{check}");
    let log = rig.say(&dir, ["daemon", "logs"]).good().stdout;
    assert!(log.contains("the figures are not served on"), "{log}");
    drop(stranger);
    // Free, and still nobody's to have.
    let port = address.port().to_string();
    rig.say(&dir, ["request", "other", "--port", &port, "--strict"]).ended_with(4);
    rig.say(&dir, ["daemon", "restart"]).good();
    assert_eq!(served(&rig), address.to_string());
}

#[test]
fn only_loopback_will_do() {
    let rig = Rig::new();
    let mut portus = rig.portus(&rig.work(), ["daemon", "start"]);
    let said = Said::from(portus.env("PORTUS_METRICS_ADDRESS", "0.0.0.0:9464").output().unwrap());
    assert_ne!(said.code, 0);
    assert!(said.stderr.contains("not on the loopback interface"), "{}", said.stderr);
    let mut portus = rig.portus(&rig.work(), ["daemon", "start"]);
    Said::from(portus.env("PORTUS_METRICS_ADDRESS", "127.0.0.1:0").output().unwrap()).good();
    assert!(get(&served(&rig), "/metrics", &served(&rig)).starts_with("HTTP/1.1 200 "));
}
