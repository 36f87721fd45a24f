//! The daemon may come and go; the command does not notice.

use crate::rig::{House, signal};

#[test]
fn a_command_outlives_the_daemon_and_its_lease_is_watched_again() {
    let house = House::new();
    let script = "python3 -m http.server --bind 127.0.0.1 $PORT >/dev/null 2>&1 & server=$!
        echo started; read go; kill $server; exit 6";
    let mut run = house.run(&["-s", "web", "--", "sh", "-c", script]);
    run.hears("is up");
    let before = house.daemon_pid();
    let lease = house.leases()[0].clone();
    signal(before, "KILL");
    run.hears("looked for");
    run.hears("there again");
    let again = house.leases()[0].clone();
    assert_eq!(again["id"], lease["id"]);
    assert_eq!(again["state"], "active");
    assert_ne!(house.daemon_pid(), before);
    run.tell("go");
    run.end().ended_with(6);
    assert!(house.leases().is_empty());
}

#[test]
fn a_daemon_that_was_stopped_stays_stopped() {
    let house = House::new();
    let mut run = house.run(&["-s", "web", "--", "sh", "-c", "echo started; read go; exit 6"]);
    assert_eq!(run.line(), "started");
    house.say(&["daemon", "stop"]).ended_with(0);
    run.hears("looked for");
    run.tell("go");
    run.end().ended_with(6);
    let status = house.say(&["daemon", "status", "--json"]);
    assert_eq!(status.json()["running"], false, "{}", status.out);
}
