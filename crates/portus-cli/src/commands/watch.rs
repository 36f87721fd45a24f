//! `portus watch`

use std::time::Duration;

use portus_client::shapes::{Envelope, Subject, WatchLine};
use portus_client::{CallError, ConnectError, Events};
use portus_proto::{Code, Event};

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};
use crate::text;

/// Print what happens, as it happens; one JSON object a line with --json
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {}

/// How often a daemon is looked for after one was told to leave.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(200);

pub(crate) fn run(_args: Args, context: &Context) -> Outcome {
    let output = context.output;
    let mut events = context.connect()?.into_events()?;
    output.aside("watching");
    while let Some(event) = events.next() {
        let event = match event {
            Ok(event) => event,
            Err(error) => {
                follow(error, &mut events, context)?;
                continue;
            }
        };
        let line = if output.json { json(event)? } else { text::safe(&sentence(event)).into_owned() };
        if !output.line(&line)? {
            break;
        }
    }
    Ok(Exit::DONE)
}

/// Goes over to the next daemon. One that died is followed by another at once; where one was told to leave, somebody
/// else decides when there is to be one again, and that is waited for.
fn follow(error: CallError, events: &mut Events, context: &Context) -> Result<(), Failure> {
    let may_start = match &error {
        CallError::Lost { .. } => true,
        CallError::Refused(refusal) if refusal.code == Code::Stopping => false,
        _ => return Err(error.into()),
    };
    context.output.aside(&format!("{error}: waiting for the next daemon"));
    loop {
        match events.follow(may_start) {
            Err(CallError::Connect(ConnectError::NotRunning { .. })) => std::thread::sleep(LOOK_AGAIN_AFTER),
            outcome => return Ok(outcome?),
        }
    }
}

fn json(event: Event) -> Result<String, Failure> {
    serde_json::to_string(&Envelope::of(WatchLine::from(event)))
        .map_err(|error| Failure::new(Exit::FAILED, "internal", error.to_string(), ""))
}

fn sentence(event: Event) -> String {
    let WatchLine { at, event, subject } = event.into();
    let what = match subject {
        Subject::Lease { lease } => format!(
            "{} of {}, port {}: {} ({}, lease:{})",
            lease.service,
            lease.project,
            text::port(&lease),
            text::state(&lease),
            lease.worktree,
            lease.id
        ),
        Subject::Health { lease, detail } => {
            format!("{} of {}, port {}: {detail}", lease.service, lease.project, text::port(&lease))
        }
        Subject::Claim { claim, reason } => {
            let why = reason.map(|reason| format!(": {}", reason.word().replace('_', " "))).unwrap_or_default();
            format!("{} of {}, port {} ({}){why}", claim.service, claim.project, claim.port, claim.worktree)
        }
        Subject::Quarantine { quarantine } => format!("port {}: {}", quarantine.port, quarantine.reason),
        Subject::Port { port } => format!("port {port}"),
        Subject::Line { key, port, waiting } => {
            format!("{} of {} for port {port}, {waiting} in line", key.service, key.project)
        }
        Subject::Alert { state, alert } => format!("{} ({}): {}", state.word(), alert.code, alert.message),
        Subject::Missed { missed } => format!("{missed} events were lost: list anew"),
    };
    format!("{at}  {event:<12}  {what}")
}
