//! `portus prune`

use portus_client::CallError;
use portus_client::shapes::Pruned;
use portus_proto::{Code, Lease, LeasesReply, PruneCall};

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
    let leases = ended(client.sweep())?;
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

/// The leases that were ended: none by a daemon of an older build, which still knows which worktrees are gone.
fn ended(swept: Result<LeasesReply, CallError>) -> Result<Vec<Lease>, CallError> {
    match swept {
        Err(CallError::Refused(refusal)) if refusal.code == Code::UnknownMethod => Ok(Vec::new()),
        swept => Ok(swept?.leases),
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use portus_proto::Refusal;

    #[test]
    fn a_daemon_that_does_not_know_the_call_has_ended_none() {
        let refused = |code| Err(CallError::Refused(Refusal::new(code, "no", "")));
        assert_eq!(ended(refused(Code::UnknownMethod)).unwrap(), []);
        assert!(ended(refused(Code::Internal)).is_err());
    }
}
