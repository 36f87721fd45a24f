//! What can happen to the ledger. The only thing that is ever written down.

use std::sync::Arc;

use super::lease::{Lease, Ttl};
use crate::vocabulary::{
    Admit, BootId, Claim, ClaimEnd, EndReason, Evidence, Holder, Key, LeaseId, Moment, Port, ProcessIdentity,
    Quarantine, Requester, Timestamp,
};

/// One fact that has become true. Applying a history of these in order gives the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// The machine was found in this boot.
    Booted {
        /// Which boot.
        boot: BootId,
    },
    /// The next lease gets this number or a higher one. (Only a snapshot says so by itself; a
    /// grant implies it.)
    Numbered {
        /// The lowest number not yet used.
        next: LeaseId,
    },
    /// A lease came to be, or (in a snapshot) is as it says, whatever its state.
    Granted {
        /// The whole lease.
        lease: Box<Lease>,
        /// In a snapshot, for an ended lease: until when its port is kept from other keys.
        cool_until: Option<Timestamp>,
    },
    /// It was renewed, or the same key asked again: the deadlines move.
    Extended {
        /// Which lease.
        lease: LeaseId,
        /// The deadline if nobody listens, on the awake clock; `None` where none applies.
        until: Option<Timestamp>,
        /// The time to live.
        ttl: Option<Ttl>,
    },
    /// A holder took over a lease that had none.
    Adopted {
        /// Which lease.
        lease: LeaseId,
        /// Its holder from here on.
        holder: Holder,
        /// Who asked.
        requester: Requester,
    },
    /// The guard was asked for, or given up.
    Guarded {
        /// Which lease.
        lease: LeaseId,
        /// Whom it lets past; `None` for no guard.
        admit: Option<Admit>,
    },
    /// These processes' end matters to the lease.
    Attached {
        /// Which lease.
        lease: LeaseId,
        /// The processes.
        processes: Vec<ProcessIdentity>,
    },
    /// A process of the lease is gone.
    Detached {
        /// Which lease.
        lease: LeaseId,
        /// The process.
        process: ProcessIdentity,
    },
    /// The holder is gone, its tree is not. Deadlines apply from here on.
    Orphaned {
        /// Which lease.
        lease: LeaseId,
        /// The deadline if nobody listens, on the awake clock.
        until: Timestamp,
    },
    /// The service is up.
    Confirmed {
        /// Which lease.
        lease: LeaseId,
        /// Why we believe so.
        evidence: Evidence,
        /// Who listens: watched from here on. A guard is given up.
        listeners: Vec<ProcessIdentity>,
    },
    /// Nobody listens any more.
    Lapsed {
        /// Which lease.
        lease: LeaseId,
        /// When it ends, on the awake clock; never while a holder lives.
        until: Option<Timestamp>,
    },
    /// A listener without evidence was seen on the port, or is no longer seen.
    Contested {
        /// Which lease.
        lease: LeaseId,
        /// Whether somebody sits there.
        contested: bool,
    },
    /// The holder's tree was seen to listen elsewhere, or no longer is.
    Drifted {
        /// Which lease.
        lease: LeaseId,
        /// Where.
        to: Option<Port>,
    },
    /// The lease is over.
    Ended {
        /// Which lease.
        lease: LeaseId,
        /// Why.
        reason: EndReason,
        /// When.
        at: Moment,
        /// Until when its port is kept from other keys, on the awake clock.
        cool_until: Timestamp,
    },
    /// A key's own number is this. Replaces the key's former claim.
    Claimed {
        /// The whole claim.
        claim: Claim,
    },
    /// A claim is no more.
    Unclaimed {
        /// Whose.
        key: Key,
        /// Why.
        reason: ClaimEnd,
    },
    /// The worktree of some claims went missing, or is back.
    Missing {
        /// The worktree.
        worktree: Arc<str>,
        /// Since when, by the wall clock; `None` when it is back.
        since: Option<Timestamp>,
    },
    /// A port is not to be handed out.
    Quarantined {
        /// The port, and why.
        quarantine: Quarantine,
    },
    /// A port may be handed out again.
    Revived {
        /// Which.
        port: Port,
    },
}

impl Change {
    /// The lease it concerns, if it concerns one.
    #[must_use]
    pub const fn lease(&self) -> Option<LeaseId> {
        match self {
            Self::Granted { lease, .. } => Some(lease.id),
            Self::Extended { lease, .. }
            | Self::Adopted { lease, .. }
            | Self::Guarded { lease, .. }
            | Self::Attached { lease, .. }
            | Self::Detached { lease, .. }
            | Self::Orphaned { lease, .. }
            | Self::Confirmed { lease, .. }
            | Self::Lapsed { lease, .. }
            | Self::Contested { lease, .. }
            | Self::Drifted { lease, .. }
            | Self::Ended { lease, .. } => Some(*lease),
            Self::Booted { .. }
            | Self::Numbered { .. }
            | Self::Claimed { .. }
            | Self::Unclaimed { .. }
            | Self::Missing { .. }
            | Self::Quarantined { .. }
            | Self::Revived { .. } => None,
        }
    }
}
