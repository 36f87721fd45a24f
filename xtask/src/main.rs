//! The project's own chores, run as `cargo xtask CHORE`.
//!
//! Imports a handful of small crates and nothing of Portus itself: it must build when Portus does not.
//! Never ships, and never talks to a daemon.
//! Start reading at the table of chores below; each chore is the file of its name.
//! Tested by its own unit tests, where every law of [`tidy`] has to catch a violation planted for it.
#![forbid(unsafe_code)]
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a chore is a program for people: its output is its result"
)]

mod archive;
mod ci;
mod cross;
mod dist;
mod evidence;
mod mcp_clients;
mod mutants;
mod tidy;
mod tools;

use anyhow::{Result, bail};
use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask CHORE

  ci [--no-tests]   formatting, lints, docs, tidy, licences, all tests; stops at the first failure
  tidy              the house's laws that a tool can check
  cross [--setup]   does it compile for Windows and macOS? (scripts: PORTUS_CROSS_DIR; --setup installs first)
  mcp-clients       installs the real MCP clients of the tests, pinned, into target/mcp-clients
  sim [--seconds N] [--seed S] | sim --replay FILE [--step N | --step N-M | --until-difference]
                    the engine on a simulated machine, killed at every point of IO; a minute unless told otherwise;
                    or a saved run, or what a daemon wrote to PORTUS_TRACE, step by step
  torture [--kills N] [--seconds N] [--clients N] [--runners N] [--seed S]
                    the real daemon, killed while clients work and servers run (PORTUS_BIN: another binary)
  load [--seconds N] [--connected N] [--asking N]
                    a thousand clients of the real daemon, two hundred of them asking (PORTUS_BIN: another binary)
  fuzz [--seconds N] [--seed S]
                    made-up bytes against everything that reads them; a minute unless told otherwise
  bench [GOAL...]   speed and size against the goals, as ratios within one run; some twenty minutes for all
  mutants [core] [codec] [engine]
                    the code changed in one place at a time: do its tests notice? hours (needs cargo-mutants)
  dist              the release archive and its SHA-256, into target/dist
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match chore(&arguments) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn chore(arguments: &[String]) -> Result<ExitCode> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["ci"] => ci::run(ci::Tests::Run),
        ["ci", "--no-tests"] => ci::run(ci::Tests::LeftToTheCaller),
        ["tidy"] => tidy::run(),
        ["cross"] => cross::run(cross::Setup::AsItIs),
        ["cross", "--setup"] => cross::run(cross::Setup::Install),
        [program @ ("sim" | "torture" | "load" | "fuzz"), rest @ ..] => evidence::run(program, rest),
        ["bench", goals @ ..] => evidence::bench(goals),
        ["mutants", parts @ ..] => mutants::run(parts),
        ["dist"] => dist::run(),
        ["mcp-clients"] => mcp_clients::run().map(|()| ExitCode::SUCCESS),
        ["help" | "--help" | "-h"] => {
            print!("{USAGE}");
            Ok(ExitCode::SUCCESS)
        }
        [] => bail!("which chore?\n{USAGE}"),
        other => bail!("no chore `{}`\n{USAGE}", other.join(" ")),
    }
}
