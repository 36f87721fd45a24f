//! What the broker answers: yes with particulars, or no with reasons.

use std::sync::Arc;

use super::change::Change;
use super::command::Target;
use crate::vocabulary::{Key, LeaseId, Listener, Port, PortRange, Protocol, Span};

/// What a command comes to. A refusal changes nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// What becomes true.
    pub changes: Vec<Change>,
    /// What the asker is told.
    pub answer: Result<Answer, Refusal>,
}

/// A yes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Ports were leased, in the order asked for.
    Leased {
        /// One for each ask for a lease.
        leases: Vec<Leased>,
        /// What the asker should know about it.
        notes: Vec<Note>,
    },
    /// These leases were touched (confirmed, renewed, released).
    Touched(Vec<LeaseId>),
    /// The lease is suspected no longer: its port is free, or its own server has it.
    Cleared(LeaseId),
    /// The lease's port could not be bound; the lease has ended and the port is avoided.
    Abandoned {
        /// Which lease.
        lease: LeaseId,
        /// Who sits there; empty when nobody shows.
        by: Vec<Listener>,
    },
    /// These keys' claims were touched.
    Claims(Vec<Key>),
    /// It is so.
    Done,
}

/// One granted port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leased {
    /// The lease.
    pub id: LeaseId,
    /// Whether it was there already.
    pub reused: bool,
}

/// Something the asker should know about a grant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// The preferred port was not to be had.
    PreferredUnavailable {
        /// Who asked.
        key: Key,
        /// The preferred port.
        port: Port,
        /// Why not.
        why: Why,
    },
    /// The former number was not to be had.
    ClaimUnavailable {
        /// Who asked.
        key: Key,
        /// The former number.
        port: Port,
        /// Why not.
        why: Why,
    },
    /// The range was full; the fallback serves.
    FellBack {
        /// Who asked.
        key: Key,
        /// The fallback.
        to: PortRange,
    },
    /// Range and fallback were full; the expansion serves.
    Expanded {
        /// Who asked.
        key: Key,
        /// The expansion.
        to: PortRange,
    },
    /// Another key lost its unused claim for this grant.
    ClaimTaken {
        /// Whose claim it was.
        from: Key,
        /// The port.
        port: Port,
    },
    /// A sibling could not be given a number.
    SiblingUnclaimed {
        /// Which.
        key: Key,
    },
    /// The lease that was there was not where it was asked for, and was given up for another port.
    GaveUp {
        /// Who asked.
        key: Key,
        /// Where it was.
        port: Port,
    },
    /// The lease that was there is not on the preferred port, and is kept.
    KeptOther {
        /// Who asked.
        key: Key,
        /// The preferred port.
        preferred: Port,
    },
}

/// Why one port was not acceptable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// It is leased.
    Leased {
        /// By this lease.
        lease: LeaseId,
        /// Of this key.
        by: Key,
    },
    /// It is another key's number.
    Claimed {
        /// Whose.
        by: Key,
        /// Whether for good.
        pinned: bool,
    },
    /// It is not to be handed out.
    Quarantined {
        /// Why.
        reason: Arc<str>,
    },
    /// It was freed just before, and is kept for its former key a while.
    Cooling {
        /// How much longer.
        remaining: Span,
    },
    /// Browsers block it, or the user excluded it.
    Excluded,
    /// Another ask of the same request got it.
    Chosen,
    /// Somebody outside the ledger has it.
    Taken,
    /// The system forbids it.
    Forbidden,
    /// It could not be looked at: no descriptor was left.
    NoDescriptors,
}

/// How many ports were not acceptable, by reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
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

impl Reasons {
    /// Counts one port.
    pub const fn count(&mut self, why: &Why) {
        match why {
            Why::Leased { .. } | Why::Chosen => self.leased += 1,
            Why::Claimed { .. } => self.claimed += 1,
            Why::Quarantined { .. } => self.quarantined += 1,
            Why::Cooling { .. } => self.cooling += 1,
            Why::Excluded => self.excluded += 1,
            Why::Taken | Why::NoDescriptors => self.taken += 1,
            Why::Forbidden => self.forbidden += 1,
        }
    }
}

/// A no.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// Nothing acceptable among all candidates.
    NoPort {
        /// Who asked.
        key: Key,
        /// Where was looked.
        ranges: Vec<PortRange>,
        /// Why not.
        reasons: Reasons,
        /// Those bound by somebody outside the ledger, if they are few.
        taken: Vec<Port>,
        /// The preferred port, if there was one, and why not that.
        preferred: Option<(Port, Why)>,
    },
    /// No run of neighbouring ports among all candidates.
    NoBlock {
        /// Who asked first.
        key: Key,
        /// How many in a row.
        count: usize,
        /// Where was looked.
        ranges: Vec<PortRange>,
        /// Why not.
        reasons: Reasons,
    },
    /// The one port that would do is not acceptable.
    PortUnavailable {
        /// Who asked.
        key: Key,
        /// Which port.
        port: Port,
        /// Why not.
        why: Why,
    },
    /// The key is in use by another holder, or its server is up elsewhere than asked for.
    AlreadyRunning {
        /// By this lease.
        lease: LeaseId,
    },
    /// The key's live lease is for another protocol, and its server is up.
    WrongProtocol {
        /// This lease.
        lease: LeaseId,
        /// What was asked for.
        wanted: Protocol,
    },
    /// No live lease is meant by this.
    NoSuchLease {
        /// What was said.
        target: Target,
    },
    /// The key has no claim.
    NoSuchClaim {
        /// Whose.
        key: Key,
    },
    /// The port is not in quarantine.
    NotQuarantined {
        /// Which.
        port: Port,
    },
    /// Nobody listens on the lease's port.
    NoListener {
        /// Which lease.
        lease: LeaseId,
    },
    /// Who listens there is provably somebody else.
    ForeignListener {
        /// Which lease.
        lease: LeaseId,
        /// Who.
        by: Listener,
    },
    /// The lease is another worktree's.
    NotYours {
        /// Which lease.
        lease: LeaseId,
    },
    /// The request breaks a limit.
    TooMany {
        /// Of what.
        what: Limited,
        /// The limit.
        max: usize,
    },
    /// The time to live is longer than allowed.
    TtlTooLong {
        /// The limit.
        max: Span,
    },
    /// The request makes no sense.
    Senseless {
        /// Why.
        what: &'static str,
    },
    /// No descriptor was left to look at ports with.
    NoDescriptors,
}

/// What is limited in number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limited {
    /// Services in one request.
    Asks,
    /// Live leases of one project.
    ProjectLeases,
    /// Live leases in all.
    Leases,
    /// Processes watched for one lease.
    Watched,
}
