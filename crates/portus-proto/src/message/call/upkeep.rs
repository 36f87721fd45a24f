//! Keeping house: claims, quarantine, servers that are ended, the mirror.

use portus_core::Port;
use serde::{Deserialize, Serialize};

use super::{Caller, Key, Target};

/// A key, and nothing more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyCall {
    /// Which.
    pub key: Key,
}

/// Keep a key's number for good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PinCall {
    /// Whose.
    pub key: Key,
    /// The number, if it should be another than the claimed one.
    #[serde(default)]
    pub port: Option<Port>,
    /// Not for good, and taking it from nobody: a claim like others.
    #[serde(default)]
    pub claim_only: bool,
}

/// Drop claims.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForgetCall {
    /// Whose.
    pub keys: Vec<Key>,
}

/// Find claims whose worktree is gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PruneCall {
    /// Whether to drop them.
    #[serde(default)]
    pub drop: bool,
}

/// Mark a port dead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuarantineCall {
    /// Which.
    pub port: Port,
    /// Why.
    #[serde(default)]
    pub reason: String,
}

/// A port, and nothing more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortCall {
    /// Which.
    pub port: Port,
}

/// How long a server gets to end by itself unless the caller says otherwise, in milliseconds.
pub const KILL_GRACE_DEFAULT_MS: u64 = 5_000;

/// End what listens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KillCall {
    /// On which port, or whose.
    pub target: Target,
    /// Who asks.
    pub caller: Caller,
    /// Only tell.
    #[serde(default)]
    pub dry_run: bool,
    /// How long to wait between asking and forcing, in milliseconds.
    #[serde(default)]
    pub grace_ms: Option<u64>,
}

/// Where a worktree's leases are mirrored as a file, from here on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MirrorCall {
    /// The worktree's canonical path.
    pub worktree: String,
    /// The file, relative to the worktree, with a name that ends in `ports.json`; none when absent.
    #[serde(default)]
    pub path: Option<String>,
}
