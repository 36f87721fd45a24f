//! When something needs a look, and when it no longer does.
//!
//! Each rule has two limits, so that what stands at one of them is not told over and over. Nothing here ticks: what
//! has stirred is judged when the hub's turn ends, and what calms down by itself has one moment for that.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use portus_core::PortRange;
use portus_proto::{Alert, AlertCode, AlertState, Code, Severity, WallTime};

use super::Ranges;
use super::sentences::{self, Said};
use super::tally::{Tally, Trouble};
use super::window::Window;
use crate::engine::JournalError;

/// An alert about a pool is cleared so many points below the percentage that raises it.
const POOL_CALM_POINTS: u64 = 5;

/// From where on something needs a look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertLimits {
    /// This much of a pool is leased, in percent from 1 to 100. Cleared five points below.
    pub pool_percent: u8,
    /// So many calls were refused, for want of ports or because of the daemon itself, within `within`. Cleared when at
    /// most half as many are left; so are those of `late`.
    pub failures: usize,
    /// So many calls ran out of time, or were answered too late, within `within`.
    pub late: usize,
    /// The time within which those are counted.
    pub within: Duration,
    /// So many leases have nobody who looks after them. Cleared at half of that.
    pub stale: usize,
}

impl Default for AlertLimits {
    fn default() -> Self {
        Self { pool_percent: 90, failures: 5, late: 5, within: Duration::from_secs(60), stale: 20 }
    }
}

/// Names one alert: its kind, and its range where it is about one.
type Name = (AlertCode, Option<PortRange>);

/// What is raised, and what it is judged by.
#[derive(Debug)]
pub(crate) struct Alerts {
    limits: AlertLimits,
    raised: BTreeMap<Name, Alert>,
    failures: Window,
    last_failure: Option<Code>,
    late: Window,
    stale: usize,
    /// Where the journal is, and what is wrong with it.
    journal_path: String,
    journal: Option<JournalError>,
    exporter: Option<(SocketAddr, String)>,
    /// Whether something has changed that may raise or clear one.
    is_stirred: bool,
}

impl Alerts {
    /// Nothing is raised yet; what is there already is judged at first.
    pub(crate) fn new(limits: AlertLimits, journal_path: String) -> Self {
        let (failures, late) = (Window::new(limits.failures, limits.within), Window::new(limits.late, limits.within));
        Self {
            limits,
            raised: BTreeMap::new(),
            failures,
            last_failure: None,
            late,
            stale: 0,
            journal_path,
            journal: None,
            exporter: None,
            is_stirred: true,
        }
    }

    /// Ports were leased or given back.
    pub(crate) const fn stir(&mut self) {
        self.is_stirred = true;
    }

    /// So many leases have nobody who looks after them.
    pub(crate) fn stale(&mut self, count: usize) {
        self.is_stirred |= self.stale != count;
        self.stale = count;
    }

    /// Whether the journal took what was last written.
    pub(crate) fn journal(&mut self, trouble: Option<&JournalError>) {
        if self.journal.as_ref() != trouble {
            self.journal = trouble.cloned();
            self.is_stirred = true;
        }
    }

    /// The figures cannot be served where they should be.
    pub(crate) fn exporter(&mut self, address: SocketAddr, why: String) {
        self.exporter = Some((address, why));
        self.is_stirred = true;
    }

    /// Takes in what has gone wrong since the last time.
    pub(crate) fn hear(&mut self, tally: &Tally) {
        for (at, trouble) in tally.take_troubles() {
            self.is_stirred = true;
            match trouble {
                Trouble::Failed(code) => {
                    self.failures.add(at);
                    self.last_failure = Some(code);
                }
                Trouble::Late => self.late.add(at),
            }
        }
    }

    /// When one will clear by itself.
    pub(crate) fn next_alarm(&self) -> Option<Instant> {
        let of = |code, window: &Window| self.raised.contains_key(&(code, None)).then(|| window.calm_at()).flatten();
        let failures = of(AlertCode::RepeatedFailures, &self.failures);
        failures.into_iter().chain(of(AlertCode::DeadlinesMissed, &self.late)).min()
    }

    /// Time has passed.
    pub(crate) fn alarm(&mut self, now: Instant) {
        self.is_stirred |= self.next_alarm().is_some_and(|at| at <= now);
    }

    /// Judges anew, if something has stirred, and returns what was raised and cleared by that.
    pub(crate) fn settle(&mut self, now: Instant, wall: WallTime, ranges: &Ranges) -> Vec<(AlertState, Alert)> {
        if !std::mem::take(&mut self.is_stirred) {
            return Vec::new();
        }
        let mut told = Vec::new();
        let mut up = self.up(now, ranges);
        self.raised.retain(|name, alert| {
            if !up.contains_key(name) {
                let message =
                    sentences::cleared(alert, name.1.and_then(|range| ranges.pools().find(|pool| pool.range == range)));
                told.push((AlertState::Cleared, Alert { message, hint: String::new(), ..alert.clone() }));
            }
            up.contains_key(name)
        });
        while let Some((name, (message, hint))) = up.pop_first() {
            let since = self.raised.get(&name).map(|alert| alert.since);
            let alert = alert(name, since.unwrap_or(wall), message, hint);
            if since.is_none() {
                told.push((AlertState::Raised, alert.clone()));
            }
            self.raised.insert(name, alert);
        }
        told
    }

    /// What is so at this moment.
    fn up(&self, now: Instant, ranges: &Ranges) -> BTreeMap<Name, Said> {
        let mut up = BTreeMap::new();
        let was = |code| self.raised.contains_key(&(code, None));
        for pool in ranges.pools() {
            let name = (AlertCode::PoolNearlyFull, Some(pool.range));
            let percent = u64::from(self.limits.pool_percent);
            let calm = percent.saturating_sub(POOL_CALM_POINTS);
            let reaches = |points: u64| pool.in_use * 100 >= points * pool.usable;
            let is_up = match self.raised.contains_key(&name) {
                true => reaches(percent) || pool.in_use * 100 > calm * pool.usable,
                false => reaches(percent),
            };
            if is_up {
                up.insert(name, sentences::pool_nearly_full(&pool));
            }
        }
        if self.failures.is_many(was(AlertCode::RepeatedFailures), now) {
            let said = sentences::repeated_failures(&self.failures, self.last_failure);
            up.insert((AlertCode::RepeatedFailures, None), said);
        }
        if self.late.is_many(was(AlertCode::DeadlinesMissed), now) {
            up.insert((AlertCode::DeadlinesMissed, None), sentences::deadlines_missed(&self.late));
        }
        let limit = self.limits.stale.max(1);
        if self.stale >= limit || (was(AlertCode::StaleLeases) && self.stale > limit / 2) {
            up.insert((AlertCode::StaleLeases, None), sentences::stale_leases(self.stale));
        }
        if let Some(error) = &self.journal {
            let said = sentences::journal_not_writable(error, &self.journal_path);
            up.insert((AlertCode::JournalNotWritable, None), said);
        }
        if let Some((address, why)) = &self.exporter {
            up.insert((AlertCode::MetricsNotServed, None), sentences::metrics_not_served(*address, why));
        }
        up
    }

    /// The one about this pool or range, if it is raised.
    pub(crate) fn about_pool(&self, range: PortRange) -> Option<&Alert> {
        self.raised.get(&(AlertCode::PoolNearlyFull, Some(range)))
    }

    /// What is raised, the worst first.
    pub(crate) fn list(&self) -> Vec<Alert> {
        let mut all: Vec<Alert> = self.raised.values().cloned().collect();
        all.sort_by_key(|alert| (alert.severity, alert.since));
        all
    }
}

fn alert((code, range): Name, since: WallTime, message: String, hint: String) -> Alert {
    let subject = range.map(|range| range.to_string()).unwrap_or_default();
    Alert { code, subject, severity: severity(code), since, message, hint }
}

const fn severity(code: AlertCode) -> Severity {
    match code {
        AlertCode::JournalNotWritable => Severity::Critical,
        AlertCode::PoolNearlyFull
        | AlertCode::RepeatedFailures
        | AlertCode::DeadlinesMissed
        | AlertCode::StaleLeases
        | AlertCode::MetricsNotServed
        | AlertCode::Other => Severity::Warning,
    }
}
