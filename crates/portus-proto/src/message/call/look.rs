//! Looks at the ledger and at the machine.

use portus_core::{LeaseId, PortRange};
use serde::{Deserialize, Serialize};

use super::{Caller, Key, Target};

/// A part of the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Of the worktree of this path.
    Worktree(String),
    /// Of the project of this name.
    Project(String),
    /// All of the user.
    All,
}

/// The most leases or claims in one listing. One with as many may have a next page: ask again with `after`.
pub const PAGE_LEN_MAX: usize = 500;

/// Leases of a scope, in the order of their numbers, at most [`PAGE_LEN_MAX`] at a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListCall {
    /// Which part.
    pub scope: Scope,
    /// The recent past instead of the present.
    #[serde(default)]
    pub ended: bool,
    /// Only those behind this one: the last of the page before.
    #[serde(default)]
    pub after: Option<LeaseId>,
}

/// Claims of a scope, in the order of their keys, at most [`PAGE_LEN_MAX`] at a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScopeCall {
    /// Which part.
    pub scope: Scope,
    /// Only those behind this one: the key of the last of the page before.
    #[serde(default)]
    pub after: Option<Key>,
}

/// From this many listeners on, an answer is cut between two ports: one with as many may have a next
/// page, from the port behind the last.
pub const LISTENERS_PAGE_LEN: usize = 1_000;

/// Who listens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScanCall {
    /// On which ports; all when absent.
    #[serde(default)]
    pub range: Option<PortRange>,
}

/// Whose port it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExplainCall {
    /// Which port, or whose.
    pub target: Target,
    /// Who asks.
    pub caller: Caller,
}

/// Whether the services' listeners are the worktree's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifyCall {
    /// The services.
    pub keys: Vec<Key>,
    /// Whether presumed evidence will do.
    #[serde(default)]
    pub accept_presumed: bool,
}
