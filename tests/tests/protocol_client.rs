//! The client that the protocol's document shows, as it stands there, against a real daemon.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "tests report by panicking")]

use std::path::{Path, PathBuf};
use std::process::Command;

use portus_tests::{Rig, Said};

fn client() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/protocol/client.py").canonicalize().unwrap()
}

fn python(rig: &Rig, dir: &Path, arguments: &[&str]) -> Said {
    let mut python = Command::new("python3");
    python.arg(client()).args(arguments).current_dir(dir).env("PORTUS_HOME", rig.home());
    Said::from(python.output().unwrap())
}

#[test]
fn twenty_lines_of_another_language_lease_a_port() {
    let rig = Rig::new();
    let dir = rig.directory("app");
    assert!(python(&rig, &dir, &[]).code != 0, "there is no daemon yet");
    rig.say(&dir, ["daemon", "start"]).good();
    let port = python(&rig, &dir, &[]).good().port();
    assert!((20_000..30_000).contains(&port), "{port}");
    assert_eq!(python(&rig, &dir, &[]).good().port(), port, "the same service, another port");
    let listed = rig.json(&dir, ["list", "--json"]);
    assert_eq!((&listed["leases"][0]["service"], &listed["leases"][0]["port"]), (&"web".into(), &port.into()));
    // What it leased is what `portus` itself would get there.
    assert_eq!(rig.say(&dir, ["request", "web"]).good().port(), port);
}

#[test]
fn the_document_prints_the_client_as_it_is() {
    let document = std::fs::read_to_string(client().parent().unwrap().join("../protocol.md")).unwrap();
    assert!(document.contains("client.py"), "the document does not name the client");
}
