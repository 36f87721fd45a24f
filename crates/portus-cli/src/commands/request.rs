//! `portus request`

use std::time::Duration;

use portus_client::{Workspace, requester, show_duration};
use portus_core::{LeaseId, Port, ServiceName, StateWord};
use portus_proto::{Ask, GuardWish, Health, Lease, LeasesReply, RequestCall, WallTime};

use crate::args::{Place, WishArgs, millis, positive_duration};
use crate::asking;
use crate::context::{Context, note_on_place};
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};
use crate::output::Output;
use crate::text;

/// Lease a port for each service, and print just the numbers
///
/// Asking again gives the same lease. All services get a port, or none does: PORT=$(portus request web)
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// The services [default: PORTUS_SERVICE, else the package's directory: `default` at the root, `apps-web` in apps/web]
    #[arg(value_name = "SERVICE")]
    services: Vec<ServiceName>,
    #[command(flatten)]
    wish: WishArgs,
    /// With --count: numbers that follow each other
    #[arg(long, requires = "count")]
    contiguous: bool,
    /// End the lease after so long unless it is renewed, such as 5m
    #[arg(long, value_name = "DURATION", value_parser = positive_duration)]
    ttl: Option<Duration>,
    /// The process to whose tree the lease belongs
    #[arg(long, value_name = "PID", value_parser = clap::value_parser!(u32).range(1..))]
    pid: Option<u32>,
    /// Keep the port in the kernel until it is confirmed or released (TCP only)
    #[arg(long)]
    hold: bool,
    /// With --port: wait in line for that port for so long, such as 30s
    #[arg(long, value_name = "DURATION", value_parser = positive_duration, requires = "port")]
    wait: Option<Duration>,
    /// Look from the start of the range on
    #[arg(long)]
    sequential: bool,
    #[command(flatten)]
    place: Place,
}

/// The longest time to live, unless the user set another.
const TTL_MAX: Duration = Duration::from_secs(24 * 60 * 60);

pub(crate) fn run(args: Args, context: &Context) -> Outcome {
    let workspace = context.workspace(args.place.clone())?;
    if let Some(note) = note_on_place(&workspace, &args.place) {
        context.output.note_ahead(&note);
    }
    check_ttl(args.ttl, &workspace)?;
    let asks = asks(&args, &workspace)?;
    let reply = match workspace.config.disabled_by {
        Some(switch) => without_daemon(&asks, switch)?,
        None => {
            asking::container_note().iter().for_each(|note| context.output.note_ahead(note));
            context.connect()?.request_mirrored(call(&args, asks, &workspace), &workspace.mirror())?
        }
    };
    show(reply, context.output)
}

/// The wishes on the command line, each service's own group together.
fn asks(args: &Args, workspace: &Workspace) -> Result<Vec<Ask>, Failure> {
    let mut services = args.services.clone();
    if services.is_empty() {
        services.push(workspace.service()?);
    }
    let count = args.wish.count.unwrap_or(1);
    if args.wish.port.is_some() && services.len() > 1 {
        let hint = "ask for each service by itself, or give the ports in portus.toml: [services.NAME] preferred = PORT";
        return Err(Failure::usage("--port names one port, and several services are asked for", hint));
    }
    let mut wish = args.wish.wish();
    wish.sequential = args.sequential;
    // Whoever waits in line for a port wants that port, and no other at once.
    wish.strict |= args.wait.is_some();
    asking::asks(services.into_iter().map(|service| (service, wish)), count, workspace)
}

/// The daemon would refuse it as well, as a limit like others; here it is known to be the command line's mistake.
pub(super) fn check_ttl(ttl: Option<Duration>, workspace: &Workspace) -> Result<(), Failure> {
    let max = workspace.config.settings.ttl_max.as_ref().map_or(TTL_MAX, |max| max.value);
    match ttl.filter(|ttl| *ttl > max) {
        Some(ttl) => Err(Failure::usage(
            format!("a time to live of {} is longer than the {} allowed", show_duration(ttl), show_duration(max)),
            "ask for less, and renew it with `portus renew`",
        )),
        None => Ok(()),
    }
}

fn call(args: &Args, mut asks: Vec<Ask>, workspace: &Workspace) -> RequestCall {
    asks.extend(asking::siblings(&asks, workspace));
    RequestCall {
        asks,
        contiguous: args.contiguous,
        holder: args.pid,
        requester: requester(),
        ttl_ms: args.ttl.map(millis),
        guard: args.hold.then_some(GuardWish::UntilConfirm),
        wait_ms: args.wait.map(millis),
    }
}

/// What is answered while Portus is switched off: the ports that would be taken anyway.
fn without_daemon(asks: &[Ask], switch: &str) -> Result<LeasesReply, Failure> {
    let mut leases = Vec::new();
    let mut notes = Vec::new();
    for ask in asks {
        let service = &ask.key.service;
        let port = asking::port_without_daemon(service, ask.preferred, asks.len() == 1, switch)?;
        notes.push(format!("{switch} is set: {port} is only what `{service}` prefers, leased by nobody"));
        leases.push(imagined(ask, port));
    }
    Ok(LeasesReply { leases, notes, mirror: None })
}

/// The shape of a lease that nobody holds.
pub(super) fn imagined(ask: &Ask, port: Port) -> Lease {
    Lease {
        id: LeaseId(0),
        project: ask.key.project.clone(),
        worktree: ask.key.worktree.clone(),
        service: ask.key.service.clone(),
        port,
        protocol: ask.protocol,
        state: StateWord::Pending,
        reused: false,
        contested: false,
        orphaned: false,
        drifted_to: None,
        evidence: None,
        health: Health::Unknown,
        guarded: false,
        pinned: false,
        holder: None,
        requester: requester(),
        granted_at: WallTime(text::now_ms()),
        expires_at: None,
        ended: None,
    }
}

fn show(reply: LeasesReply, output: Output) -> Outcome {
    if output.json {
        output.reply(portus_client::shapes::Leases { leases: reply.leases, notes: reply.notes })?;
        return Ok(Exit::DONE);
    }
    let mut numbers = String::new();
    for lease in &reply.leases {
        numbers.push_str(&lease.port.to_string());
        numbers.push('\n');
        let how = if lease.reused { "the same lease as before" } else { "a new lease" };
        output.detail(&format!(
            "{} of {}: port {}, lease:{} ({how})",
            lease.service, lease.project, lease.port, lease.id
        ));
    }
    output.data(numbers.as_bytes())?;
    for note in &reply.notes {
        output.note(note);
    }
    Ok(Exit::DONE)
}
