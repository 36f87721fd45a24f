//! What must hold of every ledger, whatever happened to it.

use std::collections::{BTreeMap, BTreeSet};

use crate::broker::{Broker, Effect, Lease, LeaseState, Usage};
use crate::vocabulary::{Admit, Port, PortRange};

pub(super) fn consistent(broker: &Broker) {
    no_port_and_no_key_is_leased_twice(broker);
    indexes_follow_from_leases(broker);
    claims_and_blocked_ports_agree(broker);
    deadlines_are_those_of_the_living(broker);
    effects_stand_exactly_for_leases(broker);
    every_live_lease_has_a_way_to_end(broker);
    a_snapshot_is_only_a_shorter_history(broker);
    usage_is_what_can_be_counted(broker);
}

fn usage_is_what_can_be_counted(broker: &Broker) {
    let range = PortRange::ALL;
    let leased = |port: &Port| broker.lease_on(*port).is_some();
    let claimed = broker.claims().filter(|claim| !leased(&claim.port)).count();
    let quarantined: BTreeSet<Port> = broker.quarantines().map(|quarantine| quarantine.port).collect();
    let barred = quarantined.iter().filter(|port| !leased(port) && !broker.excluded.contains(**port)).count();
    let excluded = broker.excluded.count_in(range)
        - broker.live_leases().filter(|lease| broker.excluded.contains(lease.port)).count();
    let wanted = Usage { leased: broker.live_leases().len(), claimed, barred: barred + excluded };
    assert_eq!(broker.usage(range), wanted);
    let Some(port) = broker.live_leases().map(|lease| lease.port).next() else { return };
    assert_eq!(broker.usage(PortRange::single(port)), Usage { leased: 1, claimed: 0, barred: 0 });
}

fn no_port_and_no_key_is_leased_twice(broker: &Broker) {
    let ports: BTreeSet<Port> = broker.live_leases().map(|lease| lease.port).collect();
    assert_eq!(ports.len(), broker.live_leases().len(), "a port is leased twice");
    let keys: BTreeSet<_> = broker.live_leases().map(|lease| &lease.key).collect();
    assert_eq!(keys.len(), broker.live_leases().len(), "a key has two live leases");
    for lease in broker.live_leases() {
        assert!(lease.is_live() && lease.id < broker.next_id, "{lease:?}");
        let claim = broker.claim_on(lease.port);
        assert!(claim.is_none_or(|claim| claim.key == lease.key), "{lease:?} sits on the number of {claim:?}");
        assert_eq!(broker.cooling_on(lease.port), None, "a leased port cools down");
    }
    for lease in broker.ended_leases() {
        assert!(!lease.is_live() && lease.id < broker.next_id && !broker.live.contains_key(&lease.id), "{lease:?}");
        assert!(lease.guard.is_none() && lease.watched.is_empty(), "{lease:?}");
    }
    assert!(broker.ended.len() <= broker.policy.history_max);
    let in_order: BTreeSet<_> = broker.ends.iter().map(|(_, id)| *id).collect();
    assert!(in_order.len() == broker.ends.len() && in_order == broker.ended.keys().copied().collect());
}

fn indexes_follow_from_leases(broker: &Broker) {
    let live = || broker.live.values();
    assert_eq!(broker.lease_by_port, live().map(|lease| (lease.port, lease.id)).collect());
    assert_eq!(broker.lease_by_key, live().map(|lease| (lease.key.clone(), lease.id)).collect());
    let mut by_process = BTreeMap::<_, BTreeSet<_>>::new();
    let mut by_project = BTreeMap::<_, usize>::new();
    for lease in live() {
        lease.processes().for_each(|process| {
            by_process.entry(process).or_default().insert(lease.id);
        });
        *by_project.entry(lease.key.project.clone()).or_default() += 1;
    }
    assert_eq!(broker.leases_by_process, by_process);
    assert_eq!(broker.leases_by_project, by_project);
}

fn claims_and_blocked_ports_agree(broker: &Broker) {
    assert!(broker.claims.iter().all(|(key, claim)| *key == claim.key));
    let by_port: BTreeMap<_, _> = broker.claims.values().map(|claim| (claim.port, claim.key.clone())).collect();
    assert_eq!(broker.claim_by_port, by_port);
    assert_eq!(by_port.len(), broker.claims.len(), "a port is claimed twice");
    let mut blocked = broker.excluded.clone();
    let taken = broker.lease_by_port.keys().chain(broker.claim_by_port.keys()).chain(broker.quarantines.keys());
    taken.for_each(|port| blocked.insert(*port));
    assert!(blocked == broker.blocked, "the blocked ports are not those leased, claimed, quarantined or excluded");
}

fn deadlines_are_those_of_the_living(broker: &Broker) {
    let deadlines: BTreeSet<_> = broker.live_leases().filter_map(|lease| Some((lease.deadline()?, lease.id))).collect();
    assert_eq!(broker.deadlines, deadlines);
    assert_eq!(broker.next_deadline(), broker.live_leases().filter_map(Lease::deadline).min());
    for lease in broker.live_leases().filter(|lease| lease.living_holder().is_some()) {
        assert_eq!(lease.deadline(), None, "a living holder loses nothing: {lease:?}");
    }
}

fn effects_stand_exactly_for_leases(broker: &Broker) {
    let union: BTreeSet<Effect> = broker.live.keys().flat_map(|id| broker.effects_of(*id)).collect();
    assert_eq!(broker.standing_effects(), union);
    assert!(union.iter().all(|effect| broker.stands(effect)));
    for lease in broker.ended.values() {
        assert!(broker.effects_of(lease.id).is_empty());
        let look = Effect::Look { lease: lease.id, port: lease.port, protocol: lease.protocol };
        let guards = [Admit::Nobody, Admit::Reuse].map(|admit| (lease.port, lease.protocol, admit));
        let guards = guards.map(|(port, protocol, admit)| Effect::Guard { port, protocol, admit });
        for effect in guards.into_iter().chain([look]) {
            assert_eq!(broker.stands(&effect), union.contains(&effect), "{effect:?}");
        }
    }
    for holder in broker.live_leases().filter_map(Lease::living_holder) {
        assert!(union.contains(&Effect::Watch { process: holder.process }), "{holder:?} is not watched");
    }
}

/// By a deadline, by the end of a process, or by a look that shows nobody.
fn every_live_lease_has_a_way_to_end(broker: &Broker) {
    for lease in broker.live_leases() {
        let looked_at = broker.effects_of(lease.id).iter().any(|effect| matches!(effect, Effect::Look { .. }));
        let watched = lease.processes().next().is_some();
        assert!(lease.deadline().is_some() || watched || looked_at, "{lease:?} would live for ever");
        if matches!(lease.state, LeaseState::Pending { .. } | LeaseState::Lapsing { .. }) {
            let held = lease.living_holder().is_some();
            let left_behind = lease.orphaned && !lease.watched.is_empty();
            assert!(held || left_behind || lease.deadline().is_some(), "{lease:?} waits for ever");
        }
    }
}

fn a_snapshot_is_only_a_shorter_history(broker: &Broker) {
    let history = broker.as_history();
    let again = Broker::from_history(broker.policy.clone(), history.clone());
    assert_eq!(again.as_history(), history);
    assert_eq!(again.next_id, broker.next_id);
    assert_eq!(again.standing_effects(), broker.standing_effects());
    assert!(again.cooling_entries().eq(broker.cooling_entries()), "a cool-down is lost in the snapshot");
}

impl Broker {
    fn cooling_entries(&self) -> impl Iterator<Item = (Port, Option<(&crate::Key, crate::Timestamp)>)> {
        self.cooling.ports().map(|port| (port, self.cooling_on(port)))
    }
}
