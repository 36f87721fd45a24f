//! The things people and scripts see, in the shapes that `--json` promises.

use portus_core::{EndReason, Evidence, LeaseId, Port, Protocol, ServiceName, StateWord};
use serde::{Deserialize, Serialize};

use super::time::WallTime;

/// A live or ended lease.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// Its number.
    pub id: LeaseId,
    /// The project's name.
    pub project: String,
    /// The worktree's path.
    pub worktree: String,
    /// The service.
    pub service: ServiceName,
    /// The port.
    pub port: Port,
    /// What for.
    pub protocol: Protocol,
    /// Where it stands.
    pub state: StateWord,
    /// Whether it was there already when asked for.
    pub reused: bool,
    /// Whether somebody without evidence listens on the port.
    pub contested: bool,
    /// Whether its holder is gone while its server lives on.
    pub orphaned: bool,
    /// The other port its holder's tree listens on.
    pub drifted_to: Option<Port>,
    /// Why it is believed to be up.
    pub evidence: Option<Evidence>,
    /// What a health check last said.
    pub health: Health,
    /// Whether the port is kept in the kernel just now.
    pub guarded: bool,
    /// Whether the number stays this key's for good.
    pub pinned: bool,
    /// The root of the process tree it belongs to.
    pub holder: Option<Process>,
    /// Who asked.
    pub requester: Requester,
    /// Since when.
    pub granted_at: WallTime,
    /// Until when, unless something happens.
    pub expires_at: Option<WallTime>,
    /// Why and when it ended.
    pub ended: Option<Ended>,
}

/// What a health check said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// It answers as it should.
    Healthy,
    /// It does not.
    Unhealthy,
    /// Nobody has asked.
    #[default]
    Unknown,
}

impl Health {
    /// The word for it, as on the wire.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Unhealthy => "unhealthy",
            Self::Unknown => "unknown",
        }
    }
}

/// A process, for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// Its number.
    pub pid: u32,
    /// Its command.
    pub command: String,
}

/// Who asked for a lease.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(default)]
pub struct Requester {
    /// The asking process.
    pub pid: Option<u32>,
    /// Its command.
    pub command: String,
    /// The coding agent's session.
    pub session: Option<String>,
    /// The client program.
    pub client: Option<String>,
}

/// The end of a lease.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// Why.
    pub reason: EndReason,
    /// When.
    pub at: WallTime,
}

/// A key's own number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// The project's name.
    pub project: String,
    /// The worktree's path.
    pub worktree: String,
    /// The service.
    pub service: ServiceName,
    /// The port.
    pub port: Port,
    /// What for.
    pub protocol: Protocol,
    /// Whether it stays for good.
    pub pinned: bool,
    /// When a lease last used it.
    pub last_used: WallTime,
}

/// One socket of one process that listens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listener {
    /// The port.
    pub port: Port,
    /// `tcp` or `udp`.
    pub protocol: Protocol,
    /// The local address.
    pub address: String,
    /// The process, where the system lets us see it.
    pub pid: Option<u32>,
    /// Its command; empty where it is not to be seen.
    pub command: String,
    /// Its working directory.
    pub cwd: Option<String>,
    /// The project that lies in.
    pub project: Option<String>,
    /// The worktree that lies in.
    pub worktree: Option<String>,
    /// The live lease it serves.
    pub lease: Option<LeaseId>,
    /// The container it forwards to.
    pub container: Option<String>,
    /// Whether it is a guard of ours (UDP only: TCP guards do not listen).
    pub guard: bool,
}

/// A port not to be handed out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quarantine {
    /// The port.
    pub port: Port,
    /// `revived` (until somebody revives it) or `reboot`.
    pub until: portus_core::QuarantineUntil,
    /// Why.
    pub reason: String,
    /// Since when.
    pub since: WallTime,
}
