//! `cargo xtask ci`: everything that must hold before a change lands, in the order of what fails soonest.

use crate::{tidy, tools};
use anyhow::{Context, Result};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

/// Whether `ci` runs the tests itself.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tests {
    /// Run them as the last step.
    Run,
    /// Somebody else runs them right after, so that they do not run twice.
    LeftToTheCaller,
}

enum Work {
    Call(Command),
    Tidy,
    Skip(&'static str),
}

struct Step {
    name: &'static str,
    work: Work,
}

#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Passed,
    Failed,
    Skipped(&'static str),
}

struct Report {
    name: &'static str,
    outcome: Outcome,
    took: Duration,
}

/// Runs the steps; the exit code is a failure when one of them failed.
pub(crate) fn run(tests: Tests) -> Result<ExitCode> {
    let reports = take(steps(tests))?;
    print!("\n{}", summary(&reports));
    match reports.iter().find(|report| report.outcome == Outcome::Failed) {
        Some(failed) => {
            eprintln!("\nci: step `{}` failed; the steps after it did not run", failed.name);
            Ok(ExitCode::FAILURE)
        }
        None => Ok(ExitCode::SUCCESS),
    }
}

fn steps(tests: Tests) -> Vec<Step> {
    let mut docs = tools::cargo(&["doc", "--workspace", "--no-deps", "--locked"]);
    docs.env("RUSTDOCFLAGS", "-D warnings");
    vec![
        Step { name: "fmt", work: Work::Call(tools::cargo(&["fmt", "--all", "--check"])) },
        Step { name: "tidy", work: Work::Tidy },
        Step { name: "deny", work: deny() },
        Step {
            name: "clippy",
            work: Work::Call(tools::cargo(&[
                "clippy",
                "--workspace",
                "--all-targets",
                "--locked",
                "--",
                "-D",
                "warnings",
            ])),
        },
        Step { name: "doc", work: Work::Call(docs) },
        Step {
            name: "tests",
            work: match tests {
                Tests::Run => Work::Call(tools::cargo(&["test", "--workspace", "--locked"])),
                Tests::LeftToTheCaller => Work::Skip("left to the caller (--no-tests)"),
            },
        },
    ]
}

/// Bans, licences and sources; the advisories need a database from the network, and are a chore of their own.
fn deny() -> Work {
    let there = tools::cargo(&["deny", "--version"]).stdout(Stdio::null()).stderr(Stdio::null()).status();
    if there.is_ok_and(|status| status.success()) {
        Work::Call(tools::cargo(&["deny", "--locked", "check", "bans", "licenses", "sources"]))
    } else {
        Work::Skip(
            "cargo-deny is not installed, so licences and bans were NOT checked (cargo install --locked cargo-deny)",
        )
    }
}

fn take(steps: Vec<Step>) -> Result<Vec<Report>> {
    let mut reports = Vec::new();
    for step in steps {
        let started = Instant::now();
        let outcome = perform(step.work, step.name)?;
        let failed = outcome == Outcome::Failed;
        reports.push(Report { name: step.name, outcome, took: started.elapsed() });
        if failed {
            break;
        }
    }
    Ok(reports)
}

fn perform(work: Work, name: &str) -> Result<Outcome> {
    match work {
        Work::Call(mut command) => {
            println!("\n=== {name}: {}", tools::spelled(&command));
            let status = command.status().with_context(|| format!("step `{name}` cannot start"))?;
            Ok(if status.success() { Outcome::Passed } else { Outcome::Failed })
        }
        Work::Tidy => {
            println!("\n=== {name}: cargo xtask tidy");
            Ok(if tidy::run()? == ExitCode::SUCCESS { Outcome::Passed } else { Outcome::Failed })
        }
        Work::Skip(why) => {
            println!("\n=== {name}: skipped: {why}");
            Ok(Outcome::Skipped(why))
        }
    }
}

fn summary(reports: &[Report]) -> String {
    let line = |report: &Report| {
        let (word, why) = match report.outcome {
            Outcome::Passed => ("ok", ""),
            Outcome::Failed => ("FAILED", ""),
            Outcome::Skipped(why) => ("skipped", why),
        };
        format!("{:8} {:>7.1} s  {word:8} {why}", report.name, report.took.as_secs_f64()).trim_end().to_owned() + "\n"
    };
    reports.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(name: &'static str, arguments: &[&str]) -> Step {
        let mut command = tools::cargo(arguments);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        Step { name, work: Work::Call(command) }
    }

    #[test]
    fn the_first_failure_stops_the_rest() {
        let steps =
            vec![call("good", &["--version"]), call("bad", &["no-such-command"]), call("later", &["--version"])];
        let reports = take(steps).unwrap();
        let outcomes: Vec<_> = reports.iter().map(|report| (report.name, &report.outcome)).collect();
        assert_eq!(outcomes, [("good", &Outcome::Passed), ("bad", &Outcome::Failed)]);
    }

    #[test]
    fn the_summary_says_what_was_skipped_and_why() {
        let reports = [
            Report { name: "fmt", outcome: Outcome::Passed, took: Duration::from_millis(1500) },
            Report { name: "deny", outcome: Outcome::Skipped("not there"), took: Duration::ZERO },
            Report { name: "clippy", outcome: Outcome::Failed, took: Duration::from_secs(61) },
        ];
        let expected = "fmt          1.5 s  ok\ndeny         0.0 s  skipped  not there\nclippy      61.0 s  FAILED\n";
        assert_eq!(summary(&reports), expected);
    }

    #[test]
    fn tests_are_the_last_step_and_can_be_left_out() {
        let last = |tests| steps(tests).pop().map(|step| (step.name, matches!(step.work, Work::Call(_))));
        assert_eq!(last(Tests::Run), Some(("tests", true)));
        assert_eq!(last(Tests::LeftToTheCaller), Some(("tests", false)));
    }
}
