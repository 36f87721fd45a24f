//! What follows from changes once they have become true: events, waiters moving up, looks begun anew.

use std::collections::BTreeSet;

use portus_core::{Change, Claim, LeaseId};

use super::Hub;

impl Hub {
    /// Tells everybody whom these changes concern.
    pub(super) fn follow(&mut self, changes: &[Change]) {
        if changes.is_empty() {
            return;
        }
        let dropped = self.remember_claims(changes);
        let mut concerned: BTreeSet<LeaseId> = BTreeSet::new();
        for change in changes {
            concerned.extend(change.lease());
            self.metrics.follow(change, self.engine.broker());
            match change {
                Change::Granted { lease, .. } => {
                    tracing::debug!(lease = %lease.id, port = %lease.port, key = %lease.key, "granted");
                    self.worktrees.add(&lease.key.worktree);
                }
                Change::Ended { lease, reason, .. } => self.follow_end(*lease, *reason),
                Change::Quarantined { quarantine } => {
                    tracing::info!(port = %quarantine.port, reason = %quarantine.reason, "quarantined");
                }
                _ => {}
            }
        }
        // First, so that no event shows the health of a server that is gone.
        for lease in &concerned {
            self.healths.review(*lease, self.engine.broker());
        }
        for lease in &concerned {
            self.metrics.review(*lease, self.engine.broker());
        }
        self.tell_subscribers(changes, &dropped);
        self.touch_mirrors(changes);
        for lease in concerned {
            self.tell_awaiting(lease);
            self.tell_looks(lease);
        }
    }

    fn follow_end(&mut self, id: LeaseId, reason: portus_core::EndReason) {
        let Some(lease) = self.engine.broker().lease(id) else { return };
        tracing::debug!(lease = %id, port = %lease.port, key = %lease.key, %reason, "ended");
        let port = lease.port;
        self.worktrees.remove(&lease.key.worktree);
        self.ask_first(port);
    }

    /// Keeps up with the claims, and returns those that are no more as they were.
    fn remember_claims(&mut self, changes: &[Change]) -> Vec<Claim> {
        let mut dropped = Vec::new();
        for change in changes {
            match change {
                Change::Claimed { claim } => drop(self.former.insert(claim.key.clone(), claim.clone())),
                Change::Unclaimed { key, .. } => dropped.extend(self.former.remove(key)),
                _ => {}
            }
        }
        dropped
    }

    fn tell_subscribers(&mut self, changes: &[Change], dropped: &[Claim]) {
        if self.subscribers.is_empty() {
            return;
        }
        let events: Vec<_> =
            self.with_view(|view| changes.iter().filter_map(|change| view.event(change, dropped)).collect());
        for event in events {
            self.subscribers.tell(event);
        }
    }

    /// What was seen before at the lease's port may mean something else now.
    pub(super) fn tell_looks(&self, id: LeaseId) {
        let Some(lease) = self.engine.broker().lease(id).filter(|lease| lease.wants_looks()) else { return };
        let holder = lease.living_holder().map(|holder| holder.process);
        let believed = lease.contested || lease.evidence().is_some();
        self.engine.world().looks().changed(id, holder, believed);
    }
}
