//! What the daemon has said, kept up to date by its events. No rule of its own: an event carries what is so after it.

use std::collections::{BTreeMap, VecDeque};

use portus_core::{LeaseId, Port, Protocol};
use portus_proto::{Alert, AlertCode, AlertState, Claim, Event, Key, Lease, Listener, Quarantine, Status, What};

use crate::message::Snapshot;

/// So many events are remembered.
pub(crate) const LOG_LEN_MAX: usize = 2_000;

/// Which listener.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ListenerId {
    pub(crate) port: Port,
    pub(crate) protocol: Protocol,
    pub(crate) address: String,
    pub(crate) pid: Option<u32>,
}

/// What is known of leases, claims, quarantines, listeners, and of what happened.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    pub(crate) leases: BTreeMap<LeaseId, Lease>,
    pub(crate) claims: BTreeMap<Key, Claim>,
    pub(crate) quarantines: BTreeMap<Port, Quarantine>,
    pub(crate) listeners: BTreeMap<ListenerId, Listener>,
    pub(crate) status: Option<Status>,
    /// What the daemon says needs a look, by kind and subject: the worst kinds come first.
    pub(crate) alerts: BTreeMap<(AlertCode, String), Alert>,
    log: VecDeque<Event>,
    /// How many events there were before the first in the log.
    forgotten: u64,
}

impl Ledger {
    /// Everything at once, as after a connection was made. The log stays.
    pub(crate) fn replace(&mut self, snapshot: Snapshot) {
        self.leases = snapshot.leases.into_iter().map(|lease| (lease.id, lease)).collect();
        self.claims = snapshot.claims.into_iter().map(|claim| (key_of(&claim), claim)).collect();
        self.quarantines = snapshot.quarantines.into_iter().map(|one| (one.port, one)).collect();
        self.status = Some(snapshot.status);
        self.alerts = snapshot.alerts.into_iter().map(|alert| (name_of(&alert), alert)).collect();
    }

    /// All listeners at once.
    pub(crate) fn replace_listeners(&mut self, listeners: Vec<Listener>) {
        let id = |listener: &Listener| ListenerId {
            port: listener.port,
            protocol: listener.protocol,
            address: listener.address.clone(),
            pid: listener.pid,
        };
        self.listeners = listeners.into_iter().map(|listener| (id(&listener), listener)).collect();
    }

    /// Takes in one event.
    pub(crate) fn apply(&mut self, event: Event) {
        match &event.what {
            What::Granted(lease)
            | What::Updated(lease)
            | What::Confirmed(lease)
            | What::Lapsing(lease)
            | What::Contested(lease)
            | What::Uncontested(lease)
            | What::Orphaned(lease)
            | What::Drifted(lease)
            | What::Health { lease, .. } => {
                self.leases.insert(lease.id, lease.clone());
            }
            What::Ended(lease) => {
                self.leases.remove(&lease.id);
            }
            What::Claimed(claim) => {
                self.mark_pinned(claim, claim.pinned);
                self.claims.insert(key_of(claim), claim.clone());
            }
            What::Unclaimed { claim, .. } => {
                self.mark_pinned(claim, false);
                self.claims.remove(&key_of(claim));
            }
            What::Quarantined(quarantine) => {
                self.quarantines.insert(quarantine.port, quarantine.clone());
            }
            What::Revived(port) => {
                self.quarantines.remove(port);
            }
            What::Alert { state: AlertState::Raised, alert } => {
                self.alerts.insert(name_of(alert), alert.clone());
            }
            What::Alert { state: AlertState::Cleared, alert } => {
                self.alerts.remove(&name_of(alert));
            }
            What::Queued { .. } | What::Missed(_) => {}
        }
        self.log.push_back(event);
        while self.log.len() > LOG_LEN_MAX {
            self.log.pop_front();
            self.forgotten += 1;
        }
    }

    /// A lease shows its claim's pin, and the daemon tells of the claim alone.
    fn mark_pinned(&mut self, claim: &Claim, pinned: bool) {
        let of_claim = |lease: &&mut Lease| {
            lease.port == claim.port
                && lease.service == claim.service
                && lease.worktree == claim.worktree
                && lease.project == claim.project
        };
        for lease in self.leases.values_mut().filter(of_claim) {
            lease.pinned = pinned;
        }
    }

    /// The events with their numbers, the oldest first.
    pub(crate) fn events(&self) -> impl DoubleEndedIterator<Item = (u64, &Event)> + ExactSizeIterator {
        let first = self.forgotten;
        self.log.iter().enumerate().map(move |(at, event)| (first + at as u64, event))
    }

    /// The event of this number, if it is remembered.
    pub(crate) fn event(&self, number: u64) -> Option<&Event> {
        usize::try_from(number.checked_sub(self.forgotten)?).ok().and_then(|at| self.log.get(at))
    }

    /// The live lease of a port.
    pub(crate) fn lease_on(&self, port: Port) -> Option<&Lease> {
        self.leases.values().find(|lease| lease.port == port)
    }
}

fn name_of(alert: &Alert) -> (AlertCode, String) {
    (alert.code, alert.subject.clone())
}

/// A claim's key.
pub(crate) fn key_of(claim: &Claim) -> Key {
    Key { project: claim.project.clone(), worktree: claim.worktree.clone(), service: claim.service.clone() }
}

/// A lease's key.
pub(crate) fn key_of_lease(lease: &Lease) -> Key {
    Key { project: lease.project.clone(), worktree: lease.worktree.clone(), service: lease.service.clone() }
}
