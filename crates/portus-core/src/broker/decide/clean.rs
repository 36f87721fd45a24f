//! Which leases are stale: nobody is behind them any more, and no event has told so (yet).

use crate::broker::{Answer, Broker, Change, CleanLook, Lease, LeaseState};
use crate::vocabulary::{EndReason, LeaseId, Moment, Sighting, Timestamp};

impl Broker {
    /// Ends the stale ones among the leases looked at. Where it is done to make room, their ports do not cool down.
    pub(super) fn clean(&self, now: Moment, look: &CleanLook) -> (Vec<Change>, Answer) {
        let looked_at = look.sightings.iter().filter_map(|(id, sighting)| Some((self.live.get(id)?, sighting)));
        let stale = looked_at.filter_map(|(lease, seen)| Some((lease.id, self.staleness(now, lease, seen, look)?)));
        let stale: Vec<(LeaseId, EndReason)> = stale.collect();
        let cool_until = if look.for_room { Timestamp::default() } else { now.awake + self.policy.cool_down };
        let end = |(lease, reason): &(LeaseId, EndReason)| Change::Ended {
            lease: *lease,
            reason: *reason,
            at: now,
            cool_until,
        };
        (stale.iter().map(end).collect(), Answer::Touched(stale.iter().map(|(id, _)| *id).collect()))
    }

    /// Why a lease is stale, if it is. Whoever came to it after the look is not among the gone. One without a holder
    /// has its grace, whoever looks: its server may be about to come back. But not to a worktree that is gone.
    fn staleness(&self, now: Moment, lease: &Lease, seen: &Sighting, look: &CleanLook) -> Option<EndReason> {
        let lives_on = look.survivors.get(&lease.id).is_some_and(|left| !left.is_empty());
        if lives_on || self.served(lease, seen) || lease.processes().any(|process| !look.gone.contains(&process)) {
            return None;
        }
        let is_homeless = look.homeless.contains(&lease.id) && seen.listeners.is_empty();
        let is_due = is_homeless || lease.deadline().is_some_and(|until| until <= now.awake);
        match lease.state {
            LeaseState::Ended { .. } => None,
            _ if lease.holder.is_some() => Some(EndReason::HolderExited),
            LeaseState::Pending { .. } => is_due.then_some(EndReason::NeverConfirmed),
            LeaseState::Active { .. } | LeaseState::Lapsing { .. } => is_due.then_some(EndReason::Lapsed),
        }
    }
}
