//! The figures and the alerts, from where each is known.

use std::net::SocketAddr;
use std::time::Instant;

use portus_core::Request;
use portus_proto::{AlertState, Counters, Event, Gauges, Stats, WallTime, What, build_id};

use super::Hub;

impl Hub {
    /// Everything that was counted, how things stand, and what needs a look.
    pub(super) fn stats(&self) -> Stats {
        let (broker, journal) = (self.engine.broker(), self.engine.journal());
        let now = self.with_view(|view| view.wall());
        let uptime = self.fixed.began.elapsed();
        let uptime_ms = u64::try_from(uptime.as_millis()).unwrap_or(u64::MAX);
        Stats {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            build: build_id().to_owned(),
            pid: std::process::id(),
            started_at: WallTime(now.0.saturating_sub(uptime_ms)),
            uptime_s: uptime.as_secs(),
            alerts: self.metrics.alerts.list(),
            counters: self.counters(),
            gauges: Gauges {
                guards: self.engine.world().guard_count() as u64,
                connections: self.seats.taken() as u64,
                subscribers: self.subscribers.len() as u64,
                waiting: self.line.len() as u64,
                ..self.metrics.gauges(broker)
            },
            ranges: self.metrics.ranges(broker),
            request_duration: self.metrics.tally.requests().shape(),
            commit_duration: journal.commits().shape(),
            metrics_address: self.fixed.metrics_address.map(|address| address.to_string()),
        }
    }

    fn counters(&self) -> Counters {
        let own = self.metrics.counters();
        Counters {
            guards_lost: self.engine.world().guards_lost(),
            events: self.subscribers.told(),
            events_dropped: self.subscribers.dropped(),
            journal_failures: self.engine.journal().failures(),
            ..own
        }
    }

    /// The figures cannot be had where they should be.
    pub(crate) fn figures_not_served(&mut self, address: SocketAddr, why: String) {
        self.metrics.alerts.exporter(address, why);
        self.settle_alerts();
    }

    /// Raises and clears alerts, if anything has stirred: each is logged once, and told to subscribers.
    pub(super) fn settle_alerts(&mut self) {
        let world = self.engine.world();
        let at = WallTime(crate::engine::World::now(world).wall.as_millis());
        for (state, alert) in self.metrics.settle(Instant::now(), at) {
            match state {
                AlertState::Raised => {
                    tracing::warn!(code = %alert.code, hint = alert.hint, "alert: {}", alert.message);
                }
                AlertState::Cleared => tracing::info!(code = %alert.code, "{}", alert.message),
            }
            self.subscribers.tell(Event { at, what: What::Alert { state, alert } });
        }
    }

    /// What whoever got a new port should know about the pool it is of.
    pub(super) fn pool_notes(&self, request: &Request) -> Vec<String> {
        let mut notes = Vec::new();
        for ask in &request.asks {
            let full = self.metrics.nearly_full(ask.range.unwrap_or(ask.pool));
            let note = full.map(|alert| format!("{}; {}", alert.message, alert.hint));
            notes.extend(note.filter(|note| !notes.contains(note)));
        }
        notes
    }
}
