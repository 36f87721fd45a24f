//! In which order candidates are tried, and what is said about it.

use super::rig::Ledger;
use super::wish::{key, key_in, port, range, request, server, stranger};
use crate::broker::{Change, Note, Reasons, Refusal, Why};
use crate::vocabulary::{ClaimEnd, EndReason, Protocol, QuarantineUntil};

fn unavailable(service: &str, number: u16, why: Why) -> Note {
    Note::PreferredUnavailable { key: key(service), port: port(number), why }
}

#[test]
fn a_live_lease_that_meets_the_wish_comes_first() {
    let mut ledger = Ledger::new();
    let first = ledger.grant(request("web").preferred(3000));
    assert_eq!((first.port, first.reused), (3000, false));
    for wish in [
        request("web"),
        request("web").preferred(3000),
        request("web").preferred(3000).strict(),
        request("web").range(3000, 3099),
        request("web").preferred(4000).range(4000, 4099).fallback(3000, 3000),
        request("web").range(4000, 4099).expand(2999, 3001),
        request("web").pool(40_000, 40_001),
        request("web").spread(5),
    ] {
        let again = ledger.grant(wish);
        assert_eq!((again.id, again.port, again.reused), (first.id, 3000, true));
        assert_eq!(ledger.changes, [], "asking twice answers the same");
        assert_eq!(ledger.looked_at, [], "what is leased needs no look");
    }
}

#[test]
fn a_lease_kept_against_a_preference_is_noted() {
    let mut ledger = Ledger::new();
    let first = ledger.grant(request("web"));
    assert_eq!(ledger.grant(request("web").preferred(3000)).id, first.id);
    assert_eq!(ledger.notes, [Note::KeptOther { key: key("web"), preferred: port(3000) }]);
    ledger.grant(request("web").preferred(20_000));
    assert_eq!(ledger.notes, []);
}

#[test]
fn a_pending_lease_that_does_not_meet_the_wish_gives_way() {
    for (wish, number) in [
        (request("web").preferred(3000).strict(), 3000),
        (request("web").range(3000, 3099), 3000),
        (request("web").without(20_000, 20_000), 20_001),
        (request("web").protocol(Protocol::Both), 20_000),
    ] {
        let mut ledger = Ledger::new();
        let first = ledger.grant(request("web"));
        let next = ledger.grant(wish);
        assert_eq!((next.port, next.reused), (number, false));
        assert_eq!(ledger.end(first.id), Some(EndReason::Replaced));
        assert_eq!(ledger.broker.claim_of(&key("web")).unwrap().port, port(number));
    }
}

#[test]
fn a_contested_lease_is_not_handed_out_again() {
    let mut ledger = Ledger::new();
    let first = ledger.grant(request("web"));
    ledger.comes_up(20_000, stranger(50));
    assert!(ledger.lease(first.id).contested);
    let next = ledger.grant(request("web"));
    assert_eq!((next.port, next.reused), (20_001, false));
    assert_eq!(ledger.end(first.id), Some(EndReason::Contested));
    assert_eq!(
        ledger.notes,
        [Note::ClaimUnavailable { key: key("web"), port: port(20_000), why: Why::Taken }],
        "a silent fallback never happens"
    );
}

#[test]
fn the_preferred_port_comes_before_the_former_number() {
    let mut ledger = Ledger::new();
    let first = ledger.grant(request("web"));
    ledger.release(first.id).unwrap();
    assert_eq!(ledger.port(request("web").preferred(3000)), 3000);
    assert_eq!(ledger.notes, []);
    assert_eq!(ledger.broker.claim_of(&key("web")).unwrap().port, port(3000));
}

#[test]
fn the_former_number_comes_before_the_range() {
    let mut ledger = Ledger::new();
    let first = ledger.grant(request("web").spread(77));
    assert_eq!(first.port, 20_077);
    ledger.release(first.id).unwrap();
    assert_eq!(ledger.port(request("web")), 20_077);
    assert_eq!(ledger.looked_at, [20_077]);
}

#[test]
fn the_former_number_counts_only_within_the_range_asked_for() {
    let mut ledger = Ledger::new();
    let first = ledger.grant(request("web"));
    ledger.release(first.id).unwrap();
    assert_eq!(ledger.port(request("web").range(3000, 3099)), 3000);
    assert_eq!(ledger.notes, [], "it was not wished for");

    let mut ledger = Ledger::new();
    let first = ledger.grant(request("web").preferred(3005));
    ledger.release(first.id).unwrap();
    assert_eq!(ledger.port(request("web").range(3000, 3099)), 3005);
}

#[test]
fn a_taken_preference_and_a_taken_number_are_both_noted() {
    let mut ledger = Ledger::new();
    let first = ledger.grant(request("web"));
    ledger.release(first.id).unwrap();
    ledger.listens(3000, stranger(50));
    ledger.listens(20_000, stranger(51));
    assert_eq!(ledger.port(request("web").preferred(3000)), 20_001);
    assert_eq!(
        ledger.notes,
        [
            unavailable("web", 3000, Why::Taken),
            Note::ClaimUnavailable { key: key("web"), port: port(20_000), why: Why::Taken },
        ]
    );
}

#[test]
fn why_a_preference_is_not_to_be_had() {
    let mut ledger = Ledger::new();
    let other = ledger.grant(request("api").preferred(3000));
    let freed = ledger.grant(request("old").preferred(3001));
    ledger.release(freed.id).unwrap();
    ledger.broker.evolve(&Change::Unclaimed { key: key("old"), reason: ClaimEnd::Forgotten });
    ledger.grant(request("api2").and_number("worker").preferred(3002));
    ledger.quarantine(3003, QuarantineUntil::Revived);
    ledger.forbid(80);
    ledger.listens(3004, stranger(50));
    for (number, why) in [
        (3000, Why::Leased { lease: other.id, by: key("api") }),
        (3001, Why::Cooling { remaining: super::rig::secs(60) }),
        (3002, Why::Claimed { by: key("worker"), pinned: false }),
        (3003, Why::Quarantined { reason: "for a test".into() }),
        (3004, Why::Taken),
        (80, Why::Forbidden),
        (6000, Why::Excluded),
    ] {
        let mut ledger = ledger.clone();
        ledger.grant(request("web").preferred(number));
        assert_eq!(ledger.notes, [unavailable("web", number, why)]);
    }
}

#[test]
fn a_range_is_gone_through_from_the_hash_on_and_round() {
    let mut ledger = Ledger::new();
    let services = ["a", "b", "c", "d"];
    let ports: Vec<u16> =
        services.iter().map(|service| ledger.port(request(service).range(3000, 3003).spread(3_000_002))).collect();
    assert_eq!(ports, [3002, 3003, 3000, 3001]);
}

#[test]
fn a_range_is_gone_through_from_its_start_when_asked_to() {
    let mut ledger = Ledger::new();
    let ports: Vec<u16> =
        ["a", "b", "c"].iter().map(|service| ledger.port(request(service).range(3000, 3003))).collect();
    assert_eq!(ports, [3000, 3001, 3002]);
}

#[test]
fn what_others_hold_is_passed_over() {
    let mut ledger = Ledger::new();
    ledger.listens(20_000, stranger(50));
    ledger.listens(20_001, server(51).of_another_user());
    ledger.quarantine(20_002, QuarantineUntil::Reboot);
    ledger.grant(request("api").preferred(20_003));
    ledger.grant(request("api2").preferred(20_005).and_number("worker").preferred(20_004));
    assert_eq!(ledger.port(request("web").without(20_006, 20_007)), 20_008);
    assert_eq!(ledger.notes, [], "what nobody wished for needs no note");
}

#[test]
fn a_port_that_nobody_looked_at_is_not_handed_out() {
    let mut ledger = Ledger::new();
    let decide = |ledger: &mut Ledger, survey| {
        let request = request("web").preferred(3000).range(3000, 3001).0;
        ledger.send(crate::Command::Request { request, survey })
    };
    let seen = |number| [((port(number), Protocol::Tcp), crate::Look::Free)].into();
    assert!(matches!(decide(&mut ledger, crate::Survey::new()), Err(Refusal::NoPort { .. })));
    decide(&mut ledger, seen(3001)).unwrap();
    assert_eq!(ledger.broker.lease_of(&key("web")).unwrap().port, port(3001));
}

#[test]
fn strangers_in_a_row_make_it_look_further_ahead_at_once() {
    let mut ledger = Ledger::new();
    (20_000..20_040).for_each(|number| ledger.listens(number, stranger(50)));
    let mut rounds = 0;
    let wish = request("web");
    let mut seen = crate::Survey::new();
    loop {
        let wanted = ledger.broker.shortlist(ledger.now, &wish.0, &seen);
        if wanted.is_empty() {
            break;
        }
        rounds += 1;
        seen.extend(wanted.into_iter().map(|(port, protocol)| ((port, protocol), ledger.world.look(port, protocol))));
    }
    assert_eq!(ledger.port(wish), 20_040);
    assert!(rounds < 10 && seen.len() < 100, "{rounds} rounds, {} looks", seen.len());
}

#[test]
fn the_fallback_serves_when_the_range_is_full_and_is_noted() {
    let mut ledger = Ledger::new();
    (3000..=3001).for_each(|number| ledger.listens(number, stranger(50)));
    ledger.listens(3999, stranger(50));
    let wish = request("web").range(3000, 3001).fallback(3999, 4000).expand(5000, 5001);
    assert_eq!(ledger.port(wish), 4000, "a taken port is never handed out, not even as the fallback");
    assert_eq!(ledger.notes, [Note::FellBack { key: key("web"), to: range(3999, 4000) }]);
}

#[test]
fn the_expansion_serves_when_the_fallback_is_full_as_well() {
    let mut ledger = Ledger::new();
    [3000, 3001, 3999].iter().for_each(|number| ledger.listens(*number, stranger(50)));
    assert_eq!(ledger.port(request("web").range(3000, 3001).fallback(3999, 3999).expand(5000, 5001)), 5000);
    assert_eq!(ledger.notes, [Note::Expanded { key: key("web"), to: range(5000, 5001) }]);
}

#[test]
fn when_nothing_is_left_the_refusal_counts_the_reasons() {
    let mut ledger = Ledger::new();
    ledger.grant(request("a").preferred(5059));
    ledger.grant(request("b").preferred(3000).and_number("c").preferred(5062));
    ledger.pin("c", None);
    ledger.quarantine(5063, QuarantineUntil::Revived);
    let freed = ledger.grant(request("d").preferred(5064));
    ledger.release(freed.id).unwrap();
    ledger.forget("d");
    ledger.listens(5065, stranger(50));
    ledger.listens(5066, stranger(50));
    ledger.forbid(5067);
    let reasons = Reasons { leased: 1, claimed: 1, quarantined: 1, cooling: 1, excluded: 3, taken: 2, forbidden: 1 };
    let wish = request("web").range(5059, 5066).fallback(5067, 5067).expand(5060, 5068).without(5068, 5068);
    assert_eq!(
        ledger.refusal(wish),
        Refusal::NoPort {
            key: key("web"),
            ranges: vec![range(5059, 5066), range(5067, 5067), range(5060, 5068)],
            reasons,
            taken: vec![port(5065), port(5066)],
            preferred: None,
        }
    );
    let Refusal::NoPort { preferred, .. } = ledger.refusal(request("web").range(5059, 5066).preferred(5067)) else {
        panic!("the range is full");
    };
    assert_eq!(preferred, Some((port(5067), Why::Forbidden)), "why not the preferred one is told, too");
}

#[test]
fn a_lease_that_is_moved_by_its_own_key_is_told_of() {
    let mut ledger = Ledger::new();
    assert_eq!(ledger.port(request("web").preferred(3000)), 3000);
    assert_eq!(ledger.port(request("web").range(3100, 3109)), 3100);
    assert_eq!(ledger.notes, [Note::GaveUp { key: key("web"), port: port(3000) }]);
}

#[test]
fn without_a_descriptor_left_nothing_is_said_about_ports() {
    let mut ledger = Ledger::new();
    ledger.world.no_descriptors = true;
    for wish in [request("web"), request("web").preferred(3000), request("web").preferred(3000).strict()] {
        assert_eq!(ledger.refusal(wish), Refusal::NoDescriptors);
    }
    assert_eq!(
        ledger.refusal(request("web").and("api").in_a_row()),
        Refusal::NoDescriptors,
        "it is no matter of ports in a row either"
    );
}

#[test]
fn teammates_in_other_worktrees_get_numbers_of_their_own() {
    let mut ledger = Ledger::new();
    let main = ledger.grant(request("web").preferred(3000));
    let other = ledger.grant(request("web").of("/shop-2").preferred(3000));
    assert_eq!((main.port, other.port), (3000, 20_000));
    assert_eq!(ledger.broker.claim_of(&key_in("/shop-2", "web")).unwrap().port, port(20_000));
}

#[test]
fn strangers_are_named_in_a_refusal_as_long_as_they_are_few() {
    for (last, named) in [(3004, 5), (3005, 0)] {
        let mut ledger = Ledger::new();
        (3000..=last).for_each(|number| ledger.listens(number, stranger(50)));
        let Refusal::NoPort { taken, .. } = ledger.refusal(request("web").range(3000, last)) else { panic!("no room") };
        assert_eq!(taken.len(), named, "up to {last}");
    }
}

#[test]
fn who_made_room_by_cleaning_uses_it_before_anybody_s_number_further_off() {
    let mut ledger = Ledger::new();
    for (service, number) in [("far", 5000), ("near", 3000)] {
        let lease = ledger.grant(request(service).preferred(number));
        ledger.release(lease.id).unwrap();
        ledger.pass(crate::Span::from_secs(60));
    }
    let mut wish = request("web").range(3000, 3000).expand(5000, 5000);
    wish.0.stale = crate::Stale::Ended;
    assert_eq!(ledger.port(wish), 3000, "though the other number was unused for longer");
}
