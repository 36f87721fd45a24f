//! Ports that a request's holder serves already: whoever asks for the very port on which the process that it names
//! listens is not kept out by that server.

use std::collections::BTreeSet;

use portus_core::{Holder, Look, Port, Protocol, Purpose, Request, Sighting, Survey};

use super::recover::work;
use super::{Hub, Requested};

impl Hub {
    /// Has ports asked for, once it is known which of them the holder serves.
    pub(super) fn push_request_of_holder(&mut self, mut requested: Requested) {
        let ports = served_perhaps(&requested.request);
        let Some(holder) = requested.request.holder.clone().filter(|_| !ports.is_empty()) else {
            return self.push_request(requested);
        };
        let gatherer = self.gatherer.clone();
        let wanted = ports.clone();
        self.beside(
            move || gatherer.sightings(wanted),
            move |seen| {
                requested.survey = survey(&ports, &seen, &holder);
                Some(work(requested))
            },
        );
    }
}

/// The ports that nothing else will do for, where the holder is to have them and no guard is wanted.
fn served_perhaps(request: &Request) -> BTreeSet<(Port, Protocol)> {
    if request.holder.is_none() || request.guard.is_some() {
        return BTreeSet::new();
    }
    let strict = request.asks.iter().filter(|ask| ask.strict && ask.purpose == Purpose::Lease);
    strict.filter_map(|ask| Some((ask.preferred?, ask.protocol))).collect()
}

/// Those of the ports on which only the holder's tree listens count as free: for it they are.
fn survey(ports: &BTreeSet<(Port, Protocol)>, seen: &[Sighting], holder: &Holder) -> Survey {
    let is_of_tree = |listener: &portus_core::Listener| {
        listener.process == Some(holder.process) || listener.lineage.contains(&holder.process)
    };
    let is_served = |port: Port| {
        let listeners = || seen.iter().filter(|sighting| sighting.port == port).flat_map(|found| &found.listeners);
        listeners().next().is_some() && listeners().all(is_of_tree)
    };
    ports.iter().filter(|(port, _)| is_served(*port)).map(|place| (*place, Look::Free)).collect()
}

#[cfg(test)]
mod tests {
    use portus_core::{BootId, Listener, ProcessIdentity};

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
        let ports = BTreeSet::from([(port, Protocol::Tcp)]);
        let holder = Holder { process: process(7), command: "npm".into() };
        let free = |listeners: Vec<Listener>| {
            let seen = survey(&ports, &[Sighting { port, listeners }], &holder);
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
    }
}
