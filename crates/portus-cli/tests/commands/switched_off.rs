//! Portus switched off: the preferred port, no daemon, and a word about it.

use crate::rig::{Said, World};

#[test]
fn the_preferred_port_is_answered_without_a_daemon() {
    let world = World::new();
    let shop = world.shop();
    let off = |args: &[&str], variables: &[(&str, &str)]| {
        let mut command = world.portus(&shop, args);
        command.env("PORTUS_DISABLED", "1").envs(variables.iter().copied());
        Said::of(&command.output().unwrap())
    };
    let said = off(&["request", "web", "--port", "3000"], &[]).ended_with(0);
    assert_eq!(said.port(), 3000);
    assert!(said.err.starts_with("note: PORTUS_DISABLED is set"), "{said:?}");
    let json = off(&["request", "web", "--port", "3000", "--json"], &[]).ended_with(0).json();
    assert_eq!((&json["leases"][0]["port"], json["notes"].as_array().unwrap().len()), (&3000.into(), 1));
    assert_eq!(off(&["request", "web"], &[("SERVICE_PORT", "4000")]).ended_with(0).port(), 4000);
    assert_eq!(off(&["request", "web", "--port", "3000"], &[("SERVICE_PORT", "4000")]).port(), 3000);
    off(&["request", "web"], &[]).ended_with(4);
    off(&["request", "web"], &[("SERVICE_PORT", "x")]).ended_with(2);
    off(&["request", "web", "api"], &[("SERVICE_PORT", "4000")]).ended_with(4);
    assert!(!world.home().exists(), "a daemon was started");
    let said = Said::of(&world.portus(&shop, &["request", "web"]).env("PORTUS_DISABLED", "0").output().unwrap());
    said.ended_with(0);
}
