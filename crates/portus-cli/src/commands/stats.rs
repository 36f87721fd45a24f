//! `portus stats`

use std::fmt::Write as _;

use portus_proto::{Alert, Histogram, Quantile, Severity, Stats};

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Outcome;
use crate::text;

/// Show the daemon's figures, and what needs a look
///
/// All counts are since the daemon's start. `portus metrics` prints the same for Prometheus.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {}

pub(crate) fn run(_args: Args, context: &Context) -> Outcome {
    let stats = context.connect()?.stats()?;
    if context.output.json {
        context.output.reply(&stats)?;
    } else {
        context.output.styled(&page(&stats))?;
    }
    Ok(Exit::DONE)
}

/// A small page.
fn page(stats: &Stats) -> String {
    let Stats { counters, gauges, .. } = stats;
    let uptime = text::seconds(stats.uptime_s);
    let mut page = format!("portus {} (pid {}), up {uptime}; counts are since its start\n\n", stats.version, stats.pid);
    let mut line = |label: &str, what: String| {
        let _ = writeln!(page, "{label:<12} {}", text::safe(&what));
    };
    if stats.alerts.is_empty() {
        line("alerts", "none".to_owned());
    }
    for alert in &stats.alerts {
        line(word(alert), format!("{} ({}, since {})", alert.message, alert.code, text::age(alert.since)));
        line("", alert.hint.clone());
    }
    line("leases", leases(stats));
    line("claims", format!("{}; {} ports in quarantine", gauges.claims, gauges.quarantined));
    for (nth, one) in stats.ranges.iter().enumerate() {
        let label = if nth == 0 { "pool" } else { "" };
        let use_of = format!("{} of {} ports leased ({} %)", one.in_use, one.usable, one.percent());
        line(label, format!("{}: {use_of}, {} more claimed", one.range, one.claimed));
    }
    let requests = &counters.requests;
    let abandoned = some(requests.abandoned, "abandoned");
    line(
        "requests",
        format!(
            "{} granted, {} reused, {} refused{abandoned}, {} in line",
            requests.granted, requests.reused, requests.refused, gauges.waiting
        ),
    );
    line("", span(&stats.request_duration));
    line("refusals", refusals(stats));
    line("late calls", counters.late_calls.to_string());
    line("journal", format!("{}; {} failures", span(&stats.commit_duration), counters.journal_failures));
    line("guards", format!("{} held, {} lost", gauges.guards, counters.guards_lost));
    let removed = counters.stale_leases_removed;
    line("clean-up", format!("{} runs, {removed} stale leases removed", counters.cleanup_runs));
    let refused = some(counters.connections_refused, "refused");
    line("connections", format!("{} open, {} opened{refused}", gauges.connections, counters.connections));
    let dropped = counters.events_dropped;
    line("events", format!("{} told, {dropped} dropped; {} subscribers", counters.events, gauges.subscribers));
    let served = stats.metrics_address.as_ref().map(|address| format!("served at http://{address}/metrics"));
    line(
        "metrics",
        served.unwrap_or_else(|| "not served (`metrics.address`); `portus metrics` prints them".to_owned()),
    );
    page
}

const fn word(alert: &Alert) -> &'static str {
    match alert.severity {
        Severity::Critical => "! critical",
        Severity::Warning => "! warning",
    }
}

fn leases(stats: &Stats) -> String {
    let gauges = &stats.gauges;
    let live = gauges.pending + gauges.active + gauges.lapsing;
    let states = [(gauges.pending, "pending"), (gauges.active, "active"), (gauges.lapsing, "lapsing")];
    let odd = [(gauges.contested, "contested"), (gauges.orphaned, "orphaned"), (gauges.stale, "stale")];
    let named =
        states.iter().chain(&odd).filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}"));
    let named = named.collect::<Vec<_>>().join(", ");
    let granted = stats.counters.allocations;
    if named.is_empty() { format!("{live}; {granted} granted") } else { format!("{live} ({named}); {granted} granted") }
}

fn some(count: u64, what: &str) -> String {
    if count > 0 { format!(", {count} {what}") } else { String::new() }
}

fn refusals(stats: &Stats) -> String {
    let mut all: Vec<_> = stats.counters.refusals.iter().filter(|(_, count)| **count > 0).collect();
    all.sort_by_key(|(code, count)| (std::cmp::Reverse(**count), *code));
    if all.is_empty() {
        return "none".to_owned();
    }
    all.iter().map(|(code, count)| format!("{count} {code}")).collect::<Vec<_>>().join(", ")
}

/// How many there were, and how long they took.
fn span(histogram: &Histogram) -> String {
    let count = histogram.count;
    let quantile = |thousandths| match histogram.quantile(thousandths) {
        Some(Quantile::AtMost(us)) => format!("within {}", length(us)),
        Some(Quantile::MoreThan(us)) => format!("in more than {}", length(us)),
        None => "-".to_owned(),
    };
    match count {
        0 => "none timed yet".to_owned(),
        _ => format!("{count} timed: half {}, 99 % {}", quantile(500), quantile(990)),
    }
}

fn length(us: u64) -> String {
    match us {
        0..1_000 => format!("{us} µs"),
        1_000..1_000_000 if us.is_multiple_of(1_000) => format!("{} ms", us / 1_000),
        1_000..1_000_000 => format!("{}.{} ms", us / 1_000, us % 1_000 / 100),
        _ if us.is_multiple_of(1_000_000) => format!("{} s", us / 1_000_000),
        _ => format!("{}.{} s", us / 1_000_000, us % 1_000_000 / 100_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_in_the_unit_that_people_use() {
        for (us, shown) in [
            (25, "25 µs"),
            (1_000, "1 ms"),
            (2_500, "2.5 ms"),
            (250_000, "250 ms"),
            (1_000_000, "1 s"),
            (2_500_000, "2.5 s"),
        ] {
            assert_eq!(length(us), shown);
        }
    }

    #[test]
    fn a_daemon_that_has_done_nothing_says_so_on_one_page() {
        let page = page(&Stats { version: "0.1.0".to_owned(), pid: 7, uptime_s: 3_700, ..Stats::default() });
        assert!(page.starts_with("portus 0.1.0 (pid 7), up 1h; counts are since its start\n\nalerts       none\n"));
        assert!(page.lines().count() < 20 && page.lines().all(|line| line.len() < 100), "{page}");
    }
}
