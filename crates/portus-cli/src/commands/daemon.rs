//! `portus daemon`

mod life;
mod logs;
mod serve;

use std::path::PathBuf;

pub(crate) use serve::check_config;

use clap::Subcommand;

use crate::context::Context;
use crate::failure::Outcome;

/// Run, start, stop and look at the daemon
///
/// Other commands start it when they need it; it leaves by itself when there is nothing to do.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

/// What to do with it.
#[derive(Debug, Clone, Subcommand)]
enum Action {
    /// Be the daemon, in the foreground
    Run {
        /// The directory to live in, with the config.toml that counts, instead of the user's own or PORTUS_HOME
        #[arg(long, value_name = "DIR", hide = true)]
        home: Option<PathBuf>,
        /// Write every decision to this file, for a report of a bug (or set PORTUS_TRACE)
        #[arg(long, value_name = "FILE")]
        trace: Option<PathBuf>,
    },
    /// Start it, if it does not run, and wait until it is ready
    Start,
    /// Have it leave, and wait until it is gone; leases stay in its journal
    Stop,
    /// Tell whether it runs, and what it says of itself
    Status,
    /// Stop it and start it; leases and claims stay
    Restart,
    /// Print the end of its log; one JSON object a line with --json
    Logs {
        /// How many lines
        #[arg(long, short = 'n', value_name = "N", default_value_t = 100)]
        lines: usize,
    },
}

pub(crate) fn run(args: Args, context: &Context) -> Outcome {
    match args.action {
        Action::Run { home, trace } => serve::run(home, trace, context),
        Action::Start => life::start(context),
        Action::Stop => life::stop(context),
        Action::Status => life::status(context),
        Action::Restart => life::restart(context),
        Action::Logs { lines } => logs::run(lines, context),
    }
}
