//! The service table of an earlier registry, as `docs/examples/service-table` has it: a test for each row, with real
//! requests for the very numbers, in a network of its own.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "tests report by panicking")]

use std::net::TcpListener;
use std::path::{Path, PathBuf};

use portus_tests::Rig;
use portus_tests::network::in_own_network;

/// A project with the example's file.
fn project(rig: &Rig) -> PathBuf {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/examples/service-table/portus.toml");
    let dir = rig.directory("app");
    std::fs::copy(example, dir.join("portus.toml")).unwrap();
    dir
}

/// The row holds: the preferred port first, another one of the range while a stranger is there, and a refusal with
/// reasons once strangers have all of it.
fn row(test: &str, service: &str, preferred: u16, range: std::ops::RangeInclusive<u16>) {
    if !in_own_network(test) {
        return;
    }
    let rig = Rig::new();
    let dir = project(&rig);
    assert_eq!(rig.say(&dir, ["request", service]).good().port(), preferred);

    let rig = Rig::new();
    let dir = project(&rig);
    let stranger = TcpListener::bind(("0.0.0.0", preferred)).unwrap();
    let said = rig.say(&dir, ["request", service]).good();
    assert!(range.contains(&said.port()) && said.port() != preferred, "{said:?}");
    assert!(said.stderr.contains(&format!("did not get its preferred port {preferred}")), "{said:?}");
    drop(stranger);

    let rig = Rig::new();
    let dir = project(&rig);
    let strangers: Vec<TcpListener> = range.map(|port| TcpListener::bind(("0.0.0.0", port)).unwrap()).collect();
    let refused = rig.say(&dir, ["request", service, "--json"]).ended_with(4).json();
    assert_eq!(refused["error"]["code"], "no_port_available");
    let reasons = format!("{} taken", strangers.len());
    assert!(refused["error"]["message"].as_str().unwrap().contains(&reasons), "{refused}");
}

#[test]
fn governance_prefers_8001_of_8001_to_8100_and_falls_back_to_8001() {
    let test = "governance_prefers_8001_of_8001_to_8100_and_falls_back_to_8001";
    row(test, "governance", 8001, 8001..=8100);
}

#[test]
fn http_bridge_prefers_8002_of_8001_to_8100() {
    row("http_bridge_prefers_8002_of_8001_to_8100", "http-bridge", 8002, 8001..=8100);
}

#[test]
fn backend_api_prefers_8000_of_8000_to_8099() {
    row("backend_api_prefers_8000_of_8000_to_8099", "backend-api", 8000, 8000..=8099);
}

#[test]
fn websocket_prefers_8080_of_8080_to_8180() {
    row("websocket_prefers_8080_of_8080_to_8180", "websocket", 8080, 8080..=8180);
}

#[test]
fn all_four_get_their_preferred_ports_at_once() {
    if !in_own_network("all_four_get_their_preferred_ports_at_once") {
        return;
    }
    let rig = Rig::new();
    let dir = project(&rig);
    let said = rig.say(&dir, ["request", "governance", "http-bridge", "backend-api", "websocket"]).good();
    assert_eq!(said.stdout, "8001\n8002\n8000\n8080\n");
    let claims = rig.json(&dir, ["claims", "--json"]);
    assert_eq!(claims["claims"].as_array().unwrap().len(), 4);
}
