//! Who lives on the simulated machine: processes whose numbers are used again, and who listens where.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use portus_core::{BootId, Lease, LeaseId, Listener, Port, ProcessIdentity, Protocol, Sighting};

/// The worktrees, by number. The first two are one project's.
pub const WORKTREES: [(&str, &str); 3] = [("shop", "/shop"), ("shop", "/shop-2"), ("blog", "/blog")];

/// One living process.
#[derive(Debug, Clone)]
struct Resident {
    identity: ProcessIdentity,
    worktree: u8,
    /// Who begot it, and who begot those; whether they live or not.
    ancestors: BTreeSet<ProcessIdentity>,
}

/// Everybody but the daemon.
#[derive(Debug, Clone)]
pub struct Town {
    boot: BootId,
    births: u64,
    residents: BTreeMap<u8, Resident>,
    /// Who ended since anybody asked.
    graves: Vec<ProcessIdentity>,
    /// Who listens; `None` is somebody of another user.
    listeners: BTreeMap<u16, Option<u8>>,
}

impl Town {
    /// Nobody is there.
    pub fn new(boot: u128) -> Self {
        let (residents, graves, listeners) = (BTreeMap::new(), Vec::new(), BTreeMap::new());
        Self { boot: BootId(boot), births: 0, residents, graves, listeners }
    }

    /// The boot.
    pub const fn boot(&self) -> BootId {
        self.boot
    }

    /// The living process of a number.
    pub fn process(&self, pid: u8) -> Option<ProcessIdentity> {
        self.residents.get(&pid).map(|resident| resident.identity)
    }

    /// The living, by number.
    pub fn pids(&self) -> Vec<u8> {
        self.residents.keys().copied().collect()
    }

    /// The ports that somebody listens on.
    pub fn ports(&self) -> Vec<u16> {
        self.listeners.keys().copied().collect()
    }

    /// The ports that somebody of another user has.
    pub fn intruded(&self) -> Vec<u16> {
        self.listeners.iter().filter(|(_, who)| who.is_none()).map(|(port, _)| *port).collect()
    }

    /// Whether exactly this process lives.
    pub fn lives(&self, process: ProcessIdentity) -> bool {
        self.residents.values().any(|resident| resident.identity == process)
    }

    /// Whether nobody listens on a port.
    pub fn is_silent(&self, port: u16) -> bool {
        !self.listeners.contains_key(&port)
    }

    /// A process begins, unless its number is taken or its parent is none.
    pub fn spawn(&mut self, pid: u8, worktree: u8, parent: Option<u8>) {
        let begetter = parent.and_then(|parent| self.residents.get(&parent));
        if self.residents.contains_key(&pid) || parent.is_some() != begetter.is_some() {
            return;
        }
        let mut ancestors = begetter.map(|parent| parent.ancestors.clone()).unwrap_or_default();
        ancestors.extend(begetter.map(|parent| parent.identity));
        self.births += 1;
        let identity = ProcessIdentity { pid: pid.into(), birth: self.births, boot: self.boot };
        self.residents.insert(pid, Resident { identity, worktree, ancestors });
    }

    /// A process ends, and what it listened on falls silent: those ports.
    pub fn exit(&mut self, pid: u8) -> Vec<u16> {
        self.graves.extend(self.residents.remove(&pid).map(|resident| resident.identity));
        let silent: Vec<u16> =
            self.listeners.iter().filter(|(_, who)| **who == Some(pid)).map(|(port, _)| *port).collect();
        self.listeners.retain(|port, _| !silent.contains(port));
        silent
    }

    /// Takes the list of those who ended.
    pub fn take_graves(&mut self) -> Vec<ProcessIdentity> {
        std::mem::take(&mut self.graves)
    }

    /// Listens, unless somebody does already: whether it does.
    pub fn listen(&mut self, who: Option<u8>, port: u16) -> bool {
        if !self.is_silent(port) || who.is_some_and(|pid| !self.residents.contains_key(&pid)) {
            return false;
        }
        self.listeners.insert(port, who);
        true
    }

    /// An intruder leaves: whether one was there.
    pub fn vanish(&mut self, port: u16) -> bool {
        let intruder = self.listeners.get(&port) == Some(&None);
        intruder && self.listeners.remove(&port).is_some()
    }

    /// Everybody is gone; another boot.
    pub fn reboot(&mut self) {
        *self = Self { births: self.births, ..Self::new(self.boot.0 + 1) };
    }

    /// What a look at a port shows.
    pub fn sighting(&self, port: Port) -> Sighting {
        let listeners = self.listeners.get(&port.number()).map(|who| self.listener(*who));
        Sighting { port, listeners: listeners.into_iter().collect() }
    }

    fn listener(&self, who: Option<u8>) -> Listener {
        let resident = who.and_then(|pid| self.residents.get(&pid));
        let place = |resident: &Resident| Arc::from(WORKTREES[usize::from(resident.worktree)].1);
        Listener {
            protocol: Protocol::Tcp,
            process: resident.map(|resident| resident.identity),
            command: "server".into(),
            same_user: resident.is_some(),
            lineage: resident.map(|resident| resident.ancestors.clone()).unwrap_or_default(),
            marker: BTreeSet::new(),
            worktree: resident.map(place),
            container_proxy: false,
        }
    }

    /// What lives on of a lease's tree.
    pub fn survivors(&self, lease: &Lease) -> (LeaseId, Vec<ProcessIdentity>) {
        let roots: BTreeSet<ProcessIdentity> =
            lease.holder.iter().map(|holder| holder.process).chain(lease.watched.iter().copied()).collect();
        let of_tree =
            |resident: &&Resident| roots.contains(&resident.identity) || !resident.ancestors.is_disjoint(&roots);
        (lease.id, self.residents.values().filter(of_tree).map(|resident| resident.identity).collect())
    }
}
