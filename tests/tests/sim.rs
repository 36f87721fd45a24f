//! The simulator for a few seconds; and what it is worth: each planted bug is caught by the promise that it breaks.
#![cfg(unix)]

use portus_daemon::engine::toy::Fault;
use portus_tests::sim::campaign::{self, Report, run_seeds};
use portus_tests::sim::recorded::{self, Show};
use portus_tests::sim::trace::Trace;
use portus_tests::sim::{Bug, Promise, Run};

/// How many seeds a bug has to show itself.
const SEEDS: u64 = 200;

#[test]
fn every_promise_holds_wherever_the_daemon_dies() {
    let report = run_seeds(1..9, None);
    if let Some(trace) = report.failure {
        panic!("{trace}");
    }
    assert_eq!(report.proves_nothing(), None, "{}", report.figures());
    assert!(report.crashes > 500, "it hardly ever died: {}", report.figures());
}

#[test]
fn a_campaign_without_a_crash_proves_nothing() {
    let mut report = run_seeds(1..2, None);
    report.crashes = 0;
    assert!(report.proves_nothing().is_some());
    assert!(Report::default().proves_nothing().is_some());
}

/// Plays until the bug is seen by its promise.
fn caught(bug: Bug, promise: Promise) -> Option<Trace> {
    (1..SEEDS).find_map(|seed| {
        let report = run_seeds(seed..seed + 1, Some(bug));
        let broken = report.findings.broken.iter().any(|(broken, _)| *broken == promise);
        report.failure.filter(|_| broken)
    })
}

#[test]
fn every_planted_bug_is_caught_by_its_promise() {
    for (bug, promise) in Bug::ALL {
        assert!(caught(bug, promise).is_some(), "{bug:?} does not break {promise}");
    }
    for promise in Promise::ALL {
        assert!(Bug::ALL.iter().any(|(_, broken)| *broken == promise), "no bug is planted for {promise}");
    }
}

#[test]
fn a_failing_run_is_short_and_replays_from_its_text() {
    let trace = caught(Bug::KnowsPidsOnly, Promise::only_the_named_process_is_ever_terminated).unwrap();
    let long = trace.events.len();
    let promise = trace.promise;
    let short = campaign::shorten(trace, Some(Bug::KnowsPidsOnly));
    assert!(short.events.len() < long && short.promise == promise, "{short}");
    let again: Trace = short.to_string().parse().unwrap();
    assert_eq!((&again.events, again.strike), (&short.events, short.strike));
    // Without the bug, the same run breaks nothing.
    let (story, found) = again.replay();
    assert!(found.broken.is_empty(), "{story:#?}");
}

/// Plays a seed, and gives the trace of each start of its daemon.
fn traces_of(seed: u64, strike: Option<campaign::Strike>) -> Vec<String> {
    let drawn = campaign::play(&portus_tests::sim::bytes::bytes_of(seed, 120), None, &mut Report::default());
    let mut run = Run::recorded(strike);
    drawn.events.iter().for_each(|event| run.happen(event));
    run.wind_up();
    run.plant.traces.take().unwrap_or_default().take()
}

#[test]
fn a_recorded_command_is_decided_the_same_again() {
    let (mut steps, mut rolled_back) = (0, 0);
    let mut kinds = std::collections::BTreeSet::new();
    let mut found = portus_tests::sim::Findings::default();
    for seed in 1..120 {
        let strike = (seed % 2 == 0).then_some((20 + usize::try_from(seed).unwrap(), Fault::DiskFull));
        for trace in traces_of(seed, strike) {
            let replayed = recorded::replay(&trace, &Show::Difference).unwrap();
            assert_eq!(replayed.difference, None, "seed {seed}");
            assert_eq!(replayed.found.broken, [], "seed {seed}");
            steps += replayed.steps;
            rolled_back += trace.lines().filter(|line| line.contains(r#""outcome":{"RolledBack""#)).count();
            for line in trace.lines().skip(1) {
                let line: serde_json::Value = serde_json::from_str(line).unwrap();
                kinds.extend(line["command"].as_object().unwrap().keys().cloned());
            }
            found.add(replayed.found);
        }
    }
    assert!(steps > 3_000 && rolled_back > 10 && kinds.len() > 12, "{steps} steps, {rolled_back} back, {kinds:?}");
    for promise in [
        Promise::a_refusal_changes_nothing,
        Promise::ids_are_never_reused,
        Promise::a_taken_port_is_never_handed_out,
        Promise::a_lease_ends_for_a_reason_only,
        Promise::asking_twice_answers_the_same,
        Promise::no_port_is_leased_twice,
        Promise::the_ledger_is_what_is_written_down,
    ] {
        assert!(found.checked(promise) > 100, "{promise} was hardly ever checked");
    }
}
