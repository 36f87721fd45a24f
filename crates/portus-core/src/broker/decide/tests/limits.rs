//! What a request may not be, times to live, and asking twice.

use super::rig::{HOUR, Ledger, secs};
use super::wish::{key, request, server};
use crate::broker::{Answer, Change, Command, Limited, Policy, Refusal, Ttl};
use crate::vocabulary::{Admit, EndReason, LeaseId, Protocol, Span, StateWord};

#[test]
fn senseless_requests_are_refused() {
    let mut ledger = Ledger::new();
    let without_asks = {
        let mut wish = request("web");
        wish.0.asks.clear();
        wish
    };
    for wish in [
        without_asks,
        request("web").and("web"),
        request("web").and_number("web"),
        request("web").strict(),
        request("web").and_number("api").strict(),
        request("web").ttl(Span(0)),
    ] {
        assert!(matches!(ledger.refusal(wish.clone()), Refusal::Senseless { .. }), "{wish:?}");
    }
    assert_eq!(ledger.grants(request("web").and("web").of("/shop-2")).len(), 2, "another worktree's is another key");
    let numbers = request("db").with(|ask| ask.purpose = crate::Purpose::Claim);
    assert_eq!(ledger.grants(numbers).len(), 0, "numbers alone can be asked for before anything starts");
}

#[test]
fn asks_are_limited() {
    let mut ledger = Ledger::new();
    let many = |count: usize| (1..count).fold(request("s0"), |wish, place| wish.and(&format!("s{place}")));
    assert_eq!(ledger.refusal(many(65)), Refusal::TooMany { what: Limited::Asks, max: 64 });
    let mut leases: Vec<_> = ledger.grants(many(64)).iter().map(|grant| grant.id).collect();
    assert_eq!(leases.len(), 64);
    let launch = |leases: &[LeaseId]| Command::Launch { leases: leases.to_vec(), hand_over: false };
    ledger.send(launch(&leases)).expect("one program may have all that one request gives");
    leases.push(leases[0]);
    assert_eq!(ledger.send(launch(&leases)), Err(Refusal::TooMany { what: Limited::Asks, max: 64 }));
}

#[test]
fn live_leases_are_limited_by_project_and_in_all() {
    let policy = Policy { project_leases_max: 2, leases_max: 3, ..Policy::default() };
    let mut ledger = Ledger::with(policy);
    let first = ledger.grants(request("a").and("b"));
    let too_many = Refusal::TooMany { what: Limited::ProjectLeases, max: 2 };
    assert_eq!(ledger.refusal(request("c")), too_many);
    assert_eq!(ledger.refusal(request("c").of("/shop-2")), too_many, "worktrees share their project's limit");
    assert_eq!(ledger.port(request("a")), first[0].port, "what is there already counts once");
    assert_eq!(ledger.port(request("a").preferred(3000).strict()), 3000, "so does what is replaced");

    ledger.grant(request("c").of_project("blog"));
    let full = Refusal::TooMany { what: Limited::Leases, max: 3 };
    assert_eq!(ledger.refusal(request("d").of_project("blog")), full);
    ledger.release(first[1].id).unwrap();
    assert_eq!(ledger.refusal(request("d").and("e").of_project("blog")), full);
    ledger.grant(request("d").of_project("blog").and_number("e"));
}

#[test]
fn a_lease_without_a_holder_ends_unless_somebody_listens_in_time() {
    let mut ledger = Ledger::new();
    let web = ledger.grant(request("web"));
    assert_eq!(ledger.deadline_in(), Some(secs(300)));
    ledger.pass_and_tick(Span(299_999));
    assert_eq!(ledger.state(web.id), StateWord::Pending);
    ledger.pass_and_tick(Span(1));
    assert_eq!(ledger.end(web.id), Some(EndReason::NeverConfirmed));
}

#[test]
fn asking_again_extends_once_half_has_passed() {
    let mut ledger = Ledger::new();
    let web = ledger.grant(request("web"));
    ledger.pass(secs(150));
    ledger.grant(request("web"));
    assert_eq!(ledger.changes, [], "the usual repeat writes nothing");
    ledger.pass(Span(1));
    ledger.grant(request("web"));
    assert_eq!(
        ledger.changes,
        [Change::Extended { lease: web.id, until: Some(ledger.now.awake + secs(300)), ttl: None }]
    );
    assert_eq!(ledger.deadline_in(), Some(secs(300)));
    ledger.grant(request("web"));
    assert_eq!(ledger.changes, []);
}

#[test]
fn asking_again_for_what_is_lapsing_gives_time_to_come_back() {
    let mut ledger = Ledger::new();
    let web = ledger.grant(request("web"));
    ledger.comes_up(20_000, server(10));
    ledger.exits(super::wish::process(10), &[]);
    assert_eq!((ledger.state(web.id), ledger.deadline_in()), (StateWord::Lapsing, Some(secs(30))));
    assert_eq!(ledger.grant(request("web")).id, web.id);
    assert_eq!(ledger.deadline_in(), Some(secs(300)), "an answer is as good for as long as a first one");
    ledger.grant(request("web"));
    assert_eq!(ledger.changes, []);
}

#[test]
fn a_time_to_live_has_limits() {
    let mut ledger = Ledger::new();
    let max = secs(86_400);
    let more = Span(max.0 + 1);
    let too_long = Refusal::TtlTooLong { max };
    assert_eq!(ledger.refusal(request("web").ttl(more)), too_long);
    let web = ledger.grant(request("web").ttl(max));
    assert_eq!(ledger.renew(web.id, Some(more)), Err(too_long));
    assert!(matches!(ledger.renew(web.id, Some(Span(0))), Err(Refusal::Senseless { .. })));
}

#[test]
fn a_time_to_live_ends_even_a_server_unless_renewed() {
    let mut ledger = Ledger::new();
    let web = ledger.grant(request("web").ttl(HOUR));
    assert_eq!(ledger.deadline_in(), Some(HOUR), "a longer time to live is a longer wait, too");
    ledger.comes_up(20_000, server(10));
    ledger.pass(secs(3_599));
    ledger.renew(web.id, None).unwrap();
    assert_eq!(ledger.deadline_in(), Some(HOUR), "as long as last time");
    ledger.renew(web.id, Some(secs(60))).unwrap();
    assert_eq!(ledger.deadline_in(), Some(secs(60)));
    ledger.pass_and_tick(secs(60));
    assert_eq!(ledger.end(web.id), Some(EndReason::Expired), "though it listens");
}

#[test]
fn a_short_time_to_live_ends_a_lease_before_it_is_used() {
    let mut ledger = Ledger::new();
    let web = ledger.grant(request("web").ttl(secs(10)));
    assert_eq!(ledger.deadline_in(), Some(secs(10)));
    ledger.pass_and_tick(secs(10));
    assert_eq!(ledger.end(web.id), Some(EndReason::Expired));
}

#[test]
fn asking_again_renews_the_time_to_live_at_half() {
    let mut ledger = Ledger::new();
    let web = ledger.grant(request("web").ttl(HOUR));
    ledger.comes_up(20_000, server(10));
    ledger.pass(secs(1_800));
    ledger.grant(request("web").ttl(HOUR));
    assert_eq!(ledger.changes, []);
    ledger.pass(secs(1));
    ledger.grant(request("web"));
    assert_eq!(ledger.deadline_in(), Some(HOUR), "asking without a time to live means the same one");
    ledger.grant(request("web").ttl(secs(600)));
    assert_eq!(ledger.lease(web.id).ttl, Some(Ttl { span: secs(600), until: ledger.now.awake + secs(600) }));
}

#[test]
fn a_time_to_live_may_be_added_later() {
    let mut ledger = Ledger::new();
    let web = ledger.grant(request("web"));
    ledger.comes_up(20_000, server(10));
    assert_eq!(ledger.deadline_in(), None);
    ledger.grant(request("web").ttl(HOUR));
    assert_eq!(ledger.deadline_in(), Some(HOUR));
    ledger.renew(web.id, Some(secs(5))).unwrap();
    assert_eq!(ledger.deadline_in(), Some(secs(5)));
}

#[test]
fn renewing_moves_what_ends_a_lease_and_writes_nothing_else() {
    let mut ledger = Ledger::new();
    let web = ledger.grant(request("web"));
    ledger.pass(secs(10));
    assert_eq!(ledger.renew(web.id, None), Ok(Answer::Touched(vec![web.id])));
    assert_eq!(ledger.deadline_in(), Some(secs(300)));
    ledger.comes_up(20_000, server(10));
    ledger.renew(web.id, None).unwrap();
    assert_eq!(ledger.changes, [], "nothing ends it");
    ledger.exits(super::wish::process(10), &[]);
    ledger.renew(web.id, None).unwrap();
    assert_eq!((ledger.state(web.id), ledger.deadline_in()), (StateWord::Lapsing, Some(secs(300))));
    let api = ledger.grant(request("api").held_by(11));
    ledger.renew(api.id, None).unwrap();
    assert_eq!(ledger.changes, []);
}

#[test]
fn a_lease_serves_what_it_covers() {
    use Protocol::{Both, Tcp, Udp};
    for (had, wanted, kept) in [
        (Tcp, Tcp, true),
        (Udp, Udp, true),
        (Both, Both, true),
        (Both, Tcp, true),
        (Both, Udp, true),
        (Tcp, Udp, false),
        (Tcp, Both, false),
        (Udp, Tcp, false),
        (Udp, Both, false),
    ] {
        let mut ledger = Ledger::new();
        let first = ledger.grant(request("web").protocol(had));
        let next = ledger.grant(request("web").protocol(wanted));
        assert_eq!((next.reused, next.port), (kept, 20_000), "{had} asked for {wanted}");
        assert!(ledger.lease(next.id).protocol.covers(wanted));
        assert_eq!(ledger.end(first.id).is_none(), kept);
    }
}

#[test]
fn a_server_of_another_protocol_is_not_moved() {
    let mut ledger = Ledger::new();
    let web = ledger.grant(request("web"));
    ledger.comes_up(20_000, server(10));
    let refusal = ledger.refusal(request("web").protocol(Protocol::Both));
    assert_eq!(refusal, Refusal::WrongProtocol { lease: web.id, wanted: Protocol::Both });
}

#[test]
fn a_number_is_one_key_s_for_both_protocols() {
    let mut ledger = Ledger::new();
    ledger.grant(request("web").preferred(3000));
    assert_eq!(ledger.port(request("dns").preferred(3000).protocol(Protocol::Udp)), 20_000);
    ledger.listens(3001, server(10));
    assert_eq!(ledger.port(request("quic").preferred(3001).protocol(Protocol::Udp)), 3001, "taken for TCP only");
    assert_eq!(ledger.port(request("h3").preferred(3001).protocol(Protocol::Both)), 20_001);
}

#[test]
fn asking_twice_answers_the_same() {
    for wish in [
        request("web"),
        request("web").preferred(3000).and("api").and_number("db"),
        request("web").held_by(10),
        request("web").ttl(HOUR),
        request("web").guarded(Admit::Nobody),
        request("web").preferred(3000).strict().guarded(Admit::Reuse),
        request("a").and("b").and("c").in_a_row(),
        request("web").protocol(Protocol::Both),
    ] {
        let mut ledger = Ledger::new();
        let first = ledger.grants(wish.clone());
        let again = ledger.grants(wish.clone());
        assert_eq!(ledger.changes, [], "{wish:?}");
        for (one, other) in first.iter().zip(&again) {
            assert_eq!((other.id, other.port, other.reused), (one.id, one.port, true));
        }
    }
}

#[test]
fn a_guard_may_be_asked_for_later() {
    let mut ledger = Ledger::new();
    let web = ledger.grant(request("web"));
    ledger.grant(request("web").guarded(Admit::Nobody));
    assert_eq!(ledger.lease(web.id).guard, Some(Admit::Nobody));
    ledger.grant(request("web"));
    assert_eq!(ledger.lease(web.id).guard, Some(Admit::Nobody), "and is not given up by asking without");
    ledger.comes_up(20_000, server(10));
    ledger.grant(request("web").guarded(Admit::Nobody));
    assert_eq!(ledger.changes, [], "a server that is up needs none");
    assert_eq!(ledger.looked_at, []);
}

#[test]
fn a_guard_that_cannot_be_had_spoils_no_answer() {
    let mut ledger = Ledger::new();
    let web = ledger.grant(request("web"));
    ledger.listens(20_000, server(10));
    let again = ledger.grant(request("web").guarded(Admit::Nobody));
    assert_eq!((again.id, ledger.lease(web.id).guard), (web.id, None));
}

#[test]
fn ids_are_never_used_again() {
    let mut ledger = Ledger::new();
    for expected in 1..=5 {
        let grant = ledger.grant(request("web"));
        assert_eq!(grant.id.0, expected);
        ledger.release(grant.id).unwrap();
    }
    assert_eq!(ledger.broker.claim_of(&key("web")).unwrap().port.number(), 20_000);
}

#[test]
fn a_guard_is_not_taken_back_over_a_program_that_runs() {
    let mut ledger = Ledger::new();
    let guarded = || request("web").guarded(Admit::Nobody);
    let web = ledger.grant(request("web").held_by(10));
    ledger.grant(guarded());
    assert_eq!(ledger.changes, [], "whoever else asks");
    ledger.send(crate::Command::Attach { leases: vec![web.id], process: super::wish::process(12) }).unwrap();
    ledger.grant(guarded().held_by(10));
    assert_eq!(ledger.changes, [], "or the holder while its program may bind");
    ledger.exits(super::wish::process(12), &[]);
    ledger.grant(guarded().held_by(10));
    assert_eq!(ledger.lease(web.id).guard, Some(Admit::Nobody));
}
