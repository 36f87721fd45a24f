//! `portus unpin`

use portus_proto::KeyCall;

use super::claims::key;
use crate::args::{Named, Place};
use crate::context::Context;
use crate::failure::Outcome;
use crate::text;

/// No longer keep a service's number for good
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// A service of this worktree, or whoever has that port or lease
    #[arg(value_name = "SERVICE|PORT|LEASE")]
    target: Named,
    #[command(flatten)]
    place: Place,
}

pub(crate) fn run(args: Args, context: &Context) -> Outcome {
    let workspace = context.workspace(args.place)?;
    let mut client = context.connect()?;
    let key = key(&args.target, &workspace, &mut client)?;
    let claims = client.unpin(KeyCall { key })?;
    text::show_done_claims(claims, "unpinned", context.output)
}
