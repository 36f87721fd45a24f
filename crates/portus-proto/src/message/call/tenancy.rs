//! What happens to a lease while somebody has it.

use portus_core::LeaseId;
use serde::{Deserialize, Serialize};

use super::{Caller, Target};
use crate::message::shape::Health;

/// The service is up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfirmCall {
    /// Which lease.
    pub target: Target,
    /// Who says so.
    pub caller: Caller,
    /// The process that serves; without it, the listener seen is the evidence.
    #[serde(default)]
    pub pid: Option<u32>,
}

/// Move the time to live on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RenewCall {
    /// Which lease.
    pub target: Target,
    /// Who asks.
    pub caller: Caller,
    /// The new time to live, in milliseconds.
    #[serde(default)]
    pub ttl_ms: Option<u64>,
}

/// Give leases back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseCall {
    /// Which leases.
    pub targets: Vec<Target>,
    /// Who asks.
    pub caller: Caller,
}

/// The holder is about to start its program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LaunchCall {
    /// Which leases.
    pub leases: Vec<LeaseId>,
    /// Whether the holder first takes the ports over itself: then the guards stay, and let past
    /// whoever sets `SO_REUSEADDR`, until this is said again without it.
    #[serde(default)]
    pub hand_over: bool,
}

/// The holder has started its program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttachCall {
    /// Which leases.
    pub leases: Vec<LeaseId>,
    /// The program's process.
    pub pid: u32,
}

/// The holder's program ended before it listened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SuspectCall {
    /// Which lease.
    pub lease: LeaseId,
    /// Whether the program is known to have failed to bind.
    #[serde(default)]
    pub certain: bool,
    /// Whether the port, if it cannot be bound though nobody shows, is avoided until somebody revives it instead of
    /// until reboot.
    #[serde(default)]
    pub keep: bool,
}

/// Wait until a lease is active.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AwaitCall {
    /// Which lease.
    pub target: Target,
    /// For how long, in milliseconds.
    pub wait_ms: u64,
}

/// The longest detail of a health report that is kept, in bytes; what is longer is cut.
pub const HEALTH_DETAIL_LEN_MAX: usize = 300;

/// What a service answered when a client asked it. Kept in memory while the lease is active and the same server
/// listens; never written down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthCall {
    /// Which lease's service.
    pub lease: LeaseId,
    /// How it is.
    pub health: Health,
    /// What was asked and what came back, for people; at most [`HEALTH_DETAIL_LEN_MAX`] of it.
    #[serde(default)]
    pub detail: String,
}
