//! A daemon that writes down what it decides; and the same, decided once more by `cargo xtask sim --replay`.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "helpers of tests report by panicking")]

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use portus_tests::{Piped, Rig, Running, Said};

/// The trace of a daemon that was asked this and that.
fn traced(rig: &Rig) -> PathBuf {
    let dir = rig.directory("app");
    let file = rig.home().join("trace.jsonl");
    let started = rig.portus(&dir, ["daemon", "start"]).env("PORTUS_TRACE", &file).output().unwrap();
    Said::from(started).good();
    let say = |line: &[&str]| rig.say(&dir, line).good();
    say(&["request", "web"]);
    say(&["request", "web", "--ttl", "1h"]);
    say(&["run", "-s", "worker", "--", "true"]);
    let mut holder = Piped::start(Command::new("cat"));
    say(&["request", "api", "--pid", &holder.pid().to_string()]);
    let mut watch = Running::start(rig.portus(&dir, ["watch", "--json", "-v"]));
    assert!(watch.error_line().contains("watching"));
    holder.end();
    while !watch.line().contains("holder_exited") {}
    rig.say(&dir, ["release", "nobody"]).ended_with(3);
    say(&["release", "web"]);
    drop(watch);
    say(&["daemon", "stop"]);
    file
}

fn replay(file: &Path, how: &[&str]) -> Said {
    let mut sim = Command::new(env!("CARGO_BIN_EXE_sim"));
    Said::from(sim.arg("--replay").arg(file).args(how).output().unwrap())
}

/// The place of the first line with this in it, and the lines.
fn line_with(file: &Path, sign: &str) -> (usize, Vec<String>) {
    let text = std::fs::read_to_string(file).unwrap();
    let lines: Vec<String> = text.lines().map(ToOwned::to_owned).collect();
    let place = lines.iter().position(|line| line.contains(sign));
    (place.unwrap_or_else(|| panic!("no {sign} in:\n{text}")), lines)
}

#[test]
fn what_a_daemon_decided_is_decided_the_same_again() {
    let rig = Rig::new();
    let file = traced(&rig);
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let all = replay(&file, &[]).good();
    for seen in ["boot", "request web of app", "yes: lease 1", "processexited", "release", "no: NoSuchLease"] {
        assert!(all.stdout.contains(seen), "no `{seen}` in:\n{}", all.stdout);
    }
    assert!(all.stdout.ends_with("0 times broken\n"), "{}", all.stdout);
    let quiet = replay(&file, &["--until-difference"]).good();
    assert_eq!(quiet.stdout.lines().count(), 1, "{}", quiet.stdout);
    // The first line is no step, so that a step's number is its line's, counted from 0.
    let (step, _) = line_with(&file, r#""Request""#);
    let one = replay(&file, &["--step", &step.to_string()]).good();
    assert!(
        one.stdout.contains("\"survey\"") && one.stdout.contains(&format!("(line {})", step + 1)),
        "{}",
        one.stdout
    );
}

#[test]
fn the_first_line_that_differs_is_named() {
    let rig = Rig::new();
    let file = traced(&rig);
    // Another decision, and another thing seen: the same decision does not follow.
    for (sign, from, to) in [
        (r#""reason":"holder_exited""#, r#""reason":"holder_exited""#, r#""reason":"lapsed""#),
        (r#"{"Free":{}}"#, r#"{"Free":{}}"#, r#"{"Taken":{}}"#),
        (r#"{"NoSuchLease""#, r#"{"Err":"#, r#"{"Ok":"#),
    ] {
        let (place, mut lines) = line_with(&file, sign);
        lines[place] = lines[place].replace(from, to);
        let changed = rig.home().join("changed.jsonl");
        std::fs::write(&changed, lines.join("\n") + "\n").unwrap();
        for how in [&[][..], &["--until-difference"]] {
            let said = replay(&changed, how).ended_with(1);
            assert!(said.stdout.contains(&format!("DIFFERS at line {}: ", place + 1)), "{sign}:\n{}", said.stdout);
        }
    }
}

#[test]
fn a_trace_that_others_could_reach_is_none() {
    let rig = Rig::new();
    let (target, link) = (rig.home().join("target"), rig.home().join("link"));
    std::fs::write(&target, "precious").unwrap();
    std::os::unix::fs::symlink(&target, &link).unwrap();
    let said = rig.say(&rig.work(), [Path::new("daemon"), Path::new("run"), Path::new("--trace"), &link]).ended_with(1);
    assert!(said.stderr.contains("no plain file"), "{}", said.stderr);
    assert!(said.stderr.contains(&format!("cannot write the trace {}: ", link.display())), "{}", said.stderr);
    assert_eq!(said.stdout, "", "nobody waits for a line");
    assert_eq!(std::fs::read_to_string(&target).unwrap(), "precious");
    let relative = rig.portus(&rig.work(), ["daemon", "run"]).env("PORTUS_TRACE", "here").output().unwrap();
    assert!(Said::from(relative).ended_with(2).stderr.contains("not an absolute path"));
}
