//! What the daemon counts, how things stand, and what needs a look. [`crate::prometheus`] writes the same for scrapers.

use std::collections::BTreeMap;

use portus_core::PortRange;
use serde::{Deserialize, Serialize};

use super::time::WallTime;

/// What the daemon has counted since its start, how things stand, and what needs a look.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(default)]
pub struct Stats {
    /// The daemon's version.
    pub version: String,
    /// Its build.
    pub build: String,
    /// Its process.
    pub pid: u32,
    /// Since when it runs. All counters begin there.
    pub started_at: WallTime,
    /// The same in seconds.
    pub uptime_s: u64,
    /// What needs a look just now, the worst first.
    pub alerts: Vec<Alert>,
    /// What was counted since the start.
    pub counters: Counters,
    /// How things stand.
    pub gauges: Gauges,
    /// The daemon's pool, and the ranges asked for since the start (the last 32 of them).
    pub ranges: Vec<RangeUse>,
    /// How long requests for ports took, those apart that waited in line.
    pub request_duration: Histogram,
    /// How long commits of the journal took.
    pub commit_duration: Histogram,
    /// Where the figures are served for scrapers, if they are.
    pub metrics_address: Option<String>,
}

/// What was counted since the daemon's start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(default)]
pub struct Counters {
    /// Leases granted.
    pub allocations: u64,
    /// Requests for ports, by what came of them.
    pub requests: Requests,
    /// Calls answered no, by code word. Every code word there is.
    pub refusals: BTreeMap<String, u64>,
    /// Calls, by method. Every method there is.
    pub calls: BTreeMap<String, u64>,
    /// Calls answered only when their caller had stopped waiting.
    pub late_calls: u64,
    /// Leases that ended, by reason. Every reason there is.
    pub ended: BTreeMap<String, u64>,
    /// Times the ledger was looked through for what is over: at the start, at deadlines, when asked for.
    pub cleanup_runs: u64,
    /// Leases that ended because whoever had them was gone.
    pub stale_leases_removed: u64,
    /// Guards that could not be taken or kept.
    pub guards_lost: u64,
    /// Connections let in.
    pub connections: u64,
    /// Connections refused because all seats were taken.
    pub connections_refused: u64,
    /// Events told, to each subscriber.
    pub events: u64,
    /// Events that subscribers lost because they did not keep up.
    pub events_dropped: u64,
    /// Times that something could not be written down.
    pub journal_failures: u64,
}

/// Requests for ports, by what came of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(default)]
pub struct Requests {
    /// At least one new lease.
    pub granted: u64,
    /// Only leases that were there.
    pub reused: u64,
    /// Refused.
    pub refused: u64,
    /// The caller was gone before the answer.
    pub abandoned: u64,
}

/// How things stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(default)]
pub struct Gauges {
    /// Leases whose server has not come up.
    pub pending: u64,
    /// Leases whose server is up.
    pub active: u64,
    /// Leases whose server is gone.
    pub lapsing: u64,
    /// Leases on whose port somebody else listens.
    pub contested: u64,
    /// Leases whose holder is gone while the server lives on.
    pub orphaned: u64,
    /// Leases that nobody looks after: lapsing, contested, orphaned, or past their deadline.
    pub stale: u64,
    /// Claims.
    pub claims: u64,
    /// Ports in quarantine.
    pub quarantined: u64,
    /// Guards held in the kernel.
    pub guards: u64,
    /// Open connections.
    pub connections: u64,
    /// Subscribers to events.
    pub subscribers: u64,
    /// Requests that wait in line for a port.
    pub waiting: u64,
}

/// How much of a range is in use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RangeUse {
    /// The range.
    pub range: PortRange,
    /// Its ports.
    pub size: u64,
    /// Those that can be handed out: without what is excluded or in quarantine.
    pub usable: u64,
    /// Those that are leased.
    pub in_use: u64,
    /// Those that are some key's own number without being leased.
    pub claimed: u64,
}

impl RangeUse {
    /// How much of what can be handed out is leased, in percent, rounded down.
    #[must_use]
    pub const fn percent(&self) -> u64 {
        match self.usable {
            0 => 100,
            usable => self.in_use.saturating_mul(100) / usable,
        }
    }
}

/// How long something took, counted in buckets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(default)]
pub struct Histogram {
    /// The longest that each bucket takes in, in microseconds, ascending.
    pub bounds_us: Vec<u64>,
    /// How many there are in each bucket, and at last how many took longer than all bounds.
    pub counts: Vec<u64>,
    /// How many there are in all.
    pub count: u64,
    /// How long they took together, in microseconds.
    pub sum_us: u64,
}

/// What is known of a quantile: in which bucket it lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantile {
    /// At most so many microseconds.
    AtMost(u64),
    /// More than so many.
    MoreThan(u64),
}

impl Histogram {
    /// In which bucket the quantile of so many thousandths lies: 500 for the median. `None` of nothing.
    #[must_use]
    pub fn quantile(&self, thousandths: u64) -> Option<Quantile> {
        let rank = self.count.saturating_mul(thousandths).div_ceil(1_000).max(1);
        let mut seen = 0;
        for (bound, count) in self.bounds_us.iter().zip(&self.counts) {
            seen += count;
            if seen >= rank {
                return Some(Quantile::AtMost(*bound));
            }
        }
        self.bounds_us.last().filter(|_| self.count > 0).map(|last| Quantile::MoreThan(*last))
    }
}

/// Something that needs a look.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    /// What kind. Stable.
    pub code: AlertCode,
    /// Which one of that kind, such as a range; empty where there can be only one.
    #[serde(default)]
    pub subject: String,
    /// How bad.
    pub severity: Severity,
    /// Since when.
    pub since: WallTime,
    /// What is the matter, with the facts.
    pub message: String,
    /// What to do.
    pub hint: String,
}

/// The kinds of alerts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertCode {
    /// Changes cannot be written down, so nothing can be granted or given back.
    JournalNotWritable,
    /// Most of a pool or range is leased.
    PoolNearlyFull,
    /// Requests are refused, one after the other.
    RepeatedFailures,
    /// Calls are answered too late, or time runs out while they wait, one after the other.
    DeadlinesMissed,
    /// There are many leases that nobody looks after.
    StaleLeases,
    /// The figures are not served on the address configured for that.
    MetricsNotServed,
    /// One that only a newer daemon knows.
    #[serde(other)]
    Other,
}

/// How bad an alert is, the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// It does not work.
    Critical,
    /// It works, and will not for long.
    Warning,
}

impl Severity {
    /// The word on the wire.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::Warning => "warning",
        }
    }
}

/// What became of an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertState {
    /// It has become so.
    Raised,
    /// It is so no more.
    Cleared,
}

impl AlertState {
    /// The word on the wire.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Raised => "raised",
            Self::Cleared => "cleared",
        }
    }
}
