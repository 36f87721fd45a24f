//! `portus forget`

use portus_proto::ForgetCall;

use super::claims::key;
use crate::args::{Named, Place};
use crate::context::Context;
use crate::failure::Outcome;
use crate::text;

/// Drop the numbers of services, so that others may have them
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// Services of this worktree, or whoever has that port or lease
    #[arg(value_name = "SERVICE|PORT|LEASE", required = true)]
    targets: Vec<Named>,
    #[command(flatten)]
    place: Place,
}

pub(crate) fn run(args: Args, context: &Context) -> Outcome {
    let workspace = context.workspace(args.place)?;
    let mut client = context.connect()?;
    let mut keys = Vec::new();
    for target in &args.targets {
        keys.push(key(target, &workspace, &mut client)?);
    }
    let claims = client.forget(ForgetCall { keys })?;
    text::show_done_claims(claims, "forgot", context.output)
}
