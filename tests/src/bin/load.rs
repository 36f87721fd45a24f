//! `cargo xtask load`: a thousand clients connected to the real daemon, two hundred of them asking at once.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for people: its output is its result")]

use std::process::ExitCode;
use std::time::Duration;

use portus_tests::torture::load;

const USAGE: &str = "usage: load [--seconds N] [--connected N] [--asking N]";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some((connected, asking, span)) = parse(&arguments) else {
        eprintln!("{USAGE}");
        return ExitCode::FAILURE;
    };
    let loaded = load::load(connected, asking, span);
    println!("load: {}", loaded.figures());
    let wrongs = loaded.wrongs();
    wrongs.iter().take(10).for_each(|wrong| println!("  WRONG: {wrong}"));
    if wrongs.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn parse(arguments: &[String]) -> Option<(usize, usize, Duration)> {
    let (mut connected, mut asking, mut span) = (1_000, 200, Duration::from_secs(60));
    for pair in arguments.chunks(2) {
        let [name, value] = pair else { return None };
        let number: u64 = value.parse().ok()?;
        match name.as_str() {
            "--seconds" => span = Duration::from_secs(number),
            "--connected" => connected = usize::try_from(number).ok()?,
            "--asking" => asking = usize::try_from(number).ok()?,
            _ => return None,
        }
    }
    (asking < connected).then_some((connected, asking, span))
}
