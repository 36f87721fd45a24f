//! The simulator for a few seconds; and what it is worth: each planted bug is caught by the promise that it breaks.
#![cfg(unix)]

use portus_tests::sim::campaign::{self, Report, run_seeds};
use portus_tests::sim::trace::Trace;
use portus_tests::sim::{Bug, Promise};

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
