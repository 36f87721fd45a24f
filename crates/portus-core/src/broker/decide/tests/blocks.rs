//! Ports in a row.

use super::rig::{Ledger, secs};
use super::wish::{Wish, key, port, range, request, server, stranger};
use crate::broker::{Note, Reasons, Refusal, Why};
use crate::vocabulary::{Admit, EndReason};

fn row_of(count: usize) -> Wish {
    (2..=count).fold(request("web"), |wish, place| wish.and(&format!("web.{place}"))).in_a_row()
}

/// The first ask decides where is looked.
fn row_with(count: usize, first: impl FnOnce(Wish) -> Wish) -> Wish {
    (2..=count).fold(first(request("web")), |wish, place| wish.and(&format!("web.{place}"))).in_a_row()
}

#[test]
fn the_first_row_that_fits_is_taken() {
    let mut ledger = Ledger::new();
    ledger.listens(20_001, stranger(50));
    ledger.grant(request("other").preferred(20_004));
    assert_eq!(ledger.ports(row_of(3)), [20_005, 20_006, 20_007]);
    assert_eq!(ledger.port(request("single")), 20_000);
}

#[test]
fn a_row_starts_at_the_hash_and_stays_in_its_range() {
    let mut ledger = Ledger::new();
    let wish = || row_with(3, |wish| wish.range(3000, 3009).spread(8));
    assert_eq!(ledger.ports(wish()), [3000, 3001, 3002], "3008 and 3009 are followed by nothing of the range");
    let mut ledger = Ledger::new();
    assert_eq!(ledger.ports(row_with(3, |wish| wish.pool(3000, 3009).spread(7))), [3007, 3008, 3009]);
    let mut ledger = Ledger::new();
    let wish = row_with(3, |wish| wish.pool(3000, 3009).spread(8));
    assert_eq!(ledger.ports(wish), [3000, 3001, 3002], "the pool has an end, too");
    let mut ledger = Ledger::new();
    let at_the_end = row_with(3, |wish| wish.pool(65_530, 65_535).spread(4));
    assert_eq!(ledger.ports(at_the_end), [65_530, 65_531, 65_532]);
}

#[test]
fn a_row_asked_for_again_is_kept() {
    let mut ledger = Ledger::new();
    let first = ledger.grants(row_of(3));
    let again = ledger.grants(row_of(3));
    assert!(again.iter().all(|grant| grant.reused));
    assert!(first.iter().zip(&again).all(|(one, other)| (one.id, one.port) == (other.id, other.port)));
    assert_eq!(ledger.changes, []);
    assert_eq!(ledger.ports(row_with(3, |wish| wish.preferred(3000))), [20_000, 20_001, 20_002]);
    assert_eq!(ledger.notes, [Note::KeptOther { key: key("web"), preferred: port(3000) }]);
}

#[test]
fn a_row_keeps_its_numbers_after_a_release() {
    let mut ledger = Ledger::new();
    let wish = || row_with(3, |wish| wish.spread(500));
    let first = ledger.grants(wish());
    for grant in first {
        ledger.release(grant.id).unwrap();
    }
    assert_eq!(ledger.ports(row_of(3)), [20_500, 20_501, 20_502]);
    assert_eq!(ledger.notes, []);
}

#[test]
fn a_row_may_grow() {
    let mut ledger = Ledger::new();
    let first = ledger.grants(row_of(2));
    let grown = ledger.grants(row_of(3));
    assert_eq!(
        grown.iter().map(|grant| (grant.port, grant.reused)).collect::<Vec<_>>(),
        [(20_000, true), (20_001, true), (20_002, false)]
    );
    assert_eq!(grown[0].id, first[0].id);
}

#[test]
fn a_row_that_cannot_grow_in_place_moves_while_nothing_is_up() {
    let mut ledger = Ledger::new();
    let first = ledger.grants(row_of(2));
    ledger.grant(request("wall").preferred(20_002));
    assert_eq!(ledger.ports(row_of(3)), [20_003, 20_004, 20_005]);
    assert!(first.iter().all(|grant| ledger.end(grant.id) == Some(EndReason::Replaced)));
}

#[test]
fn a_row_moves_no_server() {
    let mut ledger = Ledger::new();
    let first = ledger.grants(row_of(2));
    ledger.comes_up(20_001, server(10).cwd("/shop"));
    let grown = ledger.grants(row_of(3));
    assert_eq!(grown[1].id, first[1].id);
    assert_eq!(grown.iter().map(|grant| grant.port).collect::<Vec<_>>(), [20_000, 20_001, 20_002]);
    ledger.grant(request("wall").preferred(20_003));
    assert_eq!(ledger.refusal(row_of(4)), Refusal::AlreadyRunning { lease: first[1].id });

    let mut ledger = Ledger::new();
    let alone = ledger.grant(request("web.2").preferred(3001));
    ledger.comes_up(3001, server(10).cwd("/shop"));
    let row = ledger.grants(row_with(3, |wish| wish.preferred(4000)));
    assert_eq!(row.iter().map(|grant| grant.port).collect::<Vec<_>>(), [3000, 3001, 3002], "the row forms around it");
    assert_eq!(row[1].id, alone.id);
}

#[test]
fn a_row_is_adopted_whole() {
    let mut ledger = Ledger::new();
    let first = ledger.grants(row_of(2));
    let held = ledger.grants(row_of(2).held_by(10).guarded(Admit::Nobody));
    assert!(held.iter().zip(&first).all(|(held, first)| held.id == first.id && held.reused));
    assert!(ledger.broker.live_leases().all(|lease| lease.guard == Some(Admit::Nobody)));
    assert_eq!(ledger.refusal(row_of(2).held_by(11)), Refusal::AlreadyRunning { lease: first[0].id });
}

#[test]
fn a_preferred_row_comes_first_and_what_spoils_it_is_noted() {
    let mut ledger = Ledger::new();
    let wish = || row_with(3, |wish| wish.preferred(3000));
    assert_eq!(ledger.clone().ports(wish()), [3000, 3001, 3002]);
    ledger.listens(3002, stranger(50));
    assert_eq!(ledger.ports(wish()), [20_000, 20_001, 20_002]);
    assert_eq!(ledger.notes, [Note::PreferredUnavailable { key: key("web.3"), port: port(3002), why: Why::Taken }]);
}

#[test]
fn a_row_whose_former_place_is_gone_notes_it_for_the_service_that_decides_where_it_lies() {
    let mut ledger = Ledger::new();
    let leases = ledger.grants(row_of(2));
    leases.iter().for_each(|grant| drop(ledger.release(grant.id).unwrap()));
    let first_taken = &mut ledger.clone();
    first_taken.listens(20_000, stranger(50));
    assert_eq!(first_taken.ports(row_of(2)), [20_002, 20_003], "20001 is the number of web.2");
    assert_eq!(first_taken.notes, [Note::ClaimUnavailable { key: key("web"), port: port(20_000), why: Why::Taken }]);
    let second_taken = &mut ledger;
    second_taken.listens(20_001, stranger(50));
    assert_eq!(second_taken.ports(row_of(2)), [20_002, 20_003]);
    assert_eq!(second_taken.notes, [], "web's own place is free");
}

#[test]
fn a_former_place_that_is_the_preferred_one_is_tried_and_noted_once() {
    let mut ledger = Ledger::new();
    let wish = || row_with(2, |wish| wish.preferred(3000));
    let leases = ledger.grants(wish());
    leases.iter().for_each(|grant| drop(ledger.release(grant.id).unwrap()));
    ledger.listens(3000, stranger(50));
    assert_eq!(ledger.ports(wish()), [20_000, 20_001]);
    assert_eq!(ledger.notes, [Note::PreferredUnavailable { key: key("web"), port: port(3000), why: Why::Taken }]);
}

#[test]
fn a_strict_row_starts_there_or_nowhere() {
    let mut ledger = Ledger::new();
    let wish = || row_with(3, |wish| wish.preferred(3000).strict());
    assert_eq!(ledger.clone().ports(wish()), [3000, 3001, 3002]);
    ledger.listens(3001, stranger(50));
    let refusal = Refusal::PortUnavailable { key: key("web.2"), port: port(3001), why: Why::Taken };
    assert_eq!(ledger.refusal(wish()), refusal);
}

#[test]
fn a_strict_member_holds_the_row_to_its_port() {
    let mut ledger = Ledger::new();
    let wish = || request("web").range(3000, 3009).and("web.2").preferred(3005).strict().in_a_row();
    assert_eq!(ledger.clone().ports(wish()), [3004, 3005]);
    ledger.listens(3004, stranger(50));
    assert!(matches!(ledger.refusal(wish()), Refusal::NoBlock { count: 2, .. }));
}

#[test]
fn a_strict_row_takes_over_unused_numbers() {
    let mut ledger = Ledger::new();
    let old = ledger.grant(request("old").preferred(3001));
    ledger.release(old.id).unwrap();
    ledger.pass(secs(60));
    let wish = request("web").preferred(3000).strict().and("web.2").preferred(3001).strict().in_a_row();
    assert_eq!(ledger.ports(wish), [3000, 3001]);
    assert_eq!(ledger.notes, [Note::ClaimTaken { from: key("old"), port: port(3001) }]);
}

#[test]
fn a_row_follows_its_first_out_of_the_range_but_no_member_out_of_its_own() {
    let mut ledger = Ledger::new();
    let wish = || request("web").preferred(5000).range(3000, 3009).and("web.2").range(3000, 3009).in_a_row();
    assert_eq!(ledger.clone().ports(wish()), [5000, 5001], "the range is where to look otherwise");
    ledger.grants(wish());
    ledger.grants(wish());
    assert_eq!(ledger.changes, []);

    let mut ledger = Ledger::new();
    let wish = || request("web").range(3000, 3009).and("web.2").range(3005, 3005).in_a_row();
    assert_eq!(ledger.ports(wish()), [3004, 3005]);
    ledger.grants(wish());
    assert_eq!(ledger.changes, []);
}

#[test]
fn a_row_falls_back_and_says_so() {
    let mut ledger = Ledger::new();
    ledger.listens(3001, stranger(50));
    let wish = || row_with(2, |wish| wish.range(3000, 3002).fallback(4000, 4001).expand(5000, 5009));
    assert_eq!(ledger.clone().ports(row_with(1, |wish| wish.range(3000, 3002))), [3000]);
    ledger.listens(3002, stranger(51));
    assert_eq!(ledger.ports(wish()), [4000, 4001]);
    assert_eq!(ledger.notes, [Note::FellBack { key: key("web"), to: range(4000, 4001) }]);
}

#[test]
fn where_no_row_fits_the_refusal_counts_the_reasons() {
    let mut ledger = Ledger::new();
    ledger.listens(3001, stranger(50));
    ledger.grant(request("other").preferred(3003));
    let wish = row_with(2, |wish| wish.range(3000, 3004));
    let reasons = Reasons { leased: 1, taken: 1, ..Reasons::default() };
    let refusal = Refusal::NoBlock { key: key("web"), count: 2, ranges: vec![range(3000, 3004)], reasons };
    assert_eq!(ledger.refusal(wish), refusal);
}

#[test]
fn siblings_stand_outside_the_row() {
    let mut ledger = Ledger::new();
    let wish = request("web").and_number("api").and("web.2").in_a_row();
    assert_eq!(ledger.ports(wish), [20_000, 20_001]);
    assert_eq!(ledger.broker.claim_of(&key("api")).unwrap().port, port(20_002));
}

#[test]
fn one_port_is_a_row_of_its_own() {
    let mut ledger = Ledger::new();
    assert_eq!(ledger.ports(row_of(1)), [20_000]);
    assert_eq!(ledger.ports(row_of(1)), [20_000]);
}

#[test]
fn servers_that_stand_apart_make_no_row() {
    let mut ledger = Ledger::new();
    let first = ledger.grant(request("web").preferred(3000));
    ledger.grant(request("web.2").preferred(3005));
    [3000, 3005].iter().for_each(|number| ledger.comes_up(*number, server(u32::from(*number)).cwd("/shop")));
    assert_eq!(ledger.refusal(row_of(2)), Refusal::AlreadyRunning { lease: first.id });
}

#[test]
fn a_row_moves_for_its_own_holder() {
    let mut ledger = Ledger::new();
    ledger.grants(row_of(2).held_by(10));
    ledger.grant(request("wall").preferred(20_002));
    assert_eq!(ledger.ports(row_of(3).held_by(10)), [20_003, 20_004, 20_005]);
    let held = ledger.broker.lease_of(&key("web")).unwrap().id;
    ledger.grant(request("wall.2").preferred(20_006));
    assert_eq!(ledger.refusal(row_of(4)), Refusal::AlreadyRunning { lease: held }, "but for nobody else");
}

#[test]
fn a_row_that_cannot_be_is_not_looked_at() {
    let mut ledger = Ledger::new();
    ledger.grant(request("wall").preferred(20_001));
    assert_eq!(ledger.ports(row_of(2)), [20_002, 20_003]);
    assert_eq!(ledger.looked_at, [20_002, 20_003]);
}

#[test]
fn a_row_of_one_is_an_ask_like_any_other() {
    let mut ledger = Ledger::new();
    ledger.listens(3000, stranger(50));
    let alone = || request("web").range(3000, 3000);
    assert!(matches!(ledger.refusal(alone()), Refusal::NoPort { .. }));
    assert_eq!(ledger.refusal(alone().in_a_row()), ledger.refusal(alone()));
}
