//! What the operating system showed about ports at one moment. Never kept as state.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{LeaseId, Port, ProcessIdentity, Protocol};

/// What binding a port showed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Look {
    /// It could be bound (and, until the command ends, it is).
    Free,
    /// Somebody has it.
    Taken,
    /// The system forbids it (below 1024 without the right, or reserved).
    Forbidden,
    /// This process has no descriptor left to look with.
    NoDescriptors,
}

/// What was seen at the ports that a shortlist named, by port and protocol wished.
pub type Survey = BTreeMap<(Port, Protocol), Look>;

/// One process that listens on a port, with what is needed to tell whose it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Listener {
    /// `Tcp` or `Udp`, never `Both`.
    pub protocol: Protocol,
    /// The process; `None` when the system does not let us see it.
    pub process: Option<ProcessIdentity>,
    /// Its command, for people.
    pub command: Arc<str>,
    /// Whether it runs as the daemon's own user.
    pub same_user: bool,
    /// Its ancestors, its process group's leader and its session's leader, as far as they live.
    pub lineage: BTreeSet<ProcessIdentity>,
    /// The leases that `PORTUS_LEASE` in its environment names, if that names this journal.
    pub marker: BTreeSet<LeaseId>,
    /// The innermost checkout (or directory of a project) that its working directory lies in.
    pub worktree: Option<Arc<str>>,
    /// Whether it only forwards to a container (`docker-proxy` and its like).
    pub container_proxy: bool,
}

/// Who listens on one port at one moment. Empty means that nobody does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighting {
    /// The port looked at.
    pub port: Port,
    /// Everybody who listens there.
    pub listeners: Vec<Listener>,
}
