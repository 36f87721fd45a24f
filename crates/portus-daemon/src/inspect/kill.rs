//! What may be ended for whom: decided on the ledger, before anything is signalled.

use std::collections::BTreeSet;

use portus_core::{Caller, Evidence, Lease, Port, ProcessIdentity};
use portus_proto::{Code, Process, Refusal};

use super::seen::Link;
use super::{Container, Seen};
use crate::translate::View;

/// What is to be ended: the roots of the trees, by identity.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// The port.
    pub(crate) port: Port,
    /// The top of each tree.
    pub(crate) roots: Vec<ProcessIdentity>,
    /// Why the trees may not be ended for this caller.
    pub(crate) refusal: Option<Refusal>,
}

/// Finds what serves the port, and whether the caller may end it. `spare` are the caller and its
/// ancestors: never ended, whatever the tree.
///
/// # Errors
/// When nobody listens, or what listens is ended for nobody.
pub(crate) fn plan(
    view: &View<'_>,
    port: Port,
    seen: &[Seen],
    caller: &Caller,
    spare: &BTreeSet<ProcessIdentity>,
) -> Result<Plan, Refusal> {
    let listeners: Vec<&Seen> = seen.iter().filter(|seen| seen.port == port && !seen.is_guard()).collect();
    if listeners.is_empty() {
        let message = format!("nobody listens on port {port}");
        return Err(Refusal::new(
            Code::NoListener,
            message,
            "there is nothing to end; `portus list` shows what is leased",
        ));
    }
    if let Some(never) = listeners.iter().find_map(|seen| untouchable(seen, spare)) {
        return Err(never);
    }
    let lease = view.broker.lease_on(port);
    let roots: BTreeSet<ProcessIdentity> = listeners.iter().filter_map(|seen| root(lease, seen, spare)).collect();
    let refusal = listeners.iter().find_map(|seen| foreign(view, lease, seen, caller)).filter(|_| !caller.force);
    Ok(Plan { port, roots: roots.into_iter().collect(), refusal })
}

/// Adds to a refusal what would be ended.
pub(crate) fn with_processes(mut refusal: Refusal, processes: Vec<Process>) -> Refusal {
    refusal.message = format!("{}; would end: {}", refusal.message, named(&processes));
    refusal.facts.processes = processes;
    refusal
}

/// What is to be known beside what would be ended, where ending it would be refused so.
pub(crate) fn needs_force(refusal: &Refusal) -> String {
    format!("only `--force` ends it: {}", refusal.message)
}

/// Some of what was to end lives on.
pub(crate) fn stuck(port: Port, ended: &[Process], stuck: Vec<Process>) -> Refusal {
    let mut message = format!("not everything on port {port} ended: {}", named(&stuck));
    if !ended.is_empty() {
        message.push_str(&format!("; ended: {}", named(ended)));
    }
    let mut refusal = Refusal::new(Code::Internal, message, "look at these processes; the kernel may hold them");
    refusal.facts.processes = stuck;
    refusal
}

/// Processes in a sentence.
fn named(processes: &[Process]) -> String {
    processes.iter().map(|one| format!("{} (pid {})", one.command, one.pid)).collect::<Vec<_>>().join(", ")
}

/// What is ended for nobody.
fn untouchable(seen: &Seen, spare: &BTreeSet<ProcessIdentity>) -> Option<Refusal> {
    let never = |message: String, hint: &str| Some(Refusal::new(Code::NotYours, message, hint));
    let stop = seen.container.as_ref().and_then(Container::stop);
    let port = seen.port;
    if seen.is_own() {
        let message = format!("port {port} is where this daemon serves its figures");
        return never(message, "unset `metrics.address`, or set another, then `portus daemon restart`");
    }
    if seen.listener.container_proxy || stop.is_some() {
        let container = seen.container.as_ref().map_or("a container".to_owned(), Container::described);
        let by = seen.listener.process.map(|process| format!(" by {} (pid {})", seen.listener.command, process.pid));
        let message = format!("port {port} is forwarded to {container}{}", by.unwrap_or_default());
        let hint = stop.unwrap_or("stop the container instead, with `docker stop` or your container tool".to_owned());
        return never(message, &hint);
    }
    let Some(process) = seen.listener.process.filter(|_| seen.listener.same_user) else {
        return never(
            format!("port {port} is served by another user's process"),
            "ask that user, or the administrator",
        );
    };
    if process.pid == 1 {
        return never(
            format!("port {port} is served by the first process of the system"),
            "stop its socket or service",
        );
    }
    if spare.contains(&process) {
        let message = format!("port {port} is served by the process that asks, or by one it descends from");
        return never(message, "end it from elsewhere");
    }
    None
}

/// Why a listener is not the caller's to end.
fn foreign(view: &View<'_>, lease: Option<&Lease>, seen: &Seen, caller: &Caller) -> Option<Refusal> {
    let port = seen.port;
    let refuse = |message: String| {
        let hint = format!("if it is yours to end: portus kill {port} --force");
        Some(Refusal::new(Code::NotYours, message, hint))
    };
    let Some(lease) = lease.filter(|lease| lease.protocol.covers(seen.listener.protocol)) else {
        return refuse(format!("port {port} is served by {}, which has no lease for it", seen.name()));
    };
    let service = &lease.key.service;
    match view.broker.evidence(lease, &seen.listener) {
        None => refuse(format!("port {port} is leased to `{service}`, but served by {}", seen.name())),
        Some(_) if lease.key.worktree != caller.worktree => {
            refuse(format!("port {port} is `{service}` of another worktree: {}", lease.key.worktree))
        }
        Some(Evidence::Presumed) => {
            refuse(format!("that {} on port {port} is `{service}` is only presumed", seen.name()))
        }
        Some(Evidence::Lineage | Evidence::Marker | Evidence::Worktree | Evidence::Confirm) => None,
    }
}

/// The top of the tree to end: as far up from the listener as processes belong to the lease, but
/// never `portus run` itself, never the caller or its ancestors, never the first process.
fn root(lease: Option<&Lease>, seen: &Seen, spare: &BTreeSet<ProcessIdentity>) -> Option<ProcessIdentity> {
    let endable = |link: &Link| link.process.pid != 1 && link.name != "portus" && !spare.contains(&link.process);
    let chain: Vec<&Link> = seen.chain.iter().take_while(|link| endable(link)).collect();
    // Everything below a living holder is its tree, and so is the holder if it may be ended. But everything is below
    // the first process of all.
    let holder = lease.and_then(|lease| lease.holder.as_ref()).map(|holder| holder.process);
    let holder = holder.filter(|holder| holder.pid > 1);
    let place = holder.and_then(|holder| seen.chain.iter().position(|link| link.process == holder));
    if let Some(place) = place {
        return chain.get(place).or(chain.last()).map(|link| link.process).or(seen.listener.process);
    }
    // The holder is gone, or there never was one: what carries the lease's mark belongs to it.
    let marked = lease.is_some_and(|lease| seen.listener.marker.contains(&lease.id));
    let top = chain.iter().take_while(|link| marked && link.marked).last();
    top.map(|link| link.process).or(seen.listener.process)
}

#[cfg(test)]
mod tests {
    use portus_core::{BootId, Holder, Key, LeaseId, LeaseState, Listener, Protocol, Requester, Timestamp};

    use super::*;

    #[test]
    fn what_ended_is_told_beside_what_did_not() {
        let process = |pid, command: &str| Process { pid, command: command.to_owned() };
        let port = Port::new(3_000).unwrap();
        let refusal = stuck(port, &[process(7, "npm"), process(8, "node")], vec![process(9, "disk")]);
        assert_eq!(
            refusal.message,
            "not everything on port 3000 ended: disk (pid 9); ended: npm (pid 7), node (pid 8)"
        );
        assert_eq!(refusal.facts.processes, [process(9, "disk")]);
        let refusal = stuck(port, &[], vec![process(9, "disk")]);
        assert_eq!(refusal.message, "not everything on port 3000 ended: disk (pid 9)");
    }

    fn process(pid: u32) -> ProcessIdentity {
        ProcessIdentity { pid, birth: u64::from(pid), boot: BootId(1) }
    }

    /// The top of the tree below a lease's holder, where a server is behind these processes, named as they are.
    fn top(holder: u32, chain: &[(u32, &str)]) -> Option<u32> {
        let link = |(pid, name): &(u32, &str)| Link {
            process: process(*pid),
            name: (*name).to_owned(),
            command: String::new(),
            marked: false,
        };
        let listener = Listener {
            protocol: Protocol::Tcp,
            process: Some(process(chain[0].0)),
            command: "node".into(),
            same_user: true,
            lineage: BTreeSet::new(),
            marker: BTreeSet::new(),
            worktree: None,
            container_proxy: false,
        };
        let seen = Seen {
            port: Port::new(3_000).unwrap(),
            address: String::new(),
            listener,
            is_placed: true,
            cwd: None,
            project: None,
            container: None,
            chain: chain.iter().map(link).collect(),
        };
        let lease = Lease {
            id: LeaseId(1),
            key: Key { project: "shop".into(), worktree: "/w".into(), service: "web".parse().unwrap() },
            port: seen.port,
            protocol: Protocol::Tcp,
            state: LeaseState::Pending { until: None },
            holder: Some(Holder { process: process(holder), command: "holder".into() }),
            orphaned: false,
            requester: Requester::default(),
            watched: BTreeSet::new(),
            guard: None,
            ttl: None,
            contested: false,
            drifted_to: None,
            granted_at: Timestamp::default(),
        };
        root(Some(&lease), &seen, &BTreeSet::new()).map(|process| process.pid)
    }

    #[test]
    fn what_a_holder_has_started_is_ended_but_nothing_above_it() {
        assert_eq!(top(80, &[(90, "node"), (80, "npm"), (70, "bash"), (1, "init")]), Some(80));
        assert_eq!(top(80, &[(90, "node"), (85, "npm"), (80, "portus"), (70, "bash"), (1, "init")]), Some(85));
        assert_eq!(top(60, &[(90, "node"), (80, "npm"), (70, "bash"), (1, "init")]), Some(90), "it is none of its");
        assert_eq!(top(1, &[(90, "node"), (80, "npm"), (70, "bash"), (1, "init")]), Some(90), "everything is below it");
    }
}
