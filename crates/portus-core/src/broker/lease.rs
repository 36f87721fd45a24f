//! One lease, as the broker holds it.

use std::collections::BTreeSet;

use crate::vocabulary::{
    Admit, EndReason, Evidence, Holder, Key, LeaseId, Moment, Port, ProcessIdentity, Protocol, Requester, Span,
    StateWord, Timestamp,
};

/// A live or ended tenancy of one port by one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// Its number.
    pub id: LeaseId,
    /// Whose it is.
    pub key: Key,
    /// Which port.
    pub port: Port,
    /// What for.
    pub protocol: Protocol,
    /// Where it stands.
    pub state: LeaseState,
    /// The root of the process tree it belongs to, if it was named. Still named when it is gone:
    /// see `orphaned`.
    pub holder: Option<Holder>,
    /// Whether the holder itself is gone while something of its tree lives on.
    pub orphaned: bool,
    /// Who asked.
    pub requester: Requester,
    /// Processes, beside the holder, whose end matters: the listeners, and a holder's child.
    pub watched: BTreeSet<ProcessIdentity>,
    /// Whether the port is kept in the kernel, and whom the guard lets past.
    pub guard: Option<Admit>,
    /// Its time to live, if it was given one. Means nothing where a holder was named: such a lease
    /// ends with the holder's tree.
    pub ttl: Option<Ttl>,
    /// Whether a listener without evidence was last seen on the port.
    pub contested: bool,
    /// The port on which the holder's tree was seen to listen instead.
    pub drifted_to: Option<Port>,
    /// When it was granted, by the wall clock.
    pub granted_at: Timestamp,
}

/// A time to live: how long at a time, and until when as things stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ttl {
    /// How long a renewal lasts.
    pub span: Span,
    /// When it runs out, on the awake clock.
    pub until: Timestamp,
}

/// Where a lease stands, with what matters only there. Deadlines are on the awake clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LeaseState {
    /// Granted, nobody listens yet. To `Active` by evidence; to `Ended`.
    Pending {
        /// When it ends unless somebody listens; never while a holder lives.
        until: Option<Timestamp>,
    },
    /// The service is up. To `Lapsing` when its listeners are gone; to `Ended`.
    Active {
        /// Why we believe so.
        evidence: Evidence,
    },
    /// The listeners are gone and may come back. To `Active` by evidence; to `Ended`.
    Lapsing {
        /// When it ends unless somebody listens; never while a holder lives.
        until: Option<Timestamp>,
    },
    /// Over. To nothing.
    Ended {
        /// Why.
        reason: EndReason,
        /// When.
        at: Moment,
    },
}

impl LeaseState {
    /// The state without its particulars.
    #[must_use]
    pub const fn word(&self) -> StateWord {
        match self {
            Self::Pending { .. } => StateWord::Pending,
            Self::Active { .. } => StateWord::Active,
            Self::Lapsing { .. } => StateWord::Lapsing,
            Self::Ended { .. } => StateWord::Ended,
        }
    }
}

impl Lease {
    /// Whether it still holds its port.
    #[must_use]
    pub const fn is_live(&self) -> bool {
        !matches!(self.state, LeaseState::Ended { .. })
    }

    /// The holder, if it is known and was last known to live.
    #[must_use]
    pub fn living_holder(&self) -> Option<&Holder> {
        self.holder.as_ref().filter(|_| !self.orphaned)
    }

    /// Why it is believed to be up, while it is.
    #[must_use]
    pub const fn evidence(&self) -> Option<Evidence> {
        match self.state {
            LeaseState::Active { evidence } => Some(evidence),
            _ => None,
        }
    }

    /// When it ends unless something happens, on the awake clock. None while something of a holder's tree lives.
    #[must_use]
    pub fn deadline(&self) -> Option<Timestamp> {
        let tree_lives = self.living_holder().is_some() || (self.orphaned && !self.watched.is_empty());
        if !self.is_live() || tree_lives {
            return None;
        }
        let by_state = match self.state {
            LeaseState::Pending { until } | LeaseState::Lapsing { until } => until,
            LeaseState::Active { .. } | LeaseState::Ended { .. } => None,
        };
        match (by_state, self.expiry()) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        }
    }

    /// When its time to live runs out, on the awake clock, if that can end it.
    #[must_use]
    pub fn expiry(&self) -> Option<Timestamp> {
        self.ttl.map(|ttl| ttl.until).filter(|_| self.holder.is_none())
    }

    /// Whether its port should be looked at now and then: somebody may begin to listen, or somebody
    /// whose process is not watched may be gone (a stranger, or another user's proxy).
    #[must_use]
    pub fn wants_looks(&self) -> bool {
        match self.state {
            LeaseState::Pending { .. } | LeaseState::Lapsing { .. } => self.guard != Some(Admit::Nobody),
            LeaseState::Active { .. } => self.contested || self.processes().next().is_none(),
            LeaseState::Ended { .. } => false,
        }
    }
}
