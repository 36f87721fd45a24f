//! `portus prune`

use portus_client::shapes::Pruned;
use portus_proto::{Lease, PruneCall};

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Outcome;
use crate::output::Output;
use crate::text;

/// End stale leases, and list the numbers of worktrees that are gone, or drop them with --yes
///
/// A lease is stale when nobody is behind it any more: its holder and all that the holder started are gone, or it has no
/// holder, and its server is gone for longer than a restart takes.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// Drop those numbers
    #[arg(long, short)]
    yes: bool,
}

pub(crate) fn run(args: Args, context: &Context) -> Outcome {
    let mut client = context.connect()?;
    let leases = client.sweep()?.leases;
    let claims = client.prune(PruneCall { drop: args.yes })?;
    let output = context.output;
    if output.json {
        output.reply(Pruned { claims, leases })?;
        return Ok(Exit::DONE);
    }
    tell_ended(&leases, output);
    if claims.is_empty() {
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

/// Says how many stale leases were ended, and which.
fn tell_ended(leases: &[Lease], output: Output) {
    for lease in leases {
        let port = lease.port;
        output.say(&format!("ended {} of {} (port {port}, {})", lease.service, lease.project, lease.worktree));
    }
    match leases.len() {
        0 => output.note("no lease is stale"),
        1 => output.note("1 stale lease was ended"),
        count => output.note(&format!("{count} stale leases were ended")),
    }
}
