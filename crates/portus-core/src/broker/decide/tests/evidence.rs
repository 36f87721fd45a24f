//! Whose server it is: pending to active, by every evidence, and contested.

use super::rig::{Ledger, caller};
use super::wish::{holder, key, process, request, server, stranger};
use crate::broker::{Answer, Change, Command, Effect, Refusal, Target};
use crate::vocabulary::{Admit, EndReason, Evidence, Listener, Protocol, QuarantineUntil, StateWord};

/// What a single listener on a fresh lease's port amounts to, with or without a holder (pid 10).
fn seen(held: bool, listener: impl Fn(crate::LeaseId) -> Listener) -> (Option<Evidence>, bool) {
    let mut ledger = Ledger::new();
    let wish = if held { request("web").held_by(10) } else { request("web") };
    let web = ledger.grant(wish);
    let other = ledger.grant(request("api").of("/shop-2").preferred(4000).held_by(90));
    ledger.grant(request("sibling").preferred(4001).held_by(80));
    assert_eq!(other.id.0, 2);
    ledger.comes_up(20_000, listener(web.id));
    let lease = ledger.lease(web.id);
    assert_eq!(lease.state.word() == StateWord::Active, lease.evidence().is_some());
    (lease.evidence(), lease.contested)
}

#[test]
fn with_a_holder_only_its_tree_or_its_marker_is_evidence() {
    use Evidence::{Lineage, Marker};
    let mine = |evidence| (Some(evidence), false);
    let foreign = (None, true);
    assert_eq!(seen(true, |_| server(10)), mine(Lineage), "the holder itself");
    assert_eq!(seen(true, |_| server(12).under(10)), mine(Lineage));
    assert_eq!(seen(true, |_| server(12).under(11).under(10).cwd("/elsewhere")), mine(Lineage), "wherever it works");
    assert_eq!(seen(true, |_| server(12).under(10).of_another_user()), mine(Lineage), "whoever it became");
    assert_eq!(seen(true, |id| server(12).marked(id)), mine(Marker), "it daemonised");
    assert_eq!(seen(true, |id| server(12).marked(id).under(10)), mine(Lineage), "the strongest counts");
    assert_eq!(seen(true, |id| server(12).unseen().marked(id)), mine(Marker));
    assert_eq!(seen(true, |_| server(12)), foreign);
    assert_eq!(seen(true, |_| server(12).cwd("/shop")), foreign, "somebody else's of the same worktree");
    assert_eq!(seen(true, |_| server(12).proxy()), foreign);
    assert_eq!(seen(true, |_| server(12).marked(crate::LeaseId(2))), foreign);
}

#[test]
fn without_a_holder_the_place_or_a_free_port_is_evidence_too() {
    use Evidence::{Marker, Presumed, Worktree};
    let mine = |evidence| (Some(evidence), false);
    let foreign = (None, true);
    assert_eq!(seen(false, |_| server(12).cwd("/shop")), mine(Worktree));
    assert_eq!(seen(false, |_| server(12)), mine(Presumed));
    assert_eq!(seen(false, |_| server(12).unseen()), mine(Presumed));
    assert_eq!(seen(false, |_| server(12).of_another_user().proxy()), mine(Presumed), "a container's proxy is root's");
    assert_eq!(seen(false, |id| server(12).cwd("/elsewhere").marked(id)), mine(Marker));
    assert_eq!(seen(false, |_| stranger(12)), foreign);
    assert_eq!(seen(false, |_| server(12).cwd("/shop/nested")), foreign, "a worktree within is another");
    assert_eq!(seen(false, |_| server(12).of_another_user()), foreign);
    assert_eq!(seen(false, |_| server(12).of_another_user().cwd("/shop")), foreign);
    assert_eq!(seen(false, |_| server(12).unseen().of_another_user()), foreign);
    assert_eq!(seen(false, |_| server(12).proxy().cwd("/shop-2")), foreign, "of another worktree's project");
}

#[test]
fn what_is_provably_another_lease_s_is_a_stranger() {
    let foreign = (None, true);
    let another = crate::LeaseId(2);
    assert_eq!(seen(false, |_| server(12).under(90)), foreign, "another worktree's tree");
    assert_eq!(seen(false, |_| server(90)), foreign);
    assert_eq!(seen(false, |_| server(12).marked(another)), foreign);
    assert_eq!(seen(false, |_| server(12).proxy().marked(another)), foreign);
    assert_eq!(seen(false, |_| server(12).cwd("/shop").marked(another)), foreign, "wherever it works");
    let sibling = seen(false, |_| server(12).under(80).cwd("/shop"));
    assert_eq!(sibling, (Some(Evidence::Worktree), false), "a sibling's tree is of the same worktree");
}

#[test]
fn the_marker_of_an_ended_lease_still_says_whose_it_is() {
    let mut ledger = Ledger::new();
    let old = ledger.grant(request("web").of("/shop-2").held_by(90));
    ledger.release(old.id).unwrap();
    let web = ledger.grant(request("web"));
    ledger.comes_up(20_001, server(12).marked(old.id));
    assert_eq!((ledger.state(web.id), ledger.lease(web.id).contested), (StateWord::Pending, true));
}

#[test]
fn becoming_active_gives_up_the_guard_and_the_deadline_and_watches_the_server() {
    let mut ledger = Ledger::new();
    let web = ledger.grant(request("web").guarded(Admit::Reuse));
    let port = ledger.lease(web.id).port;
    let guard = Effect::Guard { port, protocol: Protocol::Tcp, admit: Admit::Reuse };
    let look = Effect::Look { lease: web.id, port, protocol: Protocol::Tcp };
    assert_eq!(ledger.broker.standing_effects(), [guard, look].into());
    ledger.comes_up(20_000, server(12));
    assert_eq!(
        ledger.changes,
        [Change::Confirmed { lease: web.id, evidence: Evidence::Presumed, listeners: vec![process(12)] }]
    );
    assert_eq!(ledger.broker.standing_effects(), [Effect::Watch { process: process(12) }].into());
    assert_eq!(ledger.deadline_in(), None);
    ledger.look_at(20_000);
    assert_eq!(ledger.changes, [], "seeing the same again is no news");
}

#[test]
fn evidence_only_grows_stronger() {
    let mut ledger = Ledger::new();
    let web = ledger.grant(request("web"));
    for (listener, evidence) in [
        (server(12), Evidence::Presumed),
        (server(13).cwd("/shop"), Evidence::Worktree),
        (server(14), Evidence::Worktree),
        (server(15).marked(web.id), Evidence::Marker),
        (server(16).cwd("/shop"), Evidence::Marker),
    ] {
        ledger.comes_up(20_000, listener);
        assert_eq!(ledger.lease(web.id).evidence(), Some(evidence));
    }
    assert_eq!(ledger.lease(web.id).watched.len(), 5);
}

#[test]
fn a_stranger_contests_until_it_leaves() {
    let mut ledger = Ledger::new();
    let web = ledger.grant(request("web"));
    ledger.comes_up(20_000, stranger(50));
    assert_eq!(ledger.changes, [Change::Contested { lease: web.id, contested: true }]);
    ledger.look_at(20_000);
    assert_eq!(ledger.changes, []);
    ledger.falls_silent(20_000);
    ledger.look_at(20_000);
    assert_eq!(ledger.changes, [Change::Contested { lease: web.id, contested: false }]);
    assert_eq!(ledger.grant(request("web")).id, web.id);
}

#[test]
fn one_s_own_server_beside_a_stranger_is_active_and_contested() {
    let mut ledger = Ledger::new();
    let web = ledger.grant(request("web").held_by(10));
    ledger.listens(20_000, server(12).under(10));
    ledger.comes_up(20_000, stranger(50));
    let lease = ledger.lease(web.id);
    assert_eq!((lease.evidence(), lease.contested), (Some(Evidence::Lineage), true));
    assert_eq!(lease.watched, [process(12)].into(), "a stranger is not watched");
    assert_eq!(ledger.refusal(request("web")), Refusal::AlreadyRunning { lease: web.id });
    let again = ledger.grant(request("web").held_by(10));
    assert_eq!((again.reused, again.port), (false, 20_001), "its holder may move");
    assert_eq!(ledger.end(web.id), Some(EndReason::Contested));
}

#[test]
fn a_lease_is_seen_in_its_own_protocol_only() {
    for (protocol, listener, active) in [
        (Protocol::Tcp, server(12), true),
        (Protocol::Tcp, server(12).udp(), false),
        (Protocol::Udp, server(12).udp(), true),
        (Protocol::Udp, server(12), false),
        (Protocol::Both, server(12), true),
        (Protocol::Both, server(12).udp(), true),
    ] {
        let mut ledger = Ledger::new();
        let web = ledger.grant(request("web").protocol(protocol));
        ledger.comes_up(20_000, listener.clone());
        assert_eq!(ledger.state(web.id) == StateWord::Active, active, "{protocol} with {listener:?}");
        assert!(!ledger.lease(web.id).contested);
    }
}

#[test]
fn a_sighting_of_a_port_without_a_lease_is_dropped() {
    let mut ledger = Ledger::new();
    ledger.comes_up(20_000, server(12));
    assert_eq!(ledger.changes, []);
}

#[test]
fn confirming_takes_the_listener_for_evidence() {
    let mut ledger = Ledger::new();
    let web = ledger.grant(request("web"));
    assert_eq!(ledger.confirm(web.id), Err(Refusal::NoListener { lease: web.id }));
    ledger.listens(20_000, server(12).udp());
    assert_eq!(ledger.confirm(web.id), Err(Refusal::NoListener { lease: web.id }), "that is no TCP listener");
    ledger.listens(20_000, server(12).cwd("/shop"));
    assert_eq!(ledger.confirm(web.id), Ok(Answer::Touched(vec![web.id])));
    assert_eq!(ledger.lease(web.id).evidence(), Some(Evidence::Worktree), "the evidence is what it is");
    ledger.confirm(web.id).unwrap();
    assert_eq!(ledger.changes, []);
}

#[test]
fn another_port_s_listener_confirms_nothing() {
    let mut ledger = Ledger::new();
    let web = ledger.grant(request("web"));
    ledger.listens(4000, server(12));
    let sighting = Some(ledger.world.sighting(super::wish::port(4000)));
    let confirm = Command::Confirm { target: Target::Key(key("web")), caller: caller(), process: None, sighting };
    assert_eq!(ledger.send(confirm), Err(Refusal::NoListener { lease: web.id }));
}

#[test]
fn a_listener_that_is_provably_foreign_is_not_to_be_confirmed() {
    for listener in [
        stranger(50),
        server(50).of_another_user(),
        server(50).marked(crate::LeaseId(2)),
        server(50).under(90),
        server(50).unseen().of_another_user(),
    ] {
        let mut ledger = Ledger::new();
        let web = ledger.grant(request("web"));
        ledger.grant(request("api").of("/shop-2").held_by(90));
        ledger.listens(20_000, listener.clone());
        assert_eq!(ledger.confirm(web.id), Err(Refusal::ForeignListener { lease: web.id, by: listener }));
    }
}

#[test]
fn a_word_counts_where_nothing_speaks_against_it() {
    let mut ledger = Ledger::new();
    let web = ledger.grant(request("web").held_by(10));
    ledger.comes_up(20_000, server(12).cwd("/shop"));
    assert!(ledger.lease(web.id).contested, "with a holder, the place alone is no evidence");
    ledger.confirm(web.id).unwrap();
    let lease = ledger.lease(web.id);
    assert_eq!((lease.evidence(), lease.contested), (Some(Evidence::Confirm), false));
    ledger.look_at(20_000);
    let lease = ledger.lease(web.id);
    assert_eq!((lease.evidence(), lease.contested), (Some(Evidence::Confirm), false), "a word is no lineage");
    ledger.comes_up(20_000, server(14).under(12));
    assert_eq!(ledger.lease(web.id).evidence(), Some(Evidence::Confirm), "nor is its child's");
    ledger.comes_up(20_000, server(15).under(10));
    assert_eq!(ledger.lease(web.id).evidence(), Some(Evidence::Lineage));
}

#[test]
fn a_named_process_is_believed_and_watched() {
    let mut ledger = Ledger::new();
    let web = ledger.grant(request("web"));
    ledger.confirm_as(web.id, process(12)).unwrap();
    assert_eq!(ledger.lease(web.id).evidence(), Some(Evidence::Confirm));
    assert!(ledger.broker.stands(&Effect::Watch { process: process(12) }));
    ledger.confirm_as(web.id, process(12)).unwrap();
    assert_eq!(ledger.changes, []);
    ledger.comes_up(20_000, server(13).under(12).cwd("/elsewhere"));
    let lease = ledger.lease(web.id);
    assert_eq!((lease.evidence(), lease.contested), (Some(Evidence::Confirm), false), "what it starts is meant, too");
    ledger.exits(process(13), &[]);
    ledger.exits(process(12), &[]);
    assert_eq!(ledger.state(web.id), StateWord::Lapsing);

    ledger.confirm_as(web.id, process(14)).unwrap();
    ledger.falls_silent(20_000);
    ledger.comes_up(20_000, server(14).cwd("/shop"));
    assert_eq!(ledger.lease(web.id).evidence(), Some(Evidence::Worktree), "what can be seen is better than a word");
}

#[test]
fn a_named_process_does_not_weaken_what_is_known() {
    let mut ledger = Ledger::new();
    let web = ledger.grant(request("web").held_by(10));
    ledger.comes_up(20_000, server(12).under(10));
    ledger.confirm_as(web.id, process(99)).unwrap();
    assert_eq!(ledger.lease(web.id).evidence(), Some(Evidence::Lineage));
    assert_eq!(ledger.lease(web.id).watched, [process(12), process(99)].into());
}

#[test]
fn a_tree_that_listens_elsewhere_has_drifted() {
    let mut ledger = Ledger::new();
    let web = ledger.grant(request("web").held_by(10));
    let elsewhere = |port: Option<u16>| Command::TreeSeen { lease: web.id, elsewhere: port.map(super::wish::port) };
    ledger.send(elsewhere(Some(5173))).unwrap();
    assert_eq!(ledger.changes, [Change::Drifted { lease: web.id, to: Some(super::wish::port(5173)) }]);
    ledger.send(elsewhere(Some(5173))).unwrap();
    assert_eq!(ledger.changes, []);
    ledger.send(elsewhere(None)).unwrap();
    assert_eq!(ledger.lease(web.id).drifted_to, None);
    ledger.send(elsewhere(Some(5173))).unwrap();
    ledger.comes_up(20_000, server(12).under(10));
    assert_eq!(ledger.lease(web.id).drifted_to, None, "it came to its port after all");
    ledger.release(web.id).unwrap();
    ledger.send(elsewhere(Some(5174))).unwrap();
    assert_eq!(ledger.changes, [], "an ended lease drifts nowhere");
}

#[test]
fn attaching_a_child_makes_its_tree_the_lease_s() {
    let mut ledger = Ledger::new();
    let grants = ledger.grants(request("web").and("api").held_by(10));
    let ids: Vec<_> = grants.iter().map(|grant| grant.id).collect();
    let attach = || Command::Attach { leases: ids.clone(), process: process(12) };
    ledger.send(attach()).unwrap();
    assert!(ids.iter().all(|id| ledger.lease(*id).watched == [process(12)].into()));
    ledger.send(attach()).unwrap();
    assert_eq!(ledger.changes, []);
    ledger.comes_up(20_001, server(13).under(12));
    assert_eq!(ledger.lease(ids[1]).evidence(), Some(Evidence::Lineage));
    assert_eq!(ledger.lease(ids[0]).holder, Some(holder(10)));
}

#[test]
fn a_quarantine_does_not_end_the_lease_that_is_there() {
    let mut ledger = Ledger::new();
    let web = ledger.grant(request("web"));
    ledger.quarantine(20_000, QuarantineUntil::Revived);
    ledger.comes_up(20_000, server(12));
    assert_eq!(ledger.state(web.id), StateWord::Active);
    ledger.release(web.id).unwrap();
    ledger.falls_silent(20_000);
    assert_eq!(ledger.port(request("web")), 20_001);
}

#[test]
fn what_is_known_of_a_living_server_is_not_forgotten() {
    let mut ledger = Ledger::new();
    let web = ledger.grant(request("web"));
    ledger.comes_up(20_000, server(12).marked(web.id));
    ledger.falls_silent(20_000);
    ledger.comes_up(20_000, server(13));
    assert_eq!(ledger.lease(web.id).evidence(), Some(Evidence::Marker));
}

#[test]
fn one_s_own_server_is_confirmed_beside_a_stranger() {
    let mut ledger = Ledger::new();
    let web = ledger.grant(request("web"));
    ledger.listens(20_000, stranger(50));
    ledger.listens(20_000, server(12).cwd("/shop"));
    ledger.confirm(web.id).unwrap();
    let lease = ledger.lease(web.id);
    assert_eq!((lease.evidence(), lease.contested), (Some(Evidence::Worktree), true));
}

#[test]
fn a_contested_server_without_a_holder_does_not_keep_its_key_from_a_port() {
    for held in [false, true] {
        let mut ledger = Ledger::new();
        let web = ledger.grant(request("web"));
        ledger.listens(20_000, server(12).cwd("/shop"));
        ledger.comes_up(20_000, stranger(50));
        let wish = if held { request("web").held_by(10) } else { request("web") };
        assert_eq!(ledger.port(wish), 20_001);
        assert_eq!(ledger.end(web.id), Some(EndReason::Contested));
    }
}
