//! `portus prune`

use portus_proto::PruneCall;

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Outcome;
use crate::text;

/// List the numbers of worktrees that are gone, and drop them with --yes
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// Drop them
    #[arg(long, short)]
    yes: bool,
}

pub(crate) fn run(args: Args, context: &Context) -> Outcome {
    let claims = context.connect()?.prune(PruneCall { drop: args.yes })?;
    let output = context.output;
    if !output.json && claims.is_empty() {
        output.note("no worktree that keeps numbers is gone");
        return Ok(Exit::DONE);
    }
    if args.yes {
        return text::show_done_claims(claims, "dropped", output);
    }
    let outcome = text::show_claims(claims, true, output);
    output.note("`portus prune --yes` drops them");
    outcome
}
