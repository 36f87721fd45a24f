//! The only mutator. Total: every change can be applied to every ledger.

use crate::broker::{Broker, Change, Lease, LeaseState};
use crate::vocabulary::{Claim, Key, LeaseId, Port, Timestamp};

impl Broker {
    /// Lets a change be true.
    pub fn evolve(&mut self, change: &Change) {
        match change {
            Change::Booted { boot } => {
                self.boot = Some(*boot);
                // Cool-downs count on a clock that began anew.
                self.cooling.clear();
            }
            Change::Numbered { next } => self.next_id = self.next_id.max(*next),
            Change::Granted { lease, cool_until } => self.evolve_granted(lease, *cool_until),
            Change::Ended { lease: id, reason, at, cool_until } => {
                if let Some(mut lease) = self.remove_live(*id) {
                    lease.state = LeaseState::Ended { reason: *reason, at: *at };
                    lease.guard = None;
                    lease.watched.clear();
                    if let Some(claim) = self.claims.get_mut(&lease.key).filter(|claim| claim.port == lease.port) {
                        claim.last_used = at.wall;
                    }
                    self.cooling.expire(at.awake);
                    if *cool_until > at.awake {
                        self.cooling.insert(lease.port, lease.id, *cool_until);
                    }
                    self.remember(lease);
                    // Even if the clock was set back: whoever asks what became of it is to be told.
                    self.forget_but(Some(*id));
                }
            }
            Change::Claimed { claim } => self.put_claim(claim.clone()),
            Change::Unclaimed { key, .. } => self.remove_claim(key),
            Change::Missing { worktree, since } => {
                for claim in self.claims.values_mut().filter(|claim| claim.key.worktree == *worktree) {
                    claim.missing_since = *since;
                }
            }
            Change::Quarantined { quarantine } => {
                self.quarantines.insert(quarantine.port, quarantine.clone());
                self.settle_blocked(quarantine.port);
            }
            Change::Revived { port } => {
                self.quarantines.remove(port);
                self.settle_blocked(*port);
            }
            _ => {
                if let Some(id) = change.lease() {
                    self.update_live(id, |lease| lease.evolve(change));
                }
            }
        }
    }

    fn evolve_granted(&mut self, lease: &Lease, cool_until: Option<Timestamp>) {
        self.next_id = self.next_id.max(LeaseId(lease.id.0.saturating_add(1)));
        if lease.is_live() {
            self.cooling.remove(lease.port);
            self.insert_live(lease.clone());
        } else {
            if let Some(until) = cool_until {
                self.cooling.insert(lease.port, lease.id, until);
            }
            self.remember(lease.clone());
            self.forget_but(None);
        }
    }

    fn insert_live(&mut self, lease: Lease) {
        self.lease_by_port.insert(lease.port, lease.id);
        self.lease_by_key.insert(lease.key.clone(), lease.id);
        *self.leases_by_project.entry(lease.key.project.clone()).or_default() += 1;
        self.index(&lease);
        let port = lease.port;
        self.live.insert(lease.id, lease);
        self.settle_blocked(port);
    }

    fn remove_live(&mut self, id: LeaseId) -> Option<Lease> {
        let lease = self.live.remove(&id)?;
        self.unindex(&lease);
        if self.lease_by_port.get(&lease.port) == Some(&id) {
            self.lease_by_port.remove(&lease.port);
        }
        if self.lease_by_key.get(&lease.key) == Some(&id) {
            self.lease_by_key.remove(&lease.key);
        }
        if let Some(count) = self.leases_by_project.get_mut(&lease.key.project) {
            *count -= 1;
            if *count == 0 {
                self.leases_by_project.remove(&lease.key.project);
            }
        }
        self.settle_blocked(lease.port);
        Some(lease)
    }

    fn update_live(&mut self, id: LeaseId, update: impl FnOnce(&mut Lease)) {
        if let Some(mut lease) = self.live.remove(&id) {
            self.unindex(&lease);
            update(&mut lease);
            self.index(&lease);
            self.live.insert(id, lease);
        }
    }

    /// Enters what may change while a lease lives: its processes and its deadline.
    fn index(&mut self, lease: &Lease) {
        for process in lease.processes() {
            self.leases_by_process.entry(process).or_default().insert(lease.id);
        }
        if let Some(at) = lease.deadline() {
            self.deadlines.insert((at, lease.id));
        }
    }

    fn unindex(&mut self, lease: &Lease) {
        for process in lease.processes() {
            if let Some(leases) = self.leases_by_process.get_mut(&process) {
                leases.remove(&lease.id);
                if leases.is_empty() {
                    self.leases_by_process.remove(&process);
                }
            }
        }
        if let Some(at) = lease.deadline() {
            self.deadlines.remove(&(at, lease.id));
        }
    }

    fn remember(&mut self, lease: Lease) {
        self.ends.insert(end_of(&lease));
        if let Some(former) = self.ended.insert(lease.id, lease) {
            let former = end_of(&former);
            if self.ended.get(&former.1).map(end_of) != Some(former) {
                self.ends.remove(&former);
            }
        }
    }

    /// Forgets the leases that ended first when there are too many; the one just ended last of all.
    fn forget_but(&mut self, last: Option<LeaseId>) {
        while self.ended.len() > self.policy.history_max {
            let others = self.ends.iter().find(|(_, id)| Some(*id) != last);
            let Some(end) = others.or(self.ends.first()).copied() else { return };
            self.ends.remove(&end);
            let Some(lease) = self.ended.remove(&end.1) else { continue };
            // A snapshot could not tell of it any more.
            self.cooling.remove_of(lease.port, lease.id);
        }
    }

    fn put_claim(&mut self, claim: Claim) {
        self.remove_claim(&claim.key);
        if let Some(other) = self.claim_by_port.get(&claim.port).cloned() {
            self.remove_claim(&other);
        }
        self.claim_by_port.insert(claim.port, claim.key.clone());
        let port = claim.port;
        self.claims.insert(claim.key.clone(), claim);
        self.settle_blocked(port);
    }

    fn remove_claim(&mut self, key: &Key) {
        if let Some(claim) = self.claims.remove(key) {
            self.claim_by_port.remove(&claim.port);
            self.settle_blocked(claim.port);
        }
    }

    fn settle_blocked(&mut self, port: Port) {
        let blocked = self.lease_by_port.contains_key(&port)
            || self.claim_by_port.contains_key(&port)
            || self.quarantines.contains_key(&port)
            || self.excluded.contains(port);
        if blocked {
            self.blocked.insert(port);
        } else {
            self.blocked.remove(port);
        }
    }
}

/// When a lease ended, on the wall clock.
const fn end_of(lease: &Lease) -> (Timestamp, LeaseId) {
    match lease.state {
        LeaseState::Ended { at, .. } => (at.wall, lease.id),
        LeaseState::Pending { .. } | LeaseState::Active { .. } | LeaseState::Lapsing { .. } => {
            (lease.granted_at, lease.id)
        }
    }
}

impl Lease {
    /// The processes whose end matters to it.
    pub fn processes(&self) -> impl Iterator<Item = crate::ProcessIdentity> {
        let holder = self.living_holder().map(|holder| holder.process);
        holder.into_iter().chain(self.watched.iter().copied())
    }

    /// Applies a change that concerns this lease and leaves it alive.
    fn evolve(&mut self, change: &Change) {
        match change {
            Change::Extended { until, ttl, .. } => {
                self.ttl = *ttl;
                if let LeaseState::Pending { until: deadline } | LeaseState::Lapsing { until: deadline } =
                    &mut self.state
                {
                    *deadline = until.or(*deadline);
                }
            }
            Change::Adopted { holder, requester, .. } => {
                self.holder = Some(holder.clone());
                self.orphaned = false;
                self.requester = requester.clone();
                if let LeaseState::Pending { until } | LeaseState::Lapsing { until } = &mut self.state {
                    *until = None;
                }
            }
            Change::Guarded { admit, .. } => self.guard = *admit,
            Change::Attached { processes, .. } => self.watched.extend(processes.iter().copied()),
            Change::Detached { process, .. } => {
                self.watched.remove(process);
            }
            Change::Orphaned { until: deadline, .. } => {
                self.orphaned = true;
                if let LeaseState::Pending { until } | LeaseState::Lapsing { until } = &mut self.state {
                    *until = Some(*deadline);
                }
            }
            Change::Confirmed { evidence, listeners, .. } => {
                self.state = LeaseState::Active { evidence: *evidence };
                self.watched.extend(listeners.iter().copied());
                self.guard = None;
                self.drifted_to = None;
            }
            Change::Lapsed { until, .. } => self.state = LeaseState::Lapsing { until: *until },
            Change::Contested { contested, .. } => self.contested = *contested,
            Change::Drifted { to, .. } => self.drifted_to = *to,
            // Handled by the broker, since they move the lease or concern none.
            Change::Granted { .. }
            | Change::Ended { .. }
            | Change::Booted { .. }
            | Change::Numbered { .. }
            | Change::Claimed { .. }
            | Change::Unclaimed { .. }
            | Change::Missing { .. }
            | Change::Quarantined { .. }
            | Change::Revived { .. } => {}
        }
    }
}
