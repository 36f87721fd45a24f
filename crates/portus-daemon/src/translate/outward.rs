//! From the core to the wire.

use portus_core as core;
use portus_core::{Broker, Change, LeaseState, Moment, Port, Timestamp};
use portus_proto as proto;
use portus_proto::{Health, WallTime, What};

/// The ledger at one moment, with what is needed to show it.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    /// The ledger.
    pub(crate) broker: &'a Broker,
    /// The moment.
    pub(crate) now: Moment,
    /// Whether a port is kept in the kernel just now.
    pub(crate) guarded: &'a dyn Fn(Port) -> bool,
    /// What a client last found when it asked a lease's service whether it is well.
    pub(crate) health: &'a dyn Fn(core::LeaseId) -> Health,
}

impl View<'_> {
    /// A lease as people and scripts see it.
    pub(crate) fn lease(&self, lease: &core::Lease) -> proto::Lease {
        let ended = match &lease.state {
            LeaseState::Ended { reason, at } => Some(proto::Ended { reason: *reason, at: wall(at.wall) }),
            LeaseState::Pending { .. } | LeaseState::Active { .. } | LeaseState::Lapsing { .. } => None,
        };
        let claim = self.broker.claim_of(&lease.key);
        proto::Lease {
            id: lease.id,
            project: lease.key.project.to_string(),
            worktree: lease.key.worktree.to_string(),
            service: lease.key.service.clone(),
            port: lease.port,
            protocol: lease.protocol,
            state: lease.state.word(),
            reused: false,
            contested: lease.contested && lease.is_live(),
            orphaned: lease.orphaned,
            drifted_to: lease.drifted_to,
            evidence: lease.evidence(),
            health: (self.health)(lease.id),
            guarded: lease.is_live() && lease.guard.is_some() && (self.guarded)(lease.port),
            pinned: claim.is_some_and(|claim| claim.pinned && claim.port == lease.port),
            holder: lease
                .holder
                .as_ref()
                .map(|holder| proto::Process { pid: holder.process.pid, command: holder.command.to_string() }),
            requester: proto::Requester {
                pid: lease.requester.pid,
                command: lease.requester.command.to_string(),
                session: lease.requester.session.as_deref().map(str::to_owned),
                client: lease.requester.client.as_deref().map(str::to_owned),
            },
            granted_at: wall(lease.granted_at),
            expires_at: lease.deadline().map(|at| self.wall_of(at)),
            ended,
        }
    }

    /// The lease of this number, if it is remembered.
    pub(crate) fn lease_of_id(&self, id: core::LeaseId) -> Option<proto::Lease> {
        self.broker.lease(id).map(|lease| self.lease(lease))
    }

    /// When the awake clock's `at` will be by the wall clock, if the machine does not sleep.
    fn wall_of(&self, at: Timestamp) -> WallTime {
        let (wall, awake) = (self.now.wall.as_millis(), self.now.awake.as_millis());
        // In two steps, because a deadline that has passed lies before now.
        WallTime(wall.saturating_add(at.as_millis()).saturating_sub(awake))
    }

    /// The moment, by the wall clock.
    pub(crate) const fn wall(&self) -> WallTime {
        wall(self.now.wall)
    }

    /// A key as people and scripts see it.
    pub(crate) fn key(key: &core::Key) -> proto::Key {
        proto::Key {
            project: key.project.to_string(),
            worktree: key.worktree.to_string(),
            service: key.service.clone(),
        }
    }

    /// A claim as people and scripts see it.
    pub(crate) fn claim(claim: &core::Claim) -> proto::Claim {
        proto::Claim {
            project: claim.key.project.to_string(),
            worktree: claim.key.worktree.to_string(),
            service: claim.key.service.clone(),
            port: claim.port,
            protocol: claim.protocol,
            pinned: claim.pinned,
            last_used: wall(claim.last_used),
        }
    }

    /// A quarantined port as people and scripts see it.
    pub(crate) fn quarantine(quarantine: &core::Quarantine) -> proto::Quarantine {
        proto::Quarantine {
            port: quarantine.port,
            until: quarantine.until,
            reason: quarantine.reason.to_string(),
            since: wall(quarantine.since),
        }
    }

    /// What subscribers hear of a change that has become true. `dropped` are the claims as they
    /// were before.
    pub(crate) fn event(&self, change: &Change, dropped: &[core::Claim]) -> Option<proto::Event> {
        let lease = |id: &core::LeaseId| self.lease_of_id(*id);
        let what = match change {
            Change::Granted { lease: granted, .. } => What::Granted(lease(&granted.id)?),
            Change::Extended { lease: id, .. }
            | Change::Adopted { lease: id, .. }
            | Change::Guarded { lease: id, .. }
            | Change::Attached { lease: id, .. }
            | Change::Detached { lease: id, .. } => What::Updated(lease(id)?),
            Change::Orphaned { lease: id, .. } => What::Orphaned(lease(id)?),
            Change::Confirmed { lease: id, .. } => What::Confirmed(lease(id)?),
            Change::Lapsed { lease: id, .. } => What::Lapsing(lease(id)?),
            Change::Contested { lease: id, contested: true } => What::Contested(lease(id)?),
            Change::Contested { lease: id, contested: false } => What::Uncontested(lease(id)?),
            Change::Drifted { lease: id, .. } => What::Drifted(lease(id)?),
            Change::Ended { lease: id, .. } => What::Ended(lease(id)?),
            Change::Claimed { claim } => What::Claimed(Self::claim(claim)),
            Change::Unclaimed { key, reason } => {
                let claim = dropped.iter().find(|claim| claim.key == *key)?;
                What::Unclaimed { claim: Self::claim(claim), reason: *reason }
            }
            Change::Quarantined { quarantine } => What::Quarantined(Self::quarantine(quarantine)),
            Change::Revived { port } => What::Revived(*port),
            Change::Booted { .. } | Change::Numbered { .. } | Change::Missing { .. } => return None,
        };
        Some(proto::Event { at: wall(self.now.wall), what })
    }
}

/// A listener's process, where it is to be seen.
pub(crate) fn process(listener: &core::Listener) -> Option<proto::Process> {
    let process = listener.process?;
    Some(proto::Process { pid: process.pid, command: listener.command.to_string() })
}

const fn wall(at: Timestamp) -> WallTime {
    WallTime(at.as_millis())
}
