//! `cargo xtask bench`: measures the goals of speed and size, and prints a line for each.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for people: its output is its result")]

use std::path::Path;
use std::process::ExitCode;

use portus_tests::bench;

const USAGE: &str = "usage: bench [GOAL...]   (numbers from 1 to 14; all unless some are named)";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    // Parts that this program plays for itself.
    match words[..] {
        ["echo", socket] => return played(bench::serve_echo(Path::new(socket))),
        ["stand-by", listeners] => return played(bench::stand_by(listeners.parse().unwrap_or(0))),
        _ => {}
    }
    let goals: Result<Vec<u8>, _> = words.iter().map(|word| word.parse()).collect();
    let Ok(mut goals) = goals else {
        eprintln!("{USAGE}");
        return ExitCode::FAILURE;
    };
    if goals.is_empty() {
        goals.extend(1..=14);
    }
    println!("bench: {}", bench::subject());
    let rows = bench::measure(&goals, |row| println!("{row}"));
    let missed = rows.iter().filter(|row| row.is_met() == Some(false)).count();
    let unmeasured = rows.iter().filter(|row| row.is_met().is_none()).count();
    println!("{} met, {missed} missed, {unmeasured} not measured", rows.len() - missed - unmeasured);
    if rows.is_empty() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn played(outcome: std::io::Result<()>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}
