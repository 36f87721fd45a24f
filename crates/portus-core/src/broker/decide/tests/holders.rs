//! Whose lease it is while a process tree holds it, and what becomes of it when that ends.

use super::rig::{HOUR, Ledger, secs};
use super::wish::{BOOT, holder, key, process, request, server, stranger};
use crate::broker::{Answer, Caller, Change, Command, Effect, LeaseState, Limited, Refusal, Target};
use crate::vocabulary::{Admit, BootId, EndReason, Evidence, LeaseId, ProcessIdentity, StateWord};

fn running(lease: LeaseId) -> Refusal {
    Refusal::AlreadyRunning { lease }
}

#[test]
fn another_holder_s_key_is_already_running() {
    let mut ledger = Ledger::new();
    let web = ledger.grant(request("web").held_by(10));
    assert_eq!(ledger.refusal(request("web").held_by(11)), running(web.id));
    assert_eq!(ledger.refusal(request("web").held_by(11).preferred(3000).strict()), running(web.id));
    assert_eq!(ledger.refusal(request("web").preferred(3000).strict()), running(web.id), "nor is it moved for nobody");
    ledger.comes_up(20_000, server(12).under(10));
    assert_eq!(ledger.refusal(request("web").held_by(11)), running(web.id));
    let asked = ledger.grant(request("web"));
    assert_eq!((asked.id, asked.reused), (web.id, true), "who only asks for the number gets it");
    assert_eq!(ledger.lease(web.id).holder, Some(holder(10)));
}

#[test]
fn the_same_holder_may_ask_again_and_move() {
    let mut ledger = Ledger::new();
    let web = ledger.grant(request("web").held_by(10));
    let again = ledger.grant(request("web").held_by(10));
    assert_eq!((again.id, again.reused, ledger.changes.len()), (web.id, true, 0));
    let moved = ledger.grant(request("web").held_by(10).without(20_000, 20_000));
    assert_eq!((moved.port, moved.reused), (20_001, false), "so it goes on to the next port");
    assert_eq!(ledger.end(web.id), Some(EndReason::Replaced));
}

#[test]
fn a_reused_pid_is_not_the_same_holder() {
    let mut ledger = Ledger::new();
    let web = ledger.grant(request("web").held_by(10));
    for other in [ProcessIdentity { birth: 101, ..process(10) }, ProcessIdentity { boot: BootId(8), ..process(10) }] {
        let mut wish = request("web");
        wish.0.holder = Some(crate::Holder { process: other, ..holder(10) });
        assert_eq!(ledger.refusal(wish), running(web.id));
        ledger.exits(other, &[]);
        assert_eq!(ledger.changes, [], "nor is its end the holder's");
        ledger.comes_up(20_000, server(12).of_tree(other));
        assert_eq!(ledger.state(web.id), StateWord::Pending, "nor is its tree");
        ledger.falls_silent(20_000);
        ledger.look_at(20_000);
    }
    ledger.exits(process(10), &[]);
    assert_eq!(ledger.end(web.id), Some(EndReason::HolderExited));
}

#[test]
fn a_holder_adopts_what_was_granted_to_nobody() {
    let mut ledger = Ledger::new();
    let web = ledger.grant(request("web"));
    assert!(ledger.deadline_in().is_some());
    let held = ledger.grant(request("web").held_by(10).guarded(Admit::Nobody));
    assert_eq!((held.id, held.reused), (web.id, true));
    let lease = ledger.lease(web.id);
    assert_eq!((&lease.holder, lease.guard, lease.deadline()), (&Some(holder(10)), Some(Admit::Nobody), None));
    assert!(ledger.broker.stands(&Effect::Watch { process: process(10) }));
    ledger.pass_and_tick(HOUR);
    assert_eq!(ledger.state(web.id), StateWord::Pending);
}

#[test]
fn what_is_lapsing_may_be_adopted() {
    let mut ledger = Ledger::new();
    let web = ledger.grant(request("web"));
    ledger.comes_up(20_000, server(20));
    assert_eq!(ledger.refusal(request("web").held_by(10)), running(web.id), "not while its server is up");
    ledger.exits(process(20), &[]);
    assert_eq!(ledger.grant(request("web").held_by(10)).id, web.id);
    assert_eq!((ledger.state(web.id), ledger.deadline_in()), (StateWord::Lapsing, None));
}

#[test]
fn a_holder_that_wants_its_guard_takes_another_port_where_it_cannot_have_it() {
    let mut ledger = Ledger::new();
    let web = ledger.grant(request("web"));
    ledger.listens(20_000, stranger(50));
    let held = ledger.grant(request("web").held_by(10).guarded(Admit::Nobody));
    assert_eq!((held.port, held.reused), (20_001, false));
    assert_eq!(ledger.end(web.id), Some(EndReason::Replaced));
}

#[test]
fn adopting_without_a_guard_needs_no_look() {
    let mut ledger = Ledger::new();
    ledger.grant(request("web"));
    ledger.grant(request("web").held_by(10));
    assert_eq!(ledger.looked_at, []);
}

#[test]
fn adopting_a_guarded_lease_needs_no_look_at_one_s_own_guard() {
    let mut ledger = Ledger::new();
    let web = ledger.grant(request("web").guarded(Admit::Reuse));
    assert_eq!(ledger.grant(request("web").held_by(10).guarded(Admit::Nobody)).id, web.id);
    assert_eq!((&ledger.looked_at[..], ledger.lease(web.id).guard), (&[][..], Some(Admit::Nobody)));
}

#[test]
fn the_process_that_serves_may_be_named_the_holder() {
    let mut ledger = Ledger::new();
    let web = ledger.grant(request("web"));
    ledger.comes_up(20_000, server(20));
    assert_eq!(ledger.grant(request("web").held_by(20).guarded(Admit::Nobody)).id, web.id);
    assert_eq!((ledger.state(web.id), ledger.lease(web.id).guard), (StateWord::Active, None));
    ledger.look_at(20_000);
    assert_eq!(ledger.lease(web.id).evidence(), Some(Evidence::Lineage));
    ledger.exits(process(20), &[]);
    assert_eq!(ledger.end(web.id), Some(EndReason::HolderExited));
}

#[test]
fn no_deadline_applies_while_a_holder_lives() {
    let mut ledger = Ledger::new();
    let web = ledger.grant(request("web").held_by(10).ttl(secs(60)));
    assert_eq!(ledger.deadline_in(), None);
    ledger.pass_and_tick(HOUR);
    assert_eq!(ledger.state(web.id), StateWord::Pending, "a slow compile loses nothing");
    ledger.comes_up(20_000, server(12).under(10));
    ledger.exits(process(12), &[(web.id, &[process(10)])]);
    assert_eq!(ledger.state(web.id), StateWord::Lapsing);
    ledger.pass_and_tick(HOUR);
    assert_eq!(ledger.state(web.id), StateWord::Lapsing, "neither does a crashed watcher");
    ledger.comes_up(20_000, server(13).under(10));
    assert_eq!(ledger.lease(web.id).evidence(), Some(Evidence::Lineage));
}

#[test]
fn a_lease_ends_with_its_holder_s_tree() {
    let mut ledger = Ledger::new();
    let web = ledger.grant(request("web").held_by(10));
    ledger.comes_up(20_000, server(12).under(10));
    ledger.exits(process(12), &[]);
    ledger.exits(process(10), &[]);
    assert_eq!(ledger.end(web.id), Some(EndReason::HolderExited));
    assert_eq!(ledger.broker.standing_effects(), [].into());
}

#[test]
fn one_holder_s_end_ends_all_its_leases_and_no_other() {
    let mut ledger = Ledger::new();
    let both = ledger.grants(request("web").and("api").held_by(10));
    let other = ledger.grant(request("db").held_by(11));
    ledger.exits(process(10), &[]);
    assert!(both.iter().all(|grant| ledger.end(grant.id) == Some(EndReason::HolderExited)));
    assert_eq!(ledger.end(other.id), None);
}

#[test]
fn one_worker_of_several_may_end() {
    let mut ledger = Ledger::new();
    let web = ledger.grant(request("web"));
    [20, 21, 22].iter().for_each(|pid| ledger.listens(20_000, server(*pid)));
    ledger.look_at(20_000);
    assert_eq!(ledger.lease(web.id).watched, [process(20), process(21), process(22)].into());
    ledger.exits(process(21), &[]);
    assert_eq!(ledger.changes, [Change::Detached { lease: web.id, process: process(21) }]);
    ledger.listens(20_000, server(23));
    ledger.exits(process(20), &[]);
    assert_eq!(ledger.lease(web.id).watched, [process(22), process(23)].into(), "new ones are watched as they are met");
    [22, 23].iter().for_each(|pid| ledger.exits(process(*pid), &[]));
    assert_eq!(ledger.state(web.id), StateWord::Lapsing);
}

#[test]
fn what_is_watched_of_one_server_is_bounded() {
    let mut ledger = Ledger::new();
    let web = ledger.grant(request("web"));
    (100..300).for_each(|pid| ledger.listens(20_000, server(pid)));
    ledger.look_at(20_000);
    assert_eq!(ledger.lease(web.id).watched.len(), 64);
    ledger.look_at(20_000);
    assert_eq!(ledger.changes, [], "nor is it written down again and again");
}

#[test]
fn what_is_watched_by_somebody_s_word_is_bounded_too() {
    let mut ledger = Ledger::new();
    let web = ledger.grant(request("web").held_by(10));
    let attach = |pid, leases| Command::Attach { leases, process: process(pid) };
    for pid in 100..164 {
        ledger.send(attach(pid, vec![web.id])).unwrap();
    }
    let full = Err(Refusal::TooMany { what: Limited::Watched, max: 64 });
    assert_eq!(ledger.send(attach(200, vec![web.id])), full);
    assert_eq!(ledger.confirm_as(web.id, process(200)), full);
    assert_eq!(ledger.send(attach(100, vec![web.id])), Ok(Answer::Done), "one of them may be named again");
    let many = Err(Refusal::TooMany { what: Limited::Asks, max: 64 });
    assert_eq!(ledger.send(attach(100, vec![web.id; 65])), many);
    assert_eq!(ledger.send(Command::Launch { leases: vec![web.id; 65], hand_over: false }), many);
}

#[test]
fn a_process_that_is_gone_proves_nothing_by_an_old_look() {
    let mut ledger = Ledger::new();
    let web = ledger.grant(request("web").held_by(10));
    let listener = server(12).under(10);
    ledger.send(Command::Attach { leases: vec![web.id], process: process(12) }).unwrap();
    let sightings = vec![crate::Sighting { port: ledger.lease(web.id).port, listeners: vec![listener] }];
    let survivors = [(web.id, vec![process(12)])].into();
    ledger.send(Command::ProcessExited { process: process(12), sightings, survivors }).unwrap();
    assert_eq!(ledger.state(web.id), StateWord::Pending);
    assert_eq!(ledger.lease(web.id).watched, [].into());
}

#[test]
fn the_end_of_a_process_that_matters_to_nobody_changes_nothing() {
    let mut ledger = Ledger::new();
    ledger.grant(request("web").held_by(10));
    ledger.exits(process(99), &[]);
    assert_eq!(ledger.changes, []);
}

#[test]
fn release_is_for_one_s_own_worktree() {
    let mut ledger = Ledger::new();
    let mine = ledger.grant(request("web"));
    let theirs = ledger.grant(request("web").of("/shop-2"));
    let here = || Caller { worktree: "/shop".into(), force: false };
    let release = |target: Target, caller| Command::Release { targets: vec![target], caller };
    let not_yours = Err(Refusal::NotYours { lease: theirs.id });
    for target in
        [Target::Lease(theirs.id), Target::Port(ledger.lease(theirs.id).port), Target::Worktree("/shop-2".into())]
    {
        assert_eq!(ledger.send(release(target, here())), not_yours);
    }
    let both = Command::Release { targets: vec![Target::Key(key("web")), Target::Lease(theirs.id)], caller: here() };
    assert_eq!(ledger.send(both), not_yours, "all or nothing");
    assert_eq!(ledger.renew(theirs.id, None), not_yours);
    assert_eq!(ledger.confirm(theirs.id), not_yours);
    let force = Caller { force: true, ..here() };
    assert_eq!(ledger.send(release(Target::Lease(theirs.id), force)), Ok(Answer::Touched(vec![theirs.id])));
    let twice = vec![Target::Worktree("/shop".into()), Target::Key(key("web")), Target::Lease(mine.id)];
    let released = ledger.send(Command::Release { targets: twice, caller: here() });
    assert_eq!(released, Ok(Answer::Touched(vec![mine.id])));
    assert_eq!((ledger.end(mine.id), ledger.changes.len()), (Some(EndReason::Released), 1));
    let empty = ledger.send(release(Target::Worktree("/shop".into()), here()));
    assert_eq!(empty, Ok(Answer::Touched(Vec::new())), "nothing left is no error");
}

#[test]
fn what_is_not_there_is_said_to_be_so() {
    let mut ledger = Ledger::new();
    let web = ledger.grant(request("web"));
    ledger.release(web.id).unwrap();
    let caller = || Caller { worktree: "/shop".into(), force: true };
    for target in [
        Target::Key(key("web")),
        Target::Port(super::wish::port(20_000)),
        Target::Lease(web.id),
        Target::Lease(LeaseId(99)),
    ] {
        let nothing = Err(Refusal::NoSuchLease { target: target.clone() });
        assert_eq!(ledger.send(Command::Release { targets: vec![target.clone()], caller: caller() }), nothing);
        assert_eq!(ledger.send(Command::Renew { target: target.clone(), caller: caller(), ttl: None }), nothing);
        let confirm = Command::Confirm { target, caller: caller(), process: None, sighting: None };
        assert_eq!(ledger.send(confirm), nothing);
    }
    for command in [
        Command::Launch { leases: vec![web.id], hand_over: false },
        Command::Attach { leases: vec![web.id], process: process(1) },
        Command::Release { targets: vec![Target::Worktree("/shop".into()), Target::Lease(web.id)], caller: caller() },
    ] {
        assert_eq!(ledger.send(command), Err(Refusal::NoSuchLease { target: Target::Lease(web.id) }));
    }
    assert!(matches!(ledger.lease(web.id).state, LeaseState::Ended { reason: EndReason::Released, .. }));
    assert_eq!(ledger.broker.boot(), Some(BOOT));
}
