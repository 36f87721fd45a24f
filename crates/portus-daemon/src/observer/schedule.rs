//! When each waiting lease's port is looked at: soon at first, then ever more seldom.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use portus_core::{LeaseId, Port, Protocol};

/// Time since the schedule began.
pub(crate) type Time = Duration;

/// The first look comes so soon.
const FIRST: Duration = Duration::from_millis(1);
/// Looks become no more seldom than this,
const SLOW: Duration = Duration::from_millis(250);
/// unless a lease has been waiting for so long:
const LONG: Duration = Duration::from_secs(60);
/// then this.
const SLOWEST: Duration = Duration::from_secs(5);

/// One lease whose port is looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    port: Port,
    protocol: Protocol,
    begun: Time,
    /// The pause before the next look.
    pause: Duration,
    next: Time,
}

/// A look that is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Due {
    /// For which lease.
    pub(crate) lease: LeaseId,
    /// Which port.
    pub(crate) port: Port,
    /// For what.
    pub(crate) protocol: Protocol,
    /// Whether looks have become slow: time for what costs more than a look.
    pub(crate) slow: bool,
}

/// All leases that are looked at, by when they are due.
#[derive(Debug, Clone, Default)]
pub(crate) struct Schedule {
    entries: BTreeMap<LeaseId, Entry>,
    queue: BTreeSet<(Time, LeaseId)>,
}

impl Schedule {
    /// Looks at a port from now on. One that is looked at already starts over.
    pub(crate) fn begin(&mut self, now: Time, lease: LeaseId, port: Port, protocol: Protocol) {
        self.end(lease);
        let next = aligned(now, FIRST);
        self.entries.insert(lease, Entry { port, protocol, begun: now, pause: FIRST, next });
        self.queue.insert((next, lease));
    }

    /// Looks no more.
    pub(crate) fn end(&mut self, lease: LeaseId) {
        if let Some(entry) = self.entries.remove(&lease) {
            self.queue.remove(&(entry.next, lease));
        }
    }

    /// When the next look is due; `None` when nothing is looked at.
    pub(crate) fn next(&self) -> Option<Time> {
        self.queue.first().map(|(at, _)| *at)
    }

    /// Takes what is due, and plans each one's next look.
    pub(crate) fn take_due(&mut self, now: Time) -> Vec<Due> {
        let mut due = Vec::new();
        while let Some((at, lease)) = self.queue.first().copied().filter(|(at, _)| *at <= now) {
            self.queue.remove(&(at, lease));
            let Some(entry) = self.entries.get_mut(&lease) else { continue };
            let slow = entry.pause >= SLOW;
            due.push(Due { lease, port: entry.port, protocol: entry.protocol, slow });
            entry.pause = if now.saturating_sub(entry.begun) >= LONG { SLOWEST } else { (entry.pause * 2).min(SLOW) };
            entry.next = aligned(now, entry.pause);
            self.queue.insert((entry.next, lease));
        }
        due
    }
}

/// Looks fall on the same moments for all leases, slow ones more than quick ones, so that one question answers for
/// many.
fn aligned(now: Time, pause: Duration) -> Time {
    let grid = if pause < SLOW { FIRST } else { SLOW }.as_micros();
    let at = (now + pause).as_micros().div_ceil(grid) * grid;
    Duration::from_micros(u64::try_from(at).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PORT: Port = Port::MAX;

    fn begin(schedule: &mut Schedule, now_ms: u64, lease: u64) {
        schedule.begin(Duration::from_millis(now_ms), LeaseId(lease), PORT, Protocol::Tcp);
    }

    /// The moments of the looks for one lease, until `end`.
    fn moments(schedule: &mut Schedule, end: Duration) -> Vec<u64> {
        let mut all = Vec::new();
        while let Some(next) = schedule.next().filter(|next| *next <= end) {
            assert!(!schedule.take_due(next).is_empty(), "woken for nothing");
            all.push(next.as_millis() as u64);
        }
        all
    }

    #[test]
    fn looks_double_to_a_quarter_of_a_second() {
        let mut schedule = Schedule::default();
        begin(&mut schedule, 0, 1);
        let first: Vec<u64> = moments(&mut schedule, Duration::from_millis(1_300));
        assert_eq!(first, [1, 3, 7, 15, 31, 63, 127, 255, 750, 1_000, 1_250]);
    }

    #[test]
    fn after_a_minute_they_come_every_five_seconds() {
        let mut schedule = Schedule::default();
        begin(&mut schedule, 0, 1);
        let all = moments(&mut schedule, Duration::from_secs(90));
        let late: Vec<u64> = all.into_iter().filter(|at| *at > 60_000).collect();
        assert_eq!(late, [65_000, 70_000, 75_000, 80_000, 85_000, 90_000]);
    }

    #[test]
    fn slow_looks_of_many_leases_fall_together() {
        let mut schedule = Schedule::default();
        (0..50).for_each(|lease| begin(&mut schedule, lease * 7, lease));
        moments(&mut schedule, Duration::from_secs(2));
        let next = schedule.next().unwrap();
        assert_eq!(schedule.take_due(next).len(), 50);
    }

    #[test]
    fn quick_looks_of_many_leases_fall_together_too() {
        let mut schedule = Schedule::default();
        (0..50)
            .for_each(|lease| schedule.begin(Duration::from_micros(lease * 20), LeaseId(lease), PORT, Protocol::Tcp));
        let all = moments(&mut schedule, Duration::from_millis(30));
        assert!(all.len() <= 8, "{all:?}");
    }

    #[test]
    fn an_empty_schedule_never_wakes() {
        let mut schedule = Schedule::default();
        assert_eq!(schedule.next(), None);
        begin(&mut schedule, 0, 1);
        schedule.end(LeaseId(1));
        schedule.end(LeaseId(1));
        assert_eq!(schedule.next(), None);
        assert!(schedule.take_due(Duration::MAX).is_empty());
    }

    #[test]
    fn beginning_again_starts_over() {
        let mut schedule = Schedule::default();
        begin(&mut schedule, 0, 1);
        moments(&mut schedule, Duration::from_secs(70));
        begin(&mut schedule, 70_000, 1);
        assert_eq!(schedule.next(), Some(Duration::from_millis(70_001)));
        let due = schedule.take_due(Duration::from_millis(70_001));
        assert_eq!(due.len(), 1);
        assert!(!due[0].slow);
    }
}
