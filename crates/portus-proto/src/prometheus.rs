//! [`Stats`] as Prometheus reads them: the text format, version 0.0.4.
//!
//! One table says which metrics there are. The command line and the daemon's own address both write from it, and
//! docs/guide/operating.md is held to it by a test.

use std::fmt::Write as _;

use crate::message::{AlertCode, Histogram, RangeUse, Stats};

/// What the text is, for `Content-Type`.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What a metric does over time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It grows from the daemon's start on.
    Counter,
    /// It goes up and down.
    Gauge,
    /// Counts in buckets, which grow.
    Histogram,
}

impl Kind {
    /// The word of the format.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// One metric.
#[derive(Debug)]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// What it does over time.
    pub kind: Kind,
    /// Its labels, in order.
    pub labels: &'static [&'static str],
    /// What it tells, as a sentence without its full stop.
    pub help: &'static str,
    values: fn(&Stats, &mut Samples<'_>),
}

/// Where the samples of one metric go.
struct Samples<'a> {
    metric: &'a Metric,
    text: &'a mut String,
}

impl Samples<'_> {
    /// One sample, with a value for each label.
    fn one(&mut self, values: &[&str], sample: impl std::fmt::Display) {
        self.text.push_str(self.metric.name);
        for (nth, (label, value)) in self.metric.labels.iter().zip(values).enumerate() {
            self.text.push_str(if nth == 0 { "{" } else { "," });
            let _ = write!(self.text, "{label}=\"{}\"", escaped(value));
        }
        self.text.push_str(if self.metric.labels.is_empty() { "" } else { "}" });
        let _ = writeln!(self.text, " {sample}");
    }

    fn each<'v>(&mut self, all: impl IntoIterator<Item = (&'v String, &'v u64)>) {
        all.into_iter().for_each(|(value, count)| self.one(&[value], count));
    }

    fn ranges(&mut self, stats: &Stats, figure: fn(&RangeUse) -> u64) {
        stats.ranges.iter().for_each(|one| self.one(&[&one.range.to_string()], figure(one)));
    }

    fn histogram(&mut self, histogram: &Histogram) {
        let (name, mut below) = (self.metric.name, 0);
        for (bound, count) in histogram.bounds_us.iter().zip(&histogram.counts) {
            below += count;
            let _ = writeln!(self.text, "{name}_bucket{{le=\"{}\"}} {below}", seconds(*bound));
        }
        let _ = writeln!(self.text, "{name}_bucket{{le=\"+Inf\"}} {}", histogram.count);
        let _ = writeln!(self.text, "{name}_sum {}", seconds(histogram.sum_us));
        let _ = writeln!(self.text, "{name}_count {}", histogram.count);
    }
}

/// A label's value as the format wants it.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// Microseconds as seconds, exactly.
fn seconds(us: u64) -> String {
    let text = format!("{}.{:06}", us / 1_000_000, us % 1_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

macro_rules! metrics {
    ($($kind:ident $name:literal $([$($label:literal),+])? $help:literal, $values:expr;)+) => {
        /// Every metric, in the order of the text.
        pub const METRICS: &[Metric] = &[$(Metric {
            name: $name,
            kind: Kind::$kind,
            labels: &[$($($label),+)?],
            help: $help,
            values: $values,
        }),+];
    };
}

metrics! {
    Gauge "portus_build_info" ["version", "build"] "The daemon's version and build; the value is always 1",
        |stats, out| out.one(&[&stats.version, &stats.build], 1);
    Gauge "portus_start_time_seconds" "When the daemon started, in seconds since 1970; all counters begin there",
        |stats, out| out.one(&[], format!("{}.{:03}", stats.started_at.0 / 1_000, stats.started_at.0 % 1_000));
    Gauge "portus_uptime_seconds" "For how long the daemon has been running",
        |stats, out| out.one(&[], stats.uptime_s);
    Gauge "portus_alerts" ["code"] "Alerts that are raised just now, by code word",
        |stats, out| for code in AlertCode::WORDS.iter().filter(|code| **code != AlertCode::Other.word()) {
            out.one(&[code], stats.alerts.iter().filter(|alert| alert.code.word() == *code).count());
        };
    Gauge "portus_pool_ports" ["range"] "Ports of the pool and of each range asked for since the start",
        |stats, out| out.ranges(stats, |one| one.size);
    Gauge "portus_pool_ports_usable" ["range"] "Those that can be handed out: neither excluded nor in quarantine",
        |stats, out| out.ranges(stats, |one| one.usable);
    Gauge "portus_pool_ports_in_use" ["range"] "Those that are leased",
        |stats, out| out.ranges(stats, |one| one.in_use);
    Gauge "portus_pool_ports_claimed" ["range"] "Those that are some service's own number without being leased",
        |stats, out| out.ranges(stats, |one| one.claimed);
    Counter "portus_allocations_total" "Leases granted",
        |stats, out| out.one(&[], stats.counters.allocations);
    Counter "portus_requests_total" ["outcome"]
        "Requests for ports, by what came of them: granted, reused, refused, or abandoned by their caller",
        |stats, out| {
            let requests = &stats.counters.requests;
            out.one(&["granted"], requests.granted);
            out.one(&["reused"], requests.reused);
            out.one(&["refused"], requests.refused);
            out.one(&["abandoned"], requests.abandoned);
        };
    Counter "portus_refusals_total" ["code"] "Calls of any kind that were refused, by code word",
        |stats, out| out.each(&stats.counters.refusals);
    Counter "portus_calls_total" ["method"] "Calls, by method",
        |stats, out| out.each(&stats.counters.calls);
    Counter "portus_late_calls_total" "Calls that were answered only when their caller had stopped waiting",
        |stats, out| out.one(&[], stats.counters.late_calls);
    Histogram "portus_request_duration_seconds"
        "How long the daemon took to answer requests for ports, those apart that waited in line",
        |stats, out| out.histogram(&stats.request_duration);
    Gauge "portus_waiting_requests" "Requests that wait in line for a port",
        |stats, out| out.one(&[], stats.gauges.waiting);
    Gauge "portus_leases" ["state"] "Live leases, by state",
        |stats, out| {
            out.one(&["pending"], stats.gauges.pending);
            out.one(&["active"], stats.gauges.active);
            out.one(&["lapsing"], stats.gauges.lapsing);
        };
    Gauge "portus_contested_leases" "Leases on whose port somebody else listens",
        |stats, out| out.one(&[], stats.gauges.contested);
    Gauge "portus_orphaned_leases" "Leases whose holder is gone while the server lives on",
        |stats, out| out.one(&[], stats.gauges.orphaned);
    Gauge "portus_stale_leases"
        "Leases that nobody looks after: lapsing, contested, orphaned, or past their deadline",
        |stats, out| out.one(&[], stats.gauges.stale);
    Counter "portus_leases_ended_total" ["reason"] "Leases that ended, by reason",
        |stats, out| out.each(&stats.counters.ended);
    Counter "portus_cleanup_runs_total"
        "Times the ledger was looked through for what is over: at the start, at deadlines, when asked for",
        |stats, out| out.one(&[], stats.counters.cleanup_runs);
    Counter "portus_stale_leases_removed_total" "Leases that ended because whoever had them was gone",
        |stats, out| out.one(&[], stats.counters.stale_leases_removed);
    Gauge "portus_claims" "Numbers that are some service's own",
        |stats, out| out.one(&[], stats.gauges.claims);
    Gauge "portus_quarantined_ports" "Ports that are not handed out",
        |stats, out| out.one(&[], stats.gauges.quarantined);
    Gauge "portus_guards" "Ports that are kept in the kernel",
        |stats, out| out.one(&[], stats.gauges.guards);
    Counter "portus_guards_lost_total" "Ports that could not be kept, because somebody else had bound them",
        |stats, out| out.one(&[], stats.counters.guards_lost);
    Gauge "portus_connections" "Open connections of clients",
        |stats, out| out.one(&[], stats.gauges.connections);
    Counter "portus_connections_opened_total" "Connections of clients that were let in",
        |stats, out| out.one(&[], stats.counters.connections);
    Counter "portus_connections_refused_total" "Connections refused because there were too many",
        |stats, out| out.one(&[], stats.counters.connections_refused);
    Gauge "portus_subscribers" "Clients that hear events",
        |stats, out| out.one(&[], stats.gauges.subscribers);
    Counter "portus_events_total" "Events told, counted once for each subscriber",
        |stats, out| out.one(&[], stats.counters.events);
    Counter "portus_events_dropped_total" "Events that subscribers lost because they did not keep up",
        |stats, out| out.one(&[], stats.counters.events_dropped);
    Histogram "portus_journal_commit_duration_seconds" "How long commits of the journal took",
        |stats, out| out.histogram(&stats.commit_duration);
    Counter "portus_journal_failures_total" "Times that something could not be written down",
        |stats, out| out.one(&[], stats.counters.journal_failures);
}

/// The figures as Prometheus reads them.
#[must_use]
pub fn text(stats: &Stats) -> String {
    let mut text = String::with_capacity(8 * 1_024);
    for metric in METRICS {
        let _ = writeln!(text, "# HELP {} {}.", metric.name, metric.help);
        let _ = writeln!(text, "# TYPE {} {}", metric.name, metric.kind.word());
        (metric.values)(stats, &mut Samples { metric, text: &mut text });
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn microseconds_are_seconds_to_the_last_digit() {
        for (us, shown) in [(0, "0"), (1, "0.000001"), (25, "0.000025"), (2_500, "0.0025"), (1_000_000, "1")] {
            assert_eq!(seconds(us), shown);
        }
        assert_eq!(seconds(10_000_000), "10");
        assert_eq!(seconds(5_400_000), "5.4");
    }

    #[test]
    fn buckets_add_up_and_end_with_all() {
        let request_duration =
            Histogram { bounds_us: vec![100, 1_000], counts: vec![2, 1, 4], count: 7, sum_us: 9_000_400 };
        let text = text(&Stats { request_duration, ..Stats::default() });
        let name = "portus_request_duration_seconds";
        let own: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix(name)).collect();
        let wanted = [
            "_bucket{le=\"0.0001\"} 2",
            "_bucket{le=\"0.001\"} 3",
            "_bucket{le=\"+Inf\"} 7",
            "_sum 9.0004",
            "_count 7",
        ];
        assert_eq!(own, wanted);
    }

    #[test]
    fn foreign_words_stay_within_their_quotes() {
        let text = text(&Stats { version: "a\"b\\c\nd".to_owned(), ..Stats::default() });
        assert!(text.contains("portus_build_info{version=\"a\\\"b\\\\c\\nd\",build=\"\"} 1\n"), "{text}");
    }

    #[test]
    fn every_alert_has_its_zero() {
        let text = text(&Stats::default());
        assert!(text.contains("portus_alerts{code=\"journal_not_writable\"} 0\n"), "{text}");
        assert!(!text.contains("code=\"other\""), "{text}");
    }
}
