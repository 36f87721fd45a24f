//! What the daemon counts, and what it raises alerts about: numbers and rules, without IO.
//!
//! The hub and the connections feed it at few places; counting is an addition. Start reading at [`Metrics`], which the
//! hub owns, then [`Tally`], which it shares with the connections, then `alerts`.

mod alerts;
mod histogram;
mod ranges;
mod sentences;
mod tally;
mod window;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use portus_core::{Broker, Change, EndReason, Lease, LeaseId, LeaseState, PortRange, Timestamp};
use portus_proto::{Alert, AlertState, Counters, Gauges, WallTime};

pub use alerts::AlertLimits;
pub(crate) use alerts::Alerts;
pub(crate) use histogram::Histogram;
pub(crate) use ranges::Ranges;
pub(crate) use tally::{Pace, Tally};

use tally::Ends;

/// Everything that is counted of one daemon, from its start on.
#[derive(Debug)]
pub(crate) struct Metrics {
    /// What connections count as well.
    pub(crate) tally: Arc<Tally>,
    /// What needs a look.
    pub(crate) alerts: Alerts,
    ranges: Ranges,
    /// The leases that nobody looks after.
    stale: BTreeSet<LeaseId>,
    /// How many others are past their deadline and could not be ended.
    overdue: usize,
    ends: Ends,
    allocations: u64,
    /// How often deadlines were dealt with, or stale leases looked for: at the start, on demand, and for room.
    cleanup_runs: u64,
    /// How many connections were let in.
    pub(crate) connections: u64,
    /// How many were not.
    pub(crate) connections_refused: u64,
}

impl Metrics {
    /// Counts from here on. What the start itself ended, because the machine was started anew, is counted already.
    pub(crate) fn new(
        limits: AlertLimits,
        journal_path: String,
        pool: PortRange,
        broker: &Broker,
        began: Timestamp,
    ) -> Self {
        let mut ends = Ends::default();
        let at_start = |lease: &&Lease| matches!(lease.state, LeaseState::Ended { reason: EndReason::Reboot, at } if at.wall >= began);
        broker.ended_leases().filter(at_start).for_each(|_| ends.add(EndReason::Reboot));
        Self {
            tally: Arc::default(),
            alerts: Alerts::new(limits, journal_path),
            ranges: Ranges::new(pool, broker),
            stale: broker.live_leases().filter(|lease| is_stale(lease)).map(|lease| lease.id).collect(),
            overdue: 0,
            ends,
            allocations: 0,
            cleanup_runs: 0,
            connections: 0,
            connections_refused: 0,
        }
    }

    /// Ports of these ranges are wanted.
    pub(crate) fn asked(&mut self, request: &portus_core::Request, broker: &Broker) {
        for ask in &request.asks {
            self.ranges.asked(ask.range.unwrap_or(ask.pool), ask.range.is_none(), broker, &self.alerts);
            for other in [ask.fallback, ask.expand].into_iter().flatten() {
                self.ranges.asked(other, false, broker, &self.alerts);
            }
        }
    }

    /// Something has changed in the ledger.
    pub(crate) fn follow(&mut self, change: &Change, broker: &Broker) {
        match change {
            Change::Granted { lease, .. } => {
                self.allocations += 1;
                self.ranges.granted(lease.port);
                self.alerts.stir();
            }
            Change::Ended { lease, reason, .. } => {
                self.ends.add(*reason);
                if let Some(lease) = broker.lease(*lease) {
                    self.ranges.ended(lease.port);
                }
                self.alerts.stir();
            }
            Change::Quarantined { quarantine } => {
                self.ranges.barred(quarantine.port, broker);
                self.alerts.stir();
            }
            Change::Revived { port } => {
                self.ranges.barred(*port, broker);
                self.alerts.stir();
            }
            _ => {}
        }
    }

    /// A lease stands otherwise than before.
    pub(crate) fn review(&mut self, id: LeaseId, broker: &Broker) {
        let is_stale = broker.lease(id).is_some_and(is_stale);
        let has_changed = if is_stale { self.stale.insert(id) } else { self.stale.remove(&id) };
        if has_changed {
            self.alerts.stale(self.stale.len() + self.overdue);
        }
    }

    /// Deadlines were dealt with; of those that passed, these could not be.
    pub(crate) fn ticked<'a>(&mut self, left: impl Iterator<Item = &'a Lease>) {
        self.cleanup_runs += 1;
        self.overdue = left.filter(|lease| !self.stale.contains(&lease.id)).count();
        self.alerts.stale(self.stale.len() + self.overdue);
    }

    /// Stale leases were looked for.
    pub(crate) const fn cleaned(&mut self) {
        self.cleanup_runs += 1;
    }

    /// Judges what has stirred since the last time, and returns what was raised and cleared by that.
    pub(crate) fn settle(&mut self, now: Instant, wall: WallTime) -> Vec<(AlertState, Alert)> {
        self.alerts.hear(&self.tally);
        self.alerts.settle(now, wall, &self.ranges)
    }

    /// What was counted, as far as it is counted here.
    pub(crate) fn counters(&self) -> Counters {
        let mut counters = Counters {
            allocations: self.allocations,
            ended: self.ends.shape(),
            cleanup_runs: self.cleanup_runs,
            stale_leases_removed: self.ends.stale(),
            connections: self.connections,
            connections_refused: self.connections_refused,
            ..Counters::default()
        };
        self.tally.fill(&mut counters);
        counters
    }

    /// How the leases stand.
    pub(crate) fn gauges(&self, broker: &Broker) -> Gauges {
        let mut gauges = Gauges {
            stale: (self.stale.len() + self.overdue) as u64,
            claims: broker.claims().len() as u64,
            quarantined: broker.quarantines().len() as u64,
            ..Gauges::default()
        };
        for lease in broker.live_leases() {
            match lease.state {
                LeaseState::Pending { .. } => gauges.pending += 1,
                LeaseState::Active { .. } => gauges.active += 1,
                LeaseState::Lapsing { .. } => gauges.lapsing += 1,
                LeaseState::Ended { .. } => {}
            }
            gauges.contested += u64::from(lease.contested);
            gauges.orphaned += u64::from(lease.orphaned);
        }
        gauges
    }

    /// How much of each range is in use.
    pub(crate) fn ranges(&self, broker: &Broker) -> Vec<portus_proto::RangeUse> {
        self.ranges.shape(broker)
    }

    /// What is nearly full of what these asks draw from, as it was last judged.
    pub(crate) fn nearly_full(&self, range: PortRange) -> Option<&Alert> {
        self.alerts.about_pool(range)
    }
}

/// Whether nobody looks after a lease: its server is gone, its holder is, or a stranger sits there.
fn is_stale(lease: &Lease) -> bool {
    lease.is_live() && (lease.contested || lease.orphaned || matches!(lease.state, LeaseState::Lapsing { .. }))
}
