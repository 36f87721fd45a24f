//! Several asks at once: all or nothing, and numbers for siblings.

use super::rig::{Grant, Ledger, secs};
use super::wish::{key, key_in, port, request, server, stranger};
use crate::broker::{Change, Note, Refusal, Why};
use crate::vocabulary::{ClaimEnd, LeaseId};

#[test]
fn a_group_is_granted_in_the_order_asked_for() {
    let mut ledger = Ledger::new();
    let grants = ledger.grants(request("web").preferred(3000).and("api").and("db").preferred(5432));
    let ids: Vec<u64> = grants.iter().map(|grant| grant.id.0).collect();
    let ports: Vec<u16> = grants.iter().map(|grant| grant.port).collect();
    assert_eq!((ids, ports), (vec![1, 2, 3], vec![3000, 20_000, 5432]));
}

#[test]
fn a_group_is_granted_whole_or_not_at_all() {
    let mut ledger = Ledger::new();
    ledger.listens(3000, stranger(50));
    for wish in [
        request("api").and("web").preferred(3000).strict(),
        request("web").preferred(3000).strict().and("api"),
        request("api").and("web").range(3000, 3000),
    ] {
        ledger.refusal(wish);
        assert_eq!(ledger.broker.live_leases().len(), 0);
        assert_eq!(ledger.broker.claims().len(), 0);
    }
}

#[test]
fn two_asks_of_a_group_never_get_one_port() {
    let mut ledger = Ledger::new();
    assert_eq!(ledger.ports(request("a").and("b").and("c")), [20_000, 20_001, 20_002]);
    assert_eq!(ledger.ports(request("d").preferred(3000).and("e").preferred(3000)), [3000, 20_003]);
    assert_eq!(ledger.notes, [Note::PreferredUnavailable { key: key("e"), port: port(3000), why: Why::Chosen }]);
    let refusal = ledger.refusal(request("f").preferred(4000).strict().and("g").preferred(4000).strict());
    assert_eq!(refusal, Refusal::PortUnavailable { key: key("g"), port: port(4000), why: Why::Chosen });
}

#[test]
fn asks_without_a_choice_are_served_before_those_with_one() {
    let mut ledger = Ledger::new();
    let ports = ledger.ports(request("web").and("api").preferred(20_000).strict());
    assert_eq!(ports, [20_001, 20_000]);
    let ports = ledger.ports(request("x").and_number("sibling").range(3000, 3000).and("y").range(3000, 3000));
    assert_eq!(ports, [20_002, 3000]);
    assert_eq!(ledger.notes, [Note::SiblingUnclaimed { key: key("sibling") }]);
}

#[test]
fn a_group_asked_for_again_is_the_same_and_may_grow() {
    let mut ledger = Ledger::new();
    let first = ledger.grants(request("web").and("api"));
    let again = ledger.grants(request("api").and("web").and("db"));
    assert_eq!(again[0], Grant { reused: true, ..first[1] });
    assert_eq!(again[1], Grant { reused: true, ..first[0] });
    assert_eq!(again[2], Grant { id: LeaseId(3), port: 20_002, reused: false });
}

#[test]
fn a_group_with_one_that_runs_elsewhere_is_refused_whole() {
    let mut ledger = Ledger::new();
    let web = ledger.grant(request("web").held_by(10));
    let refusal = ledger.refusal(request("api").and("web").held_by(11));
    assert_eq!(refusal, Refusal::AlreadyRunning { lease: web.id });
    assert_eq!(ledger.broker.live_leases().len(), 1);
}

#[test]
fn siblings_get_numbers_in_the_same_breath() {
    let mut ledger = Ledger::new();
    let ports = ledger.ports(request("web").and_number("api").preferred(4000).and_number("db"));
    assert_eq!(ports, [20_000], "a number is no lease");
    assert_eq!(ledger.broker.claim_of(&key("api")).unwrap().port, port(4000));
    assert_eq!(ledger.broker.claim_of(&key("db")).unwrap().port, port(20_001));
    ledger.grants(request("web").and_number("api").preferred(4444).and_number("db"));
    assert_eq!(ledger.changes, [], "a sibling that has a number keeps it");
    assert_eq!(ledger.port(request("api").preferred(4000)), 4000);
    assert_eq!(ledger.port(request("db")), 20_001);
}

#[test]
fn a_sibling_s_number_is_free_or_it_is_none() {
    let mut ledger = Ledger::new();
    ledger.listens(4000, stranger(50));
    ledger.grants(request("web").and_number("api").preferred(4000).range(4000, 4001));
    assert_eq!(ledger.broker.claim_of(&key("api")).unwrap().port, port(4001));
    assert_eq!(ledger.notes, [], "who asked for the lease did not ask for this");
}

#[test]
fn a_sibling_takes_no_number_from_anybody() {
    let mut ledger = Ledger::new();
    ledger.grant(request("web").of("/shop-2").preferred(3000).and_number("api").of("/shop-2").preferred(3001));
    for wish in
        [request("web").and_number("api").preferred(3001).strict(), request("web").and_number("api").range(3000, 3001)]
    {
        ledger.grants(wish);
        assert_eq!(ledger.notes, [Note::SiblingUnclaimed { key: key("api") }]);
        assert_eq!(ledger.broker.claim_on(port(3001)).unwrap().key, key_in("/shop-2", "api"));
    }
}

#[test]
fn a_sibling_whose_number_is_taken_over_gets_another_in_the_same_breath() {
    let mut ledger = Ledger::new();
    ledger.grant(request("web").and_number("api").preferred(4000));
    assert_eq!(ledger.ports(request("db").preferred(4000).strict().and_number("api")), [4000]);
    assert_eq!(ledger.notes, [Note::ClaimTaken { from: key("api"), port: port(4000) }]);
    assert!(ledger.changes.contains(&Change::Unclaimed { key: key("api"), reason: ClaimEnd::TakenOver }));
    assert_eq!(ledger.broker.claim_of(&key("api")).unwrap().port, port(20_001));
}

#[test]
fn a_group_may_share_out_its_own_former_numbers_anew() {
    let mut ledger = Ledger::new();
    let first = ledger.grants(request("web").preferred(3000).and("api").preferred(3001));
    first.iter().for_each(|grant| {
        ledger.release(grant.id).unwrap();
    });
    ledger.pass(secs(60));
    let swapped = request("web").preferred(3001).strict().and("api").preferred(3000).strict();
    assert_eq!(ledger.ports(swapped), [3001, 3000]);
    assert_eq!(ledger.broker.claim_of(&key("web")).unwrap().port, port(3001));
    assert_eq!(ledger.broker.claim_of(&key("api")).unwrap().port, port(3000));
}

#[test]
fn a_sibling_that_serves_without_a_number_is_left_alone() {
    let mut ledger = Ledger::new();
    let api = ledger.grant(request("api"));
    ledger.comes_up(20_000, server(10));
    ledger.forget("api");
    ledger.grants(request("web").and_number("api"));
    assert_eq!(ledger.broker.claim_of(&key("api")), None);
    assert_eq!(ledger.lease(api.id).port, port(20_000));
}
