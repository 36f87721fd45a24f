//! From the grant to the end: confirm, renew, release, a holder's program, deadlines.

use std::collections::BTreeSet;

use super::Verdict;
use super::sighted::WATCHED_MAX;
use crate::broker::{Answer, Broker, Caller, Change, Lease, LeaseState, Limited, Refusal, Target};
use crate::vocabulary::{
    Admit, EndReason, Evidence, LeaseId, Look, Moment, Port, ProcessIdentity, QuarantineUntil, Sighting, Span, Survey,
};

impl Broker {
    pub(super) fn confirm(
        &self,
        target: &Target,
        caller: &Caller,
        process: Option<ProcessIdentity>,
        sighting: Option<&Sighting>,
    ) -> Verdict {
        let lease = self.own_target(target, caller)?;
        let touched = Answer::Touched(vec![lease.id]);
        if let Some(process) = process {
            let evidence = lease.evidence().unwrap_or(Evidence::Confirm);
            check_room(lease, process)?;
            let known = lease.evidence().is_some() && lease.watched.contains(&process);
            let confirmed = Change::Confirmed { lease: lease.id, evidence, listeners: vec![process] };
            return Ok((if known { Vec::new() } else { vec![confirmed] }, touched));
        }
        let listeners = sighting.map(|sighting| lease.concerned(sighting)).unwrap_or_default();
        let (Some(first), Some(sighting)) = (listeners.first(), sighting) else {
            return Err(Refusal::NoListener { lease: lease.id });
        };
        let changes = self.sighted_for(lease, sighting);
        let backed = listeners.iter().any(|listener| self.evidence(lease, listener).is_some());
        if backed {
            return Ok((changes, touched));
        }
        if let Some(foreign) = listeners.iter().find(|listener| self.provably_foreign(lease, listener)) {
            return Err(Refusal::ForeignListener { lease: lease.id, by: (*foreign).clone() });
        }
        let listeners = listeners.iter().filter_map(|listener| listener.process).take(WATCHED_MAX).collect::<Vec<_>>();
        if listeners.is_empty() {
            return Err(Refusal::ForeignListener { lease: lease.id, by: (*first).clone() });
        }
        let mut changes = vec![Change::Confirmed { lease: lease.id, evidence: Evidence::Confirm, listeners }];
        changes.extend(lease.contested.then_some(Change::Contested { lease: lease.id, contested: false }));
        Ok((changes, touched))
    }

    pub(super) fn renew(&self, now: Moment, target: &Target, caller: &Caller, ttl: Option<Span>) -> Verdict {
        self.check_ttl(ttl)?;
        let lease = self.own_target(target, caller)?;
        let changes = self.extension(now, lease, ttl, |_, _| true).into_iter().collect();
        Ok((changes, Answer::Touched(vec![lease.id])))
    }

    pub(super) fn release(&self, now: Moment, targets: &[Target], caller: &Caller) -> Verdict {
        let mut ids: Vec<LeaseId> = Vec::new();
        let mut add = |id| {
            if !ids.contains(&id) {
                ids.push(id)
            }
        };
        for target in targets {
            match target {
                Target::Worktree(worktree) => {
                    for lease in self.live.values().filter(|lease| lease.key.worktree == *worktree) {
                        add(self.own_target(&Target::Lease(lease.id), caller)?.id);
                    }
                }
                one => add(self.own_target(one, caller)?.id),
            }
        }
        let leases = ids.iter().filter_map(|id| self.live.get(id));
        let changes = leases.map(|lease| self.ended(now, lease, EndReason::Released)).collect();
        Ok((changes, Answer::Touched(ids)))
    }

    /// One program has no more leases than one request gives.
    fn check_count(&self, leases: &[LeaseId]) -> Result<(), Refusal> {
        let max = self.policy.asks_max;
        if leases.len() > max { Err(Refusal::TooMany { what: Limited::Asks, max }) } else { Ok(()) }
    }

    pub(super) fn launch(&self, leases: &[LeaseId], hand_over: bool) -> Verdict {
        self.check_count(leases)?;
        let mut changes = Vec::new();
        for id in leases {
            let lease = self.live_lease(*id)?;
            let admit = hand_over.then_some(Admit::Reuse);
            if lease.guard.is_some() && lease.guard != admit {
                changes.push(Change::Guarded { lease: *id, admit });
            }
        }
        Ok((changes, Answer::Done))
    }

    pub(super) fn attach(&self, leases: &[LeaseId], process: ProcessIdentity) -> Verdict {
        self.check_count(leases)?;
        let mut changes = Vec::new();
        for id in leases {
            let lease = self.live_lease(*id)?;
            check_room(lease, process)?;
            if !lease.watched.contains(&process) {
                changes.push(Change::Attached { lease: *id, processes: vec![process] });
            }
        }
        Ok((changes, Answer::Done))
    }

    /// Was the port the reason why a holder's program ended before it listened? If it can be
    /// bound, it was not. If it cannot and nobody shows, it is avoided, as long as is said; a stranger
    /// is met again by the next look, and needs no writing down.
    pub(super) fn suspect(
        &self,
        now: Moment,
        id: LeaseId,
        certain: bool,
        avoid: QuarantineUntil,
        survey: &Survey,
        sighting: &Sighting,
    ) -> Verdict {
        let lease = self.live_lease(id)?;
        let listeners = lease.concerned(sighting);
        if listeners.iter().any(|listener| self.evidence(lease, listener).is_some()) {
            return Ok((self.sighted_for(lease, sighting), Answer::Cleared(id)));
        }
        let bindable = match survey.get(&(lease.port, lease.protocol)) {
            Some(Look::Free) => true,
            Some(Look::Taken | Look::Forbidden) => false,
            // Nobody knows whether it can be bound, and that is no reason to avoid it.
            Some(Look::NoDescriptors) | None => return Err(Refusal::NoDescriptors),
        };
        if bindable && !certain {
            // Without a guard: what the program left behind may bind it yet, and who starts it again asks for a new one.
            return Ok((Vec::new(), Answer::Cleared(id)));
        }
        let mut changes = vec![self.ended(now, lease, EndReason::BindFailed)];
        if listeners.is_empty() {
            let reason = "a program could not bind it, though nobody showed".into();
            changes.extend(super::quarantine(now, lease.port, avoid, reason).0);
        }
        Ok((changes, Answer::Abandoned { lease: id, by: listeners.into_iter().cloned().collect() }))
    }

    /// Ends what is due, unless the last look shows that it is up. What was not looked at waits for a look, unless its
    /// time to live is over: then a look could not save it.
    pub(super) fn tick(&self, now: Moment, sightings: &[Sighting]) -> Vec<Change> {
        // A look meant for a lease that was due says nothing about one granted on its port since.
        let due: BTreeSet<Port> = self.due(now.awake).map(|lease| lease.port).collect();
        let sightings: Vec<_> = sightings.iter().filter(|sighting| due.contains(&sighting.port)).cloned().collect();
        let looked_at: BTreeSet<Port> = sightings.iter().map(|sighting| sighting.port).collect();
        let mut changes = self.sighted(now, &sightings);
        let confirmed = |id: LeaseId, changes: &[Change]| {
            changes.iter().any(|change| matches!(change, Change::Confirmed { lease, .. } if *lease == id))
        };
        for lease in self.due(now.awake) {
            let expired = lease.expiry().is_some_and(|until| until <= now.awake);
            if expired || (looked_at.contains(&lease.port) && !confirmed(lease.id, &changes)) {
                changes.push(self.ended(now, lease, end_reason(lease, expired)));
            }
        }
        changes
    }
}

/// Refuses one process more than are watched for a lease.
fn check_room(lease: &Lease, process: ProcessIdentity) -> Result<(), Refusal> {
    if lease.watched.len() < WATCHED_MAX || lease.watched.contains(&process) {
        return Ok(());
    }
    Err(Refusal::TooMany { what: Limited::Watched, max: WATCHED_MAX })
}

const fn end_reason(lease: &Lease, expired: bool) -> EndReason {
    match lease.state {
        _ if expired => EndReason::Expired,
        LeaseState::Pending { .. } => EndReason::NeverConfirmed,
        LeaseState::Active { .. } | LeaseState::Lapsing { .. } | LeaseState::Ended { .. } => EndReason::Lapsed,
    }
}
