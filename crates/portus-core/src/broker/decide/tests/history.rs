//! A snapshot is only a shorter history, and a history leads to one ledger.

use super::rig::{HOUR, Ledger, secs};
use super::wish::{key, process, request, server, stranger};
use crate::broker::{Broker, Change, Command, LeaseState, Policy};
use crate::vocabulary::{Admit, Claim, EndReason, LeaseId, Moment, Protocol, QuarantineUntil, Timestamp};

/// A ledger with something of everything in it.
fn eventful() -> Ledger {
    let mut ledger = Ledger::new();
    ledger.grants(request("a").held_by(10).guarded(Admit::Nobody).and("b").and_number("c"));
    ledger.comes_up(20_000, server(12).under(10));
    let orphan = ledger.grant(request("orphan").held_by(11));
    ledger.exits(process(11), &[(orphan.id, &[process(13)])]);
    let freed = ledger.grant(request("freed").ttl(HOUR));
    ledger.release(freed.id).unwrap();
    let again = ledger.grant(request("again"));
    ledger.release(again.id).unwrap();
    ledger.grant(request("again"));
    let contested = ledger.grant(request("contested").protocol(Protocol::Both));
    ledger.comes_up(contested.port, stranger(50));
    let lapsing = ledger.grant(request("lapsing"));
    ledger.comes_up(lapsing.port, server(14));
    ledger.exits(process(14), &[]);
    ledger.quarantine(4000, QuarantineUntil::Reboot);
    ledger.pin("c", None);
    ledger.sweep(&["/shop"]);
    ledger
}

fn again(ledger: &Ledger) -> Ledger {
    let mut again = ledger.clone();
    again.broker = Broker::from_history(Policy::default(), ledger.broker.as_history());
    again
}

#[test]
fn a_ledger_made_from_its_snapshot_answers_the_same() {
    let mut ledger = eventful();
    let mut again = again(&ledger);
    for step in 0..40_u64 {
        for ledger in [&mut ledger, &mut again] {
            match step % 5 {
                0 => drop(ledger.ask(request("freed").preferred(20_004))),
                1 => drop(ledger.ask(request(&format!("new{step}")).and("freed"))),
                2 => ledger.pass_and_tick(secs(step)),
                3 => ledger.exits(process(10 + u32::try_from(step % 4).unwrap()), &[]),
                _ => ledger.sweep(&[]),
            }
        }
        assert_eq!((&ledger.changes, &ledger.notes), (&again.changes, &again.notes), "step {step}");
        assert_eq!(ledger.broker.as_history(), again.broker.as_history(), "step {step}");
    }
}

#[test]
fn the_whole_history_leads_to_the_same_ledger() {
    let ledger = eventful();
    let replayed = Broker::from_history(Policy::default(), ledger.history.clone());
    assert_eq!(replayed.as_history(), ledger.broker.as_history());
    assert!(replayed.as_history().len() < ledger.history.len());
}

#[test]
fn a_snapshot_never_gives_a_number_out_again() {
    let mut ledger = Ledger::with(Policy { history_max: 0, ..Policy::default() });
    let web = ledger.grant(request("web"));
    ledger.release(web.id).unwrap();
    assert_eq!(ledger.broker.lease(web.id), None);
    let mut again = ledger.clone();
    again.broker = Broker::from_history(ledger.broker.policy().clone(), ledger.broker.as_history());
    assert_eq!(again.grant(request("web")).id, LeaseId(2));
}

#[test]
fn only_so_many_ended_leases_are_remembered() {
    let mut ledger = Ledger::with(Policy { history_max: 3, ..Policy::default() });
    for _ in 0..5 {
        let web = ledger.grant(request("web"));
        ledger.release(web.id).unwrap();
    }
    let remembered: Vec<u64> = ledger.broker.ended_leases().map(|lease| lease.id.0).collect();
    assert_eq!(remembered, [3, 4, 5]);
}

#[test]
fn the_end_of_an_old_lease_is_remembered_before_newer_leases_that_ended_earlier() {
    let mut ledger = Ledger::with(Policy { history_max: 2, ..Policy::default() });
    let old = ledger.grant(request("old"));
    for service in ["b", "c", "d"] {
        let lease = ledger.grant(request(service));
        ledger.release(lease.id).unwrap();
        ledger.pass(secs(1));
    }
    // Even when the wall clock was set back meanwhile.
    ledger.now.wall = Timestamp(ledger.now.wall.0 - 10_000);
    ledger.release(old.id).unwrap();
    assert_eq!(ledger.end(old.id), Some(EndReason::Released));
    assert!(ledger.broker.cooling_on(super::wish::port(old.port)).is_some(), "and its port is kept for its key");
    let remembered: Vec<u64> = ledger.broker.ended_leases().map(|lease| lease.id.0).collect();
    assert_eq!(remembered, [1, 4]);
}

#[test]
fn a_cool_down_outlives_a_snapshot_and_a_new_lease_of_the_port_does_too() {
    let mut ledger = Ledger::new();
    let first = ledger.grant(request("web"));
    ledger.release(first.id).unwrap();
    ledger.forget("web");
    let mut cooled = again(&ledger);
    assert_eq!(cooled.port(request("api")), 20_001);
    let second = ledger.grant(request("web"));
    let mut leased = again(&ledger);
    assert_eq!(leased.lease(second.id), ledger.lease(second.id));
    leased.release(second.id).unwrap();
    ledger.release(second.id).unwrap();
    assert_eq!(leased.broker.as_history(), ledger.broker.as_history());
}

#[test]
fn every_change_can_be_applied_to_every_ledger() {
    let eventful = eventful();
    let mut changes = eventful.history.clone();
    changes.extend(eventful.broker.as_history());
    for lease in [LeaseId(0), LeaseId(1), LeaseId(99)] {
        changes.push(Change::Detached { lease, process: process(1) });
        changes.push(Change::Lapsed { lease, until: Some(Timestamp(1)) });
        changes.push(Change::Orphaned { lease, until: Timestamp(u64::MAX) });
        let (reason, at, cool_until) = (EndReason::Lapsed, eventful.now, Timestamp(u64::MAX));
        changes.push(Change::Ended { lease, reason, at, cool_until });
        changes.push(Change::Ended { lease, reason, at, cool_until });
    }
    let mut backwards = Broker::new(Policy::default());
    changes.iter().rev().for_each(|change| backwards.evolve(change));
    let mut twice = Broker::new(Policy::default());
    changes.iter().chain(&changes).for_each(|change| twice.evolve(change));
}

#[test]
fn a_number_claimed_by_two_is_the_later_one_s() {
    let mut broker = Broker::new(Policy::default());
    let claim = |service: &str| Change::Claimed {
        claim: Claim {
            key: key(service),
            port: super::wish::port(3000),
            protocol: Protocol::Tcp,
            pinned: false,
            last_used: Timestamp(0),
            missing_since: None,
        },
    };
    broker.evolve(&claim("web"));
    broker.evolve(&claim("api"));
    assert_eq!(broker.claims().map(|claim| claim.key.clone()).collect::<Vec<_>>(), [key("api")]);
    super::check::consistent(&broker);
}

#[test]
fn recovery_says_again_what_must_be_true_of_the_world() {
    let mut ledger = eventful();
    let mut recovered = again(&ledger);
    assert_eq!(recovered.broker.standing_effects(), ledger.broker.standing_effects());
    assert!(!ledger.broker.standing_effects().is_empty());
    recovered.send(Command::Boot { boot: super::wish::BOOT }).unwrap();
    assert_eq!(recovered.changes, []);
    ledger.tick();
}

#[test]
fn a_snapshot_tells_of_a_cool_down_once() {
    let mut ledger = Ledger::new();
    for _ in 0..3 {
        let web = ledger.grant(request("web"));
        ledger.release(web.id).unwrap();
    }
    let told = ledger.broker.as_history();
    let cooling = |change: &&Change| matches!(change, Change::Granted { cool_until: Some(_), .. });
    assert_eq!(told.iter().filter(cooling).count(), 1);
}

#[test]
fn the_end_of_a_lease_that_is_told_twice_is_remembered_once() {
    let mut ledger = Ledger::new();
    let web = ledger.grant(request("web"));
    ledger.release(web.id).unwrap();
    let ended = ledger.lease(web.id).clone();
    let mut later = ended.clone();
    later.state = LeaseState::Ended { reason: EndReason::Released, at: Moment { wall: Timestamp(5), ..ledger.now } };
    for lease in [ended.clone(), later, ended] {
        ledger.broker.evolve(&Change::Granted { lease: Box::new(lease), cool_until: None });
        super::check::consistent(&ledger.broker);
    }
}
