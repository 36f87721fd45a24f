//! Whose server it is: what the system showed, compared with the ledger.

use std::collections::{BTreeMap, BTreeSet};

use crate::broker::{Broker, Change, Lease, LeaseState};
use crate::vocabulary::{EndReason, Evidence, LeaseId, Listener, Moment, Port, ProcessIdentity, Sighting};

/// The most processes watched for one lease: a server's workers, with room to spare.
pub(super) const WATCHED_MAX: usize = 64;

impl Broker {
    pub(super) fn sighted(&self, now: Moment, sightings: &[Sighting]) -> Vec<Change> {
        let mut changes = Vec::new();
        for sighting in sightings {
            let Some(lease) = self.lease_on(sighting.port) else { continue };
            changes.extend(self.sighted_for(lease, sighting));
            // Nobody will tell of the end of a process that could not be watched.
            let unwatched = lease.evidence().is_some() && lease.processes().next().is_none();
            if unwatched && !self.served(lease, sighting) {
                changes.push(Change::Lapsed { lease: lease.id, until: Some(now.awake + self.policy.lapsing) });
            }
        }
        changes
    }

    /// Whether a listener of the lease's own was seen.
    pub(super) fn served(&self, lease: &Lease, sighting: &Sighting) -> bool {
        lease.concerned(sighting).into_iter().any(|listener| self.evidence(lease, listener).is_some())
    }

    /// What a look at its port means for a lease.
    pub(super) fn sighted_for(&self, lease: &Lease, sighting: &Sighting) -> Vec<Change> {
        let mut strongest: Option<Evidence> = None;
        let mut stranger = false;
        let mut fresh = Vec::new();
        for listener in lease.concerned(sighting) {
            match self.evidence(lease, listener) {
                None => stranger = true,
                Some(evidence) => {
                    strongest = Some(strongest.map_or(evidence, |best| best.min(evidence)));
                    let known = |process: &ProcessIdentity| lease.watched.contains(process) || fresh.contains(process);
                    fresh.extend(listener.process.filter(|process| !known(process)));
                }
            }
        }
        fresh.truncate(WATCHED_MAX.saturating_sub(lease.watched.len()));
        let mut changes = Vec::new();
        if let Some(evidence) = strongest {
            let better = lease.evidence().is_none_or(|had| evidence < had);
            if better || !fresh.is_empty() {
                let evidence = lease.evidence().map_or(evidence, |had| had.min(evidence));
                changes.push(Change::Confirmed { lease: lease.id, evidence, listeners: fresh });
            }
        }
        if stranger != lease.contested {
            changes.push(Change::Contested { lease: lease.id, contested: stranger });
        }
        changes
    }

    pub(super) fn tree_seen(&self, id: LeaseId, elsewhere: Option<Port>) -> Vec<Change> {
        let moved = self.live.get(&id).filter(|lease| lease.drifted_to != elsewhere);
        moved.map(|lease| Change::Drifted { lease: lease.id, to: elsewhere }).into_iter().collect()
    }

    /// A watched process is gone. A lease whose holder is gone lives on only while something of
    /// its tree does; one without a holder lapses when its last listener is gone.
    pub(super) fn process_exited(
        &self,
        now: Moment,
        process: ProcessIdentity,
        sightings: &[Sighting],
        survivors: &BTreeMap<LeaseId, Vec<ProcessIdentity>>,
    ) -> Vec<Change> {
        let none = Vec::new();
        let leases = self.leases_with(process);
        leases
            .flat_map(|lease| {
                let sighting = sightings.iter().find(|sighting| sighting.port == lease.port);
                let left = survivors.get(&lease.id).unwrap_or(&none);
                self.bereaved(now, lease, process, sighting, left)
            })
            .collect()
    }

    fn bereaved(
        &self,
        now: Moment,
        lease: &Lease,
        gone: ProcessIdentity,
        sighting: Option<&Sighting>,
        survivors: &[ProcessIdentity],
    ) -> Vec<Change> {
        let holder_gone = lease.living_holder().is_some_and(|holder| holder.process == gone);
        let tree_only = holder_gone || lease.orphaned;
        let sighting = sighting.map(|sighting| without(sighting, gone));
        let served = sighting.as_ref().is_some_and(|sighting| self.served(lease, sighting));
        let left: Vec<_> = survivors.iter().copied().filter(|process| *process != gone).collect();
        let watched_left = lease.watched.iter().any(|process| *process != gone);
        if tree_only && !served && left.is_empty() && !watched_left {
            return vec![self.ended(now, lease, EndReason::HolderExited)];
        }
        let mut changes = Vec::new();
        if lease.watched.contains(&gone) {
            changes.push(Change::Detached { lease: lease.id, process: gone });
        }
        let id = lease.id;
        if holder_gone {
            changes.push(Change::Orphaned { lease: id, until: now.awake + self.policy.pending });
        }
        if tree_only {
            let fresh: BTreeSet<_> = left.into_iter().filter(|process| !lease.watched.contains(process)).collect();
            let processes: Vec<_> = fresh.into_iter().take(WATCHED_MAX.saturating_sub(lease.watched.len())).collect();
            if !processes.is_empty() {
                changes.push(Change::Attached { lease: id, processes });
            }
        }
        changes.extend(sighting.iter().flat_map(|sighting| self.sighted_for(lease, sighting)));
        if matches!(lease.state, LeaseState::Active { .. }) && !served {
            let held = lease.living_holder().is_some() && !holder_gone;
            let until = (!held).then(|| now.awake + self.policy.lapsing);
            changes.push(Change::Lapsed { lease: id, until });
        }
        changes
    }

    /// Why a listener on the lease's port is believed to be the lease's own; `None` for a
    /// stranger. Meant for a live lease and a listener on its port.
    #[must_use]
    pub fn evidence(&self, lease: &Lease, listener: &Listener) -> Option<Evidence> {
        let of_tree = |root: &ProcessIdentity| listener.process == Some(*root) || listener.lineage.contains(root);
        let of_holder = lease.holder.as_ref().is_some_and(|holder| of_tree(&holder.process));
        let of_watched = lease.watched.iter().any(of_tree);
        // What is watched by somebody's word makes no tree the holder's.
        let by_word = of_watched && lease.evidence() == Some(Evidence::Confirm);
        if of_holder || (of_watched && lease.holder.is_some() && !by_word) {
            return Some(Evidence::Lineage);
        }
        if listener.marker.contains(&lease.id) {
            return Some(Evidence::Marker);
        }
        self.by_place(lease, listener).or(by_word.then_some(Evidence::Confirm))
    }

    /// What speaks for a listener of a lease without a holder.
    fn by_place(&self, lease: &Lease, listener: &Listener) -> Option<Evidence> {
        let known_elsewhere = listener.worktree.as_ref().is_some_and(|worktree| *worktree != lease.key.worktree);
        if lease.living_holder().is_some() || known_elsewhere || self.of_another(lease, listener) {
            return None;
        }
        match &listener.worktree {
            Some(_) if listener.same_user => Some(Evidence::Worktree),
            None if listener.same_user || listener.container_proxy => Some(Evidence::Presumed),
            _ => None,
        }
    }

    /// Whether another lease's tree, or another lease's marker, says whose the listener is.
    fn of_another(&self, lease: &Lease, listener: &Listener) -> bool {
        let foreign = |other: &Lease| other.id != lease.id && other.key.worktree != lease.key.worktree;
        let by_tree = listener.lineage.iter().chain(&listener.process).any(|process| {
            let others = self.leases_by_process.get(process).into_iter().flatten();
            others.filter_map(|id| self.live.get(id)).any(foreign)
        });
        by_tree || listener.marker.iter().filter_map(|id| self.lease(*id)).any(foreign)
    }

    pub(super) fn provably_foreign(&self, lease: &Lease, listener: &Listener) -> bool {
        let elsewhere = listener.worktree.as_ref().is_some_and(|worktree| *worktree != lease.key.worktree);
        elsewhere || !(listener.same_user || listener.container_proxy) || self.of_another(lease, listener)
    }
}

impl Lease {
    /// Those of the listeners seen that its protocol concerns; none when another port was seen.
    pub(super) fn concerned<'a>(&self, sighting: &'a Sighting) -> Vec<&'a Listener> {
        let here = sighting.port == self.port;
        let listeners = sighting.listeners.iter();
        listeners.filter(|listener| here && self.protocol.covers(listener.protocol)).collect()
    }
}

/// What would have been seen a moment later, when the process's sockets are closed as well.
fn without(sighting: &Sighting, gone: ProcessIdentity) -> Sighting {
    let listeners = sighting.listeners.iter().filter(|listener| listener.process != Some(gone));
    Sighting { port: sighting.port, listeners: listeners.cloned().collect() }
}
