//! Which leases are stale, and what their end makes room for.

use super::rig::{Ledger, secs};
use super::wish::{key, process, range, request, server, stranger};
use crate::broker::{CleanLook, Command, Note, Refusal, Stale, Why};
use crate::vocabulary::{EndReason, StateWord};

#[test]
fn a_lease_whose_holder_and_tree_are_gone_is_stale() {
    let mut ledger = Ledger::new();
    let gone = ledger.grant(request("gone").held_by(7));
    let lives = ledger.grant(request("lives").held_by(8));
    let free = ledger.grant(request("free"));
    assert_eq!(ledger.clean(&[process(7)], false), [gone.id], "grace is for leases without a holder");
    assert_eq!(ledger.end(gone.id), Some(EndReason::HolderExited));
    assert_eq!([ledger.state(lives.id), ledger.state(free.id)], [StateWord::Pending; 2]);
}

#[test]
fn who_lives_on_or_came_after_the_look_keeps_a_lease() {
    let mut ledger = Ledger::new();
    let web = ledger.grant(request("web").held_by(7));
    let look = |ledger: &Ledger| CleanLook {
        gone: [process(7)].into(),
        sightings: [(web.id, ledger.world.sighting(ledger.lease(web.id).port))].into(),
        ..CleanLook::default()
    };
    let survivors = [(web.id, vec![process(9)])].into();
    let tree = CleanLook { survivors, ..look(&ledger) };
    ledger.send(Command::Clean { look: tree }).unwrap();
    assert_eq!(ledger.changes, [], "something of its tree lives on");
    let unseen = CleanLook { sightings: [].into(), ..look(&ledger) };
    ledger.send(Command::Clean { look: unseen }).unwrap();
    assert_eq!(ledger.changes, [], "what was not looked at is not ended");
    let seen = look(&ledger);
    ledger.send(Command::Attach { leases: vec![web.id], process: process(10) }).unwrap();
    ledger.send(Command::Clean { look: seen }).unwrap();
    assert_eq!(ledger.changes, [], "it came after the look");
    ledger.listens(20_000, server(11).under(7));
    assert!(ledger.clean(&[process(7), process(10)], false).is_empty(), "its server is up");
}

#[test]
fn a_lease_that_nobody_holds_is_stale_when_its_worktree_is_gone_and_nobody_listens() {
    let mut ledger = Ledger::new();
    let silent = ledger.grant(request("silent"));
    let heard = ledger.grant(request("heard"));
    let held = ledger.grant(request("held").held_by(7));
    ledger.listens(ledger.lease(heard.id).port.number(), stranger(50));
    let all = [silent.id, heard.id, held.id];
    let look = CleanLook {
        homeless: all.into(),
        sightings: all.map(|id| (id, ledger.world.sighting(ledger.lease(id).port))).into(),
        ..CleanLook::default()
    };
    ledger.send(Command::Clean { look }).unwrap();
    assert_eq!(ledger.end(silent.id), Some(EndReason::NeverConfirmed));
    assert_eq!([heard.id, held.id].map(|id| ledger.end(id)), [None; 2]);
}

#[test]
fn a_server_that_is_gone_makes_a_lease_stale_when_its_grace_is_over() {
    let mut ledger = Ledger::new();
    let web = ledger.grant(request("web"));
    ledger.comes_up(20_000, server(12));
    ledger.exits(process(12), &[]);
    assert_eq!(ledger.state(web.id), StateWord::Lapsing);
    assert!(ledger.clean(&[process(12)], false).is_empty(), "it may come back in time");
    assert!(ledger.clean(&[process(12)], true).is_empty(), "whoever wants room now");
    ledger.pass(secs(120));
    assert_eq!(ledger.clean(&[process(12)], false), [web.id]);
    assert_eq!(ledger.end(web.id), Some(EndReason::Lapsed));
    assert_eq!(ledger.broker.claim_of(&key("web")).map(|claim| claim.port.number()), Some(20_000));
}

#[test]
fn a_server_whose_end_nobody_has_seen_yet_keeps_its_lease() {
    let mut ledger = Ledger::new();
    let web = ledger.grant(request("web"));
    ledger.comes_up(20_000, server(12));
    ledger.falls_silent(20_000);
    for for_room in [false, true] {
        assert!(ledger.clean(&[process(12)], for_room).is_empty(), "its grace has not even begun");
    }
    assert_eq!(ledger.state(web.id), StateWord::Active);
}

#[test]
fn what_becomes_free_cools_down_unless_it_is_wanted_now() {
    let mut ledger = Ledger::new();
    let wish = |service, holder| request(service).range(3000, 3000).held_by(holder);
    ledger.grant(wish("old", 7));
    ledger.clean(&[process(7)], false);
    let waits = request("new").range(3000, 3000).preferred(3000).strict();
    assert!(matches!(ledger.refusal(waits.clone()), Refusal::PortUnavailable { why: Why::Cooling { .. }, .. }));
    ledger.grant(wish("old", 8));
    ledger.clean(&[process(8)], true);
    assert_eq!(ledger.port(waits), 3000);
}

#[test]
fn who_was_just_promised_a_port_is_not_stale() {
    let mut ledger = Ledger::new();
    let web = ledger.grant(request("web"));
    assert!(ledger.clean(&[], false).is_empty());
    ledger.pass(secs(300));
    assert_eq!(ledger.clean(&[], false), [web.id], "its time is over, and nobody came");
    assert_eq!(ledger.end(web.id), Some(EndReason::NeverConfirmed));
}

#[test]
fn the_expansion_waits_until_somebody_has_looked_for_stale_leases() {
    let mut ledger = Ledger::new();
    let old = ledger.grant(request("old").range(3000, 3000).held_by(7));
    let wish = |stale| request("web").range(3000, 3000).expand(4000, 4009).stale(stale);
    assert!(matches!(ledger.refusal(wish(Stale::Unknown)), Refusal::NoPort { .. }));
    assert_eq!(ledger.clone().port(wish(Stale::None)), 4000);
    assert_eq!(ledger.clean(&[process(7)], true), [old.id]);
    assert_eq!(ledger.clone().port(wish(Stale::None)), 4000, "unused numbers give way last");
    assert_eq!(ledger.port(wish(Stale::Ended)), 3000, "at once: nobody waits for a port that is wanted now");
    assert!(matches!(ledger.notes[..], [Note::ClaimTaken { .. }]), "{:?}", ledger.notes);
}

#[test]
fn the_expansion_serves_when_what_stale_leases_leave_is_not_enough() {
    let mut ledger = Ledger::new();
    ledger.listens(3000, stranger(50));
    let wish = request("web").range(3000, 3000).expand(4000, 4009).stale(Stale::Ended);
    assert_eq!(ledger.port(wish), 4000);
    assert_eq!(ledger.notes, [Note::Expanded { key: key("web"), to: range(4000, 4009) }]);
    let row = request("a").range(3000, 3000).expand(5000, 5009).and("b").range(3000, 3000).in_a_row();
    assert!(matches!(ledger.refusal(row.clone().stale(Stale::Unknown)), Refusal::NoBlock { .. }));
    assert_eq!(ledger.ports(row), [5000, 5001]);
}
