//! Runs upon runs: draws one from a seed, breaks it at every point of IO, and counts.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use portus_daemon::engine::toy::Fault;

use super::bytes::{Bytes, bytes_of};
use super::draw::draw;
use super::event::Event;
use super::promise::{Findings, Promise};
use super::run::Run;
use super::subject::{Bug, Io};
use super::trace::Trace;

/// How many bytes a run is drawn from.
const BYTES: usize = 120;
/// The most events of a run.
const EVENTS_MAX: usize = 40;
/// How many events follow after a fault has struck, before everything winds up.
const EVENTS_AFTER: usize = 5;

/// Where something goes wrong, and how.
pub type Strike = (usize, Fault);

/// What a campaign came to.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// How many seeds were drawn from.
    pub seeds: u64,
    /// How many runs there were, each with another fault.
    pub runs: u64,
    /// How many events happened.
    pub events: u64,
    /// How often the daemon died and came back.
    pub crashes: u64,
    /// How many leases somebody was told of.
    pub acknowledged: u64,
    /// How often which promise was checked; and what was broken.
    pub findings: Findings,
    /// The first run that broke a promise, made short.
    pub failure: Option<Trace>,
}

/// A run as it was drawn: its events, and what each point of IO was.
#[derive(Debug, Clone)]
pub struct Drawn {
    /// What happened.
    pub events: Vec<Event>,
    points: Vec<Io>,
}

/// Draws a run and plays it without faults beyond those drawn.
pub fn play(bytes: &[u8], bug: Option<Bug>, report: &mut Report) -> Drawn {
    let mut bytes = Bytes::new(bytes);
    let mut run = Run::new(bug, None);
    let mut events = Vec::new();
    while !bytes.is_empty() && events.len() < EVENTS_MAX {
        for event in draw(&mut bytes, &run) {
            run.happen(&event);
            events.push(event);
        }
    }
    let points = run.plant.points.borrow().clone();
    finish(run, events.len(), report);
    Drawn { events, points }
}

/// Plays a run once more, with a fault. Ends a few events after the fault has struck.
pub fn repeat(events: &[Event], strike: Option<Strike>, bug: Option<Bug>, report: &mut Report) {
    let mut run = Run::new(bug, strike);
    let mut count = 0;
    let mut after = 0;
    for event in events {
        run.happen(event);
        count += 1;
        after += usize::from(strike.is_some_and(|(point, _)| run.plant.toy.points() > point));
        if after > EVENTS_AFTER {
            break;
        }
    }
    finish(run, count, report);
}

fn finish(mut run: Run, events: usize, report: &mut Report) {
    run.wind_up();
    report.runs += 1;
    report.events += events as u64;
    report.crashes += run.crashes;
    report.acknowledged += run.acknowledged;
    report.findings.add(run.found);
}

/// What can go wrong at a point of IO.
const fn faults(io: Io) -> &'static [Fault] {
    match io {
        Io::Commit => &[Fault::DieBefore, Fault::DieAfter, Fault::DiskFull, Fault::UnknownLost, Fault::UnknownKept],
        Io::Disk => &[Fault::DieBefore, Fault::DiskFull],
        Io::Machine => &[Fault::DieBefore],
    }
}

fn strikes(points: &[Io]) -> impl Iterator<Item = Strike> {
    points.iter().enumerate().flat_map(|(point, io)| faults(*io).iter().map(move |fault| (point, *fault)))
}

/// Plays the run of a seed, and breaks it everywhere, until a promise is broken or time is up.
pub fn seed(seed: u64, bug: Option<Bug>, until: Option<Instant>, report: &mut Report) {
    report.seeds += 1;
    let drawn = play(&bytes_of(seed, BYTES), bug, report);
    if !report.findings.broken.is_empty() {
        report.failure = Some(Trace::of(seed, None, &drawn.events, &report.findings));
        return;
    }
    for strike in strikes(&drawn.points) {
        if until.is_some_and(|until| Instant::now() >= until) {
            return;
        }
        repeat(&drawn.events, Some(strike), bug, report);
        if !report.findings.broken.is_empty() {
            report.failure = Some(Trace::of(seed, Some(strike), &drawn.events, &report.findings));
            return;
        }
    }
}

/// Plays one seed after the other, from `first` on, for so long or until a promise is broken. A run that breaks one
/// is made short.
pub fn run(first: u64, span: Duration) -> Report {
    let until = Instant::now() + span;
    let mut report = Report::default();
    let mut next = first;
    while Instant::now() < until && report.failure.is_none() {
        seed(next, None, Some(until), &mut report);
        next += 1;
    }
    report.failure = report.failure.take().map(|trace| shorten(trace, None));
    report
}

/// Plays so many seeds, or fewer if a promise is broken.
pub fn run_seeds(seeds: std::ops::Range<u64>, bug: Option<Bug>) -> Report {
    let mut report = Report::default();
    for one in seeds {
        if report.failure.is_some() {
            break;
        }
        seed(one, bug, None, &mut report);
    }
    report
}

/// Leaves out every event without which the same promise is broken still.
pub fn shorten(mut trace: Trace, bug: Option<Bug>) -> Trace {
    let mut place = trace.events.len();
    while place > 0 {
        place -= 1;
        let mut fewer = trace.events.clone();
        fewer.remove(place);
        if let Some(shorter) = still_fails(&trace, fewer, bug) {
            trace = shorter;
            place = place.min(trace.events.len());
        }
    }
    trace
}

/// Breaks these events everywhere, until the trace's promise is broken.
fn still_fails(trace: &Trace, events: Vec<Event>, bug: Option<Bug>) -> Option<Trace> {
    let mut quiet = Report::default();
    let mut run = Run::new(bug, None);
    events.iter().for_each(|event| run.happen(event));
    let points = run.plant.points.borrow().clone();
    finish(run, events.len(), &mut quiet);
    let failed = |report: &Report| report.findings.broken.iter().any(|(promise, _)| Some(*promise) == trace.promise);
    let trace_of = |strike, report: &Report| Trace::of(trace.seed, strike, &events, &report.findings);
    if failed(&quiet) {
        return Some(trace_of(None, &quiet));
    }
    trace.strike?;
    strikes(&points).find_map(|strike| {
        let mut report = Report::default();
        repeat(&events, Some(strike), bug, &mut report);
        failed(&report).then(|| trace_of(Some(strike), &report))
    })
}

impl Report {
    /// The figures, for people.
    pub fn figures(&self) -> String {
        let mut text = format!(
            "seeds {}, runs {}, events {}, crashes {}, leases acknowledged {}\n",
            self.seeds, self.runs, self.events, self.crashes, self.acknowledged
        );
        for promise in Promise::ALL {
            let _ = writeln!(text, "  {:45} checked {:>9} times", promise.to_string(), self.findings.checked(promise));
        }
        text
    }

    /// What is wrong with the campaign itself: it proves nothing if nothing ever went wrong in it.
    pub fn proves_nothing(&self) -> Option<String> {
        if self.crashes == 0 {
            return Some("the daemon never crashed, so nothing was shown".to_owned());
        }
        let unchecked = Promise::ALL.into_iter().find(|promise| self.findings.checked(*promise) == 0);
        unchecked.map(|promise| format!("`{promise}` was never checked"))
    }
}
