//! `cargo xtask sim`: plays seed after seed on the simulated machine, or replays a saved run or a daemon's trace.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for people: its output is its result")]

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use portus_tests::sim::recorded::{self, Show};
use portus_tests::sim::trace::Trace;
use portus_tests::sim::{Promise, campaign};

const USAGE: &str = "usage: sim [--seconds N] [--seed FIRST] | --replay FILE [--step N | N-M | --until-difference]";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match command(&words) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("sim: {error}");
            ExitCode::FAILURE
        }
    }
}

fn command(words: &[&str]) -> Result<ExitCode, String> {
    let mut seconds = 60;
    let mut seed = fresh_seed();
    if let ["--replay", file, how @ ..] = words {
        return replay(Path::new(file), how);
    }
    for pair in words.chunks(2) {
        match pair {
            ["--seconds", number] => seconds = number.parse().map_err(|_| USAGE)?,
            ["--seed", number] => seed = number.parse().map_err(|_| USAGE)?,
            _ => return Err(USAGE.to_owned()),
        }
    }
    Ok(run(seed, Duration::from_secs(seconds)))
}

/// Another one each day and minute, so that a daily run sees something new; printed, so that it can be had again.
fn fresh_seed() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |since| since.as_secs() * 1_000)
}

fn run(seed: u64, span: Duration) -> ExitCode {
    println!("sim: from seed {seed} on, for {} s", span.as_secs());
    let started = Instant::now();
    let report = campaign::run(seed, span);
    print!("{}", report.figures());
    println!("  in {:.1} s", started.elapsed().as_secs_f64());
    if let Some(trace) = &report.failure {
        println!("BROKEN:\n{trace}");
        let file = std::env::temp_dir().join(format!("portus-sim-{}.trace", trace.seed));
        match std::fs::write(&file, trace.to_string()) {
            Ok(()) => println!("replay it: cargo xtask sim --replay {}", file.display()),
            Err(error) => eprintln!("sim: it cannot be saved to {}: {error}", file.display()),
        }
        return ExitCode::FAILURE;
    }
    if let Some(nothing) = report.proves_nothing() {
        println!("NOTHING SHOWN: {nothing}");
        return ExitCode::FAILURE;
    }
    println!("every promise held");
    ExitCode::SUCCESS
}

fn replay(file: &Path, how: &[&str]) -> Result<ExitCode, String> {
    let at_file = |error: String| format!("{}: {error}", file.display());
    let text = std::fs::read_to_string(file).map_err(|error| at_file(error.to_string()))?;
    if recorded::is_one(&text) {
        return replay_recorded(&text, &show(how)?).map_err(at_file);
    }
    if !how.is_empty() {
        return Err("steps are chosen in a daemon's trace only".to_owned());
    }
    let trace: Trace = text.parse().map_err(at_file)?;
    let (story, found) = trace.replay();
    story.iter().for_each(|line| println!("{line}"));
    println!("{} promises broken", found.broken.len());
    Ok(if found.broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn show(how: &[&str]) -> Result<Show, String> {
    match how {
        [] => Ok(Show::All),
        ["--until-difference"] => Ok(Show::Difference),
        ["--step", steps] => {
            let (first, last) = steps.split_once('-').unwrap_or((steps, steps));
            let number = |text: &str| text.parse::<usize>().map_err(|_| USAGE.to_owned());
            Ok(Show::Steps(number(first)?..=number(last)?))
        }
        _ => Err(USAGE.to_owned()),
    }
}

fn replay_recorded(text: &str, show: &Show) -> Result<ExitCode, String> {
    let replayed = recorded::replay(text, show)?;
    replayed.story.iter().for_each(|line| println!("{line}"));
    let checked = Promise::ALL.iter().filter(|promise| replayed.found.checked(**promise) > 0).count();
    let (steps, broken) = (replayed.steps, &replayed.found.broken);
    println!("{steps} commands decided again, {checked} promises checked, {} times broken", broken.len());
    if let Some((line, difference)) = &replayed.difference {
        println!("DIFFERS at line {line}: {difference}");
        return Ok(ExitCode::FAILURE);
    }
    Ok(if broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
