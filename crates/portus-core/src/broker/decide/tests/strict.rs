//! `--strict`: that one port or none.

use super::rig::{HOUR, Ledger, secs};
use super::wish::{key, key_in, port, request, server, stranger};
use crate::broker::{Change, Note, Refusal, Why};
use crate::vocabulary::{ClaimEnd, EndReason, LeaseId, QuarantineUntil};

fn unavailable(number: u16, why: Why) -> Refusal {
    Refusal::PortUnavailable { key: key("web"), port: port(number), why }
}

#[test]
fn strict_gives_that_port_or_says_why_not() {
    let mut ledger = Ledger::new();
    let other = ledger.grant(request("api").preferred(3000));
    ledger.listens(3001, stranger(50));
    ledger.quarantine(3002, QuarantineUntil::Revived);
    ledger.grant(request("api").and_number("worker").preferred(3003));
    ledger.pin("worker", None);
    ledger.forbid(80);
    for (number, why) in [
        (3000, Why::Leased { lease: other.id, by: key("api") }),
        (3001, Why::Taken),
        (3002, Why::Quarantined { reason: "for a test".into() }),
        (3003, Why::Claimed { by: key("worker"), pinned: true }),
        (80, Why::Forbidden),
        (6000, Why::Excluded),
    ] {
        let wish = || request("web").preferred(number).strict();
        assert_eq!(ledger.refusal(wish()), unavailable(number, why.clone()));
        let other_places = wish().range(4000, 4001).fallback(5000, 5001).expand(20_000, 20_001);
        assert_eq!(ledger.refusal(other_places), unavailable(number, why), "no other place will do");
    }
    assert_eq!(
        ledger.refusal(request("web").preferred(3005).strict().without(3005, 3005)),
        unavailable(3005, Why::Excluded)
    );
    assert_eq!(ledger.port(request("web").preferred(3005).strict()), 3005);
}

#[test]
fn strict_takes_over_an_unused_number_and_says_so() {
    let mut ledger = Ledger::new();
    let first = ledger.grant(request("web").of("/shop-2").preferred(3000));
    ledger.release(first.id).unwrap();
    ledger.pass(secs(60));
    assert_eq!(ledger.port(request("web").preferred(3000)), 20_000, "a mere preference takes nothing over");
    assert_eq!(ledger.port(request("web").preferred(3000).strict()), 3000);
    let gave_up = Note::GaveUp { key: key("web"), port: port(20_000) };
    assert_eq!(ledger.notes, [Note::ClaimTaken { from: key_in("/shop-2", "web"), port: port(3000) }, gave_up]);
    let taken = Change::Unclaimed { key: key_in("/shop-2", "web"), reason: ClaimEnd::TakenOver };
    assert!(ledger.changes.contains(&taken));
    assert_eq!(ledger.broker.claim_of(&key_in("/shop-2", "web")), None);
    assert_eq!(ledger.broker.claim_on(port(3000)).unwrap().key, key("web"));
}

#[test]
fn strict_never_takes_over_what_is_in_use_or_pinned() {
    let mut ledger = Ledger::new();
    let first = ledger.grant(request("api").preferred(3000));
    let wish = || request("web").preferred(3000).strict();
    let leased = Why::Leased { lease: first.id, by: key("api") };
    assert_eq!(ledger.refusal(wish()), unavailable(3000, leased));
    ledger.pin("api", None);
    ledger.release(first.id).unwrap();
    let pinned = Why::Claimed { by: key("api"), pinned: true };
    assert_eq!(ledger.refusal(wish()), unavailable(3000, pinned.clone()), "waiting for the cool-down would not help");
    ledger.pass(HOUR);
    assert_eq!(ledger.refusal(wish()), unavailable(3000, pinned));
}

#[test]
fn strict_waits_for_the_cool_down_unless_it_stood_in_line() {
    let mut ledger = Ledger::new();
    let first = ledger.grant(request("api").preferred(3000));
    ledger.release(first.id).unwrap();
    let wish = || request("web").preferred(3000).strict();
    assert_eq!(ledger.refusal(wish()), unavailable(3000, Why::Cooling { remaining: secs(60) }));
    ledger.pass(secs(59));
    assert_eq!(ledger.refusal(wish()), unavailable(3000, Why::Cooling { remaining: secs(1) }));
    assert_eq!(ledger.clone().port(wish().queued()), 3000);
    ledger.pass(secs(1));
    assert_eq!(ledger.port(wish()), 3000);
}

#[test]
fn standing_in_line_helps_against_nothing_else() {
    let mut ledger = Ledger::new();
    let other = ledger.grant(request("api").preferred(3000));
    let wish = || request("web").preferred(3000).strict().queued();
    assert_eq!(ledger.refusal(wish()), unavailable(3000, Why::Leased { lease: other.id, by: key("api") }));
    ledger.pin("api", None);
    ledger.release(other.id).unwrap();
    assert_eq!(ledger.refusal(wish()), unavailable(3000, Why::Claimed { by: key("api"), pinned: true }));
    ledger.listens(3001, stranger(50));
    assert_eq!(ledger.refusal(request("web").preferred(3001).strict().queued()), unavailable(3001, Why::Taken));
}

#[test]
fn a_strict_wish_moves_a_pending_lease_but_no_server() {
    let mut ledger = Ledger::new();
    let first = ledger.grant(request("web"));
    assert_eq!(ledger.port(request("web").preferred(3000).strict()), 3000);
    assert_eq!(ledger.end(first.id), Some(EndReason::Replaced));

    let second = ledger.grant(request("web"));
    ledger.comes_up(3000, server(10).cwd("/shop"));
    let refusal = ledger.refusal(request("web").preferred(4000).strict());
    assert_eq!(refusal, Refusal::AlreadyRunning { lease: second.id });
    let same = ledger.grant(request("web").preferred(3000).strict());
    assert_eq!((same.id, same.reused), (second.id, true));
}

#[test]
fn a_contested_port_is_no_longer_to_be_had_strictly() {
    let mut ledger = Ledger::new();
    let first = ledger.grant(request("web").preferred(3000).strict());
    ledger.comes_up(3000, stranger(50));
    assert_eq!(ledger.refusal(request("web").preferred(3000).strict()), unavailable(3000, Why::Taken));
    assert_eq!(ledger.end(first.id), None, "a refusal changes nothing");
}

#[test]
fn a_released_number_is_its_former_key_s_at_once() {
    let mut ledger = Ledger::new();
    let first = ledger.grant(request("web").preferred(3000));
    ledger.release(first.id).unwrap();
    let again = ledger.grant(request("web").preferred(3000).strict());
    assert_eq!((again.id, again.port, again.reused), (LeaseId(2), 3000, false));
}
