//! `portus revive`

use portus_core::Port;
use portus_proto::PortCall;

use super::quarantine::show_done;
use crate::context::Context;
use crate::failure::Outcome;

/// Let a port be handed out again
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// The port
    #[arg(value_name = "PORT")]
    port: Port,
}

pub(crate) fn run(args: Args, context: &Context) -> Outcome {
    let found = context.connect()?.revive(PortCall { port: args.port })?;
    show_done(found, &format!("{} may be handed out again", args.port), context.output)
}
