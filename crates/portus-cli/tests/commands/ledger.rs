//! Claims and quarantine.

use crate::rig::World;

#[test]
fn a_number_is_pinned_unpinned_and_forgotten() {
    let world = World::new();
    let shop = world.repository("shop");
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
    assert_eq!(forgot.err, format!("forgot web of shop (port {port})\n"));
    assert_eq!(world.say(&shop, &["claims"]).ended_with(0).err, "note: no claims here\n");
    world.say(&shop, &["unpin", "web"]).ended_with(3);
    world.say(&shop, &["unpin", "4242", "--json"]).ended_with(3).json();
    assert_eq!(world.say(&shop, &["prune", "--json"]).ended_with(0).json()["claims"], serde_json::json!([]));
}

#[test]
fn a_number_can_be_pinned_before_it_is_used() {
    let world = World::new();
    let shop = world.repository("shop");
    world.say(&shop, &["pin", "web", "--port", "23777"]).ended_with(0);
    assert_eq!(world.say(&shop, &["request", "web"]).ended_with(0).port(), 23_777);
}

#[test]
fn a_dead_port_is_not_handed_out_until_it_is_revived() {
    let world = World::new();
    let shop = world.repository("shop");
    let dead = world.say(&shop, &["quarantine", "23888", "--reason", "a printer", "--json"]).ended_with(0).json();
    assert_eq!(
        (&dead["quarantines"][0]["port"], &dead["quarantines"][0]["reason"]),
        (&23_888.into(), &"a printer".into())
    );
    let refused = world.say(&shop, &["request", "web", "--port", "23888", "--strict", "--json"]).ended_with(4).json();
    assert_eq!(refused["error"]["code"], "port_unavailable");
    let shown = world.say(&shop, &["quarantine"]).ended_with(0).out;
    assert!(shown.starts_with("PORT   UNTIL") && shown.contains("a printer"), "{shown}");
    world.say(&shop, &["revive", "23888"]).ended_with(0);
    world.say(&shop, &["revive", "23888"]).ended_with(3);
    assert_eq!(world.say(&shop, &["request", "web", "--port", "23888", "--strict"]).ended_with(0).port(), 23_888);
}
