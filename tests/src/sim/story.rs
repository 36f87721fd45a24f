//! How a run reads, for people: one short line for each thing that happened.

use portus_core::{Answer, Change, Effect, Lease, LeaseId};
use portus_daemon::engine::Failure;
use portus_daemon::engine::toy::Step;

use super::event::fault_name;

/// One point of IO.
pub fn step(step: &Step) -> String {
    match step {
        Step::Loaded => "reads the journal".to_owned(),
        Step::SetAside => "sets the journal aside".to_owned(),
        Step::Appended(changes) => format!("writes {}", self::changes(changes)),
        Step::Committed => "commits".to_owned(),
        Step::RolledBack => "rolls back".to_owned(),
        Step::Looked(port, protocol, look) => format!("looks at {protocol} {port}: {look:?}"),
        Step::Performed(effect, performed) => format!("begins to {}: {performed:?}", self::effect(effect)),
        Step::Undone(effect) => format!("stops to {}", self::effect(effect)),
        Step::Settled => "lets go of what it only looked at".to_owned(),
        Step::Struck(fault) => format!("*** {}", fault_name(*fault)),
    }
}

/// What becomes true.
pub fn changes(changes: &[Change]) -> String {
    let changes: Vec<String> = changes.iter().map(change).collect();
    changes.join(", ")
}

/// The kind of a change, and which lease it is about.
fn change(change: &Change) -> String {
    let text = format!("{change:?}");
    let kind = text.split([' ', '{']).next().unwrap_or_default().to_lowercase();
    let reason = match change {
        Change::Ended { reason, .. } => format!(" ({reason})"),
        Change::Unclaimed { reason, .. } => format!(" ({reason})"),
        _ => String::new(),
    };
    let lease = change.lease().map(|LeaseId(id)| format!(" {id}")).unwrap_or_default();
    format!("{kind}{lease}{reason}")
}

fn effect(effect: &Effect) -> String {
    match effect {
        Effect::Guard { port, admit, .. } => format!("guard {port}, admitting {admit}"),
        Effect::Watch { process } => format!("watch pid {} (birth {})", process.pid, process.birth),
        Effect::Look { lease, port, .. } => format!("look at {port} for lease {lease}"),
    }
}

/// What somebody was told.
pub fn answer(answer: &Result<Answer, Failure>) -> String {
    match answer {
        Ok(Answer::Leased { leases, .. }) => {
            let one =
                |leased: &portus_core::Leased| format!("{}{}", leased.id, if leased.reused { " (reused)" } else { "" });
            format!("yes: lease {}", leases.iter().map(one).collect::<Vec<_>>().join(", "))
        }
        Ok(other) => format!("yes: {other:?}"),
        Err(Failure::Refused(refusal)) => {
            let text = format!("{refusal:?}");
            format!("no: {}", text.split([' ', '{']).next().unwrap_or_default())
        }
        Err(Failure::JournalFailed(error)) => format!("no: {error}"),
        Err(Failure::InDoubt(error)) => format!("unknown: {error}"),
    }
}

/// Where a lease stands.
pub fn lease(lease: &Lease) -> String {
    let guard = lease.guard.map(|admit| format!(", guarded, admitting {admit}")).unwrap_or_default();
    let holder = lease.holder.as_ref().map(|holder| format!(", of pid {}", holder.process.pid)).unwrap_or_default();
    let contested = if lease.contested { ", contested" } else { "" };
    let key = &lease.key;
    format!(
        "lease {}: {} of {} on {}, {}{holder}{guard}{contested}",
        lease.id,
        key.service,
        key.worktree,
        lease.port,
        lease.state.word()
    )
}
