//! `portus renew`

use std::time::Duration;

use portus_proto::RenewCall;

use crate::args::{Named, Place, millis, positive_duration};
use crate::context::Context;
use crate::failure::Outcome;
use crate::text;

/// Move a lease's time to live on
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// The lease: a service of this worktree, a port, or lease:42
    #[arg(value_name = "SERVICE|PORT|LEASE")]
    target: Named,
    /// The new time to live, such as 5m [default: as long as before]
    #[arg(long, value_name = "DURATION", value_parser = positive_duration)]
    ttl: Option<Duration>,
    /// Also a lease of another worktree
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    place: Place,
}

pub(crate) fn run(args: Args, context: &Context) -> Outcome {
    let workspace = context.workspace(args.place)?;
    super::request::check_ttl(args.ttl, &workspace)?;
    let call = RenewCall {
        target: args.target.target(&workspace),
        caller: workspace.caller(args.force),
        ttl_ms: args.ttl.map(millis),
    };
    let reply = context.connect()?.renew(call)?;
    text::show_done(reply, "renewed", context.output)
}
