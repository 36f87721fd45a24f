//! What a key's live lease means for what the key asks.

use crate::broker::{Ask, Broker, Refusal, Request};
use crate::vocabulary::LeaseId;

/// What the key's live lease, if any, means for an ask.
#[derive(Debug, Clone, Copy)]
pub(super) enum Standing {
    /// Choose a port; a live lease that does not meet the wish gives way.
    None,
    /// It will do.
    Keep {
        id: LeaseId,
        /// Whether it cannot give way to another port: its server is up, or it is another holder's.
        fixed: bool,
    },
    /// It will do for the asking holder, which it does not belong to yet.
    Adopt(LeaseId),
}

impl Standing {
    /// The lease that will do.
    pub(super) const fn lease(&self) -> Option<LeaseId> {
        match self {
            Self::None => None,
            Self::Keep { id, .. } | Self::Adopt(id) => Some(*id),
        }
    }
}

impl Broker {
    pub(super) fn standing(&self, request: &Request, ask: &Ask) -> Result<Standing, Refusal> {
        let Some(lease) = self.lease_of(&ask.key) else { return Ok(Standing::None) };
        let asker = request.holder.as_ref().map(|holder| holder.process);
        let holder = lease.living_holder().map(|holder| holder.process);
        let busy = lease.evidence().is_some() && !lease.contested;
        let same_holder = asker.is_some() && asker == holder;
        // Who names as the holder the very process that serves contradicts nobody.
        let serves = asker.is_some_and(|asker| lease.watched.contains(&asker));
        if asker.is_some() && !same_holder && (holder.is_some() || (busy && !serves)) {
            return Err(Refusal::AlreadyRunning { lease: lease.id });
        }
        let admitted = ask.admits(lease.port) && !ask.excludes(lease.port);
        let meets = lease.protocol.covers(ask.protocol) && admitted && !lease.contested;
        let in_use = busy || holder.is_some();
        match (meets, asker) {
            (true, Some(_)) if !same_holder => Ok(Standing::Adopt(lease.id)),
            (true, _) => Ok(Standing::Keep { id: lease.id, fixed: in_use && !same_holder }),
            (false, _) if same_holder || !in_use => Ok(Standing::None),
            (false, _) if !lease.protocol.covers(ask.protocol) => {
                Err(Refusal::WrongProtocol { lease: lease.id, wanted: ask.protocol })
            }
            (false, _) => Err(Refusal::AlreadyRunning { lease: lease.id }),
        }
    }
}
