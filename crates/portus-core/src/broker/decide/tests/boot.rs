//! A new boot, the cool-down of freed ports, quarantine and revival.

use super::rig::{HOUR, Ledger, secs};
use super::wish::{key, key_in, port, request, server, stranger};
use crate::broker::{Change, Command, Note, Refusal, Why};
use crate::vocabulary::{BootId, EndReason, QuarantineUntil, Span, Timestamp};

#[test]
fn another_boot_ends_leases_and_keeps_numbers() {
    let mut ledger = Ledger::new();
    let web = ledger.grant(request("web").held_by(10));
    let api = ledger.grant(request("api"));
    ledger.comes_up(20_001, server(12));
    ledger.quarantine(4000, QuarantineUntil::Reboot);
    ledger.quarantine(4001, QuarantineUntil::Revived);
    ledger.now.awake = Timestamp(5_000);
    ledger.now.wall = ledger.now.wall + HOUR;
    ledger.send(Command::Boot { boot: BootId(8) }).unwrap();
    assert_eq!([ledger.end(web.id), ledger.end(api.id)], [Some(EndReason::Reboot); 2]);
    assert_eq!(ledger.broker.boot(), Some(BootId(8)));
    assert_eq!(ledger.broker.standing_effects(), [].into());
    assert_eq!(ledger.broker.quarantine_on(port(4000)), None, "whatever held it is gone");
    assert!(ledger.broker.quarantine_on(port(4001)).is_some());
    assert_eq!(ledger.broker.claim_of(&key("web")).unwrap().last_used, ledger.now.wall);
    ledger.falls_silent(20_001);
    assert_eq!([ledger.port(request("web")), ledger.port(request("api"))], [20_000, 20_001]);
}

#[test]
fn the_same_boot_is_no_news() {
    let mut ledger = Ledger::new();
    ledger.grant(request("web"));
    ledger.quarantine(4000, QuarantineUntil::Reboot);
    ledger.send(Command::Boot { boot: super::wish::BOOT }).unwrap();
    assert_eq!(ledger.changes, []);
}

#[test]
fn a_boot_ends_cool_downs_whatever_its_clock_says() {
    let mut ledger = Ledger::new();
    let web = ledger.grant(request("web").preferred(3000));
    let api = ledger.grant(request("api").preferred(3001));
    ledger.release(web.id).unwrap();
    ledger.now.awake = Timestamp(0);
    ledger.send(Command::Boot { boot: BootId(8) }).unwrap();
    assert_eq!([web, api].map(|grant| ledger.broker.cooling_on(port(grant.port))), [None, None]);
    ledger.forget("web");
    ledger.forget("api");
    assert_eq!(ledger.ports(request("x").preferred(3000).and("y").preferred(3001)), [3000, 3001]);
}

#[test]
fn a_freed_port_is_kept_from_others_for_a_minute() {
    let mut ledger = Ledger::new();
    let web = ledger.grant(request("web").preferred(3000));
    ledger.release(web.id).unwrap();
    ledger.forget("web");
    let wish = || request("api").range(3000, 3000);
    ledger.pass(Span(59_999));
    let Refusal::NoPort { reasons, .. } = ledger.refusal(wish()) else { panic!("it cools down") };
    assert_eq!(reasons.cooling, 1);
    assert_eq!(ledger.clone().port(request("web").preferred(3000)), 3000, "but never from its own key");
    let other_worktree = ledger.clone().port(request("web").of("/shop-2").preferred(3000));
    assert_eq!(other_worktree, 20_000, "another worktree's service is another key");
    ledger.pass(Span(1));
    assert_eq!(ledger.port(wish()), 3000);
}

#[test]
fn whatever_ended_a_lease_its_port_cools_down() {
    let ended = |end: fn(&mut Ledger, crate::LeaseId)| {
        let mut ledger = Ledger::new();
        let web = ledger.grant(request("web").held_by(10));
        end(&mut ledger, web.id);
        assert!(ledger.end(web.id).is_some());
        ledger.broker.cooling_on(port(20_000)).map(|(_, until)| until.since(ledger.now.awake))
    };
    let minute = Some(secs(60));
    assert_eq!(ended(|ledger, id| drop(ledger.release(id))), minute);
    assert_eq!(ended(|ledger, _| ledger.exits(super::wish::process(10), &[])), minute);
    assert_eq!(ended(|ledger, _| drop(ledger.ask(request("web").held_by(10).preferred(3000).strict()))), minute);
    let abandoned = ended(|ledger, id| {
        ledger.listens(20_000, stranger(50));
        ledger.suspect(id, false).unwrap();
    });
    assert_eq!(abandoned, minute);
}

#[test]
fn a_port_leased_again_cools_down_no_longer_and_then_anew() {
    let mut ledger = Ledger::new();
    let web = ledger.grant(request("web"));
    ledger.release(web.id).unwrap();
    ledger.pass(secs(30));
    let again = ledger.grant(request("web"));
    assert_eq!(ledger.broker.cooling_on(port(20_000)), None);
    ledger.release(again.id).unwrap();
    let (whose, until) = ledger.broker.cooling_on(port(20_000)).unwrap();
    assert_eq!((whose, until), (&key("web"), ledger.now.awake + secs(60)));
}

#[test]
fn a_cool_down_with_its_lease_forgotten_is_none() {
    let mut ledger = Ledger::with(crate::Policy { history_max: 1, ..crate::Policy::default() });
    let grants = ledger.grants(request("a").and("b"));
    grants.iter().for_each(|grant| drop(ledger.release(grant.id)));
    assert_eq!(ledger.broker.ended_leases().len(), 1);
    assert_eq!(ledger.broker.cooling_on(port(20_000)), None, "a snapshot could not tell of it");
    assert!(ledger.broker.cooling_on(port(20_001)).is_some());
}

#[test]
fn a_dead_port_is_dead_until_revived() {
    let mut ledger = Ledger::new();
    let web = ledger.grant(request("web"));
    ledger.release(web.id).unwrap();
    ledger.quarantine(20_000, QuarantineUntil::Revived);
    let next = ledger.grant(request("web"));
    assert_eq!(next.port, 20_001);
    let why = Why::Quarantined { reason: "for a test".into() };
    assert_eq!(ledger.notes, [Note::ClaimUnavailable { key: key("web"), port: port(20_000), why }]);
    ledger.send(Command::Revive { port: port(20_000) }).unwrap();
    assert_eq!(ledger.changes, [Change::Revived { port: port(20_000) }]);
    let again = ledger.send(Command::Revive { port: port(20_000) });
    assert_eq!(again, Err(Refusal::NotQuarantined { port: port(20_000) }));
    ledger.pass(secs(60));
    assert_eq!(ledger.port(request("web").of("/shop-2")), 20_000);
    assert_eq!(ledger.broker.claim_on(port(20_000)).unwrap().key, key_in("/shop-2", "web"));
}

#[test]
fn a_quarantine_said_again_is_the_last_one() {
    let mut ledger = Ledger::new();
    ledger.quarantine(4000, QuarantineUntil::Reboot);
    ledger.quarantine(4000, QuarantineUntil::Revived);
    assert_eq!(ledger.broker.quarantines().len(), 1);
    assert_eq!(ledger.broker.quarantine_on(port(4000)).unwrap().until, QuarantineUntil::Revived);
}

#[test]
fn passed_cool_downs_are_not_hoarded() {
    let mut ledger = Ledger::new();
    for (service, until_then) in [("a", HOUR), ("b", HOUR), ("c", secs(60))] {
        let grant = ledger.grant(request(service));
        ledger.pass(until_then);
        ledger.release(grant.id).unwrap();
        assert_eq!(ledger.broker.cooling.ports().len(), 1, "{service}");
    }
}

#[test]
fn the_end_of_another_lease_cuts_no_cool_down_short() {
    let mut ledger = Ledger::new();
    let grants = ledger.grants(request("a").and("b"));
    for grant in &grants {
        ledger.release(grant.id).unwrap();
        ledger.pass(secs(30));
    }
    assert!(grants.iter().all(|grant| ledger.broker.cooling_on(port(grant.port)).is_some()));
}

#[test]
fn without_a_cool_down_a_freed_port_is_everybody_s() {
    let mut ledger = Ledger::with(crate::Policy { cool_down: Span(0), ..crate::Policy::default() });
    let web = ledger.grant(request("web"));
    ledger.release(web.id).unwrap();
    assert_eq!(ledger.broker.cooling_on(port(web.port)), None);
}
