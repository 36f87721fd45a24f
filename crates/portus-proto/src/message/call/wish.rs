//! Wishes for ports.

use portus_core::{Admit, Port, PortRange, Protocol};
use serde::{Deserialize, Serialize};

use super::Key;
use crate::message::shape::Requester;

/// A wish for ports, granted whole or not at all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestCall {
    /// One for each port.
    pub asks: Vec<Ask>,
    /// Whether the ports must follow each other.
    #[serde(default)]
    pub contiguous: bool,
    /// The process whose tree the leases shall belong to.
    #[serde(default)]
    pub holder: Option<u32>,
    /// Who asks.
    #[serde(default)]
    pub requester: Requester,
    /// Time to live, in milliseconds.
    #[serde(default)]
    pub ttl_ms: Option<u64>,
    /// Whether to keep the port in the kernel, and whom to let past.
    #[serde(default)]
    pub guard: Option<GuardWish>,
    /// How long to wait in the queue for a strict port, in milliseconds.
    #[serde(default)]
    pub wait_ms: Option<u64>,
}

/// How the port is kept from the grant on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GuardWish {
    /// Until the launch, from everybody.
    UntilLaunch,
    /// Until somebody listens or it is given back; programs with `SO_REUSEADDR` get in. Refused for leases of UDP.
    UntilConfirm,
}

impl From<GuardWish> for Admit {
    fn from(wish: GuardWish) -> Self {
        match wish {
            GuardWish::UntilLaunch => Self::Nobody,
            GuardWish::UntilConfirm => Self::Reuse,
        }
    }
}

/// A wish for one port.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ask {
    /// Who asks.
    pub key: Key,
    /// Just a number to call one's own, unless there is one: no lease.
    #[serde(default)]
    pub claim_only: bool,
    /// What for.
    #[serde(default)]
    pub protocol: Protocol,
    /// The port liked best.
    #[serde(default)]
    pub preferred: Option<Port>,
    /// Whether no other will do.
    #[serde(default)]
    pub strict: bool,
    /// Where to look, if the asker cares: `[first, last]`.
    #[serde(default)]
    pub range: Option<PortRange>,
    /// Where to look otherwise; the daemon's pool when absent.
    #[serde(default)]
    pub pool: Option<PortRange>,
    /// Where to look when that is full.
    #[serde(default)]
    pub fallback: Option<PortRange>,
    /// Where to look when that is full as well.
    #[serde(default)]
    pub expand: Option<PortRange>,
    /// From the start of the range on, instead of from a place of the key's own.
    #[serde(default)]
    pub sequential: bool,
    /// The name of the linked worktree; absent in a main one. Only spreads the numbers.
    #[serde(default)]
    pub linked: Option<String>,
    /// Ports that will not do.
    #[serde(default)]
    pub exclude: Vec<PortRange>,
}
