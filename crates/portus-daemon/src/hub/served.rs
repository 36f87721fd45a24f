//! Ports that a request's holder serves already: whoever asks for the very port on which the process that it names
//! listens is not kept out by that server.

use std::collections::BTreeMap;
use std::sync::Arc;

use portus_core::{Holder, LeaseId, Listener, Look, Port, Protocol, Purpose, Request, Sighting, Survey};

use super::recover::work;
use super::{Hub, Requested};

/// A port that nothing else will do for.
struct Wanted {
    port: Port,
    protocol: Protocol,
    /// The worktree of the service that wants it.
    worktree: Arc<str>,
}

impl Hub {
    /// Has ports asked for, once it is known which of them the holder serves.
    pub(super) fn push_request_of_holder(&mut self, mut requested: Requested) {
        let wanted = served_perhaps(&requested.request);
        let Some(holder) = requested.request.holder.clone().filter(|_| !wanted.is_empty()) else {
            return self.push_request(requested);
        };
        let leased = self.engine.broker().live_leases();
        let leased = leased.map(|lease| (lease.id, Arc::clone(&lease.key.worktree))).collect();
        let gatherer = self.gatherer.clone();
        let places: Vec<_> = wanted.iter().map(|one| (one.port, one.protocol)).collect();
        self.beside(
            move || gatherer.sightings(places),
            move |seen| {
                requested.survey = survey(&wanted, &seen, &holder, &leased);
                Some(work(requested))
            },
        );
    }
}

/// The ports that nothing else will do for, where the holder is to have them and no guard is wanted. The first process
/// of all is everybody's ancestor: that a server descends from it says nothing.
fn served_perhaps(request: &Request) -> Vec<Wanted> {
    let tells = request.holder.as_ref().is_some_and(|holder| holder.process.pid > 1);
    if !tells || request.guard.is_some() {
        return Vec::new();
    }
    let strict = request.asks.iter().filter(|ask| ask.strict && ask.purpose == Purpose::Lease);
    let wanted = strict.filter_map(|ask| {
        Some(Wanted { port: ask.preferred?, protocol: ask.protocol, worktree: Arc::clone(&ask.key.worktree) })
    });
    wanted.collect()
}

/// Those of the ports on which only the holder's tree listens count as free: for it they are. A server of another
/// worktree (by its directory, or by its mark, which names one of the leases) is none of it, whoever started it.
fn survey(wanted: &[Wanted], seen: &[Sighting], holder: &Holder, leased: &BTreeMap<LeaseId, Arc<str>>) -> Survey {
    let is_of_tree =
        |listener: &Listener| listener.process == Some(holder.process) || listener.lineage.contains(&holder.process);
    let is_at_home = |listener: &Listener, worktree: &Arc<str>| {
        listener.worktree.as_ref().is_none_or(|found| found == worktree)
            && listener.marker.iter().filter_map(|id| leased.get(id)).all(|found| found == worktree)
    };
    let is_served = |one: &Wanted| {
        let listeners = || seen.iter().filter(|sighting| sighting.port == one.port).flat_map(|found| &found.listeners);
        listeners().next().is_some()
            && listeners().all(|listener| is_of_tree(listener) && is_at_home(listener, &one.worktree))
    };
    wanted.iter().filter(|one| is_served(one)).map(|one| ((one.port, one.protocol), Look::Free)).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use portus_core::{BootId, ProcessIdentity};

    use super::*;

    fn process(pid: u32) -> ProcessIdentity {
        ProcessIdentity { pid, birth: u64::from(pid), boot: BootId(1) }
    }

    /// A process that listens, and those that it descends from.
    fn listener(pid: Option<u32>, lineage: &[u32]) -> Listener {
        Listener {
            protocol: Protocol::Tcp,
            process: pid.map(process),
            command: "server".into(),
            same_user: true,
            lineage: lineage.iter().copied().map(process).collect(),
            marker: BTreeSet::new(),
            worktree: None,
            container_proxy: false,
        }
    }

    #[test]
    fn a_port_is_free_for_whoever_alone_serves_it() {
        let port = Port::new(3000).unwrap();
        let wanted = [Wanted { port, protocol: Protocol::Tcp, worktree: "/w".into() }];
        let leased = BTreeMap::from([(LeaseId(1), "/w".into()), (LeaseId(2), "/other".into())]);
        let holder = Holder { process: process(7), command: "npm".into() };
        let free = |listeners: Vec<Listener>| {
            let seen = survey(&wanted, &[Sighting { port, listeners }], &holder, &leased);
            seen.get(&(port, Protocol::Tcp)) == Some(&Look::Free)
        };
        assert!(free(vec![listener(Some(7), &[])]));
        assert!(free(vec![listener(Some(9), &[7, 1]), listener(Some(7), &[1])]));
        assert!(!free(vec![]), "nobody listens: the port is looked at as ever");
        assert!(!free(vec![listener(Some(9), &[1])]));
        assert!(!free(vec![listener(None, &[])]));
        assert!(!free(vec![listener(Some(7), &[]), listener(Some(8), &[])]), "somebody else listens there, too");
        let reborn = Listener { process: Some(ProcessIdentity { birth: 8, ..process(7) }), ..listener(None, &[]) };
        assert!(!free(vec![reborn]), "a reused pid is another process");
        let of = |worktree: &str| Listener { worktree: Some(worktree.into()), ..listener(Some(9), &[7, 1]) };
        assert!(free(vec![of("/w")]));
        assert!(!free(vec![of("/other")]), "a shell may have started servers of several worktrees");
        let marked = |id| Listener { marker: BTreeSet::from([LeaseId(id)]), ..listener(Some(9), &[7, 1]) };
        assert!(free(vec![marked(1)]));
        assert!(!free(vec![marked(2)]), "it carries the mark of another worktree's lease");
        assert!(free(vec![marked(3)]), "that lease is over");
    }
}
