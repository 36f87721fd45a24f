//! `portus pin`

use portus_core::Port;
use portus_proto::{PinCall, Scope};

use super::claims::key;
use crate::args::{Named, Place};
use crate::context::Context;
use crate::failure::Outcome;
use crate::text;

/// Keep a service's number for good
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// A service of this worktree, or whoever has that port or lease
    #[arg(value_name = "SERVICE|PORT|LEASE")]
    target: Named,
    /// This number, instead of the one it has
    #[arg(long, value_name = "PORT")]
    port: Option<Port>,
    #[command(flatten)]
    place: Place,
}

pub(crate) fn run(args: Args, context: &Context) -> Outcome {
    let workspace = context.workspace(args.place)?;
    let mut client = context.connect()?;
    let key = key(&args.target, &workspace, &mut client)?;
    let claims = client.pin(PinCall { key: key.clone(), port: args.port, claim_only: false })?;
    if let Some(port) = args.port {
        let leases = client.all_leases(Scope::Worktree(key.worktree.clone()), false)?.leases;
        let elsewhere = leases.iter().find(|lease| lease.service == key.service && lease.port != port);
        if let Some(lease) = elsewhere {
            let (service, now) = (&lease.service, lease.port);
            context.output.note_ahead(&format!(
                "`{service}` stays on port {now} until its lease ends; `portus release {service}` ends it, and the next \
                 request gets {port}"
            ));
        }
    }
    text::show_done_claims(claims, "pinned", context.output)
}
