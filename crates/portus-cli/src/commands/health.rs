//! `portus health`

use std::time::Duration;

use portus_client::health::{ANSWER_WITHIN, Asked, Check};
use portus_client::shapes::{Healths, ServiceHealth};
use portus_client::{CallError, Client};
use portus_core::ServiceName;
use portus_proto::{Caller, Code, ExplainCall, Health, Lease, LeasesReply, Target};

use crate::args::Place;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};
use crate::text;

/// Ask whether services are well: their health URL, or whether they take a connection
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// The service [default: all that have a lease in this worktree]
    #[arg(value_name = "SERVICE")]
    service: Option<ServiceName>,
    #[command(flatten)]
    place: Place,
}

pub(crate) fn run(args: Args, context: &Context) -> Outcome {
    let workspace = context.workspace(args.place)?;
    let mut client = context.connect()?;
    let mut leases = client.all_leases(workspace.scope(), false)?.leases;
    if let Some(service) = &args.service {
        leases.retain(|lease| lease.service == *service);
    }
    if leases.is_empty() {
        let message = match args.service {
            Some(service) => format!("`{service}` does not have a live lease in this worktree"),
            None => "no service has a live lease in this worktree".to_owned(),
        };
        return Err(Failure::new(Exit::NOT_FOUND, "no_such_lease", message, "`portus list --all` shows what there is"));
    }
    let within = context.timeout().unwrap_or(ANSWER_WITHIN);
    let mut found = Vec::new();
    let mut to_ask = Vec::new();
    for lease in leases {
        match unasked(&mut client, &lease, workspace.caller(false))? {
            Some(asked) => found.push((lease, asked)),
            None => to_ask.push((Check::declared(&workspace.config, &lease.service).unwrap_or_default(), lease)),
        }
    }
    for (lease, asked) in all_at_once(to_ask, within) {
        match report(&mut client, &lease, &asked) {
            Ok(reply) => reply.iter().flat_map(|reply| &reply.notes).for_each(|note| context.output.note_ahead(note)),
            Err(error) => context.output.note_ahead(&format!("the daemon was not told: {error}")),
        }
        found.push((lease, asked));
    }
    let ok = found.iter().all(|(lease, asked)| asked.is_fine(lease.protocol));
    found.sort_by(|(one, _), (other, _)| one.service.cmp(&other.service));
    let shape = |(lease, Asked { health, detail }): (Lease, Asked)| ServiceHealth {
        service: lease.service,
        port: Some(lease.port),
        health,
        why: detail,
    };
    let services: Vec<_> = found.into_iter().map(shape).collect();
    let rows: Vec<_> = services.iter().map(row).collect();
    if context.output.json {
        context.output.reply(Healths { ok, services })?;
    } else {
        context.output.styled(&text::table(["SERVICE", "PORT", "HEALTH", "WHY"], &rows))?;
    }
    Ok(if ok { Exit::DONE } else { Exit::UNVERIFIED })
}

/// What is to be said of a service that is not asked, since the answer would be somebody else's.
fn unasked(client: &mut Client, lease: &Lease, caller: Caller) -> Result<Option<Asked>, CallError> {
    match client.explain(ExplainCall { target: Target::Lease(lease.id), caller }) {
        Ok(found) => Ok(Asked::of_stranger(&found)),
        Err(CallError::Refused(refusal)) if refusal.code == Code::NoSuchLease => {
            Ok(Some(Asked { health: Health::Unknown, detail: "its lease has ended meanwhile".to_owned() }))
        }
        Err(error) => Err(error),
    }
}

/// Asks all services side by side, so that one that hangs takes no time from the others.
fn all_at_once(services: Vec<(Check, Lease)>, within: Duration) -> Vec<(Lease, Asked)> {
    std::thread::scope(|scope| {
        let asking: Vec<_> = services
            .into_iter()
            .map(|(check, lease)| {
                let asked = lease.clone();
                let thread = std::thread::Builder::new().spawn_scoped(scope, move || check.ask(&asked, within));
                (lease, thread)
            })
            .collect();
        let unasked = || Asked { health: Health::Unknown, detail: "could not be asked".to_owned() };
        asking
            .into_iter()
            .map(|(lease, thread)| {
                let asked = thread.ok().and_then(|thread| thread.join().ok()).unwrap_or_else(unasked);
                (lease, asked)
            })
            .collect()
    })
}

/// Tells the daemon what a service answered. Gives the lease as it stands; `None` when it has ended meanwhile.
pub(crate) fn report(client: &mut Client, lease: &Lease, asked: &Asked) -> Result<Option<LeasesReply>, CallError> {
    match client.report_health(asked.report(lease)) {
        Ok(reply) => Ok(Some(reply)),
        Err(CallError::Refused(refusal)) if refusal.code == Code::NoSuchLease => Ok(None),
        // A daemon of an older build keeps nothing.
        Err(CallError::Refused(refusal)) if refusal.code == Code::UnknownMethod => Ok(None),
        Err(error) => Err(error),
    }
}

fn row(service: &ServiceHealth) -> [String; 4] {
    let port = service.port.map_or_else(|| "-".to_owned(), |port| port.to_string());
    [service.service.to_string(), port, service.health.word().to_owned(), service.why.clone()]
}
