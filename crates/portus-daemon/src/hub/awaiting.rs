//! Who waits until a lease is active.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use portus_core::{LeaseId, LeaseState, Target};
use portus_proto::{LeasesReply, Reply};

use super::Hub;
use super::line::Waiter;
use crate::server::{ConnectionId, Responder};
use crate::wording;

struct Awaited {
    lease: LeaseId,
    to: Responder,
    until: Instant,
}

/// Everybody who waits for a lease.
#[derive(Default)]
pub(super) struct Awaiting {
    all: BTreeMap<Waiter, Awaited>,
    by_lease: BTreeMap<LeaseId, BTreeSet<Waiter>>,
    by_time: BTreeSet<(Instant, Waiter)>,
}

impl Awaiting {
    /// Waits for a lease until then.
    pub(super) fn add(&mut self, waiter: Waiter, lease: LeaseId, to: Responder, until: Instant) {
        self.all.insert(waiter, Awaited { lease, to, until });
        self.by_lease.entry(lease).or_default().insert(waiter);
        self.by_time.insert((until, waiter));
    }

    /// When somebody's time is up.
    pub(super) fn next_alarm(&self) -> Option<Instant> {
        self.by_time.first().map(|(at, _)| *at)
    }

    /// A client that is gone waits no more.
    pub(super) fn remove_all_of(&mut self, connection: ConnectionId) {
        let first = Waiter { connection, number: 0 };
        let last = Waiter { connection, number: u64::MAX };
        let all: Vec<Waiter> = self.all.range(first..=last).map(|(waiter, _)| *waiter).collect();
        for awaited in all.into_iter().filter_map(|waiter| self.remove(waiter)) {
            awaited.to.forget();
        }
    }

    fn remove(&mut self, waiter: Waiter) -> Option<Awaited> {
        let awaited = self.all.remove(&waiter)?;
        self.by_time.remove(&(awaited.until, waiter));
        if let Some(waiters) = self.by_lease.get_mut(&awaited.lease) {
            waiters.remove(&waiter);
            if waiters.is_empty() {
                self.by_lease.remove(&awaited.lease);
            }
        }
        Some(awaited)
    }
}

impl Hub {
    /// Answers those who wait for a lease, if it is active or over.
    pub(super) fn tell_awaiting(&mut self, id: LeaseId) {
        let Some(waiters) = self.awaiting.by_lease.get(&id) else { return };
        let outcome = match self.engine.broker().lease(id).map(|lease| &lease.state) {
            Some(LeaseState::Pending { .. } | LeaseState::Lapsing { .. }) => return,
            Some(LeaseState::Active { .. }) => {
                Ok(Reply::Leases(LeasesReply { leases: self.shown([id]), notes: Vec::new(), mirror: None }))
            }
            Some(LeaseState::Ended { .. }) | None => {
                Err(self.with_view(|view| wording::no_such_lease(&Target::Lease(id), view)))
            }
        };
        for waiter in waiters.clone() {
            if let Some(awaited) = self.awaiting.remove(waiter) {
                awaited.to.answer(outcome.clone());
            }
        }
    }

    /// Deals with everybody whose time is up.
    pub(super) fn awaiting_alarm(&mut self, now: Instant) {
        let late = self.awaiting.by_time.iter().take_while(|(at, _)| *at <= now).map(|(_, waiter)| *waiter);
        for waiter in late.collect::<Vec<_>>() {
            if let Some(awaited) = self.awaiting.remove(waiter) {
                let refusal = self.with_view(|view| wording::never_listened(awaited.lease, view));
                awaited.to.answer(Err(refusal));
            }
        }
    }

    /// Answers everybody who waits that the daemon is leaving.
    pub(super) fn dissolve_awaiting(&mut self) {
        for waiter in self.awaiting.all.keys().copied().collect::<Vec<_>>() {
            if let Some(awaited) = self.awaiting.remove(waiter) {
                awaited.to.answer(Err(wording::stopping()));
            }
        }
    }
}
