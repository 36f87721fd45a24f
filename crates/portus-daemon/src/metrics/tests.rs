//! Buckets, windows, and alerts that stand at their limits.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use portus_core::{Broker, Policy, Port, PortRange};
use portus_proto::{
    Alert, AlertCode, AlertState, Code, LeasesReply, Outcome, Quantile, Refusal, Reply, Severity, WallTime,
};

use super::window::Window;
use super::*;
use crate::engine::JournalError;

fn port(number: u16) -> Port {
    Port::new(number).unwrap()
}

fn range(first: u16, last: u16) -> PortRange {
    PortRange::new(port(first), port(last)).unwrap()
}

#[test]
fn a_bound_belongs_to_its_bucket() {
    let histogram = Histogram::default();
    let spans = [0, 10_000, 10_001, 25_000, 9_999_999_999, 10_000_000_000, 10_000_000_001, 90_000_000_000];
    spans.into_iter().for_each(|ns| histogram.record(Duration::from_nanos(ns)));
    let shape = histogram.shape();
    assert_eq!((shape.count, shape.bounds_us.len() + 1), (8, shape.counts.len()));
    assert_eq!(shape.bounds_us[..2], [10, 25]);
    assert_eq!(shape.counts[..3], [2, 2, 0], "up to 10 µs, up to 25 µs, up to 50 µs");
    assert_eq!(shape.counts[shape.counts.len() - 2..], [2, 2], "up to 10 s, and longer");
    assert!(shape.bounds_us.is_sorted());
    assert_eq!(shape.sum_us, spans.iter().sum::<u64>() / 1_000);
    assert_eq!(shape.quantile(500), Some(Quantile::AtMost(25)));
    assert_eq!(shape.quantile(750), Some(Quantile::AtMost(10_000_000)));
    assert_eq!(shape.quantile(990), Some(Quantile::MoreThan(10_000_000)));
    assert_eq!(Histogram::default().shape().quantile(500), None);
}

#[test]
fn many_within_a_while_are_too_many_until_half_of_them_are_past() {
    let (now, minute) = (Instant::now(), Duration::from_secs(60));
    let second = |seconds| now + Duration::from_secs(seconds);
    let mut window = Window::new(4, minute);
    assert_eq!((window.is_many(false, now), window.calm_at()), (false, None));
    (0..3).for_each(|at| window.add(second(at)));
    assert!(!window.is_many(false, second(3)), "three are not too many");
    window.add(second(30));
    assert!(window.is_many(false, second(30)));
    // At 60 s the first is past: three of four are left.
    assert!(!window.is_many(false, second(60)), "that would not raise it");
    assert!(window.is_many(true, second(60)), "and does not clear it");
    assert_eq!(window.calm_at(), Some(second(61)));
    assert!(window.is_many(true, second(61) - Duration::from_millis(1)));
    assert!(!window.is_many(true, second(61)), "two are left");
    // Older ones are forgotten for newer ones.
    (100..110).for_each(|at| window.add(second(at)));
    assert!(window.is_many(false, second(110)));
    assert_eq!(window.calm_at(), Some(second(107) + minute));
}

/// Alerts with their own clock and pool.
struct Bench {
    alerts: Alerts,
    ranges: Ranges,
    now: Instant,
    broker: Broker,
}

const POOL_FIRST: u16 = 20_000;

impl Bench {
    /// With a pool of so many ports.
    fn new(pool_len: u16) -> Self {
        let broker = Broker::new(Policy::default());
        let ranges = Ranges::new(range(POOL_FIRST, POOL_FIRST + pool_len - 1), &broker);
        let alerts = Alerts::new(AlertLimits::default(), "/home/ada/journal.db".to_owned());
        Self { alerts, ranges, now: Instant::now(), broker }
    }

    fn pass(&mut self, span: Duration) {
        self.now += span;
        self.alerts.alarm(self.now);
    }

    fn settle(&mut self) -> Vec<(AlertState, Alert)> {
        self.alerts.settle(self.now, WallTime(7), &self.ranges)
    }

    /// What was raised and cleared, by code.
    fn told(&mut self) -> Vec<(AlertState, AlertCode)> {
        self.settle().into_iter().map(|(state, alert)| (state, alert.code)).collect()
    }

    /// So many ports of the pool are leased from here on, one after the other.
    fn lease(&mut self, from: u16, to: u16) -> Vec<(AlertState, AlertCode)> {
        let mut told = Vec::new();
        let step = |at: u16| port(POOL_FIRST + at);
        match from < to {
            true => (from..to).for_each(|at| {
                self.ranges.granted(step(at));
                self.alerts.stir();
                told.extend(self.told());
            }),
            false => (to..from).rev().for_each(|at| {
                self.ranges.ended(step(at));
                self.alerts.stir();
                told.extend(self.told());
            }),
        }
        told
    }
}

const RAISED_FULL: (AlertState, AlertCode) = (AlertState::Raised, AlertCode::PoolNearlyFull);
const CLEARED_FULL: (AlertState, AlertCode) = (AlertState::Cleared, AlertCode::PoolNearlyFull);

#[test]
fn a_pool_at_its_threshold_is_told_once_and_cleared_well_below_it() {
    let mut bench = Bench::new(100);
    assert_eq!(bench.lease(0, 89), []);
    assert_eq!(bench.lease(89, 90), [RAISED_FULL]);
    for _ in 0..10 {
        assert_eq!(bench.lease(90, 88), [], "back and forth across the threshold");
        assert_eq!(bench.lease(88, 90), []);
    }
    assert_eq!(bench.lease(90, 100), []);
    let [alert] = &bench.alerts.list()[..] else { panic!("one alert") };
    assert_eq!((alert.subject.as_str(), alert.severity), ("20000-20099", Severity::Warning));
    assert_eq!(alert.message, "100 of the 100 usable ports of 20000-20099 are leased (100 %)");
    assert_eq!(bench.lease(100, 86), []);
    assert_eq!(bench.lease(86, 85), [CLEARED_FULL]);
    let _ = bench.lease(85, 90);
    (20_005..20_090).for_each(|number| bench.ranges.ended(port(number)));
    bench.alerts.stir();
    let [(AlertState::Cleared, alert)] = &bench.settle()[..] else { panic!("one is cleared") };
    let wanted = "no longer nearly full: 5 of the 100 usable ports of 20000-20099 are leased";
    assert_eq!((alert.message.as_str(), alert.hint.as_str()), (wanted, ""));
    assert!(bench.alerts.list().is_empty());
}

#[test]
fn small_pools_have_their_hysteresis_too() {
    let mut bench = Bench::new(10);
    assert_eq!(bench.lease(0, 9), [RAISED_FULL], "nine of ten are 90 %");
    assert_eq!(bench.lease(9, 8), [CLEARED_FULL]);
    let mut bench = Bench::new(1);
    assert_eq!(bench.lease(0, 1), [RAISED_FULL]);
    assert_eq!(bench.lease(1, 0), [CLEARED_FULL]);
}

#[test]
fn a_threshold_of_one_percent_still_clears() {
    let mut bench = Bench::new(100);
    bench.alerts = Alerts::new(AlertLimits { pool_percent: 1, ..AlertLimits::default() }, String::new());
    assert_eq!(bench.lease(0, 1), [RAISED_FULL]);
    assert_eq!(bench.lease(1, 0), [CLEARED_FULL]);
}

#[test]
fn ports_that_nobody_gets_do_not_count_as_room() {
    let policy = Policy { exclude: vec![range(20_000, 20_089)], ..Policy::default() };
    let broker = Broker::new(policy);
    let pool = range(20_000, 20_099);
    let ranges = Ranges::new(pool, &broker);
    let shape = &ranges.shape(&broker)[0];
    assert_eq!((shape.size, shape.usable, shape.in_use), (100, 10, 0));
    let broker = Broker::new(Policy { exclude: vec![pool], ..Policy::default() });
    let mut bench = Bench { ranges: Ranges::new(pool, &broker), broker, ..Bench::new(1) };
    assert_eq!(bench.told(), [RAISED_FULL], "nothing is left at all");
    assert_eq!(bench.told(), []);
}

#[test]
fn small_ranges_of_their_own_are_full_without_alarm() {
    let mut bench = Bench::new(100);
    bench.ranges.asked(range(3_000, 3_000), false, &bench.broker, &bench.alerts);
    bench.ranges.asked(range(4_000, 4_009), false, &bench.broker, &bench.alerts);
    bench.ranges.granted(port(3_000));
    (4_000..4_009).for_each(|number| bench.ranges.granted(port(number)));
    bench.alerts.stir();
    let told = bench.settle();
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0].1.subject, "4000-4009");
    assert!(bench.alerts.about_pool(range(4_000, 4_009)).is_some());
}

#[test]
fn ranges_asked_for_long_ago_are_forgotten_unless_they_are_full_and_the_pool_is_not() {
    let mut bench = Bench::new(100);
    bench.ranges.asked(range(2_000, 2_019), false, &bench.broker, &bench.alerts);
    (2_000..2_020).for_each(|number| bench.ranges.granted(port(number)));
    bench.alerts.stir();
    assert_eq!(bench.told(), [RAISED_FULL]);
    for first in (3_000..6_000).step_by(100) {
        bench.ranges.asked(range(first, first + 9), false, &bench.broker, &bench.alerts);
        bench.ranges.asked(range(3_000, 3_009), false, &bench.broker, &bench.alerts);
    }
    let known = |bench: &Bench| bench.ranges.shape(&bench.broker).iter().map(|one| one.range).collect::<Vec<_>>();
    assert_eq!(known(&bench).len(), 32);
    bench.ranges.asked(range(7_000, 7_009), false, &bench.broker, &bench.alerts);
    let known = known(&bench);
    assert_eq!((known.len(), known[0]), (32, range(20_000, 20_099)));
    assert!(known.contains(&range(3_000, 3_009)) && !known.contains(&range(3_100, 3_109)), "{known:?}");
    bench.alerts.stir();
    assert_eq!(bench.told(), [], "2000-2019 is as full as before");
    (2_000..2_020).for_each(|number| bench.ranges.ended(port(number)));
    bench.alerts.stir();
    assert_eq!(bench.told(), [CLEARED_FULL]);
    bench.ranges.asked(range(7_100, 7_109), false, &bench.broker, &bench.alerts);
    assert!(!bench.ranges.shape(&bench.broker).iter().any(|one| one.range == range(2_000, 2_019)));
}

/// Leases of nothing, as for claims alone.
fn nothing() -> LeasesReply {
    LeasesReply { leases: Vec::new(), notes: Vec::new(), mirror: None }
}

fn refuse(tally: &Tally, code: Code) {
    let refused = Outcome::Refused(Refusal::new(code, "", ""));
    tally.answered(Pace::Request, Instant::now(), &refused);
}

#[test]
fn refusals_one_after_the_other_are_an_alert_until_it_is_calm() {
    let (mut bench, tally) = (Bench::new(100), Tally::default());
    for code in [Code::NoPortAvailable, Code::BadRequest, Code::NotYours, Code::NoSuchLease, Code::AlreadyRunning] {
        refuse(&tally, code);
    }
    bench.alerts.hear(&tally);
    assert_eq!(bench.told(), [], "most of that is a caller's own mistake");
    (0..4).for_each(|_| refuse(&tally, Code::NoPortAvailable));
    bench.alerts.hear(&tally);
    bench.now = Instant::now();
    assert_eq!(bench.told(), [(AlertState::Raised, AlertCode::RepeatedFailures)]);
    assert!(bench.alerts.list()[0].message.contains("`no_port_available`"), "{:?}", bench.alerts.list());
    let calm = bench.alerts.next_alarm().expect("it clears by itself");
    assert!(calm <= bench.now + Duration::from_secs(60));
    bench.pass(Duration::from_secs(30));
    assert_eq!(bench.told(), []);
    bench.pass(Duration::from_secs(31));
    assert_eq!(bench.told(), [(AlertState::Cleared, AlertCode::RepeatedFailures)]);
    assert_eq!(bench.alerts.next_alarm(), None, "and then nothing is waited for");
}

#[test]
fn late_answers_and_times_that_run_out_are_an_alert() {
    let (mut bench, tally) = (Bench::new(100), Tally::default());
    let Some(long_ago) = Instant::now().checked_sub(Duration::from_secs(11)) else { return };
    let done = Outcome::Ok(Reply::Done);
    (0..3).for_each(|_| tally.answered(Pace::Soon, long_ago, &done));
    (0..9).for_each(|_| tally.answered(Pace::Slow, long_ago, &done));
    (0..9).for_each(|_| tally.answered(Pace::Queue, long_ago, &Outcome::Ok(Reply::Leases(nothing()))));
    bench.alerts.hear(&tally);
    bench.now = Instant::now();
    assert_eq!(bench.told(), [], "who waits by intent is not late");
    (0..2).for_each(|_| refuse(&tally, Code::TimedOut));
    bench.alerts.hear(&tally);
    bench.now = Instant::now();
    assert_eq!(bench.told(), [(AlertState::Raised, AlertCode::DeadlinesMissed)]);
    let mut counters = portus_proto::Counters::default();
    tally.fill(&mut counters);
    assert_eq!((counters.late_calls, counters.refusals["timed_out"]), (3, 2));
}

#[test]
fn stale_leases_pile_up_and_are_cleared_away() {
    let mut bench = Bench::new(100);
    let mut told = Vec::new();
    for count in [19, 20, 19, 11, 20, 10, 11, 19] {
        bench.alerts.stale(count);
        told.push(bench.told());
    }
    let (up, down) = ((AlertState::Raised, AlertCode::StaleLeases), (AlertState::Cleared, AlertCode::StaleLeases));
    assert_eq!(told, [vec![], vec![up], vec![], vec![], vec![], vec![down], vec![], vec![]]);
}

#[test]
fn a_journal_that_fails_is_an_alert_until_it_takes_a_change() {
    let mut bench = Bench::new(100);
    bench.alerts.journal(Some(&JournalError::Full));
    let told = bench.settle();
    let [(AlertState::Raised, alert)] = &told[..] else { panic!("{told:?}") };
    assert_eq!((alert.code, alert.severity), (AlertCode::JournalNotWritable, Severity::Critical));
    assert!(alert.message.contains("/home/ada/journal.db") && alert.message.contains("the disk is full"), "{alert:?}");
    bench.alerts.journal(Some(&JournalError::Full));
    assert_eq!(bench.told(), [], "once");
    bench.alerts.journal(Some(&JournalError::ReadOnly));
    assert_eq!(bench.told(), [], "another reason is the same alert");
    assert!(bench.alerts.list()[0].message.contains("may not be written"));
    bench.alerts.journal(None);
    assert_eq!(bench.told(), [(AlertState::Cleared, AlertCode::JournalNotWritable)]);
}

#[test]
fn the_worst_is_named_first() {
    let mut bench = Bench::new(100);
    let address: SocketAddr = "127.0.0.1:9464".parse().unwrap();
    bench.alerts.exporter(address, "Address already in use".to_owned());
    bench.settle();
    bench.alerts.journal(Some(&JournalError::Locked));
    bench.settle();
    let codes: Vec<AlertCode> = bench.alerts.list().iter().map(|alert| alert.code).collect();
    assert_eq!(codes, [AlertCode::JournalNotWritable, AlertCode::MetricsNotServed]);
}

#[test]
fn requests_are_told_apart_by_what_came_of_them() {
    let tally = Tally::default();
    let none = Outcome::Ok(Reply::Leases(nothing()));
    tally.answered(Pace::Request, Instant::now(), &none);
    tally.answered(Pace::Soon, Instant::now(), &none);
    refuse(&tally, Code::LimitReached);
    tally.abandoned(Pace::Queue);
    tally.abandoned(Pace::Slow);
    let mut counters = portus_proto::Counters::default();
    tally.fill(&mut counters);
    let wanted = portus_proto::Requests { granted: 1, reused: 0, refused: 1, abandoned: 1 };
    assert_eq!(counters.requests, wanted);
    assert_eq!(tally.requests().shape().count, 2, "what waits in line says nothing about the daemon");
    assert_eq!(counters.refusals.len(), Code::WORDS.len(), "each has its zero");
}
