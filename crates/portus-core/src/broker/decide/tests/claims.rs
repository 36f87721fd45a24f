//! The sticky numbers: pressure, pins, forgetting, and their end by disuse.

use super::rig::{HOUR, Ledger, secs};
use super::wish::{key, key_in, port, range, request, stranger};
use crate::broker::{Answer, Change, Command, Note, Reasons, Refusal, Why};
use crate::vocabulary::{ClaimEnd, Protocol, QuarantineUntil, Span, Timestamp};

const DAY: Span = Span::from_days(1);

/// Uses 3000, 3001, 3002 one after the other, an hour apart, and lets their cool-downs pass.
fn three_unused_numbers() -> Ledger {
    let mut ledger = Ledger::new();
    for service in ["old", "middle", "young"] {
        let grant = ledger.grant(request(service).range(3000, 3002));
        ledger.release(grant.id).unwrap();
        ledger.pass(HOUR);
    }
    ledger
}

fn pressing() -> super::wish::Wish {
    request("web").range(3000, 3002)
}

#[test]
fn under_pressure_the_number_unused_for_longest_gives_way() {
    let mut ledger = three_unused_numbers();
    assert_eq!(ledger.port(pressing()), 3000);
    assert_eq!(ledger.notes, [Note::ClaimTaken { from: key("old"), port: port(3000) }]);
    assert_eq!(ledger.changes[0], Change::Unclaimed { key: key("old"), reason: ClaimEnd::Pressure });
    assert_eq!(ledger.broker.claim_on(port(3000)).unwrap().key, key("web"));
}

#[test]
fn use_keeps_a_number_young() {
    let mut ledger = three_unused_numbers();
    let old = ledger.grant(request("old"));
    ledger.pass(HOUR);
    ledger.release(old.id).unwrap();
    ledger.pass(HOUR);
    assert_eq!(ledger.port(pressing()), 3001);
}

#[test]
fn pinned_leased_cooling_and_taken_numbers_never_give_way() {
    let mut ledger = three_unused_numbers();
    ledger.pin("old", None);
    assert_eq!(ledger.clone().port(pressing()), 3001);
    ledger.grant(request("middle"));
    assert_eq!(ledger.clone().port(pressing()), 3002);
    ledger.listens(3002, stranger(50));
    let reasons = Reasons { leased: 1, claimed: 2, ..Reasons::default() };
    let refusal = |ledger: &mut Ledger| match ledger.refusal(pressing()) {
        Refusal::NoPort { reasons, .. } => reasons,
        other => panic!("{other:?}"),
    };
    assert_eq!(refusal(&mut ledger), reasons);
    ledger.falls_silent(3002);
    let young = ledger.grant(request("young"));
    ledger.release(young.id).unwrap();
    assert_eq!(refusal(&mut ledger), reasons, "just used is as good as in use");
    ledger.pass(secs(60));
    assert_eq!(ledger.port(pressing()), 3002);
}

#[test]
fn fallback_and_expansion_come_before_pressure() {
    let mut ledger = three_unused_numbers();
    assert_eq!(ledger.clone().port(pressing().fallback(4000, 4000)), 4000);
    assert_eq!(ledger.port(pressing().expand(4000, 4000)), 4000);
    assert_eq!(ledger.notes, [Note::Expanded { key: key("web"), to: range(4000, 4000) }]);
}

#[test]
fn pressure_reaches_no_further_than_the_ask() {
    let mut ledger = three_unused_numbers();
    ledger.listens(3100, stranger(50));
    assert!(matches!(ledger.refusal(request("web").range(3100, 3100)), Refusal::NoPort { .. }));
    assert_eq!(ledger.port(pressing().without(3000, 3000)), 3001);
}

#[test]
fn a_group_under_pressure_takes_a_number_for_each_and_none_of_its_own() {
    let mut ledger = three_unused_numbers();
    let wish = request("web").range(3000, 3002).and("old").range(3000, 3002).and("api").range(3000, 3002);
    assert_eq!(ledger.ports(wish), [3001, 3000, 3002], "who asks keeps its number");
}

#[test]
fn a_pinned_number_is_kept_through_grants_elsewhere() {
    let mut ledger = Ledger::new();
    let web = ledger.grant(request("web").preferred(3000));
    ledger.pin("web", None);
    ledger.release(web.id).unwrap();
    ledger.listens(3000, stranger(50));
    assert_eq!(ledger.port(request("web")), 20_000);
    let claim = ledger.broker.claim_of(&key("web")).unwrap();
    assert_eq!((claim.port, claim.pinned), (port(3000), true), "a pin says that this is its number");
    ledger.unpin("web");
    assert!(!ledger.broker.claim_of(&key("web")).unwrap().pinned);
    ledger.unpin("web");
    assert_eq!(ledger.changes, []);
}

#[test]
fn a_pin_stays_a_pin_when_used() {
    let mut ledger = Ledger::new();
    ledger.try_pin(key("web"), Some(3000), true).unwrap();
    assert_eq!(ledger.port(request("web")), 3000);
    let claim = ledger.broker.claim_of(&key("web")).unwrap();
    assert_eq!((claim.pinned, claim.last_used), (true, ledger.now.wall));
}

#[test]
fn pinning_names_a_number_or_keeps_the_one_there_is() {
    let mut ledger = Ledger::new();
    let nothing = Err(Refusal::NoSuchClaim { key: key("web") });
    assert_eq!(ledger.try_pin(key("web"), None, true), nothing);
    assert_eq!(ledger.try_pin(key("web"), None, false), nothing);
    assert_eq!(ledger.try_pin(key("web"), Some(3000), true), Ok(Answer::Claims(vec![key("web")])));
    ledger.pin("web", Some(3000));
    assert_eq!(ledger.changes, []);
    ledger.pin("web", Some(3001));
    assert_eq!(ledger.broker.claim_on(port(3000)), None);
    assert_eq!(ledger.broker.claim_of(&key("web")).unwrap().port, port(3001));
}

#[test]
fn a_pin_takes_over_an_unused_number_and_nothing_else() {
    let mut ledger = three_unused_numbers();
    ledger.pin("web", Some(3000));
    assert_eq!(ledger.changes[0], Change::Unclaimed { key: key("old"), reason: ClaimEnd::TakenOver });
    let young = ledger.grant(request("young"));
    ledger.quarantine(3003, QuarantineUntil::Revived);
    for (number, why) in [
        (3000, Why::Claimed { by: key("web"), pinned: true }),
        (3002, Why::Leased { lease: young.id, by: key("young") }),
        (3003, Why::Quarantined { reason: "for a test".into() }),
        (6000, Why::Excluded),
    ] {
        let refusal = Refusal::PortUnavailable { key: key("api"), port: port(number), why };
        assert_eq!(ledger.try_pin(key("api"), Some(number), true), Err(refusal));
    }
    let unpinned = Refusal::PortUnavailable {
        key: key("api"),
        port: port(3001),
        why: Why::Claimed { by: key("middle"), pinned: false },
    };
    assert_eq!(ledger.try_pin(key("api"), Some(3001), false), Err(unpinned), "a number not to be kept takes none over");
}

#[test]
fn a_pin_remembers_what_the_number_is_for() {
    let mut ledger = Ledger::new();
    ledger.grant(request("dns").protocol(Protocol::Udp));
    ledger.pin("dns", None);
    assert_eq!(ledger.broker.claim_of(&key("dns")).unwrap().protocol, Protocol::Udp);
}

#[test]
fn forgetting_is_all_or_nothing_and_spares_no_pin() {
    let mut ledger = three_unused_numbers();
    ledger.pin("old", None);
    let forget = |services: &[&str]| Command::Forget { keys: services.iter().map(|one| key(one)).collect() };
    assert_eq!(ledger.send(forget(&["old", "new"])), Err(Refusal::NoSuchClaim { key: key("new") }));
    let answer = ledger.send(forget(&["old", "middle", "old"]));
    assert_eq!(answer, Ok(Answer::Claims(vec![key("middle"), key("old")])));
    assert!(
        ledger.changes.iter().all(|change| matches!(change, Change::Unclaimed { reason: ClaimEnd::Forgotten, .. }))
    );
    assert_eq!(ledger.broker.claims().len(), 1);
}

#[test]
fn forgetting_ends_no_lease() {
    let mut ledger = Ledger::new();
    let web = ledger.grant(request("web"));
    ledger.forget("web");
    assert_eq!(ledger.grant(request("web")).id, web.id);
    ledger.try_pin(key("api"), Some(20_000), true).unwrap_err();
}

#[test]
fn a_missing_worktree_loses_its_numbers_after_seven_days() {
    let mut ledger = three_unused_numbers();
    ledger.sweep(&["/shop"]);
    let since = Some(ledger.now.wall);
    assert_eq!(ledger.changes, [Change::Missing { worktree: "/shop".into(), since }], "one for all its services");
    assert!(ledger.broker.claims().all(|claim| claim.missing_since == since));
    ledger.pass(Span(7 * DAY.0 - 1));
    ledger.sweep(&["/shop"]);
    assert_eq!(ledger.changes, []);
    ledger.pass(Span(1));
    ledger.sweep(&["/shop"]);
    assert_eq!(ledger.changes.len(), 3);
    let gone = |change: &Change| matches!(change, Change::Unclaimed { reason: ClaimEnd::WorktreeGone, .. });
    assert!(ledger.changes.iter().all(gone));
    assert_eq!(ledger.broker.claims().len(), 0);
}

#[test]
fn a_worktree_that_is_back_starts_afresh() {
    let mut ledger = three_unused_numbers();
    ledger.sweep(&["/shop", "/unheard-of"]);
    ledger.pass(Span(6 * DAY.0));
    ledger.sweep(&[]);
    assert_eq!(ledger.changes, [Change::Missing { worktree: "/shop".into(), since: None }]);
    ledger.sweep(&[]);
    assert_eq!(ledger.changes, []);
    ledger.sweep(&["/shop"]);
    ledger.pass(Span(6 * DAY.0));
    ledger.sweep(&["/shop"]);
    assert_eq!(ledger.broker.claims().len(), 3);
}

#[test]
fn one_worktree_s_absence_is_no_other_s() {
    let mut ledger = Ledger::new();
    let grants = ledger.grants(request("web").and("web").of("/shop-2"));
    grants.iter().for_each(|grant| {
        let worktree = ledger.lease(grant.id).key.worktree.clone();
        let caller = crate::Caller { worktree, force: false };
        ledger.send(Command::Release { targets: vec![crate::Target::Lease(grant.id)], caller }).unwrap();
    });
    ledger.sweep(&["/shop-2"]);
    ledger.pass(Span(8 * DAY.0));
    ledger.sweep(&["/shop-2"]);
    assert_eq!(ledger.broker.claim_of(&key_in("/shop-2", "web")), None);
    assert!(ledger.broker.claim_of(&key("web")).is_some());
}

#[test]
fn numbers_unused_for_thirty_days_end() {
    let mut ledger = three_unused_numbers();
    // "old" was last used three hours ago, "young" one hour.
    ledger.pass(Span(30 * DAY.0 - 3 * HOUR.0));
    ledger.sweep(&[]);
    assert_eq!(ledger.changes, [Change::Unclaimed { key: key("old"), reason: ClaimEnd::Unused }]);
    ledger.pass(HOUR);
    ledger.sweep(&[]);
    assert_eq!(ledger.changes, [Change::Unclaimed { key: key("middle"), reason: ClaimEnd::Unused }]);
}

#[test]
fn what_is_in_use_or_pinned_outlasts_every_sweep() {
    let mut ledger = three_unused_numbers();
    ledger.pin("old", None);
    let young = ledger.grant(request("young").held_by(10));
    for missing in [&[][..], &["/shop"]] {
        ledger.pass(Span(31 * DAY.0));
        ledger.sweep(missing);
        ledger.pass(Span(8 * DAY.0));
        ledger.sweep(missing);
    }
    let left: Vec<_> = ledger.broker.claims().map(|claim| claim.key.clone()).collect();
    assert_eq!(left, [key("old"), key("young")]);
    ledger.release(young.id).unwrap();
    ledger.sweep(&[]);
    assert_eq!(ledger.broker.claims().len(), 2, "use counts until its end");
}

#[test]
fn a_wall_clock_that_leaps_back_ends_nothing() {
    let mut ledger = three_unused_numbers();
    ledger.sweep(&["/shop"]);
    ledger.now.wall = Timestamp(0);
    ledger.sweep(&["/shop"]);
    assert_eq!(ledger.changes, []);
    ledger.now.wall = Timestamp(1);
    ledger.sweep(&[]);
    assert_eq!(ledger.changes, [Change::Missing { worktree: "/shop".into(), since: None }]);
    assert_eq!(ledger.broker.claims().len(), 3);
}

#[test]
fn asking_from_a_missing_worktree_is_a_sign_of_life() {
    let mut ledger = Ledger::new();
    let web = ledger.grant(request("web"));
    ledger.release(web.id).unwrap();
    ledger.sweep(&["/shop"]);
    ledger.grant(request("web"));
    assert_eq!(ledger.broker.claim_of(&key("web")).unwrap().missing_since, None);
}

#[test]
fn a_number_is_used_by_a_lease_on_it_and_no_other() {
    let mut ledger = Ledger::new();
    let web = ledger.grant(request("web"));
    let granted = ledger.now.wall;
    ledger.pin("web", Some(3000));
    ledger.pass(HOUR);
    ledger.release(web.id).unwrap();
    assert_eq!(ledger.broker.claim_of(&key("web")).unwrap().last_used, granted);
    let on_it = ledger.grant(request("web"));
    ledger.pass(HOUR);
    ledger.release(on_it.id).unwrap();
    assert_eq!(ledger.broker.claim_of(&key("web")).unwrap().last_used, ledger.now.wall);
}
