//! `portus confirm`

use portus_proto::ConfirmCall;

use crate::args::{Named, Place};
use crate::context::Context;
use crate::failure::Outcome;
use crate::text;

/// Say that a service is up
///
/// Without --pid, whoever is seen to listen on the port is the evidence: nobody is exit code 3, and somebody who is
/// provably not this worktree's is exit code 5.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// The lease: a service of this worktree, a port, or lease:42
    #[arg(value_name = "SERVICE|PORT|LEASE")]
    target: Named,
    /// The process that serves
    #[arg(long, value_name = "PID", value_parser = clap::value_parser!(u32).range(1..))]
    pid: Option<u32>,
    /// Also a lease of another worktree
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    place: Place,
}

pub(crate) fn run(args: Args, context: &Context) -> Outcome {
    let workspace = context.workspace(args.place)?;
    let call =
        ConfirmCall { target: args.target.target(&workspace), caller: workspace.caller(args.force), pid: args.pid };
    let reply = context.connect()?.confirm(call)?;
    text::show_done(reply, "confirmed", context.output)
}
