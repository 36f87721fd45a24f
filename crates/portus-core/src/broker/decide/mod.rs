//! What each command comes to. Pure: nothing here can change the ledger.

mod claims;
mod clean;
mod lifecycle;
mod request;
mod sighted;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use crate::broker::{Answer, Broker, Caller, Change, Command, Decision, Lease, Refusal, Target};
use crate::vocabulary::{BootId, EndReason, LeaseId, Moment, Port, Quarantine, QuarantineUntil};

/// Changes and an answer, before it is known whether it is a yes.
type Verdict = Result<(Vec<Change>, Answer), Refusal>;

impl Broker {
    /// What a command comes to at this moment. Changes nothing: apply the changes with
    /// [`Broker::evolve`] once they are written down.
    #[must_use]
    pub fn decide(&self, now: Moment, command: Command) -> Decision {
        let verdict = match command {
            Command::Boot { boot } => Ok(self.boot_found(now, boot)),
            Command::Request { request, survey } => self.request(now, &request, &survey),
            Command::Confirm { target, caller, process, sighting } => {
                self.confirm(&target, &caller, process, sighting.as_ref())
            }
            Command::Renew { target, caller, ttl } => self.renew(now, &target, &caller, ttl),
            Command::Release { targets, caller } => self.release(now, &targets, &caller),
            Command::Launch { leases, hand_over } => self.launch(&leases, hand_over),
            Command::Attach { leases, process } => self.attach(&leases, process),
            Command::Suspect { lease, certain, avoid, survey, sighting } => {
                self.suspect(now, lease, certain, avoid, &survey, &sighting)
            }
            Command::Clean { look } => Ok(self.clean(now, &look)),
            Command::ProcessExited { process, sightings, survivors } => {
                Ok((self.process_exited(now, process, &sightings, &survivors), Answer::Done))
            }
            Command::Sighted { sightings } => Ok((self.sighted(now, &sightings), Answer::Done)),
            Command::TreeSeen { lease, elsewhere } => Ok((self.tree_seen(lease, elsewhere), Answer::Done)),
            Command::GuardLost { port } => Ok((self.guard_lost(port), Answer::Done)),
            Command::Tick { sightings } => Ok((self.tick(now, &sightings), Answer::Done)),
            Command::Pin { key, port, pinned } => self.pin(now, &key, port, pinned),
            Command::Forget { keys } => self.forget(&keys),
            Command::Swept { missing } => Ok((self.swept(now, &missing), Answer::Done)),
            Command::Quarantine { port, until, reason } => Ok(quarantine(now, port, until, reason)),
            Command::Revive { port } => self.revive(port),
        };
        match verdict {
            Ok((changes, answer)) => Decision { changes, answer: Ok(answer) },
            Err(refusal) => Decision { changes: Vec::new(), answer: Err(refusal) },
        }
    }

    fn boot_found(&self, now: Moment, boot: BootId) -> (Vec<Change>, Answer) {
        if self.boot == Some(boot) {
            return (Vec::new(), Answer::Done);
        }
        // That the machine has booted ends their cool-downs as well.
        let ended = self.live.values().map(|lease| self.ended(now, lease, EndReason::Reboot));
        let passing = self.quarantines.values().filter(|quarantine| quarantine.until == QuarantineUntil::Reboot);
        let revived = passing.map(|quarantine| Change::Revived { port: quarantine.port });
        (ended.chain(revived).chain([Change::Booted { boot }]).collect(), Answer::Done)
    }

    fn guard_lost(&self, port: Port) -> Vec<Change> {
        let guarded = self.lease_on(port).filter(|lease| lease.guard.is_some());
        guarded.map(|lease| Change::Guarded { lease: lease.id, admit: None }).into_iter().collect()
    }

    fn revive(&self, port: Port) -> Verdict {
        match self.quarantine_on(port) {
            Some(_) => Ok((vec![Change::Revived { port }], Answer::Done)),
            None => Err(Refusal::NotQuarantined { port }),
        }
    }

    /// The end of a lease, and for how long its port then stays the key's.
    fn ended(&self, now: Moment, lease: &Lease, reason: EndReason) -> Change {
        Change::Ended { lease: lease.id, reason, at: now, cool_until: now.awake + self.policy.cool_down }
    }

    fn live_target(&self, target: &Target) -> Result<&Lease, Refusal> {
        let lease = match target {
            Target::Key(key) => self.lease_of(key),
            Target::Port(port) => self.lease_on(*port),
            Target::Lease(id) => self.live.get(id),
            Target::Worktree(_) => None,
        };
        lease.ok_or_else(|| Refusal::NoSuchLease { target: target.clone() })
    }

    fn live_lease(&self, id: LeaseId) -> Result<&Lease, Refusal> {
        self.live_target(&Target::Lease(id))
    }

    fn own_target(&self, target: &Target, caller: &Caller) -> Result<&Lease, Refusal> {
        let lease = self.live_target(target)?;
        if lease.key.worktree == caller.worktree || caller.force {
            Ok(lease)
        } else {
            Err(Refusal::NotYours { lease: lease.id })
        }
    }
}

fn quarantine(now: Moment, port: Port, until: QuarantineUntil, reason: Arc<str>) -> (Vec<Change>, Answer) {
    let quarantine = Quarantine { port, until, reason, since: now.wall };
    (vec![Change::Quarantined { quarantine }], Answer::Done)
}
