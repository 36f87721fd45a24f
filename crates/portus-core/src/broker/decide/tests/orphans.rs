//! What a holder leaves behind: its server, or what else it started, lives on under its lease.

use super::rig::{HOUR, Ledger, secs};
use super::wish::{holder, process, request, server};
use crate::broker::{Command, Refusal};
use crate::vocabulary::{EndReason, Evidence, StateWord};

#[test]
fn a_server_that_outlives_its_holder_keeps_its_lease_as_an_orphan() {
    let mut ledger = Ledger::new();
    let web = ledger.grant(request("web").held_by(10));
    ledger.comes_up(20_000, server(12).under(10));
    ledger.exits(process(10), &[(web.id, &[process(12)])]);
    let lease = ledger.lease(web.id);
    assert!(lease.orphaned && lease.holder == Some(holder(10)) && lease.living_holder().is_none());
    assert_eq!((lease.evidence(), lease.deadline()), (Some(Evidence::Lineage), None));
    ledger.pass_and_tick(HOUR);
    assert_eq!(ledger.state(web.id), StateWord::Active);
    assert_eq!(
        ledger.refusal(request("web").held_by(11)),
        Refusal::AlreadyRunning { lease: web.id },
        "as long as the server is up"
    );
    assert_eq!(ledger.grant(request("web")).id, web.id);
    ledger.exits(process(12), &[]);
    assert_eq!(ledger.end(web.id), Some(EndReason::HolderExited));
}

#[test]
fn a_time_to_live_means_nothing_to_what_a_holder_left_behind() {
    let mut ledger = Ledger::new();
    let web = ledger.grant(request("web").held_by(10).ttl(secs(60)));
    ledger.comes_up(20_000, server(12).under(10));
    ledger.pass(HOUR);
    ledger.exits(process(10), &[(web.id, &[process(12)])]);
    ledger.tick();
    assert_eq!(ledger.state(web.id), StateWord::Active, "its server lives");
}

#[test]
fn an_orphan_s_tree_is_watched_to_its_end() {
    let mut ledger = Ledger::new();
    let web = ledger.grant(request("web").held_by(10));
    ledger.exits(process(10), &[(web.id, &[process(12), process(13)])]);
    assert_eq!((ledger.state(web.id), ledger.deadline_in()), (StateWord::Pending, None));
    assert_eq!(ledger.lease(web.id).watched, [process(12), process(13)].into());
    ledger.comes_up(20_000, server(14).under(13));
    assert_eq!(ledger.lease(web.id).evidence(), Some(Evidence::Lineage), "what its tree starts is its own");
    ledger.exits(process(12), &[(web.id, &[process(13), process(14)])]);
    ledger.exits(process(13), &[(web.id, &[process(14), process(15)])]);
    assert_eq!(ledger.state(web.id), StateWord::Active);
    ledger.exits(process(14), &[(web.id, &[process(15), process(16)])]);
    let lease = ledger.lease(web.id);
    assert_eq!((&lease.watched, lease.state.word()), (&[process(15), process(16)].into(), StateWord::Lapsing));
    ledger.comes_up(20_000, server(17).under(16));
    assert_eq!(ledger.state(web.id), StateWord::Active, "a watcher that was left over starts its server again");
    [15, 16].iter().for_each(|pid| ledger.exits(process(*pid), &[]));
    ledger.exits(process(17), &[]);
    assert_eq!(ledger.end(web.id), Some(EndReason::HolderExited));
}

#[test]
fn an_orphan_that_never_listens_lives_as_long_as_its_tree() {
    let mut ledger = Ledger::new();
    let web = ledger.grant(request("web").held_by(10));
    ledger.exits(process(10), &[(web.id, &[process(12)])]);
    ledger.pass_and_tick(HOUR);
    assert_eq!((ledger.state(web.id), ledger.lease(web.id).orphaned), (StateWord::Pending, true), "a slow build");
    ledger.exits(process(12), &[]);
    assert_eq!(ledger.end(web.id), Some(EndReason::HolderExited));
}

#[test]
fn an_orphan_of_whose_tree_nothing_is_watched_ends_at_its_deadline() {
    let mut ledger = Ledger::new();
    let web = ledger.grant(request("web").held_by(10));
    // Seen by its mark alone: another user's eyes cannot name its process.
    ledger.listens(20_000, server(12).marked(web.id).unseen());
    ledger.exits(process(10), &[]);
    ledger.falls_silent(20_000);
    ledger.look_at(20_000);
    assert_eq!((ledger.state(web.id), ledger.deadline_in()), (StateWord::Lapsing, Some(secs(30))));
    ledger.pass_and_tick(secs(30));
    assert_eq!(ledger.end(web.id), Some(EndReason::Lapsed));
}

#[test]
fn an_orphan_whose_server_is_down_may_be_adopted() {
    let mut ledger = Ledger::new();
    let web = ledger.grant(request("web").held_by(10));
    ledger.exits(process(10), &[(web.id, &[process(12)])]);
    assert_eq!(ledger.grant(request("web").held_by(11)).id, web.id);
    let lease = ledger.lease(web.id);
    assert!(!lease.orphaned && lease.holder == Some(holder(11)) && lease.deadline().is_none());
}

#[test]
fn a_child_that_is_known_to_live_makes_an_orphan() {
    let mut ledger = Ledger::new();
    let web = ledger.grant(request("web").held_by(10));
    ledger.send(Command::Attach { leases: vec![web.id], process: process(12) }).unwrap();
    ledger.exits(process(10), &[]);
    assert!(ledger.lease(web.id).orphaned, "its own end is yet to be told");
    ledger.exits(process(12), &[]);
    assert_eq!(ledger.end(web.id), Some(EndReason::HolderExited));
}

#[test]
fn a_server_that_daemonised_makes_an_orphan() {
    let mut ledger = Ledger::new();
    let web = ledger.grant(request("web").held_by(10));
    ledger.listens(20_000, server(12).marked(web.id));
    ledger.exits(process(10), &[]);
    let lease = ledger.lease(web.id);
    assert_eq!((lease.orphaned, lease.evidence()), (true, Some(Evidence::Marker)));
    assert_eq!(lease.watched, [process(12)].into());
}

#[test]
fn what_is_watched_of_an_orphan_is_bounded() {
    let mut ledger = Ledger::new();
    let web = ledger.grant(request("web").held_by(10));
    let many: Vec<_> = (100..300).map(process).collect();
    ledger.exits(process(10), &[(web.id, &many)]);
    assert_eq!(ledger.lease(web.id).watched.len(), 64);
}

#[test]
fn asking_for_an_orphan_s_port_renews_nothing_that_does_not_end_it() {
    let mut ledger = Ledger::new();
    let web = ledger.grant(request("web").held_by(10).ttl(secs(60)));
    ledger.comes_up(20_000, server(12).under(10));
    ledger.exits(process(10), &[(web.id, &[process(12)])]);
    ledger.pass(HOUR);
    ledger.grant(request("web"));
    assert_eq!(ledger.changes, []);
}
