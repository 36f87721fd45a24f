//! Leasing ports.

use std::collections::{BTreeMap, BTreeSet};

use super::Verdict;
use crate::broker::select::{Choice, Pick};
use crate::broker::{Answer, Ask, Broker, Change, Lease, LeaseState, Leased, Limited, Purpose, Refusal, Request, Ttl};
use crate::vocabulary::{Claim, EndReason, Key, LeaseId, Moment, Span, Survey, Timestamp};

impl Broker {
    pub(super) fn request(&self, now: Moment, request: &Request, survey: &Survey) -> Verdict {
        self.check(request)?;
        let plan = self.plan(now, request, survey)?;
        self.check_limits(request, &plan.choices)?;
        // First of all: who loses one number here may be given another below.
        let mut changes: Vec<Change> = plan.choices.iter().filter_map(evicted).collect();
        let mut leases = Vec::new();
        let mut next = self.next_id;
        for (ask, choice) in request.asks.iter().zip(&plan.choices) {
            match choice {
                Choice::Nothing => {}
                Choice::Keep { id, guard } => {
                    changes.extend(self.extended(now, request, *id));
                    changes.extend(guard.then_some(Change::Guarded { lease: *id, admit: request.guard }));
                    leases.push(Leased { id: *id, reused: true });
                }
                Choice::Adopt { id, guard } => {
                    changes.extend(adopted(request, *id));
                    changes.extend(guard.then_some(Change::Guarded { lease: *id, admit: request.guard }));
                    leases.push(Leased { id: *id, reused: true });
                }
                Choice::Take(pick) => {
                    if ask.purpose == Purpose::Lease {
                        changes.extend(self.granted(now, request, ask, pick, next));
                        leases.push(Leased { id: next, reused: false });
                        next = LeaseId(next.0.saturating_add(1));
                    }
                    changes.extend(self.claimed(now, ask, pick));
                }
            }
        }
        Ok((changes, Answer::Leased { leases, notes: plan.notes }))
    }

    fn check(&self, request: &Request) -> Result<(), Refusal> {
        let max = self.policy.asks_max;
        if request.asks.is_empty() {
            return Err(Refusal::Senseless { what: "a request must ask for something" });
        }
        if request.asks.len() > max {
            return Err(Refusal::TooMany { what: Limited::Asks, max });
        }
        let keys: BTreeSet<&Key> = request.asks.iter().map(|ask| &ask.key).collect();
        if keys.len() < request.asks.len() {
            return Err(Refusal::Senseless { what: "a request may name each service only once" });
        }
        if request.asks.iter().any(|ask| ask.strict && ask.preferred.is_none()) {
            return Err(Refusal::Senseless { what: "strict needs a preferred port to be strict about" });
        }
        self.check_ttl(request.ttl)
    }

    pub(super) fn check_ttl(&self, ttl: Option<Span>) -> Result<(), Refusal> {
        match ttl {
            Some(ttl) if ttl > self.policy.ttl_max => Err(Refusal::TtlTooLong { max: self.policy.ttl_max }),
            Some(Span(0)) => Err(Refusal::Senseless { what: "a time to live of nothing would be over at once" }),
            _ => Ok(()),
        }
    }

    fn check_limits(&self, request: &Request, choices: &[Choice]) -> Result<(), Refusal> {
        let mut new: BTreeMap<&str, usize> = BTreeMap::new();
        for (ask, choice) in request.asks.iter().zip(choices) {
            let replaces = self.lease_of(&ask.key).is_some();
            if ask.purpose == Purpose::Lease && matches!(choice, Choice::Take(_)) && !replaces {
                *new.entry(&ask.key.project).or_default() += 1;
            }
        }
        let max = self.policy.leases_max;
        if self.live.len() + new.values().sum::<usize>() > max {
            return Err(Refusal::TooMany { what: Limited::Leases, max });
        }
        let max = self.policy.project_leases_max;
        let held = |project: &str| self.leases_by_project.get(project).copied().unwrap_or_default();
        match new.iter().any(|(project, count)| held(project) + count > max) {
            true => Err(Refusal::TooMany { what: Limited::ProjectLeases, max }),
            false => Ok(()),
        }
    }

    /// Asking again moves the deadlines, but only once half has passed: the usual repeat writes
    /// nothing.
    fn extended(&self, now: Moment, request: &Request, id: LeaseId) -> Option<Change> {
        let half_gone = |until: Timestamp, span: Span| until.since(now.awake).as_millis() < span.as_millis() / 2;
        self.extension(now, self.lease(id)?, request.ttl, half_gone)
    }

    /// What a renewal moves: the time to live, and how long a listener is waited for. `stale` says
    /// of a deadline and its whole span whether it is worth moving.
    pub(super) fn extension(
        &self,
        now: Moment,
        lease: &Lease,
        ttl: Option<Span>,
        stale: impl Fn(Timestamp, Span) -> bool,
    ) -> Option<Change> {
        if lease.living_holder().is_some() {
            return None;
        }
        let span = ttl.or(lease.ttl.map(|ttl| ttl.span)).filter(|_| lease.holder.is_none());
        let wait = span.unwrap_or(self.policy.pending).max(self.policy.pending);
        let waiting = match lease.state {
            LeaseState::Pending { until } | LeaseState::Lapsing { until } => until,
            LeaseState::Active { .. } | LeaseState::Ended { .. } => None,
        };
        let ttl_moves = match (lease.ttl, span) {
            (Some(had), Some(span)) => had.span != span || stale(had.until, span),
            (None, Some(_)) => true,
            (_, None) => false,
        };
        let wait_moves = waiting.is_some_and(|until| stale(until, wait));
        (ttl_moves || wait_moves).then(|| Change::Extended {
            lease: lease.id,
            until: waiting.map(|_| now.awake + wait),
            ttl: span.map(|span| Ttl { span, until: now.awake + span }).or(lease.ttl),
        })
    }

    fn granted(&self, now: Moment, request: &Request, ask: &Ask, pick: &Pick, id: LeaseId) -> Vec<Change> {
        let replaced = self.lease_of(&ask.key).map(|old| {
            let reason = if old.contested { EndReason::Contested } else { EndReason::Replaced };
            self.ended(now, old, reason)
        });
        let span = request.ttl.unwrap_or(self.policy.pending).max(self.policy.pending);
        let until = request.holder.is_none().then(|| now.awake + span);
        let lease = Lease {
            id,
            key: ask.key.clone(),
            port: pick.port,
            protocol: ask.protocol,
            state: LeaseState::Pending { until },
            holder: request.holder.clone(),
            orphaned: false,
            requester: request.requester.clone(),
            watched: BTreeSet::new(),
            guard: request.guard,
            ttl: request.ttl.map(|span| Ttl { span, until: now.awake + span }),
            contested: false,
            drifted_to: None,
            granted_at: now.wall,
        };
        replaced.into_iter().chain([Change::Granted { lease: Box::new(lease), cool_until: None }]).collect()
    }

    /// The port becomes the key's own number, unless a pin says that another is.
    fn claimed(&self, now: Moment, ask: &Ask, pick: &Pick) -> Option<Change> {
        let former = self.claim_of(&ask.key);
        let pinned = former.is_some_and(|claim| claim.pinned);
        if pinned && former.is_some_and(|claim| claim.port != pick.port) {
            return None;
        }
        let claim = Claim {
            key: ask.key.clone(),
            port: pick.port,
            protocol: ask.protocol,
            pinned,
            last_used: now.wall,
            missing_since: None,
        };
        Some(Change::Claimed { claim })
    }
}

fn evicted(choice: &Choice) -> Option<Change> {
    let Choice::Take(Pick { evicted: Some((key, reason)), .. }) = choice else { return None };
    Some(Change::Unclaimed { key: key.clone(), reason: *reason })
}

fn adopted(request: &Request, id: LeaseId) -> Option<Change> {
    let holder = request.holder.clone()?;
    Some(Change::Adopted { lease: id, holder, requester: request.requester.clone() })
}
