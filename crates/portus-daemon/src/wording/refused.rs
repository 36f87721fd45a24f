//! What the rules refuse, in sentences.

use std::collections::BTreeSet;

use portus_core as core;
use portus_core::{Limited, Why};
use portus_proto::{Code, Reasons, Refusal};

use super::{BOUND_IN_SILENCE, about, bad_request, because, described, limit, no_such_lease, on_port, span};
use crate::translate::{View, process};

/// What the core refuses, in sentences.
pub(crate) fn refusal(refusal: &core::Refusal, view: &View<'_>) -> Refusal {
    use core::Refusal as No;
    match refusal {
        No::NoPort { key, ranges, reasons, taken: _, preferred } => {
            let what = format!("no port for `{}` of {}", key.service, key.project);
            let mut refusal = none_acceptable(&what, ranges, *reasons, false, view);
            if let Some((port, why)) = preferred {
                refusal.message.push_str(&format!("; the preferred port {port}: {}", because(why, view)));
            }
            refusal
        }
        No::NoBlock { key, count, ranges, reasons } => {
            let what = format!("no {count} ports in a row for `{}` of {}", key.service, key.project);
            none_acceptable(&what, ranges, *reasons, true, view)
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
            on_port(Refusal::new(Code::NotQuarantined, message, "`portus quarantine` lists the ports that are"), *port)
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

fn none_acceptable(
    what: &str,
    ranges: &[core::PortRange],
    reasons: core::Reasons,
    in_row: bool,
    view: &View<'_>,
) -> Refusal {
    let mut message = format!("{what} in {}: {}", list(ranges), counted(reasons));
    let cooling = cooling(ranges, view);
    let soonest = cooling.iter().min().copied();
    let mut ways = Vec::new();
    if let Some(soonest) = soonest {
        let (count, left) = (cooling.len(), span(soonest));
        message.push_str(&format!("; {count} of them kept after use, the first for another {left}"));
        ways.push(format!("ask again in {left}"));
    }
    ways.push("name another `--range` or a `--fallback`".to_owned());
    if reasons.leased > 0 {
        ways.push("give back a lease (`portus list --all`, `portus release PORT`)".to_owned());
    }
    // An unused number gives way by itself once its port has cooled down, but not for a row.
    let gives_way = if in_row { 0 } else { cooling.len() };
    if reasons.claimed as usize > gives_way {
        ways.push("give up a number (`portus claims --all`, `portus forget PORT`)".to_owned());
    }
    let mut refusal = Refusal::new(Code::NoPortAvailable, message, ways.join(", or "));
    refusal.facts.ranges = ranges.to_vec();
    refusal.facts.reasons = Some(wire_reasons(reasons));
    refusal.facts.retry_after_ms = soonest.map(core::Span::as_millis);
    refusal
}

/// For how long those ports are kept which are to be had once they have cooled down.
fn cooling(ranges: &[core::PortRange], view: &View<'_>) -> Vec<core::Span> {
    let broker = view.broker;
    let waits = |port: &core::Port| {
        let barred = broker.is_excluded(*port) || broker.quarantine_on(*port).is_some();
        !barred && broker.lease_on(*port).is_none() && broker.claim_on(*port).is_none_or(|claim| !claim.pinned)
    };
    let ports: BTreeSet<core::Port> = ranges.iter().flat_map(|range| range.iter_from(0)).filter(waits).collect();
    let until = |port: core::Port| broker.cooling_on(port).map(|(_, until)| until);
    ports
        .into_iter()
        .filter_map(until)
        .filter(|until| *until > view.now.awake)
        .map(|until| until.since(view.now.awake))
        .collect()
}

fn port_unavailable(key: &core::Key, port: core::Port, why: &Why, view: &View<'_>) -> Refusal {
    let message = format!("port {port} is not to be had for `{}`: {}", key.service, because(why, view));
    let hint = match why {
        Why::Leased { .. } => {
            let wait = format!("`portus request {} --port {port} --wait 30s` waits for it", key.service);
            format!("`portus explain {port}` tells more, {wait}; without `--strict` you get another")
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
    if sighting.listeners.is_empty() {
        // Nobody is to be seen there, and nobody to be ended.
        refusal.message.push_str(&format!(" (nobody listens: {BOUND_IN_SILENCE})"));
        refusal.hint = "take another port, or wait for it with `--wait 30s`".to_owned();
    }
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

fn counted(reasons: core::Reasons) -> String {
    let all = [
        (reasons.leased, "leased"),
        (reasons.claimed, if reasons.claimed == 1 { "number of another service" } else { "numbers of other services" }),
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
