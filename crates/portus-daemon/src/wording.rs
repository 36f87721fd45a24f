//! The sentences: what happened, who is concerned, and what to do next.

mod mirror;
mod notes;
mod refused;

use portus_core as core;
use portus_core::{Target, Why};
use portus_proto::{Code, Facts, Refusal};

use crate::engine::JournalError;
use crate::translate::View;

pub(crate) use mirror::{mirror_failed, mirror_held_up, mirror_set_aside, mirror_slow, mirror_works_again};
pub(crate) use notes::{cleaned, ephemeral_note, note, recovered, tried_again};
pub(crate) use refused::{name_culprits, name_taken, refusal};

/// Somebody has a port on which nobody listens, as the end of a sentence.
pub(crate) const BOUND_IN_SILENCE: &str =
    "it cannot be bound: a process has it bound without listening, or an outgoing connection comes from it";

/// The request makes no sense.
pub(crate) fn bad_request(message: String, hint: impl Into<String>) -> Refusal {
    Refusal::new(Code::BadRequest, message, hint)
}

/// A limit is reached.
pub(crate) fn limit(message: String, hint: impl Into<String>, max: u64) -> Refusal {
    let mut refusal = Refusal::new(Code::LimitReached, message, hint);
    refusal.facts.max = Some(max);
    refusal
}

/// The daemon is leaving.
pub(crate) fn stopping() -> Refusal {
    Refusal::new(Code::Stopping, "the daemon is stopping", "ask again: the next command starts a new one")
}

/// A change could not be written down.
pub(crate) fn journal_failed(error: &JournalError) -> Refusal {
    let message = format!("nothing was changed, because it could not be written down: {error}");
    Refusal::new(Code::JournalFailed, message, error.hint())
}

/// It is not known whether a change was written down.
pub(crate) fn in_doubt(error: &JournalError) -> Refusal {
    let message = format!("it is not known whether this was written down, and the daemon starts anew: {error}");
    Refusal::new(Code::Internal, message, "`portus list` shows how things stand")
}

/// Others wait for the port.
pub(crate) fn waited_for(port: core::Port) -> Refusal {
    let message = format!("port {port} is not to be had: others wait for it");
    let hint = "wait in line with `--wait 30s`, or take another port";
    on_port(Refusal::new(Code::PortUnavailable, message, hint), port)
}

/// A port did not come free in time. `last` says why it was not to be had.
pub(crate) fn waited_in_vain(last: Refusal) -> Refusal {
    let message = format!("time ran out while waiting: {}", last.message);
    // What helped before the wait is no news after it.
    let hint = match (last.code, last.facts.port) {
        (Code::PortUnavailable, Some(port)) => {
            format!("`portus explain {port}` tells more; wait longer, or ask without `--wait` to get another")
        }
        _ => last.hint,
    };
    Refusal { code: Code::TimedOut, message, hint, ..last }
}

/// The named process does not exist.
pub(crate) fn no_such_process(pid: u32) -> Refusal {
    Refusal::new(
        Code::NoSuchProcess,
        format!("there is no process {pid}"),
        "name a process that is running with `--pid`",
    )
}

/// Waiting took too long.
pub(crate) fn timed_out(what: &str, hint: impl Into<String>) -> Refusal {
    Refusal::new(Code::TimedOut, format!("time ran out while waiting {what}"), hint)
}

/// Nobody listened in time.
pub(crate) fn never_listened(lease: core::LeaseId, view: &View<'_>) -> Refusal {
    let mut message = format!("time ran out while waiting until somebody listens: {}", described(lease, view));
    let found = view.broker.lease(lease);
    let mut hint = found
        .map_or_else(String::new, |lease| format!("`portus explain {}` says who is there, and who is not", lease.port));
    if let Some((lease, elsewhere)) = found.and_then(|lease| Some((lease, lease.drifted_to?))) {
        message.push_str(&format!("; its server listens on port {elsewhere} instead"));
        hint = drifted_hint(lease.port, elsewhere);
    }
    about(Refusal::new(Code::TimedOut, message, hint), lease, view)
}

/// What to do about a server that listens elsewhere than on its lease's port.
pub(crate) fn drifted_hint(port: core::Port, elsewhere: core::Port) -> String {
    format!("make it listen on {port} (PORT={port}); `portus explain {elsewhere}` says more")
}

/// Nobody is known to serve this lease whose health could be kept.
pub(crate) fn health_of_nobody(lease: core::LeaseId, view: &View<'_>) -> String {
    format!("the health of {} is not kept: nobody is known to serve it just now", described(lease, view))
}

/// Something that this build does not do.
pub(crate) fn unsupported(what: &str) -> Refusal {
    Refusal::new(Code::Unsupported, format!("{what} is not available in this version"), "a later version will have it")
}

/// No live lease is meant by this.
pub(crate) fn no_such_lease(target: &Target, view: &View<'_>) -> Refusal {
    let named = match target {
        Target::Key(key) => format!("`{}` of {} has no lease ({})", key.service, key.project, key.worktree),
        Target::Port(port) => format!("port {port} is not leased"),
        Target::Lease(id) => match view.broker.lease(*id) {
            Some(lease) => format!("lease {id} is over ({})", end_of(lease)),
            None => format!("there is no lease {id}"),
        },
        Target::Worktree(path) => format!("the worktree {path} has no lease"),
    };
    let hint = match target {
        Target::Key(key) => format!("`portus request {}` leases a port", key.service),
        Target::Port(port) => format!("`portus explain {port}` says who is there"),
        Target::Lease(_) | Target::Worktree(_) => "`portus list --all` shows the leases there are".to_owned(),
    };
    let mut refusal = Refusal::new(Code::NoSuchLease, named, hint);
    match target {
        Target::Lease(id) => {
            refusal.facts.lease_id = Some(*id);
            refusal.facts.lease = view.lease_of_id(*id);
        }
        Target::Port(port) => refusal.facts.port = Some(*port),
        Target::Key(_) | Target::Worktree(_) => {}
    }
    refusal
}

fn end_of(lease: &core::Lease) -> &'static str {
    match lease.state {
        core::LeaseState::Ended { reason, .. } => reason.word(),
        core::LeaseState::Pending { .. } | core::LeaseState::Active { .. } | core::LeaseState::Lapsing { .. } => "live",
    }
}

/// Why a port was not acceptable, as the end of a sentence.
pub(crate) fn because(why: &Why, view: &View<'_>) -> String {
    match why {
        Why::Leased { lease, by } => match view.broker.lease(*lease) {
            Some(_) => described(*lease, view),
            None => format!("leased to `{}` of {} ({})", by.service, by.project, by.worktree),
        },
        Why::Claimed { by, pinned } => {
            let how = if *pinned { ", pinned" } else { "" };
            format!("it is the number of `{}` of {} ({}{how})", by.service, by.project, by.worktree)
        }
        Why::Quarantined { reason } if reason.is_empty() => "it is in quarantine".to_owned(),
        Why::Quarantined { reason } => format!("it is in quarantine ({reason})"),
        Why::Cooling { remaining } => {
            format!("it was freed just before, and is kept for its former service for another {}", span(*remaining))
        }
        Why::Excluded => "browsers block it, or the settings exclude it".to_owned(),
        Why::Chosen => "another service of the same request got it".to_owned(),
        Why::Taken => "a program outside of Portus has it".to_owned(),
        Why::Forbidden => "the system forbids it".to_owned(),
        Why::NoDescriptors => "the daemon has no file descriptor left to look with".to_owned(),
    }
}

/// A lease in one phrase: which, whose, and who holds it.
fn described(id: core::LeaseId, view: &View<'_>) -> String {
    let Some(lease) = view.broker.lease(id) else { return format!("lease {id}") };
    let key = &lease.key;
    let held = lease
        .living_holder()
        .map(|holder| format!(", held by {} ({})", holder.process, holder.command))
        .or_else(|| lease.watched.first().map(|process| format!(", served by {process}")))
        .unwrap_or_default();
    format!("lease {id} of `{}` of {} ({}) on port {}{held}", key.service, key.project, key.worktree, lease.port)
}

fn about(mut refusal: Refusal, id: core::LeaseId, view: &View<'_>) -> Refusal {
    let lease = view.lease_of_id(id);
    refusal.facts = Box::new(Facts {
        port: lease.as_ref().map(|lease| lease.port).or(refusal.facts.port),
        processes: lease.as_ref().and_then(|lease| lease.holder.clone()).into_iter().collect(),
        lease,
        lease_id: Some(id),
        ..*refusal.facts
    });
    refusal
}

fn on_port(mut refusal: Refusal, port: core::Port) -> Refusal {
    refusal.facts.port = Some(port);
    refusal
}

/// A span as people say it, rounded up to whole units.
fn span(span: core::Span) -> String {
    let seconds = span.as_millis().div_ceil(1_000);
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds.div_ceil(60)),
        _ => format!("{} h", seconds.div_ceil(3_600)),
    }
}

#[cfg(test)]
mod tests;
