//! The sentences: what happened, who is concerned, and what to do next.

mod mirror;

use portus_core as core;
use portus_core::{Limited, Note, Target, Why};
use portus_os::port::EphemeralPorts;
use portus_proto::{Code, Facts, Reasons, Refusal};

use crate::engine::JournalError;
use crate::translate::{View, process};

pub(crate) use mirror::{mirror_failed, mirror_set_aside, mirror_slow, mirror_works_again};

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
    Refusal { code: Code::TimedOut, message, ..last }
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
    let message = format!("time ran out while waiting until somebody listens: {}", described(lease, view));
    let port = view.broker.lease(lease).map(|lease| lease.port);
    let hint =
        port.map_or_else(String::new, |port| format!("`portus explain {port}` says who is there, and who is not"));
    about(Refusal::new(Code::TimedOut, message, hint), lease, view)
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

/// What the core refuses, in sentences.
pub(crate) fn refusal(refusal: &core::Refusal, view: &View<'_>) -> Refusal {
    use core::Refusal as No;
    match refusal {
        No::NoPort { key, ranges, reasons, taken: _ } => {
            let what = format!("no port for `{}` of {}", key.service, key.project);
            none_acceptable(&what, ranges, *reasons)
        }
        No::NoBlock { key, count, ranges, reasons } => {
            let what = format!("no {count} ports in a row for `{}` of {}", key.service, key.project);
            none_acceptable(&what, ranges, *reasons)
        }
        No::PortUnavailable { key, port, why } => port_unavailable(key, *port, why, view),
        No::AlreadyRunning { lease } => {
            let message = format!("already running: {}", described(*lease, view));
            let hint = format!("use that one, or end it first: `portus kill lease:{lease}`");
            about(Refusal::new(Code::AlreadyRunning, message, hint), *lease, view)
        }
        No::WrongProtocol { lease, wanted } => {
            let message = format!("asked for {wanted}, but it is up otherwise: {}", described(*lease, view));
            let hint = format!("end it first: `portus kill lease:{lease}`, or `portus release lease:{lease}`");
            about(Refusal::new(Code::AlreadyRunning, message, hint), *lease, view)
        }
        No::NoSuchLease { target } => no_such_lease(target, view),
        No::NoSuchClaim { key } => Refusal::new(
            Code::NoSuchClaim,
            format!("`{}` of {} has no number of its own ({})", key.service, key.project, key.worktree),
            format!("`portus request {}` gives it one; `portus claims` shows those there are", key.service),
        ),
        No::NotQuarantined { port } => {
            let message = format!("port {port} is not in quarantine");
            on_port(Refusal::new(Code::NotQuarantined, message, "`portus doctor` lists the ports that are"), *port)
        }
        No::NoListener { lease } => {
            let message = format!("nobody listens there: {}", described(*lease, view));
            let hint = "start the server on that port first, or name its process with `--pid`";
            about(Refusal::new(Code::NoListener, message, hint), *lease, view)
        }
        No::ForeignListener { lease, by } => foreign_listener(*lease, by, view),
        No::NotYours { lease } => {
            let message = format!("not this worktree's: {}", described(*lease, view));
            let hint = "go to that worktree, or insist with `--force`";
            about(Refusal::new(Code::NotYours, message, hint), *lease, view)
        }
        No::TooMany { what, max } => too_many(*what, *max),
        No::TtlTooLong { max } => limit(
            format!("a time to live of more than {} is not given", span(*max)),
            "ask for less, and renew it with `portus renew`",
            max.as_millis(),
        ),
        No::Senseless { what } => bad_request(format!("the request makes no sense: {what}"), "see `portus help`"),
        No::NoDescriptors => Refusal::new(
            Code::NoDescriptors,
            "the daemon has no file descriptor left to look at ports with",
            "raise the limit (`ulimit -n`) where the daemon is started, then `portus daemon restart`",
        ),
    }
}

fn none_acceptable(what: &str, ranges: &[core::PortRange], reasons: core::Reasons) -> Refusal {
    let message = format!("{what} in {}: {}", list(ranges), counted(reasons));
    let hint = "name another `--range` or a `--fallback`, or give back what is not needed: \
                `portus list --all`, `portus prune`";
    let mut refusal = Refusal::new(Code::NoPortAvailable, message, hint);
    refusal.facts.ranges = ranges.to_vec();
    refusal.facts.reasons = Some(wire_reasons(reasons));
    refusal
}

fn port_unavailable(key: &core::Key, port: core::Port, why: &Why, view: &View<'_>) -> Refusal {
    let message = format!("port {port} is not to be had for `{}`: {}", key.service, because(why, view));
    let hint = match why {
        Why::Leased { .. } => {
            format!("leave out `--strict` to get another, or wait for it with `--wait 30s`; `portus explain {port}`")
        }
        Why::Claimed { pinned: true, .. } => "take another port, or unpin it there with `portus unpin`".to_owned(),
        Why::Claimed { pinned: false, .. } => "insist with `--strict`: nobody runs there".to_owned(),
        Why::Quarantined { .. } => format!("`portus revive {port}` if it is in order again, or take another port"),
        Why::Cooling { remaining } => format!("wait {}, or take another port", span(*remaining)),
        Why::Excluded => "take another port".to_owned(),
        Why::Chosen => "give each service a port of its own".to_owned(),
        Why::Taken => format!("`portus explain {port}` says who is there; `portus kill {port}` ends it"),
        Why::Forbidden => "take a port from 1024 up".to_owned(),
        Why::NoDescriptors => "raise the limit (`ulimit -n`) where the daemon is started".to_owned(),
    };
    let mut refusal = on_port(Refusal::new(Code::PortUnavailable, message, hint), port);
    match why {
        Why::Leased { lease, .. } => refusal = about(refusal, *lease, view),
        Why::Cooling { remaining } => refusal.facts.retry_after_ms = Some(remaining.as_millis()),
        Why::NoDescriptors => refusal.code = Code::NoDescriptors,
        Why::Claimed { .. } | Why::Quarantined { .. } | Why::Excluded | Why::Chosen | Why::Taken | Why::Forbidden => {}
    }
    refusal
}

fn too_many(what: Limited, max: usize) -> Refusal {
    let message = match what {
        Limited::Asks => format!("a request may name {max} services at most"),
        Limited::ProjectLeases => format!("the project has {max} leases, which is the limit"),
        Limited::Leases => format!("there are {max} leases, which is the limit"),
        Limited::Watched => format!("{max} processes are watched for the lease, which is the limit"),
    };
    limit(message, "release what is not needed: `portus list --all` shows it", max as u64)
}

/// Adds who sits on the port to a refusal that could only say that somebody does.
pub(crate) fn name_culprits(refusal: &mut Refusal, sighting: &core::Sighting) {
    let culprits: Vec<_> = sighting.listeners.iter().filter_map(process).collect();
    if let Some(first) = culprits.first() {
        refusal.message.push_str(&format!(" (pid {}: {})", first.pid, first.command));
    }
    refusal.facts.processes = culprits;
}

fn foreign_listener(lease: core::LeaseId, by: &core::Listener, view: &View<'_>) -> Refusal {
    let who = by.process.map_or_else(|| "a process that is not to be seen".to_owned(), |one| one.to_string());
    let place = by.worktree.as_ref().map(|path| format!(" of {path}")).unwrap_or_default();
    let message = format!("somebody else listens there: {who}{place} ({}): {}", by.command, described(lease, view));
    let port = view.broker.lease(lease).map(|lease| lease.port);
    let hint = port.map_or_else(
        || "`portus list` shows the leases".to_owned(),
        |port| format!("`portus explain {port}` tells more; `portus request` gives another port"),
    );
    let mut refusal = about(Refusal::new(Code::ForeignListener, message, hint), lease, view);
    refusal.facts.processes = process(by).into_iter().collect();
    refusal
}

/// Why a port was not acceptable, as the end of a sentence.
fn because(why: &Why, view: &View<'_>) -> String {
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

/// What the asker should know about a grant.
pub(crate) fn note(note: &Note, view: &View<'_>) -> String {
    match note {
        Note::PreferredUnavailable { key, port, why } => format!(
            "`{}` did not get its preferred port {port}: {} (`portus explain {port}`)",
            key.service,
            because(why, view)
        ),
        Note::ClaimUnavailable { key, port, why } => {
            format!("`{}` did not get its former port {port}: {}", key.service, because(why, view))
        }
        Note::FellBack { key, to } => {
            recovered(&format!("`{}` fell back to {to}, because its range is full", key.service))
        }
        Note::Expanded { key, to } => {
            recovered(&format!("expanded to {to}, because the range of `{}` is full", key.service))
        }
        Note::ClaimTaken { from, port } => format!(
            "port {port} was the number of `{}` of {} ({}), which did not run and gets another next time",
            from.service, from.project, from.worktree
        ),
        Note::SiblingUnclaimed { key } => format!("no number could be set aside for `{}`", key.service),
        Note::KeptOther { key, preferred } => format!(
            "`{}` keeps the port it has instead of the preferred {preferred}; `portus release {}` first to move",
            key.service, key.service
        ),
    }
}

/// What went wrong and was got over, in one form for notes and log.
pub(crate) fn recovered(how: &str) -> String {
    format!("recovered: {how}")
}

/// Stale leases were ended because ports were wanted.
pub(crate) fn cleaned(count: usize) -> String {
    format!("cleaned {count} stale lease{}", if count == 1 { "" } else { "s" })
}

/// What kept a request from being decided has passed.
pub(crate) fn tried_again(tries: usize, why: &str) -> String {
    format!("tried again {tries} time{}, because {why}", if tries == 1 { "" } else { "s" })
}

/// Names the ports that strangers have, and who they are where that is to be seen.
pub(crate) fn name_taken(refusal: &mut Refusal, taken: &[core::Port], seen: &[core::Sighting]) {
    let mut processes = Vec::new();
    let mut named = Vec::new();
    for port in taken {
        let listeners = seen.iter().find(|sighting| sighting.port == *port).map(|sighting| &sighting.listeners);
        let first = listeners.and_then(|listeners| listeners.iter().find_map(process));
        named.push(match first {
            Some(first) => {
                let text = format!("{port} by pid {} ({})", first.pid, first.command);
                processes.push(first);
                text
            }
            None => format!("{port} by a process that is not to be seen"),
        });
    }
    if !named.is_empty() {
        refusal.message.push_str(&format!("; taken: {}", named.join(", ")));
        refusal.facts.processes = processes;
    }
}

/// A range that the system draws client ports from serves badly.
pub(crate) fn ephemeral_note(range: core::PortRange, ephemeral: &EphemeralPorts) -> String {
    let reservation = ephemeral.reservation(range);
    let reserve = reservation.map(|command| format!(", or reserve it: `{command}`")).unwrap_or_default();
    format!(
        "the range {range} overlaps the system's ephemeral range {}: an outgoing connection may draw one of its ports \
         and make it unusable for a while; choose one outside of it{reserve}",
        ephemeral.range
    )
}

fn counted(reasons: core::Reasons) -> String {
    let all = [
        (reasons.leased, "leased"),
        (reasons.claimed, "other services' numbers"),
        (reasons.quarantined, "in quarantine"),
        (reasons.cooling, "freed just before"),
        (reasons.excluded, "excluded"),
        (reasons.taken, "taken by other programs"),
        (reasons.forbidden, "forbidden by the system"),
    ];
    let named: Vec<String> =
        all.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
    if named.is_empty() { "nothing to choose from".to_owned() } else { named.join(", ") }
}

const fn wire_reasons(reasons: core::Reasons) -> Reasons {
    let core::Reasons { leased, claimed, quarantined, cooling, excluded, taken, forbidden } = reasons;
    Reasons { leased, claimed, quarantined, cooling, excluded, taken, forbidden }
}

fn list(ranges: &[core::PortRange]) -> String {
    ranges.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
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
