//! A naive second opinion: who has which port as far as callers were told, and why a lease may end.
//!
//! Knows nothing of how the core decides. It keeps what was seen of each lease in a plain list, and says of each end
//! whether somebody outside could have expected it.

use std::collections::BTreeMap;

use portus_core::{Broker, EndReason, Key, LeaseId, LeaseState, Policy, Port, ProcessIdentity};

use super::event::{Event, Wish};
use super::promise::{Findings, Promise};
use super::run::{key_of, worktree_of};
use super::town::Town;

/// A lease as its owner knows it.
#[derive(Debug, Clone)]
struct Known {
    key: Key,
    port: Port,
    holder: Option<ProcessIdentity>,
    granted_ms: u64,
    /// The earliest moment at which its time to live can have run out.
    expires_ms: Option<u64>,
}

/// What callers know.
#[derive(Debug, Clone, Default)]
pub struct Oracle {
    live: BTreeMap<LeaseId, Known>,
}

/// What happened when a lease's state is compared.
#[derive(Debug, Clone, Copy)]
pub struct Circumstances<'a> {
    /// What was going on; `None` for a start.
    pub event: Option<&'a Event>,
    /// Whether the machine was started anew meanwhile.
    pub rebooted: bool,
    /// Who lives.
    pub town: &'a Town,
    /// The awake clock.
    pub awake_ms: u64,
    /// Whether the caller heard a yes.
    pub answered: bool,
}

impl Oracle {
    /// How many leases callers know of.
    pub fn count(&self) -> usize {
        self.live.len()
    }

    /// The journal was set aside: nobody's lease is known any more.
    pub fn forget_all(&mut self) {
        self.live.clear();
    }

    /// Compares what callers know with a ledger, and learns what changed.
    pub fn reconcile(&mut self, broker: &Broker, now: &Circumstances<'_>, found: &mut Findings) {
        self.touch(now);
        let mut gone = Vec::new();
        for (id, known) in &self.live {
            match broker.lease(*id) {
                Some(lease) if lease.is_live() => {
                    let same = lease.key == known.key && lease.port == known.port;
                    found.check(Promise::an_answered_lease_survives_a_crash, same, || {
                        format!("lease {id} was port {} of {}, and is another", known.port, known.key)
                    });
                }
                Some(lease) => {
                    gone.push(*id);
                    if let LeaseState::Ended { reason, .. } = lease.state {
                        known.may_end(*id, reason, now, found);
                    }
                }
                None => {
                    gone.push(*id);
                    found.check(Promise::an_answered_lease_survives_a_crash, false, || {
                        format!("lease {id}, port {} of {}, is lost", known.port, known.key)
                    });
                }
            }
        }
        gone.iter().for_each(|id| drop(self.live.remove(id)));
        self.learn(broker, now, found);
    }

    /// What somebody's call moved, before the call's end is looked at.
    fn touch(&mut self, now: &Circumstances<'_>) {
        for event in now.event.iter().flat_map(|event| event.parts()) {
            if let Event::Renew(id, Some(seconds)) = event
                && let Some(known) = self.live.get_mut(&LeaseId(*id))
            {
                let until = now.awake_ms + seconds * 1_000;
                known.expires_ms =
                    Some(if now.answered { until } else { known.expires_ms.map_or(until, |old| old.min(until)) });
            }
            let Event::Ask(wish) = event else { continue };
            for known in self.live.values_mut().filter(|known| names(wish, &known.key)) {
                let until = wish.ttl.map(|seconds| now.awake_ms + seconds * 1_000);
                known.expires_ms = known.expires_ms.into_iter().chain(until).min();
            }
        }
    }

    fn learn(&mut self, broker: &Broker, now: &Circumstances<'_>, found: &mut Findings) {
        for lease in broker.live_leases() {
            let holder = lease.holder.as_ref().map(|holder| holder.process);
            if let Some(known) = self.live.get_mut(&lease.id) {
                known.holder = holder;
                continue;
            }
            let asked: Vec<&Wish> = now
                .event
                .iter()
                .flat_map(|event| event.parts())
                .filter_map(|event| match event {
                    Event::Ask(wish) if names(wish, &lease.key) => Some(wish),
                    _ => None,
                })
                .collect();
            found.check(Promise::a_lease_ends_for_a_reason_only, !asked.is_empty(), || {
                format!("lease {} of {} came to be though nobody asked", lease.id, lease.key)
            });
            let renewed = now.event.iter().flat_map(|event| event.parts()).filter_map(|event| match event {
                Event::Renew(id, ttl) if *id == lease.id.0 => *ttl,
                _ => None,
            });
            let shortest = asked.iter().filter_map(|wish| wish.ttl).chain(renewed).min();
            let expires_ms = shortest.map(|seconds| now.awake_ms + seconds * 1_000);
            let (key, port, granted_ms) = (lease.key.clone(), lease.port, now.awake_ms);
            self.live.insert(lease.id, Known { key, port, holder, granted_ms, expires_ms });
        }
    }
}

impl Known {
    fn may_end(&self, id: LeaseId, reason: EndReason, now: &Circumstances<'_>, found: &mut Findings) {
        let policy = Policy::default();
        let parts = || now.event.iter().flat_map(|event| event.parts());
        let held = self.holder.is_some_and(|holder| now.town.lives(holder));
        let age_ms = now.awake_ms.saturating_sub(self.granted_ms);
        let due = parts().any(|event| matches!(event, Event::Tick));
        let asked = parts().any(|event| matches!(event, Event::Ask(wish) if names(wish, &self.key)));
        let permitted = match reason {
            EndReason::Released => parts().any(|event| match event {
                Event::Release(other) => *other == id.0,
                Event::ReleaseAll(worktree) => worktree_of(*worktree) == self.key.worktree,
                _ => false,
            }),
            EndReason::HolderExited => self.holder.is_some() && !held,
            EndReason::NeverConfirmed => due && !held && age_ms >= policy.pending.as_millis(),
            EndReason::Lapsed => due && !held && age_ms >= policy.lapsing.as_millis(),
            EndReason::Expired => {
                due && self.holder.is_none() && self.expires_ms.is_some_and(|until| until <= now.awake_ms)
            }
            EndReason::Replaced | EndReason::Contested => asked,
            EndReason::BindFailed => parts().any(|event| matches!(event, Event::Suspect(other, _) if *other == id.0)),
            EndReason::Reboot => now.rebooted,
        };
        let promise = match reason {
            EndReason::HolderExited => Promise::only_the_named_process_is_ever_terminated,
            _ => Promise::a_lease_ends_for_a_reason_only,
        };
        found.check(promise, permitted || now.rebooted && reason == EndReason::Reboot, || {
            format!("lease {id} of {} ended ({reason}) during {:?}", self.key, now.event)
        });
    }
}

fn names(wish: &Wish, key: &Key) -> bool {
    wish.whose.iter().any(|who| key_of(*who) == *key)
}
