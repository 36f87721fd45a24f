//! The sticky numbers: pin, forget, and their end by disuse.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::Verdict;
use crate::broker::{Answer, Broker, Change, Refusal, Why};
use crate::vocabulary::{Claim, ClaimEnd, Key, Moment, Port, Protocol};

impl Broker {
    pub(super) fn pin(&self, now: Moment, key: &Key, port: Option<Port>, pinned: bool) -> Verdict {
        let former = self.claim_of(key);
        let Some(port) = port.or(former.map(|claim| claim.port)) else {
            return Err(Refusal::NoSuchClaim { key: key.clone() });
        };
        let answer = Answer::Claims(vec![key.clone()]);
        if former.is_some_and(|claim| claim.port == port && claim.pinned == pinned) {
            return Ok((Vec::new(), answer));
        }
        if let Some(why) = self.unpinnable(key, port, pinned) {
            return Err(Refusal::PortUnavailable { key: key.clone(), port, why });
        }
        let taken_over = self.claim_on(port).filter(|claim| claim.key != *key);
        let taken_over =
            taken_over.map(|claim| Change::Unclaimed { key: claim.key.clone(), reason: ClaimEnd::TakenOver });
        let claim = Claim {
            key: key.clone(),
            port,
            protocol: former.map_or(Protocol::Tcp, |claim| claim.protocol),
            pinned,
            last_used: former.map_or(now.wall, |claim| claim.last_used),
            missing_since: None,
        };
        Ok((taken_over.into_iter().chain([Change::Claimed { claim }]).collect(), answer))
    }

    /// Why a key cannot have a port as its number. Only a pin takes one over.
    fn unpinnable(&self, key: &Key, port: Port, pinned: bool) -> Option<Why> {
        if self.excluded.contains(port) {
            return Some(Why::Excluded);
        }
        if let Some(quarantine) = self.quarantine_on(port) {
            return Some(Why::Quarantined { reason: quarantine.reason.clone() });
        }
        if let Some(lease) = self.lease_on(port).filter(|lease| lease.key != *key) {
            return Some(Why::Leased { lease: lease.id, by: lease.key.clone() });
        }
        let claim = self.claim_on(port).filter(|claim| claim.key != *key && (claim.pinned || !pinned))?;
        Some(Why::Claimed { by: claim.key.clone(), pinned: claim.pinned })
    }

    pub(super) fn forget(&self, keys: &[Key]) -> Verdict {
        if let Some(key) = keys.iter().find(|key| self.claim_of(key).is_none()) {
            return Err(Refusal::NoSuchClaim { key: key.clone() });
        }
        let mut keys = keys.to_vec();
        keys.sort();
        keys.dedup();
        let forgotten = |key: &Key| Change::Unclaimed { key: key.clone(), reason: ClaimEnd::Forgotten };
        Ok((keys.iter().map(forgotten).collect(), Answer::Claims(keys)))
    }

    /// Worktrees were looked for. Claims end that nobody can come back to, or nobody came back to;
    /// never a pinned one, never one in use.
    pub(super) fn swept(&self, now: Moment, missing: &[Arc<str>]) -> Vec<Change> {
        let mut changes: Vec<Change> = Vec::new();
        let missing: BTreeSet<&Arc<str>> = missing.iter().collect();
        let mut marked: BTreeSet<&Arc<str>> = BTreeSet::new();
        for claim in self.claims.values() {
            let worktree = &claim.key.worktree;
            let gone = missing.contains(worktree);
            let ends = |span, since: crate::Timestamp| now.wall.since(since) >= span;
            let idle = !claim.pinned && self.lease_of(&claim.key).is_none();
            let reason = if idle && gone && claim.missing_since.is_some_and(|at| ends(self.policy.claim_missing, at)) {
                Some(ClaimEnd::WorktreeGone)
            } else if idle && ends(self.policy.claim_unused, claim.last_used) {
                Some(ClaimEnd::Unused)
            } else {
                None
            };
            if let Some(reason) = reason {
                changes.push(Change::Unclaimed { key: claim.key.clone(), reason });
            } else if gone != claim.missing_since.is_some() && marked.insert(worktree) {
                changes.push(Change::Missing { worktree: worktree.clone(), since: gone.then_some(now.wall) });
            }
        }
        changes
    }
}
