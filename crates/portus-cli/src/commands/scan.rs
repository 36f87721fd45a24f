//! `portus scan`

use portus_client::shapes;
use portus_core::PortRange;
use portus_proto::Listener;

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Outcome;
use crate::text;

/// Show every listener on the machine
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// Only these ports
    #[arg(value_name = "PORT|A-B")]
    range: Option<PortRange>,
}

pub(crate) fn run(args: Args, context: &Context) -> Outcome {
    let listeners = context.connect()?.all_listeners(args.range)?;
    let output = context.output;
    if output.json {
        output.reply(shapes::Listeners { listeners })?;
    } else if listeners.is_empty() {
        output.note("nobody listens there");
    } else {
        output.styled(&table(&listeners))?;
    }
    Ok(Exit::DONE)
}

/// Listeners as a table.
pub(super) fn table(listeners: &[Listener]) -> String {
    let row = |listener: &Listener| {
        let lease = match (listener.lease, listener.guard) {
            (_, true) => "guard".to_owned(),
            (Some(id), false) => format!("lease:{id}"),
            (None, false) => "-".to_owned(),
        };
        let command = match &listener.container {
            Some(container) => format!("container {container}"),
            None => text::shortened(&listener.command, 60),
        };
        [
            listener.port.to_string(),
            listener.protocol.to_string(),
            listener.address.clone(),
            listener.pid.map_or_else(|| "-".to_owned(), |pid| pid.to_string()),
            lease,
            listener.project.clone().unwrap_or_else(|| "-".to_owned()),
            command,
        ]
    };
    let headings = ["PORT", "PROTOCOL", "ADDRESS", "PID", "LEASE", "PROJECT", "COMMAND"];
    text::table(headings, &listeners.iter().map(row).collect::<Vec<_>>())
}
