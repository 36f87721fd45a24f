//! Claims and quarantine.

use crate::rig::{World, free_port};

#[test]
fn a_number_is_pinned_unpinned_and_forgotten() {
    let world = World::new();
    let (shop, project) = world.repository("shop");
    let port = world.say(&shop, &["request", "web"]).ended_with(0).port();
    let pinned = world.say(&shop, &["pin", "web", "--json"]).ended_with(0).json();
    assert_eq!((&pinned["claims"][0]["port"], &pinned["claims"][0]["pinned"]), (&port.into(), &true.into()));
    assert_eq!(world.say(&shop, &["list", "--json"]).json()["leases"][0]["pinned"], true);
    let unpinned = world.say(&shop, &["unpin", &port.to_string(), "--json"]).ended_with(0).json();
    assert_eq!(unpinned["claims"][0]["pinned"], false);
    world.say(&shop, &["release", "web"]).ended_with(0);
    let listed = world.say(&shop, &["list", "--claims", "--json"]).ended_with(0).json();
    assert_eq!(listed["claims"].as_array().unwrap().len(), 1);
    let forgot = world.say(&shop, &["forget", "web"]).ended_with(0);
    assert_eq!(forgot.err, format!("forgot web of {project} (port {port})\n"));
    assert_eq!(world.say(&shop, &["claims"]).ended_with(0).err, "note: no claims here\n");
    world.say(&shop, &["unpin", "web"]).ended_with(3);
    world.say(&shop, &["unpin", "4242", "--json"]).ended_with(3).json();
    assert_eq!(world.say(&shop, &["prune", "--json"]).ended_with(0).json()["claims"], serde_json::json!([]));
}

#[test]
fn a_number_can_be_pinned_before_it_is_used() {
    let world = World::new();
    let shop = world.shop();
    let port = free_port();
    world.say(&shop, &["pin", "web", "--port", &port.to_string()]).ended_with(0);
    assert_eq!(world.say(&shop, &["request", "web"]).ended_with(0).port(), port);
    let other = free_port().to_string();
    let said = world.say(&shop, &["pin", "web", "--port", &other]).ended_with(0).err;
    assert!(said.contains(&format!("`web` stays on port {port} until its lease ends")), "{said}");
}

#[test]
fn a_dead_port_is_not_handed_out_until_it_is_revived() {
    let world = World::new();
    let shop = world.shop();
    let port = free_port();
    let text = &port.to_string();
    let dead = world.say(&shop, &["quarantine", text, "--reason", "a printer", "--json"]).ended_with(0).json();
    assert_eq!(
        (&dead["quarantines"][0]["port"], &dead["quarantines"][0]["reason"]),
        (&port.into(), &"a printer".into())
    );
    let refused = world.say(&shop, &["request", "web", "--port", text, "--strict", "--json"]).ended_with(4).json();
    assert_eq!(refused["error"]["code"], "port_unavailable");
    let shown = world.say(&shop, &["quarantine"]).ended_with(0).out;
    assert!(shown.starts_with("PORT   UNTIL") && shown.contains("a printer"), "{shown}");
    world.say(&shop, &["revive", text]).ended_with(0);
    world.say(&shop, &["revive", text]).ended_with(3);
    assert_eq!(world.say(&shop, &["request", "web", "--port", text, "--strict"]).ended_with(0).port(), port);
}
