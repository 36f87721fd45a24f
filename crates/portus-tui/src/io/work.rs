//! Looks and acts: calls that may take their time, on threads of their own. Each has a connection of its own, which
//! costs a millisecond and is never a stale one.

use std::sync::mpsc::{Receiver, SyncSender};

use portus_client::{CallError, Client};
use portus_core::Port;
use portus_proto::{
    Caller, Code, ExplainCall, ForgetCall, KeyCall, KillCall, Killed, PinCall, PortCall, QuarantineCall, ReleaseCall,
    Target,
};

use super::Connect;
use crate::message::{Act, Msg, Trouble};
use crate::words;

/// Something to be done.
pub(super) enum Job {
    Listeners,
    Explain(Port),
    Plan(Act),
    Act(Act),
}

/// Does one thing after the other until nobody gives any more. Everything is asked for on behalf of `worktree`.
pub(super) fn run(connect: &Connect, worktree: &str, tell: &SyncSender<Msg>, jobs: &Receiver<Job>) {
    let caller = |force| Caller { worktree: worktree.to_owned(), force };
    let client = || connect(true).map_err(CallError::from);
    for job in jobs {
        let message = match job {
            Job::Listeners => {
                let found = client().and_then(|mut client| client.all_listeners(None));
                Msg::Listeners(found.map_err(|error| error.to_string()))
            }
            Job::Explain(port) => {
                let call = ExplainCall { target: Target::Port(port), caller: caller(false) };
                let answer = client().and_then(|mut client| client.explain(call));
                Msg::Explained(port, answer.map_err(|error| error.to_string()))
            }
            Job::Plan(act) => {
                let Act::Kill { target, .. } = &act else { continue };
                let call = KillCall { target: target.clone(), caller: caller(false), dry_run: true, grace_ms: None };
                let plan = client().and_then(|mut client| client.kill(call));
                Msg::Planned(act, plan.map_err(trouble))
            }
            Job::Act(act) => {
                let outcome = client().and_then(|mut client| perform(&mut client, &act, caller));
                Msg::Done(act, outcome.map_err(trouble))
            }
        };
        if tell.send(message).is_err() {
            return;
        }
    }
}

/// Acts, and says in one sentence what came of it.
fn perform(client: &mut Client, act: &Act, caller: impl Fn(bool) -> Caller) -> Result<String, CallError> {
    Ok(match act {
        Act::Release { lease, name, force } => {
            client.release(ReleaseCall { targets: vec![Target::Lease(*lease)], caller: caller(*force) })?;
            format!("released {name}")
        }
        Act::Kill { target, force, .. } => {
            let call = KillCall { target: target.clone(), caller: caller(*force), dry_run: false, grace_ms: None };
            ended(&client.kill(call)?)
        }
        Act::Pin { key, port } => {
            client.pin(PinCall { key: key.clone(), port: Some(*port), claim_only: false })?;
            format!("pinned {} of {} to {port}", key.service, key.project)
        }
        Act::Unpin { key } => {
            client.unpin(KeyCall { key: key.clone() })?;
            format!("unpinned {} of {}", key.service, key.project)
        }
        Act::Forget { key } => {
            client.forget(ForgetCall { keys: vec![key.clone()] })?;
            format!("forgot the number of {} of {}", key.service, key.project)
        }
        Act::Quarantine { port } => {
            client.quarantine(QuarantineCall { port: *port, reason: "from the dashboard".to_owned() })?;
            format!("port {port} is in quarantine")
        }
        Act::Revive { port } => {
            client.revive(PortCall { port: *port })?;
            format!("port {port} may be handed out again")
        }
    })
}

fn ended(killed: &Killed) -> String {
    let port = killed.port;
    match &killed.killed[..] {
        [] => format!("nothing was left to end on port {port}"),
        [only] => format!("ended pid {} on port {port}: {}", only.pid, words::command(&only.command)),
        [first, rest @ ..] => {
            let command = words::command(&first.command);
            format!("ended pid {} and {} more on port {port}: {command}", first.pid, rest.len())
        }
    }
}

fn trouble(error: CallError) -> Trouble {
    let (message, hint) = (error.to_string(), error.hint());
    match error {
        CallError::Refused(refusal) => {
            Trouble { message, hint, can_force: refusal.code == Code::NotYours, processes: refusal.facts.processes }
        }
        _ => Trouble { message, hint, can_force: false, processes: Vec::new() },
    }
}
