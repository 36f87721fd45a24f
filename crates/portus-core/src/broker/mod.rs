//! The ledger of leases and claims, and the rules over it.
//!
//! [`Broker::decide`] is pure and cannot mutate; [`Broker::evolve`] is the only mutator and cannot
//! fail. A caller looks ([`Broker::shortlist`]), decides, writes the changes down, evolves, and
//! then makes [`Broker::standing_effects`] true.

mod answer;
mod change;
mod command;
mod cooling;
mod decide;
mod effect;
mod evolve;
mod history;
mod lease;
mod policy;
mod portset;
mod select;
mod usage;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub use answer::{Answer, Decision, Leased, Limited, Note, Reasons, Refusal, Why};
pub use change::Change;
pub use command::{Ask, Caller, CleanLook, Command, Purpose, Request, Stale, Strategy, Target, spread};
pub use effect::Effect;
pub use lease::{Lease, LeaseState, Ttl};
pub use policy::{BROWSER_BLOCKED, Policy};
pub use usage::Usage;

use crate::vocabulary::{BootId, Claim, Key, LeaseId, Port, ProcessIdentity, Quarantine, Timestamp};
use cooling::Cooling;
use portset::PortSet;

/// The ledger. Everything in it follows from its history of changes.
#[derive(Debug, Clone)]
pub struct Broker {
    policy: Policy,
    boot: Option<BootId>,
    next_id: LeaseId,
    live: BTreeMap<LeaseId, Lease>,
    ended: BTreeMap<LeaseId, Lease>,
    claims: BTreeMap<Key, Claim>,
    quarantines: BTreeMap<Port, Quarantine>,
    /// Freed ports: kept from all but the key of the remembered lease that was there last, until
    /// then, on the awake clock.
    cooling: Cooling,

    // Derived from the above, so that no command walks all leases.
    lease_by_port: BTreeMap<Port, LeaseId>,
    lease_by_key: BTreeMap<Key, LeaseId>,
    leases_by_process: BTreeMap<ProcessIdentity, BTreeSet<LeaseId>>,
    leases_by_project: BTreeMap<Arc<str>, usize>,
    claim_by_port: BTreeMap<Port, Key>,
    deadlines: BTreeSet<(Timestamp, LeaseId)>,
    /// The ended leases by when they ended, on the wall clock.
    ends: BTreeSet<(Timestamp, LeaseId)>,
    /// Leased, claimed, quarantined or excluded: not to be handed to a key that has no claim there.
    blocked: PortSet,
    excluded: PortSet,
}

impl Broker {
    /// A ledger with nothing in it.
    #[must_use]
    pub fn new(policy: Policy) -> Self {
        let mut excluded = PortSet::default();
        for port in BROWSER_BLOCKED.into_iter().filter_map(Port::new) {
            excluded.insert(port);
        }
        for range in &policy.exclude {
            range.iter_from(0).for_each(|port| excluded.insert(port));
        }
        Self {
            policy,
            boot: None,
            next_id: LeaseId(1),
            live: BTreeMap::new(),
            ended: BTreeMap::new(),
            claims: BTreeMap::new(),
            quarantines: BTreeMap::new(),
            cooling: Cooling::default(),
            lease_by_port: BTreeMap::new(),
            lease_by_key: BTreeMap::new(),
            leases_by_process: BTreeMap::new(),
            leases_by_project: BTreeMap::new(),
            claim_by_port: BTreeMap::new(),
            deadlines: BTreeSet::new(),
            ends: BTreeSet::new(),
            blocked: excluded.clone(),
            excluded,
        }
    }

    /// A ledger that hands out even the ports that browsers refuse.
    pub(crate) fn without_exclusions(policy: Policy) -> Self {
        let none = PortSet::default();
        Self { blocked: none.clone(), excluded: none, ..Self::new(policy) }
    }

    /// The ledger that this history leads to. Recovery is this, and nothing else.
    #[must_use]
    pub fn from_history(policy: Policy, changes: impl IntoIterator<Item = Change>) -> Self {
        let mut broker = Self::new(policy);
        changes.into_iter().for_each(|change| broker.evolve(&change));
        broker
    }

    /// The numbers it works with.
    #[must_use]
    pub const fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The boot it was last used in; `None` before the first.
    #[must_use]
    pub const fn boot(&self) -> Option<BootId> {
        self.boot
    }

    /// The lease of this number, live or (as long as it is remembered) ended.
    #[must_use]
    pub fn lease(&self, id: LeaseId) -> Option<&Lease> {
        self.live.get(&id).or_else(|| self.ended.get(&id))
    }

    /// The live leases, oldest first.
    pub fn live_leases(&self) -> impl DoubleEndedIterator<Item = &Lease> + ExactSizeIterator {
        self.live.values()
    }

    /// The ended leases still remembered, in the order of their grants.
    pub fn ended_leases(&self) -> impl DoubleEndedIterator<Item = &Lease> + ExactSizeIterator {
        self.ended.values()
    }

    /// The live lease of a port.
    #[must_use]
    pub fn lease_on(&self, port: Port) -> Option<&Lease> {
        self.lease_by_port.get(&port).and_then(|id| self.live.get(id))
    }

    /// The live lease of a key.
    #[must_use]
    pub fn lease_of(&self, key: &Key) -> Option<&Lease> {
        self.lease_by_key.get(key).and_then(|id| self.live.get(id))
    }

    /// The live leases to which a process matters, as holder or as watched.
    pub fn leases_with(&self, process: ProcessIdentity) -> impl Iterator<Item = &Lease> {
        self.leases_by_process.get(&process).into_iter().flatten().filter_map(|id| self.live.get(id))
    }

    /// All claims, by key.
    pub fn claims(&self) -> impl ExactSizeIterator<Item = &Claim> {
        self.claims.values()
    }

    /// A key's claim.
    #[must_use]
    pub fn claim_of(&self, key: &Key) -> Option<&Claim> {
        self.claims.get(key)
    }

    /// The claim on a port.
    #[must_use]
    pub fn claim_on(&self, port: Port) -> Option<&Claim> {
        self.claim_by_port.get(&port).and_then(|key| self.claims.get(key))
    }

    /// The ports that are not to be handed out.
    pub fn quarantines(&self) -> impl ExactSizeIterator<Item = &Quarantine> {
        self.quarantines.values()
    }

    /// A port's quarantine.
    #[must_use]
    pub fn quarantine_on(&self, port: Port) -> Option<&Quarantine> {
        self.quarantines.get(&port)
    }

    /// Whether a port is handed out to nobody: browsers block it, or the settings exclude it.
    #[must_use]
    pub fn is_excluded(&self, port: Port) -> bool {
        self.excluded.contains(port)
    }

    /// For whom and until when (awake clock) a freed port is kept. May have passed.
    #[must_use]
    pub fn cooling_on(&self, port: Port) -> Option<(&Key, Timestamp)> {
        let (id, until) = self.cooling.get(port)?;
        self.ended.get(&id).map(|lease| (&lease.key, until))
    }

    /// The earliest deadline, on the awake clock: when to send `Command::Tick`.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.deadlines.first().map(|(at, _)| *at)
    }

    /// The leases whose deadline has passed.
    pub fn due(&self, now: Timestamp) -> impl Iterator<Item = &Lease> {
        self.deadlines.iter().take_while(move |(at, _)| *at <= now).filter_map(|(_, id)| self.live.get(id))
    }

    /// What must be true of the world as things stand.
    #[must_use]
    pub fn standing_effects(&self) -> BTreeSet<Effect> {
        self.live.values().flat_map(Lease::effects).collect()
    }

    /// What one lease adds to that; nothing for one that has ended or is not known.
    #[must_use]
    pub fn effects_of(&self, id: LeaseId) -> BTreeSet<Effect> {
        self.live.get(&id).map(Lease::effects).unwrap_or_default()
    }

    /// Whether an effect stands, by whichever lease.
    #[must_use]
    pub fn stands(&self, effect: &Effect) -> bool {
        match effect {
            Effect::Guard { port, .. } => self.lease_on(*port).is_some_and(|lease| lease.effects().contains(effect)),
            Effect::Watch { process } => self.leases_by_process.contains_key(process),
            Effect::Look { lease, .. } => self.effects_of(*lease).contains(effect),
        }
    }
}

impl Lease {
    /// What must be true of the world as long as this lease stands as it does.
    fn effects(&self) -> BTreeSet<Effect> {
        let (port, protocol) = (self.port, self.protocol);
        let holder = self.living_holder().map(|holder| holder.process);
        let watches = holder.into_iter().chain(self.watched.iter().copied()).map(|process| Effect::Watch { process });
        let guard = self.guard.map(|admit| Effect::Guard { port, protocol, admit });
        let look = self.wants_looks().then_some(Effect::Look { lease: self.id, port, protocol });
        watches.chain(guard).chain(look).collect()
    }
}
