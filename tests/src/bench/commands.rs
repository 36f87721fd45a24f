//! Whole processes, from their start to their exit, in turn with a program that does nothing.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use super::{Limit, Row, Samples, hello, program, rig_with_pool};
use crate::Rig;

/// How often each command is run in turn.
const ROUNDS: usize = 200;

/// How many commands a storm has, and how many of them run at once.
const STORM_LEN: usize = 10_000;
const STORM_WIDTH: usize = 16;

/// Goals 4 and 11: `portus request` with the daemon up, and `portus run -- true`.
pub(super) fn warm() -> Vec<Row> {
    let rig = Rig::new();
    let project = rig.repository("shop");
    let dir = tempfile::tempdir().unwrap();
    let least = hello(dir.path(), false);
    let others = [("ephemeral-port-reserve", 1.0 / 15.0), ("get-port", 1.0 / 80.0)]
        .map(|(name, limit)| (name, limit, program(name), Samples::default()));
    rig.say(project.path(), ["request", "web"]).good();
    let [mut nothing, mut linked, mut ours, mut run] = [(); 4].map(|()| Samples::default());
    let mut others = others;
    for round in 0..ROUNDS {
        nothing.time(|| quiet(&mut Command::new("/bin/true")));
        linked.time(|| quiet(&mut Command::new(&least)));
        let mut request = rig.portus(project.path(), ["request", "web"]);
        ours.time(|| quiet(&mut request));
        let mut command = rig.portus(project.path(), ["run", "-s", "job", "--", "true"]);
        run.time(|| quiet(&mut command));
        for (_, _, program, samples) in &mut others {
            if let Some(program) = program.as_ref().filter(|_| round % 10 == 0) {
                samples.time(|| quiet(&mut Command::new(program)));
            }
        }
    }
    let against = |goal, what: &str, ours: &Samples, theirs: &Samples, limit| {
        let how = format!("{:.2} ms : {:.2} ms", ours.median() / 1e3, theirs.median() / 1e3);
        Row::new(goal, what, ours.median() / theirs.median(), Limit::AtMost(limit), how)
    };
    let mut rows = vec![
        // The binary is linked dynamically, so that is what it is held to: 1.6 is for a static one.
        against(4, "portus request web : a dynamic hello", &ours, &linked, 2.2),
    ];
    for (name, limit, program, samples) in &others {
        let what = format!("portus request web : {name}");
        rows.push(match program {
            Some(_) => against(4, &what, &ours, samples, *limit),
            None => Row::missing(4, &what, Limit::AtMost(*limit), "not on PATH (npm)"),
        });
    }
    rows.push(against(11, "portus run -- true : /bin/true", &run, &nothing, 4.0));
    rows
}

/// Goal 5: sixteen commands at once, ten thousand in all.
pub(super) fn storm() -> Vec<Row> {
    let rig = rig_with_pool("5000-31999");
    let project = rig.repository("storm");
    let dir = tempfile::tempdir().unwrap();
    let least = hello(dir.path(), true);
    let ports = Mutex::new((BTreeSet::new(), 0_usize));
    let request = |number: usize| {
        let (project_name, service) = (format!("p{}", number / 4_000), format!("s{number}"));
        let said = rig.say(project.path(), ["request", &service, "--project", &project_name]).good();
        let mut ports = ports.lock().unwrap();
        if !ports.0.insert(said.port()) {
            ports.1 += 1;
        }
    };
    // Both in two halves, in turn.
    let half = STORM_LEN / 2;
    let floor = |_: usize| drop(Command::new(&least).stdin(Stdio::null()).output().unwrap());
    let mut rates = [0.0, 0.0];
    for part in 0..2 {
        rates[0] += rate(part * half..(part + 1) * half, &request) / 2.0;
        rates[1] += rate(part * half..(part + 1) * half, &floor) / 2.0;
    }
    let (given, doubled) = ports.into_inner().unwrap();
    assert_eq!(given.len() + doubled, STORM_LEN);
    #[expect(clippy::cast_precision_loss, reason = "a small number")]
    let duplicates = doubled as f64;
    vec![
        Row::new(
            5,
            "storm of 10,000 commands: duplicates",
            duplicates,
            Limit::AtMost(0.0),
            format!("{} ports", given.len()),
        ),
        Row::new(
            5,
            "storm: commands a second : a static hello",
            rates[0] / rates[1],
            Limit::AtLeast(0.7),
            format!("{:.0}/s : {:.0}/s, {STORM_WIDTH} at once", rates[0], rates[1]),
        ),
    ]
}

/// How many a second, all of a range, so many at once.
fn rate(range: std::ops::Range<usize>, work: &(impl Fn(usize) + Sync)) -> f64 {
    let (next, len, begun) = (AtomicUsize::new(range.start), range.len(), Instant::now());
    std::thread::scope(|scope| {
        for _ in 0..STORM_WIDTH {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= range.end {
                        return;
                    }
                    work(number);
                }
            });
        }
    });
    #[expect(clippy::cast_precision_loss, reason = "some thousands")]
    let len = len as f64;
    len / begun.elapsed().as_secs_f64()
}

/// Goal 6: the first request, which starts the daemon on a journal that is there.
pub(super) fn first() -> Vec<Row> {
    let rig = Rig::new();
    let project = rig.repository("shop");
    let dir = tempfile::tempdir().unwrap();
    let least = hello(dir.path(), true);
    rig.say(project.path(), ["request", "web"]).good();
    let [mut ours, mut floor] = [(); 2].map(|()| Samples::default());
    for _ in 0..40 {
        stop(&rig, project.path());
        floor.time(|| quiet(&mut Command::new(&least)));
        let mut request = rig.portus(project.path(), ["request", "web"]);
        ours.time(|| quiet(&mut request));
    }
    let how = format!("{:.2} ms : {:.2} ms", ours.median() / 1e3, floor.median() / 1e3);
    vec![Row::new(
        6,
        "first request, no daemon : a static hello",
        ours.median() / floor.median(),
        Limit::AtMost(5.0),
        how,
    )]
}

fn stop(rig: &Rig, dir: &Path) {
    rig.say(dir, ["daemon", "stop", "--quiet"]).good();
}

/// Runs it to its end, which must be a good one; what it prints goes nowhere.
pub(super) fn quiet(command: &mut Command) {
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
    assert!(status.success(), "{command:?} ended with {status}");
}
