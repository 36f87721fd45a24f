//! Whose port is it? One verdict, and the one next command.

use portus_core::{Caller, Evidence, Key, Lease, Look, Port};
use portus_proto::{Explanation, Process, Verdict};

use super::{Seen, free};
use crate::translate::View;

/// The verdict on a port: the first that applies. `bind` is how a bind went, where one was tried.
pub(crate) fn explain(view: &View<'_>, port: Port, seen: &[Seen], bind: Option<Look>, caller: &Caller) -> Explanation {
    let listeners: Vec<&Seen> = seen.iter().filter(|seen| seen.port == port && !seen.is_guard()).collect();
    let lease = view.broker.lease_on(port).or_else(|| drifted(view, port, &listeners));
    let mine = lease.is_some_and(|lease| lease.key.worktree == caller.worktree);
    let verdict = verdict(view, port, lease, mine, &listeners);
    let first = listeners.first();
    let (why, next_of_free) = free::reserve(view, port, bind, caller).filter(|_| verdict == Verdict::Free).unzip();
    Explanation {
        port,
        verdict,
        mine,
        lease: lease.map(|lease| view.lease(lease)),
        ancestors: first.map(|seen| ancestors(seen)).unwrap_or_default(),
        next: match first {
            Some(first) if first.is_own() => "portus metrics".to_owned(),
            first => {
                let known = stop(verdict, first).or(next_of_free);
                known.unwrap_or_else(|| next(view, verdict, port, lease, caller))
            }
        },
        why,
        listeners: listeners.iter().map(|seen| seen.shape(view)).collect(),
    }
}

/// The lease whose own server listens here, instead of on its port.
fn drifted<'a>(view: &View<'a>, port: Port, listeners: &[&Seen]) -> Option<&'a Lease> {
    let mut leases = view.broker.live_leases().filter(|lease| lease.drifted_to == Some(port));
    leases.find(|lease| {
        let of_tree = |evidence| matches!(evidence, Some(Evidence::Lineage | Evidence::Marker));
        listeners.iter().any(|seen| of_tree(view.broker.evidence(lease, &seen.listener)))
    })
}

fn verdict(view: &View<'_>, port: Port, lease: Option<&Lease>, mine: bool, listeners: &[&Seen]) -> Verdict {
    if view.broker.quarantine_on(port).is_some() {
        return Verdict::Quarantined;
    }
    let Some(lease) = lease else {
        return if listeners.is_empty() { Verdict::Free } else { Verdict::Unmanaged };
    };
    let mut concerned = listeners.iter().filter(|seen| lease.protocol.covers(seen.listener.protocol)).peekable();
    if concerned.peek().is_some() {
        let stranger = concerned.any(|seen| view.broker.evidence(lease, &seen.listener).is_none());
        return match (stranger, mine) {
            (true, _) => Verdict::Contested,
            (false, true) => Verdict::Mine,
            (false, false) => Verdict::OtherWorktree,
        };
    }
    if lease.guard.is_some() && (view.guarded)(port) { Verdict::Guarded } else { Verdict::Leased }
}

fn ancestors(seen: &Seen) -> Vec<Process> {
    seen.chain.iter().map(|link| Process { pid: link.process.pid, command: link.command.clone() }).collect()
}

/// How to come by a port that only a container has, which `portus kill` does not end.
fn stop(verdict: Verdict, first: Option<&&Seen>) -> Option<String> {
    first.filter(|_| verdict == Verdict::Unmanaged)?.container.as_ref()?.stop()
}

/// The one next command.
fn next(view: &View<'_>, verdict: Verdict, port: Port, lease: Option<&Lease>, caller: &Caller) -> String {
    let mine = lease.is_some_and(|lease| lease.key.worktree == caller.worktree);
    let service = lease.map(|lease| lease.key.service.to_string()).unwrap_or_default();
    let drifted = lease.and_then(|lease| lease.drifted_to).filter(|_| mine);
    match verdict {
        Verdict::Quarantined => format!("portus revive {port}"),
        Verdict::Contested if mine => format!("portus request {service}"),
        // From its next start on the number is the service's own.
        Verdict::Mine if lease.is_some_and(|lease| lease.port != port) => {
            format!("portus pin {service} --port {port}")
        }
        Verdict::Mine => format!("portus get {service} --url"),
        Verdict::Leased if drifted.is_some() => {
            drifted.map(|elsewhere| format!("portus explain {elsewhere}")).unwrap_or_default()
        }
        Verdict::Guarded | Verdict::Leased if mine => format!("portus run -s {service} -- CMD"),
        Verdict::Unmanaged => format!("portus kill {port} --dry-run"),
        Verdict::Free => format!("portus run --port {port} -- CMD"),
        Verdict::Contested | Verdict::OtherWorktree | Verdict::Guarded | Verdict::Leased => {
            // The caller's own service of that name is what it means by the port.
            let own = lease.map(|lease| Key { worktree: caller.worktree.clone(), ..lease.key.clone() });
            let running = own.is_some_and(|key| view.broker.lease_of(&key).is_some());
            if running { format!("portus get {service} --url") } else { format!("portus request {service}") }
        }
    }
}
