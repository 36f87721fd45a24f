//! `cargo xtask torture`: kills the real daemon while clients work, and loads it with a thousand of them.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for people: its output is its result")]

use std::process::ExitCode;
use std::time::{Duration, Instant};

use portus_tests::torture::{kill_often, load};

const USAGE: &str = "usage: torture [--kills N] [--seconds N] [--clients N] [--seed N] [--load-seconds N]";

/// What is allowed to a daemon that was asked a lot: buffers that grow to their size once.
const GROWTH_MAX_KIB: u64 = 16 * 1_024;

struct Wanted {
    kills: u32,
    seconds: Option<u64>,
    clients: usize,
    seed: u64,
    load_seconds: u64,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match parse(&arguments) {
        Some(wanted) => run(&wanted),
        None => {
            eprintln!("{USAGE}");
            ExitCode::FAILURE
        }
    }
}

fn parse(arguments: &[String]) -> Option<Wanted> {
    let mut wanted = Wanted { kills: 300, seconds: None, clients: 24, seed: 1, load_seconds: 60 };
    for pair in arguments.chunks(2) {
        let [name, value] = pair else { return None };
        let number: u64 = value.parse().ok()?;
        match name.as_str() {
            "--kills" => wanted.kills = u32::try_from(number).ok()?,
            "--seconds" => wanted.seconds = Some(number),
            "--clients" => wanted.clients = usize::try_from(number).ok()?,
            "--seed" => wanted.seed = number,
            "--load-seconds" => wanted.load_seconds = number,
            _ => return None,
        }
    }
    Some(wanted)
}

fn run(wanted: &Wanted) -> ExitCode {
    let until = wanted.seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds));
    let outcome = kill_often(wanted.kills, wanted.clients, wanted.seed, until);
    println!("torture: {}", outcome.figures());
    for wrong in outcome.wrongs() {
        println!("  WRONG: {wrong}");
    }
    let mut good = outcome.wrongs().is_empty();
    if outcome.kills == 0 {
        println!("NOTHING SHOWN: nobody was killed");
        good = false;
    }
    if wanted.load_seconds > 0 {
        let loaded = load::load(1_000, 200, Duration::from_secs(wanted.load_seconds));
        println!("load: {}", loaded.figures());
        loaded.errors.iter().take(10).for_each(|error| println!("  WRONG: {error}"));
        let grown = loaded.resident_kib.1.saturating_sub(loaded.resident_kib.0);
        if grown > GROWTH_MAX_KIB {
            println!("  WRONG: it grew by {grown} KiB");
        }
        good &= loaded.errors.is_empty() && grown <= GROWTH_MAX_KIB;
    }
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
