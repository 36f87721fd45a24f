//! `portus get`

use std::time::{Duration, Instant};

use portus_client::{CallError, Client, shapes};
use portus_core::ServiceName;
use portus_proto::{AwaitCall, Code, Event, Key, LeasesReply, Target, What};

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
        Some(wait) => wait_for(&workspace.key(service.clone()), wait, &mut client)?,
        None => {
            let listing = client.all_leases(workspace.scope(), false)?;
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

/// Waits until the service listens; also for a lease that is still to come, since whoever starts the service and
/// whoever waits for it often start together.
fn wait_for(key: &Key, wait: Duration, client: &mut Client) -> Result<LeasesReply, Failure> {
    let deadline = Instant::now() + wait;
    let left = || deadline.saturating_duration_since(Instant::now());
    // Before the question, so that no grant falls between it and its answer.
    client.subscribe()?;
    loop {
        match client.wait_for(AwaitCall { target: Target::Key(key.clone()), wait_ms: millis(left()) }) {
            Err(CallError::Refused(refusal)) if refusal.code == Code::NoSuchLease => {}
            outcome => return Ok(outcome?),
        }
        loop {
            match client.next_event(left())? {
                Some(Event { what: What::Granted(lease), .. })
                    if lease.service == key.service && lease.worktree == key.worktree =>
                {
                    break;
                }
                // What was missed may have been it.
                Some(Event { what: What::Missed(_), .. }) => break,
                Some(_) if !left().is_zero() => {}
                Some(_) | None => {
                    let message = format!("`{}` got no lease in this worktree while it was waited for", key.service);
                    let hint = format!("`portus request {}` leases a port", key.service);
                    return Err(Failure::new(Exit::TIMED_OUT, "timed_out", message, hint));
                }
            }
        }
    }
}
