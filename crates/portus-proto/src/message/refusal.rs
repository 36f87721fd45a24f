//! A no: kind, facts, hint.

use portus_core::{LeaseId, Port, PortRange};
use serde::{Deserialize, Serialize};

use super::shape::{Lease, Process};

/// A no. `code` and `facts` are for programs, `message` and `hint` for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// Stable.
    pub code: Code,
    /// What happened.
    pub message: String,
    /// What to do next.
    pub hint: String,
    /// The facts, as far as the code has some.
    #[serde(default)]
    pub facts: Box<Facts>,
}

/// The stable code words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// Nothing acceptable among all candidates.
    NoPortAvailable,
    /// The one port that would do is not acceptable.
    PortUnavailable,
    /// The key is in use by another holder.
    AlreadyRunning,
    /// No such live lease.
    NoSuchLease,
    /// No such claim.
    NoSuchClaim,
    /// The port is not in quarantine.
    NotQuarantined,
    /// Nobody listens there.
    NoListener,
    /// Who listens is provably somebody else.
    ForeignListener,
    /// Another worktree's, or nobody's we know.
    NotYours,
    /// A limit is reached.
    LimitReached,
    /// The request makes no sense.
    BadRequest,
    /// No such method.
    UnknownMethod,
    /// The frame is longer than allowed.
    FrameTooLong,
    /// The payload could not be read.
    Malformed,
    /// The client's protocol is not spoken here.
    ProtocolMismatch,
    /// Another user's client.
    WrongUser,
    /// The client lives in another network namespace.
    OtherNetwork,
    /// The named process does not exist.
    NoSuchProcess,
    /// The change could not be written down; nothing was changed.
    JournalFailed,
    /// The daemon ran out of descriptors.
    NoDescriptors,
    /// Time ran out while waiting.
    TimedOut,
    /// The daemon is leaving.
    Stopping,
    /// The subscriber was too slow.
    TooSlow,
    /// Not on this system.
    Unsupported,
    /// Something of ours went wrong.
    Internal,
}

/// The facts behind a refusal. Absent ones are null or empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(default)]
pub struct Facts {
    /// The port concerned.
    pub port: Option<Port>,
    /// The lease concerned, or in the way.
    pub lease: Option<Lease>,
    /// Its number, when the lease itself is not known any more.
    pub lease_id: Option<LeaseId>,
    /// Where was looked.
    pub ranges: Vec<PortRange>,
    /// How many ports were not acceptable, by reason.
    pub reasons: Option<Reasons>,
    /// The processes in the way, or that would be ended.
    pub processes: Vec<Process>,
    /// The limit reached.
    pub max: Option<u64>,
    /// After how many milliseconds it may be otherwise.
    pub retry_after_ms: Option<u64>,
}

/// How many ports were not acceptable, by reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(default)]
pub struct Reasons {
    /// Leased.
    pub leased: u32,
    /// Another key's number.
    pub claimed: u32,
    /// Not to be handed out.
    pub quarantined: u32,
    /// Freed just before.
    pub cooling: u32,
    /// Blocked by browsers or excluded by the user.
    pub excluded: u32,
    /// Bound by somebody outside the ledger.
    pub taken: u32,
    /// Forbidden by the system.
    pub forbidden: u32,
}
