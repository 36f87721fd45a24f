//! What the daemon answers.

use portus_core::{Evidence, Port, ServiceName};
use serde::{Deserialize, Serialize};

use super::event::Event;
use super::refusal::Refusal;
use super::shape::{Claim, Lease, Listener, Process, Quarantine};
use super::stats::Stats;

/// One frame from the daemon after the greeting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ServerFrame {
    /// The answer to a call.
    Reply(ReplyFrame),
    /// Something happened; only after `subscribe`.
    Event(Event),
    /// The connection ends, for this reason.
    Goodbye(Refusal),
}

/// The answer to a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplyFrame {
    /// The call's.
    pub id: u64,
    /// Yes or no.
    pub outcome: Outcome,
}

/// Yes or no.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Yes.
    Ok(Reply),
    /// No; nothing was changed.
    Refused(Refusal),
}

/// A yes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// It is so.
    Done,
    /// Leases, in the order asked for.
    Leases(LeasesReply),
    /// The leases of a scope.
    Listing(ListingReply),
    /// Claims.
    Claims(Vec<Claim>),
    /// Quarantined ports.
    Quarantines(Vec<Quarantine>),
    /// What came of a suspicion.
    Suspected(Suspected),
    /// Who listens.
    Listeners(Vec<Listener>),
    /// Whose port it is.
    Explained(Box<Explanation>),
    /// Whose servers they are.
    Verified(Verification),
    /// What was ended, or would be.
    Killed(Killed),
    /// A worktree's mirror is up to date, or why it is not.
    Mirrored(Mirrored),
    /// The daemon.
    Status(Status),
    /// Its figures.
    Stats(Box<Stats>),
}

/// Leases, and what the asker should know about them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeasesReply {
    /// The leases.
    pub leases: Vec<Lease>,
    /// Sentences for people and agents.
    pub notes: Vec<String>,
    /// The file that mirrors the worktree's leases, relative to it. Only an answer to `request` says so.
    #[serde(default)]
    pub mirror: Option<String>,
}

/// The leases of a scope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListingReply {
    /// The leases.
    pub leases: Vec<Lease>,
    /// How many live leases there are outside the scope.
    pub elsewhere: u32,
}

/// What came of a suspicion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Suspected {
    /// The port is free (and no guard keeps it), or its own server has it: it was not the reason.
    Cleared,
    /// The port could not be bound. The lease has ended; ask for another.
    Abandoned {
        /// Who sits there; empty when nobody shows, and then the port is avoided until reboot.
        by: Vec<Process>,
    },
}

/// The verdict on a port: the first that applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Not to be handed out.
    Quarantined,
    /// Leased, and somebody without evidence listens.
    Contested,
    /// The caller's own server listens.
    Mine,
    /// Another key's server listens.
    OtherWorktree,
    /// Somebody listens without a lease.
    Unmanaged,
    /// Leased, nobody listens, and kept in the kernel.
    Guarded,
    /// Leased, and nobody listens.
    Leased,
    /// Nothing of all that.
    Free,
}

/// Whose port it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explanation {
    /// The port.
    pub port: Port,
    /// The verdict.
    pub verdict: Verdict,
    /// Whether the lease's key is the caller's worktree's.
    pub mine: bool,
    /// The live lease.
    pub lease: Option<Lease>,
    /// Who listens.
    pub listeners: Vec<Listener>,
    /// From the first listener's process up to the first.
    pub ancestors: Vec<Process>,
    /// What is to be known of a free port before it is asked for: whose number it is, or why it is not to be had.
    #[serde(default)]
    pub why: Option<String>,
    /// The one next command.
    pub next: String,
}

/// Whose servers they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verification {
    /// Whether all are the worktree's own.
    pub ok: bool,
    /// Each service.
    pub services: Vec<VerifiedService>,
}

/// Whose server one service's is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifiedService {
    /// The service.
    pub service: ServiceName,
    /// Its port, if it has a lease.
    pub port: Option<Port>,
    /// Why its listener is believed to be its own.
    pub evidence: Option<Evidence>,
    /// Whether it is.
    pub ok: bool,
    /// Why, or why not.
    pub why: String,
}

/// What was ended, or would be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Killed {
    /// The port.
    pub port: Port,
    /// The processes.
    pub killed: Vec<Process>,
    /// Whether it was only told.
    pub dry_run: bool,
    /// Where it was only told: whose it is, and what ending it takes, unless it is the caller's own.
    #[serde(default)]
    pub notes: Vec<String>,
}

/// What the daemon says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Its process.
    pub pid: u32,
    /// Its version.
    pub version: String,
    /// Its directory.
    pub home: String,
    /// Live leases.
    pub leases: u32,
    /// Claims.
    pub claims: u32,
    /// Open connections, the asker's included.
    pub connections: u32,
    /// Guards held in the kernel.
    pub guards: u32,
    /// Since its start, in seconds.
    pub uptime_s: u64,
    /// The journal's uuid.
    pub journal: String,
    /// Where a journal that could not be read was set aside, if one was at the start.
    pub set_aside: Option<String>,
    /// The pool ports come from unless a range is named.
    pub pool: portus_core::PortRange,
}

/// A worktree's mirror, as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mirrored {
    /// The file, relative to the worktree; none if it has none.
    #[serde(default)]
    pub path: Option<String>,
    /// Sentences for people and agents: what was set aside, and why the file is not up to date.
    pub notes: Vec<String>,
}
