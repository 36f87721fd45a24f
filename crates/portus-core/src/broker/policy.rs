//! The numbers the rules work with.

use crate::vocabulary::{PortRange, Span};

/// Spans, limits and exclusions. The defaults are the product's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// How long a lease without a holder may wait for its listener.
    pub pending: Span,
    /// How long a lease without a holder outlives its listener.
    pub lapsing: Span,
    /// The longest time to live that may be asked for.
    pub ttl_max: Span,
    /// How long a freed port is kept from other keys.
    pub cool_down: Span,
    /// After how long without use a claim ends.
    pub claim_unused: Span,
    /// How long a worktree must be missing until its claims end.
    pub claim_missing: Span,
    /// The most services one request may name.
    pub asks_max: usize,
    /// The most live leases of one project.
    pub project_leases_max: usize,
    /// The most live leases in all.
    pub leases_max: usize,
    /// How many ended leases are kept as history.
    pub history_max: usize,
    /// Ports nobody gets, beside what a request itself excludes.
    pub exclude: Vec<PortRange>,
}

/// The ports from 1024 up that browsers refuse to open ("bad ports" of the Fetch standard): a dev
/// server there would start and never be reachable.
pub const BROWSER_BLOCKED: [u16; 19] =
    [1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080];

impl Default for Policy {
    fn default() -> Self {
        Self {
            pending: Span::from_secs(300),
            lapsing: Span::from_secs(30),
            ttl_max: Span::from_secs(86_400),
            cool_down: Span::from_secs(60),
            claim_unused: Span::from_days(30),
            claim_missing: Span::from_days(7),
            asks_max: 64,
            project_leases_max: 4_096,
            leases_max: 60_000,
            history_max: 10_000,
            exclude: Vec::new(),
        }
    }
}
