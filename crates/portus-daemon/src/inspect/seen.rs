//! A listener with everything that people are told about it.

use portus_core::{Listener, Port, ProcessIdentity, Protocol};
use portus_proto as proto;

use super::Container;
use crate::translate::View;

/// One socket of one process that listens, as it was seen at one moment.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    /// On which port.
    pub(crate) port: Port,
    /// On which local address.
    pub(crate) address: String,
    /// What the rules need to know.
    pub(crate) listener: Listener,
    /// Whether it can be told whose it is: [`Described::is_placed`](crate::observer::Described).
    pub(crate) is_placed: bool,
    /// Its working directory.
    pub(crate) cwd: Option<String>,
    /// The project that lies in.
    pub(crate) project: Option<String>,
    /// The container it forwards to.
    pub(crate) container: Option<Container>,
    /// From the process itself up to the first; empty unless asked for.
    pub(crate) chain: Vec<Link>,
}

/// One process of a chain of ancestors.
#[derive(Debug, Clone)]
pub(crate) struct Link {
    /// Who.
    pub(crate) process: ProcessIdentity,
    /// Its short name.
    pub(crate) name: String,
    /// Its command.
    pub(crate) command: String,
    /// Whether its environment names the same leases as the listener's.
    pub(crate) marked: bool,
}

impl Seen {
    /// As people and scripts see it. The lease is named only when the listener serves it.
    pub(crate) fn shape(&self, view: &View<'_>) -> proto::Listener {
        let lease = view.broker.lease_on(self.port).filter(|lease| lease.protocol.covers(self.listener.protocol));
        let served = lease.filter(|lease| view.broker.evidence(lease, &self.listener).is_some());
        let pid = self.listener.process.map(|process| process.pid);
        proto::Listener {
            port: self.port,
            protocol: self.listener.protocol,
            address: self.address.clone(),
            pid,
            command: self.listener.command.to_string(),
            cwd: self.cwd.clone(),
            project: self.project.clone(),
            worktree: self.listener.worktree.as_deref().map(str::to_owned),
            lease: served.map(|lease| lease.id),
            container: self.container.as_ref().map(Container::to_string),
            guard: self.is_guard(),
        }
    }

    /// Whether it is a guard: a socket for UDP of this very process. Those for TCP do not listen.
    pub(crate) fn is_guard(&self) -> bool {
        self.is_own() && self.listener.protocol == Protocol::Udp
    }

    /// Whether it is a socket of this very process: a guard, or where figures are served.
    pub(crate) fn is_own(&self) -> bool {
        self.listener.process.is_some_and(|process| process.pid == std::process::id())
    }

    /// For sentences: the command and the process, or what is known instead.
    pub(crate) fn name(&self) -> String {
        match (self.listener.process, &self.container) {
            (_, Some(container)) => container.described(),
            (Some(process), None) => format!("{} (pid {})", self.listener.command, process.pid),
            (None, None) => "a process of another user".to_owned(),
        }
    }
}
