//! A no: kind, facts, hint.

use portus_core::{LeaseId, Port, PortRange};
use serde::{Deserialize, Serialize};

use super::shape::{Lease, Process};
use crate::frame::FrameError;

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

impl Refusal {
    /// A no without facts.
    #[must_use]
    pub fn new(code: Code, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { code, message: message.into(), hint: hint.into(), facts: Box::default() }
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(&self.message)
    }
}

impl std::error::Error for Refusal {}

impl From<&FrameError> for Refusal {
    fn from(error: &FrameError) -> Self {
        let mut refusal = match error {
            FrameError::TooLong { .. } => Self::new(
                Code::FrameTooLong,
                error.to_string(),
                "send less at a time; a frame is four bytes of length, big-endian, then as many bytes of payload",
            ),
            FrameError::Empty | FrameError::Truncated { .. } => Self::new(
                Code::Malformed,
                error.to_string(),
                "a frame is four bytes of length, big-endian, then as many bytes of payload",
            ),
        };
        if let FrameError::TooLong { max, .. } = error {
            refusal.facts.max = u64::try_from(*max).ok();
        }
        refusal
    }
}

impl Code {
    /// How a command ends that was refused for this reason. The meaning of each number stands in docs/protocol.md.
    #[must_use]
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::BadRequest => 2,
            Self::NoSuchLease | Self::NoSuchClaim | Self::NotQuarantined | Self::NoListener | Self::NoSuchProcess => 3,
            Self::NoPortAvailable | Self::PortUnavailable | Self::AlreadyRunning | Self::LimitReached => 4,
            Self::ForeignListener | Self::NotYours => 5,
            Self::ProtocolMismatch | Self::WrongUser | Self::OtherNetwork | Self::Stopping => 6,
            Self::TimedOut => 7,
            Self::UnknownMethod
            | Self::FrameTooLong
            | Self::Malformed
            | Self::JournalFailed
            | Self::NoDescriptors
            | Self::TooSlow
            | Self::Unsupported
            | Self::Internal => 1,
        }
    }
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
    /// Something of ours went wrong. Also what a word means that only a newer daemon knows.
    #[serde(other)]
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
