//! From active to lapsing and back, deadlines, suspects, guards.

use super::rig::{HOUR, Ledger, secs};
use super::wish::{process, request, server, stranger};
use crate::broker::{Answer, Change, Command, Effect, LeaseState, Note, Refusal, Why};
use crate::vocabulary::{Admit, EndReason, Evidence, LeaseId, Protocol, QuarantineUntil, StateWord};

#[test]
fn a_server_that_goes_lapses_and_then_ends() {
    let mut ledger = Ledger::new();
    let web = ledger.grant(request("web"));
    ledger.comes_up(20_000, server(12));
    ledger.exits(process(12), &[]);
    assert_eq!(
        ledger.changes,
        [
            Change::Detached { lease: web.id, process: process(12) },
            Change::Lapsed { lease: web.id, until: Some(ledger.now.awake + secs(30)) },
        ]
    );
    ledger.pass_and_tick(crate::Span(29_999));
    assert_eq!(ledger.state(web.id), StateWord::Lapsing);
    ledger.pass_and_tick(crate::Span(1));
    assert_eq!(ledger.end(web.id), Some(EndReason::Lapsed));
}

#[test]
fn a_server_that_comes_back_in_time_is_active_again() {
    let mut ledger = Ledger::new();
    let web = ledger.grant(request("web"));
    ledger.comes_up(20_000, server(12).cwd("/shop"));
    ledger.exits(process(12), &[]);
    ledger.pass(secs(20));
    ledger.comes_up(20_000, server(13));
    assert_eq!(ledger.lease(web.id).evidence(), Some(Evidence::Presumed), "evidence is of the server that is up");
    assert_eq!(ledger.deadline_in(), None);
    ledger.pass_and_tick(HOUR);
    assert_eq!(ledger.state(web.id), StateWord::Active);
}

#[test]
fn a_last_look_saves_what_is_due() {
    let mut ledger = Ledger::new();
    let (pending, lapsing) = (ledger.grant(request("web")), ledger.grant(request("api")));
    ledger.comes_up(20_001, server(12));
    ledger.exits(process(12), &[]);
    ledger.listens(20_000, server(13));
    ledger.listens(20_001, server(14));
    ledger.pass_and_tick(HOUR);
    assert_eq!([ledger.state(pending.id), ledger.state(lapsing.id)], [StateWord::Active; 2]);
}

#[test]
fn what_was_not_looked_at_is_not_ended_unless_its_time_to_live_is_over() {
    let mut ledger = Ledger::new();
    let (seen, unseen) = (ledger.grant(request("seen")), ledger.grant(request("unseen")));
    let mortal = ledger.grant(request("mortal").ttl(secs(300)));
    ledger.pass(secs(300));
    let sightings = vec![ledger.world.sighting(super::wish::port(seen.port))];
    ledger.send(Command::Tick { sightings }).unwrap();
    assert_eq!(ledger.end(seen.id), Some(EndReason::NeverConfirmed));
    assert_eq!(ledger.end(mortal.id), Some(EndReason::Expired));
    assert_eq!((ledger.state(unseen.id), ledger.deadline_in()), (StateWord::Pending, Some(secs(0))));
}

#[test]
fn a_last_look_at_a_stranger_saves_nothing() {
    let mut ledger = Ledger::new();
    let web = ledger.grant(request("web"));
    ledger.listens(20_000, stranger(50));
    ledger.pass_and_tick(secs(300));
    assert_eq!(ledger.end(web.id), Some(EndReason::NeverConfirmed));
    assert!(ledger.lease(web.id).contested);
}

#[test]
fn a_tick_ends_only_what_is_due() {
    let mut ledger = Ledger::new();
    let early = ledger.grant(request("a").ttl(secs(10)));
    let late = ledger.grant(request("b"));
    ledger.tick();
    assert_eq!(ledger.changes, []);
    ledger.pass_and_tick(secs(11));
    assert_eq!((ledger.end(early.id), ledger.end(late.id)), (Some(EndReason::Expired), None));
    assert_eq!(ledger.deadline_in(), Some(secs(289)));
}

#[test]
fn what_was_asleep_is_not_late() {
    let mut ledger = Ledger::new();
    let web = ledger.grant(request("web"));
    ledger.now.wall = ledger.now.wall + crate::Span::from_days(3);
    ledger.tick();
    assert_eq!(ledger.state(web.id), StateWord::Pending, "deadlines count on the clock that stands still in sleep");
}

#[test]
fn a_listener_that_cannot_be_watched_is_looked_at_until_it_is_gone() {
    let mut ledger = Ledger::new();
    let web = ledger.grant(request("web"));
    ledger.comes_up(20_000, server(12).of_another_user().proxy().unseen());
    let lease = ledger.lease(web.id);
    assert_eq!((lease.evidence(), lease.processes().count()), (Some(Evidence::Presumed), 0));
    let look = Effect::Look { lease: web.id, port: lease.port, protocol: Protocol::Tcp };
    assert!(ledger.broker.stands(&look));
    ledger.look_at(20_000);
    assert_eq!(ledger.changes, []);
    ledger.falls_silent(20_000);
    ledger.look_at(20_000);
    assert_eq!((ledger.state(web.id), ledger.deadline_in()), (StateWord::Lapsing, Some(secs(30))));
    ledger.pass_and_tick(secs(30));
    assert_eq!(ledger.end(web.id), Some(EndReason::Lapsed));
}

#[test]
fn a_server_that_is_watched_does_not_lapse_by_an_empty_look() {
    let mut ledger = Ledger::new();
    let web = ledger.grant(request("web"));
    ledger.comes_up(20_000, server(12));
    ledger.falls_silent(20_000);
    ledger.look_at(20_000);
    assert_eq!(ledger.state(web.id), StateWord::Active, "its process lives, and may open the port again");
}

#[test]
fn a_stranger_that_takes_a_gone_server_s_port_contests_it() {
    let mut ledger = Ledger::new();
    let web = ledger.grant(request("web"));
    ledger.comes_up(20_000, server(12));
    ledger.listens(20_000, stranger(50));
    ledger.exits(process(12), &[]);
    let lease = ledger.lease(web.id);
    assert_eq!((lease.state.word(), lease.contested), (StateWord::Lapsing, true));
}

#[test]
fn a_free_port_clears_a_suspect_and_stays_open_for_what_the_program_left_behind() {
    let mut ledger = Ledger::new();
    let web = ledger.grant(request("web").held_by(10).guarded(Admit::Nobody));
    ledger.send(Command::Launch { leases: vec![web.id], hand_over: false }).unwrap();
    assert_eq!(ledger.suspect(web.id, false), Ok(Answer::Cleared(web.id)));
    assert_eq!((&ledger.changes[..], ledger.lease(web.id).guard), (&[][..], None));
    assert_eq!(ledger.state(web.id), StateWord::Pending);
    ledger.grant(request("web").held_by(10).guarded(Admit::Nobody));
    assert_eq!(ledger.lease(web.id).guard, Some(Admit::Nobody), "who starts it again asks for a guard again");
}

#[test]
fn a_port_that_could_not_be_looked_at_is_not_suspect() {
    for certain in [false, true] {
        let mut ledger = Ledger::new();
        let web = ledger.grant(request("web").held_by(10));
        ledger.world.no_descriptors = true;
        assert_eq!(ledger.suspect(web.id, certain), Err(Refusal::NoDescriptors));
        assert_eq!(ledger.state(web.id), StateWord::Pending);
    }
}

#[test]
fn a_suspect_whose_own_server_is_there_is_cleared_and_active() {
    let mut ledger = Ledger::new();
    let web = ledger.grant(request("web").held_by(10));
    ledger.listens(20_000, server(12).marked(web.id));
    assert_eq!(ledger.suspect(web.id, true), Ok(Answer::Cleared(web.id)), "it daemonised");
    assert_eq!(ledger.lease(web.id).evidence(), Some(Evidence::Marker));
}

#[test]
fn a_stranger_s_port_is_abandoned_and_avoided_while_it_stays() {
    let mut ledger = Ledger::new();
    let web = ledger.grant(request("web").held_by(10));
    ledger.listens(20_000, stranger(50));
    let abandoned = Answer::Abandoned { lease: web.id, by: vec![stranger(50)] };
    assert_eq!(ledger.suspect(web.id, false), Ok(abandoned));
    assert_eq!(ledger.end(web.id), Some(EndReason::BindFailed));
    assert_eq!(ledger.broker.quarantines().len(), 0, "the next look meets the stranger again");
    let next = ledger.grant(request("web").held_by(10));
    assert_eq!(next.port, 20_001);
    ledger.release(next.id).unwrap();
    ledger.falls_silent(20_000);
    assert_eq!(ledger.port(request("web").preferred(20_000).held_by(10)), 20_000);
}

#[test]
fn a_port_that_fails_though_nobody_shows_is_quarantined_until_reboot() {
    for certain in [false, true] {
        let mut ledger = Ledger::new();
        let web = ledger.grant(request("web").held_by(10));
        // Unless the program is certain about it, the bind fails for the daemon, too.
        if !certain {
            ledger.forbid(20_000);
        }
        assert_eq!(ledger.suspect(web.id, certain), Ok(Answer::Abandoned { lease: web.id, by: Vec::new() }));
        let quarantine = ledger.broker.quarantine_on(super::wish::port(20_000)).unwrap().clone();
        assert_eq!((quarantine.until, quarantine.since), (QuarantineUntil::Reboot, ledger.now.wall));
        assert_eq!(ledger.port(request("web").held_by(10)), 20_001);
        let why = Why::Quarantined { reason: quarantine.reason };
        let key = super::wish::key("web");
        assert_eq!(ledger.notes, [Note::ClaimUnavailable { key, port: super::wish::port(20_000), why }]);
    }
}

#[test]
fn a_suspect_must_be_a_live_lease() {
    let mut ledger = Ledger::new();
    let web = ledger.grant(request("web"));
    ledger.release(web.id).unwrap();
    assert!(matches!(ledger.suspect(web.id, true), Err(Refusal::NoSuchLease { .. })));
}

#[test]
fn the_guard_stands_aside_for_the_launch() {
    let mut ledger = Ledger::new();
    let grants = ledger.grants(request("web").and("api").held_by(10).guarded(Admit::Nobody));
    let ids: Vec<LeaseId> = grants.iter().map(|grant| grant.id).collect();
    let guards = |ledger: &Ledger| {
        let effects = ledger.broker.standing_effects();
        effects.iter().filter(|effect| matches!(effect, Effect::Guard { .. })).count()
    };
    assert_eq!(guards(&ledger), 2);
    ledger.send(Command::Launch { leases: ids.clone(), hand_over: false }).unwrap();
    assert_eq!(guards(&ledger), 0);
    ledger.send(Command::Launch { leases: ids, hand_over: false }).unwrap();
    assert_eq!(ledger.changes, []);
}

#[test]
fn a_guard_is_handed_over_before_it_stands_aside() {
    let mut ledger = Ledger::new();
    let web = ledger.grant(request("web").held_by(10).guarded(Admit::Nobody));
    for (hand_over, guard, changes) in [
        (true, Some(Admit::Reuse), 1),
        (true, Some(Admit::Reuse), 0),
        (false, None, 1),
        (false, None, 0),
        (true, None, 0),
    ] {
        ledger.send(Command::Launch { leases: vec![web.id], hand_over }).unwrap();
        assert_eq!((ledger.lease(web.id).guard, ledger.changes.len()), (guard, changes));
    }
}

#[test]
fn while_nobody_gets_past_the_guard_nobody_needs_to_look() {
    let mut ledger = Ledger::new();
    let web = ledger.grant(request("web").guarded(Admit::Nobody));
    assert!(!ledger.lease(web.id).wants_looks());
    let port = ledger.lease(web.id).port;
    ledger.send(Command::GuardLost { port }).unwrap();
    assert_eq!(ledger.changes, [Change::Guarded { lease: web.id, admit: None }]);
    assert!(ledger.lease(web.id).wants_looks());
    ledger.send(Command::GuardLost { port }).unwrap();
    assert_eq!(ledger.changes, []);
    ledger.send(Command::GuardLost { port: super::wish::port(9) }).unwrap();
    assert_eq!(ledger.changes, []);
}

#[test]
fn every_lease_ends_if_time_goes_on() {
    let mut ledger = Ledger::new();
    ledger.grant(request("pending"));
    ledger.grant(request("held").held_by(10));
    ledger.grant(request("mortal").ttl(HOUR));
    for (place, service) in ["up", "orphaned", "unwatched"].iter().enumerate() {
        let wish = if *service == "orphaned" { request(service).held_by(11) } else { request(service) };
        let grant = ledger.grant(wish);
        let pid = 20 + u32::try_from(place).unwrap();
        let listener = if *service == "unwatched" { server(pid).unseen() } else { server(pid).under(11) };
        ledger.comes_up(grant.port, listener);
    }
    let orphan = ledger.broker.lease_of(&super::wish::key("orphaned")).unwrap().id;
    ledger.exits(process(11), &[(orphan, &[process(21)])]);
    let gone = |ledger: &mut Ledger| {
        [10, 20, 21].iter().for_each(|pid| ledger.exits(process(*pid), &[]));
        ledger.world.listeners.clear();
        let looks = ledger.broker.live_leases().map(|lease| lease.port.number()).collect::<Vec<_>>();
        looks.into_iter().for_each(|port| ledger.look_at(port));
    };
    gone(&mut ledger);
    while let Some(next) = ledger.deadline_in() {
        ledger.pass_and_tick(next);
    }
    assert_eq!(ledger.broker.live_leases().len(), 0);
    assert!(ledger.broker.ended_leases().all(|lease| matches!(lease.state, LeaseState::Ended { .. })));
    assert_eq!(ledger.broker.standing_effects(), [].into());
}

#[test]
fn a_server_s_end_starts_no_clock_while_its_holder_lives() {
    let mut ledger = Ledger::new();
    let web = ledger.grant(request("web").held_by(10));
    ledger.comes_up(20_000, server(12).under(10));
    ledger.exits(process(12), &[]);
    assert!(ledger.changes.contains(&Change::Lapsed { lease: web.id, until: None }));
}

#[test]
fn a_last_look_does_not_prolong_a_time_to_live() {
    let mut ledger = Ledger::new();
    let web = ledger.grant(request("web").ttl(secs(60)));
    ledger.listens(20_000, server(12));
    ledger.pass_and_tick(secs(60));
    assert_eq!(ledger.end(web.id), Some(EndReason::Expired));
}

#[test]
fn a_contested_server_is_looked_at_until_the_stranger_leaves() {
    let mut ledger = Ledger::new();
    let web = ledger.grant(request("web"));
    ledger.listens(20_000, stranger(50));
    ledger.comes_up(20_000, server(12));
    assert!(ledger.lease(web.id).contested && ledger.lease(web.id).wants_looks());
    ledger.exits(process(50), &[]);
    ledger.look_at(20_000);
    assert!(!ledger.lease(web.id).contested && !ledger.lease(web.id).wants_looks());
    assert_eq!(ledger.grant(request("web")).id, web.id);
}
