//! `portus get`

use std::time::Duration;

use portus_client::shapes;
use portus_core::ServiceName;
use portus_proto::{AwaitCall, LeasesReply, ListCall, Target};

use crate::args::{Place, millis, positive_duration};
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};

/// Print the port of a service of this worktree
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// The service [default: the package's name, or PORTUS_SERVICE]
    #[arg(value_name = "SERVICE")]
    service: Option<ServiceName>,
    /// Print http://localhost:PORT instead of the number
    #[arg(long)]
    url: bool,
    /// Wait for so long until the service listens, such as 30s
    #[arg(long, value_name = "DURATION", value_parser = positive_duration)]
    wait: Option<Duration>,
    #[command(flatten)]
    place: Place,
}

pub(crate) fn run(args: Args, context: &Context) -> Outcome {
    let workspace = context.workspace(args.place)?;
    let service = match args.service {
        Some(service) => service,
        None => workspace.service()?,
    };
    let mut client = context.connect()?;
    let reply = match args.wait {
        Some(wait) => {
            let target = Target::Key(workspace.key(service.clone()));
            client.wait_for(AwaitCall { target, wait_ms: millis(wait) })?
        }
        None => {
            let listing = client.list(ListCall { scope: workspace.scope(), ended: false, after: None })?;
            let leases = listing.leases.into_iter().filter(|lease| lease.service == service).collect();
            LeasesReply { leases, notes: Vec::new() }
        }
    };
    let Some(lease) = reply.leases.first() else {
        return Err(Failure::new(
            Exit::NOT_FOUND,
            "no_such_lease",
            format!("`{service}` has no live lease in this worktree"),
            format!("`portus request {service}` leases a port; `portus list` shows what there is"),
        ));
    };
    let text = if args.url { format!("http://localhost:{}\n", lease.port) } else { format!("{}\n", lease.port) };
    if context.output.json {
        context.output.reply(shapes::Leases { leases: reply.leases, notes: reply.notes })?;
    } else {
        context.output.data(text.as_bytes())?;
        reply.notes.iter().for_each(|note| context.output.note(note));
    }
    Ok(Exit::DONE)
}
