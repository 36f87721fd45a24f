//! `cargo xtask fuzz`: made-up bytes against everything that reads bytes from outside.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for people: its output is its result")]

use std::process::ExitCode;
use std::time::Duration;

use portus_tests::fuzz;

const USAGE: &str = "usage: fuzz [--seconds N] [--seed N]";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (mut seconds, mut seed) = (60, 1);
    for pair in arguments.chunks(2) {
        match (pair[0].as_str(), pair.get(1).and_then(|value| value.parse::<u64>().ok())) {
            ("--seconds", Some(number)) => seconds = number,
            ("--seed", Some(number)) => seed = number,
            _ => {
                eprintln!("{USAGE}");
                return ExitCode::FAILURE;
            }
        }
    }
    run(Duration::from_secs(seconds), seed)
}

fn run(span: Duration, seed: u64) -> ExitCode {
    let targets = fuzz::all();
    let each = span / u32::try_from(targets.len()).unwrap_or(1);
    println!("fuzz: {} targets, {:.1} s each, seed {seed}", targets.len(), each.as_secs_f64());
    let mut good = true;
    for (name, target) in targets {
        let (count, finding) = fuzz::run(name, *target, each, seed.wrapping_mul(1 << 32));
        println!("  {name:14} {} in its corpus, {count} made up", fuzz::corpus(name).len());
        if let Some(finding) = finding {
            good = false;
            println!("  BROKEN: {}", finding.what);
            let file = std::env::temp_dir().join(format!("portus-fuzz-{name}-{seed}-{count}"));
            match std::fs::write(&file, &finding.input) {
                Ok(()) => println!("  the input: {} (put it into tests/corpus/{name} to keep it)", file.display()),
                Err(error) => eprintln!("fuzz: the input cannot be saved: {error}"),
            }
        }
    }
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
