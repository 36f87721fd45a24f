//! What clients found when they asked services whether they are well.
//!
//! The daemon asks nobody itself: it does nothing while nothing happens. What clients tell is a sighting and no state,
//! so nothing of it is written down, and it is forgotten with the server it was about.

use std::collections::{BTreeMap, BTreeSet};

use portus_core::{Broker, Command, Lease, LeaseId, ProcessIdentity, Target};
use portus_proto::{Event, HEALTH_DETAIL_LEN_MAX, Health, HealthCall, LeasesReply, Reply, What};

use super::{Hub, Then, Work};
use crate::server::Responder;
use crate::translate::View;
use crate::wording;

/// What was found of one lease's service.
struct Found {
    health: Health,
    /// Whose processes listened then. When none of them does any more it is another server.
    servers: BTreeSet<ProcessIdentity>,
}

/// What was found of services that still are as they were.
#[derive(Default)]
pub(super) struct Healths {
    all: BTreeMap<LeaseId, Found>,
}

impl Healths {
    /// What is known of a lease's service.
    pub(super) fn of(&self, lease: LeaseId) -> Health {
        self.all.get(&lease).map_or(Health::Unknown, |found| found.health)
    }

    /// Something of the lease changed: forgets what was found of a server that is gone.
    pub(super) fn review(&mut self, id: LeaseId, broker: &Broker) {
        let is_same = |found: &Found| {
            let lease = broker.lease(id).filter(|lease| is_up(lease));
            lease.is_some_and(|lease| found.servers.is_empty() || !found.servers.is_disjoint(&lease.watched))
        };
        if self.all.get(&id).is_some_and(|found| !is_same(found)) {
            self.all.remove(&id);
        }
    }

    /// Takes in what was found. Whether it is another than before.
    fn take(&mut self, lease: &Lease, health: Health) -> bool {
        let before = self.of(lease.id);
        match health {
            Health::Unknown => drop(self.all.remove(&lease.id)),
            Health::Healthy | Health::Unhealthy => {
                let servers = lease.watched.clone();
                self.all.insert(lease.id, Found { health, servers });
            }
        }
        before != health
    }
}

/// Whether somebody answers on the lease's port who is its tenant.
fn is_up(lease: &Lease) -> bool {
    lease.evidence().is_some() && !lease.contested
}

/// What a client found, and waits to be told that it is known.
pub(super) struct Report {
    call: HealthCall,
    to: Responder,
}

impl Hub {
    /// Takes a report in. Who has asked a service may know of it before we do: then its port is looked at first.
    pub(super) fn begin_health(&mut self, call: HealthCall, to: Responder) {
        let Some(lease) = self.engine.broker().lease(call.lease) else {
            let refusal = self.with_view(|view| wording::no_such_lease(&Target::Lease(call.lease), view));
            return to.answer(Err(refusal));
        };
        let place = (lease.port, lease.protocol);
        let may_be_news = lease.wants_looks() && lease.evidence().is_none() && call.health != Health::Unknown;
        let report = Report { call, to };
        if !may_be_news {
            return self.take_health(report);
        }
        self.look_first(vec![place], move |sightings| Work {
            command: Command::Sighted { sightings },
            then: Then::Health(Box::new(report)),
        });
    }

    /// Keeps what was found, if it is about a server that is there, and tells everybody if it is news.
    pub(super) fn take_health(&mut self, report: Report) {
        let Report { call: HealthCall { lease: id, health, mut detail }, to } = report;
        detail.truncate(detail.floor_char_boundary(HEALTH_DETAIL_LEN_MAX));
        let mut notes = Vec::new();
        match self.engine.broker().lease(id).filter(|lease| is_up(lease)) {
            Some(lease) => {
                if self.healths.take(lease, health) {
                    tracing::debug!(lease = %id, port = %lease.port, key = %lease.key, ?health, detail, "health");
                    self.publish_health(id, detail);
                }
            }
            None => notes.push(self.with_view(|view| wording::health_of_nobody(id, view))),
        }
        to.answer(Ok(Reply::Leases(LeasesReply { leases: self.shown([id]), notes, mirror: None })));
    }

    fn publish_health(&mut self, id: LeaseId, detail: String) {
        if self.subscribers.is_empty() {
            return;
        }
        let event = self.with_view(|view: &View<'_>| {
            let lease = view.lease_of_id(id)?;
            Some(Event { at: view.wall(), what: What::Health { lease, detail } })
        });
        if let Some(event) = event {
            self.subscribers.tell(event);
        }
    }
}
