//! `cargo xtask torture`: kills the real daemon while clients work and servers run, and compares the books.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for people: its output is its result")]

use std::process::ExitCode;
use std::time::{Duration, Instant};

use portus_tests::torture::{Plan, kill_often};

const USAGE: &str = "usage: torture [--kills N] [--seconds N] [--clients N] [--runners N] [--seed N]";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match parse(&arguments) {
        Some(plan) => run(plan),
        None => {
            eprintln!("{USAGE}");
            ExitCode::FAILURE
        }
    }
}

fn parse(arguments: &[String]) -> Option<Plan> {
    let mut plan = Plan { kills: 300, clients: 24, runners: 6, seed: 1, until: None };
    for pair in arguments.chunks(2) {
        let [name, value] = pair else { return None };
        let number: u64 = value.parse().ok()?;
        match name.as_str() {
            "--kills" => plan.kills = u32::try_from(number).ok()?,
            "--seconds" => plan.until = Some(Instant::now() + Duration::from_secs(number)),
            "--clients" => plan.clients = usize::try_from(number).ok()?,
            "--runners" => plan.runners = usize::try_from(number).ok()?,
            "--seed" => plan.seed = number,
            _ => return None,
        }
    }
    Some(plan)
}

fn run(plan: Plan) -> ExitCode {
    let outcome = kill_often(plan);
    println!("torture: {}", outcome.figures());
    for wrong in outcome.wrongs() {
        println!("  WRONG: {wrong}");
    }
    let unshown = outcome.unshown(&plan);
    for what in &unshown {
        println!("NOTHING SHOWN: {what}");
    }
    if outcome.wrongs().is_empty() && unshown.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
