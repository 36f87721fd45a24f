//! A ledger in a toy world. It plays the engine: looks where the broker says, decides, lets the
//! changes be true, and checks after every command what must always hold.

use std::collections::{BTreeMap, BTreeSet};

use super::check;
use super::wish::{BOOT, Wish, key, port};
use crate::broker::{
    Answer, Broker, Caller, Change, CleanLook, Command, Lease, LeaseState, Note, Policy, Refusal, Target,
};
use crate::vocabulary::{
    EndReason, Key, LeaseId, Listener, Look, Moment, Port, ProcessIdentity, Protocol, QuarantineUntil, Sighting, Span,
    StateWord, Survey, Timestamp,
};

pub(super) const HOUR: Span = Span::from_secs(3_600);

pub(super) const fn secs(seconds: u64) -> Span {
    Span::from_secs(seconds)
}

/// What lies outside the ledger.
#[derive(Debug, Clone, Default)]
pub(super) struct World {
    pub(super) listeners: BTreeMap<Port, Vec<Listener>>,
    pub(super) forbidden: BTreeSet<Port>,
    pub(super) no_descriptors: bool,
}

impl World {
    pub(super) fn look(&self, port: Port, protocol: Protocol) -> Look {
        let taken = || self.listeners.get(&port).into_iter().flatten().any(|one| protocol.covers(one.protocol));
        match () {
            () if self.no_descriptors => Look::NoDescriptors,
            () if self.forbidden.contains(&port) => Look::Forbidden,
            () if taken() => Look::Taken,
            () => Look::Free,
        }
    }

    pub(super) fn sighting(&self, port: Port) -> Sighting {
        Sighting { port, listeners: self.listeners.get(&port).cloned().unwrap_or_default() }
    }
}

/// One granted lease, in short.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Grant {
    pub(super) id: LeaseId,
    pub(super) port: u16,
    pub(super) reused: bool,
}

#[derive(Clone)]
pub(super) struct Ledger {
    pub(super) broker: Broker,
    pub(super) now: Moment,
    pub(super) world: World,
    /// What the last command changed.
    pub(super) changes: Vec<Change>,
    /// What the last grant had to be said about it.
    pub(super) notes: Vec<Note>,
    /// The ports that were looked at for the last request, in order.
    pub(super) looked_at: Vec<u16>,
    /// Everything that ever changed.
    pub(super) history: Vec<Change>,
}

impl Ledger {
    pub(super) fn new() -> Self {
        Self::with(Policy::default())
    }

    pub(super) fn with(policy: Policy) -> Self {
        let now = Moment { awake: Timestamp(1_000_000), wall: Timestamp(1_800_000_000_000) };
        let mut ledger = Self {
            broker: Broker::new(policy),
            now,
            world: World::default(),
            changes: Vec::new(),
            notes: Vec::new(),
            looked_at: Vec::new(),
            history: Vec::new(),
        };
        ledger.send(Command::Boot { boot: BOOT }).unwrap();
        ledger
    }

    /// Decides, checks the laws of deciding, and lets the changes be true.
    pub(super) fn send(&mut self, command: Command) -> Result<Answer, Refusal> {
        let before = self.broker.as_history();
        let decision = self.broker.decide(self.now, command.clone());
        assert_eq!(decision, self.broker.decide(self.now, command.clone()), "deciding twice differs: {command:?}");
        assert_eq!(before, self.broker.as_history(), "deciding changed the ledger: {command:?}");
        if decision.answer.is_err() {
            assert_eq!(decision.changes, [], "a refusal changes nothing: {command:?}");
        }
        for change in &decision.changes {
            self.broker.evolve(change);
        }
        check::consistent(&self.broker);
        self.history.extend(decision.changes.iter().cloned());
        self.changes = decision.changes;
        decision.answer
    }

    /// Looks where the broker wants to, until it wants no more.
    pub(super) fn survey(&mut self, wish: &Wish) -> Survey {
        let mut seen = Survey::new();
        self.looked_at.clear();
        loop {
            let wanted = self.broker.shortlist(self.now, &wish.0, &seen);
            if wanted.is_empty() {
                return seen;
            }
            for (port, protocol) in wanted {
                let twice = seen.insert((port, protocol), self.world.look(port, protocol));
                assert_eq!(twice, None, "{port} was to be looked at twice");
                self.looked_at.push(port.number());
            }
        }
    }

    pub(super) fn ask(&mut self, wish: Wish) -> Result<Vec<Grant>, Refusal> {
        let survey = self.survey(&wish);
        let Answer::Leased { leases, notes } = self.send(Command::Request { request: wish.0, survey })? else {
            panic!("a request is answered with leases")
        };
        self.notes = notes;
        let grant = |id, reused| Grant { id, port: self.lease(id).port.number(), reused };
        Ok(leases.into_iter().map(|leased| grant(leased.id, leased.reused)).collect())
    }

    pub(super) fn grants(&mut self, wish: Wish) -> Vec<Grant> {
        self.ask(wish).unwrap()
    }

    pub(super) fn grant(&mut self, wish: Wish) -> Grant {
        let grants = self.grants(wish);
        assert_eq!(grants.len(), 1, "{grants:?}");
        grants[0]
    }

    /// The ports of a grant, in order.
    pub(super) fn ports(&mut self, wish: Wish) -> Vec<u16> {
        self.grants(wish).iter().map(|grant| grant.port).collect()
    }

    pub(super) fn port(&mut self, wish: Wish) -> u16 {
        self.grant(wish).port
    }

    pub(super) fn refusal(&mut self, wish: Wish) -> Refusal {
        self.ask(wish).unwrap_err()
    }

    // What happens in the world, before anybody looks.

    pub(super) fn listens(&mut self, number: u16, listener: Listener) {
        self.world.listeners.entry(port(number)).or_default().push(listener);
    }

    pub(super) fn falls_silent(&mut self, number: u16) {
        self.world.listeners.remove(&port(number));
    }

    pub(super) fn forbid(&mut self, number: u16) {
        self.world.forbidden.insert(port(number));
    }

    pub(super) fn pass(&mut self, span: Span) {
        self.now = Moment { awake: self.now.awake + span, wall: self.now.wall + span };
    }

    // What the ledger is told.

    pub(super) fn look_at(&mut self, number: u16) {
        let sightings = vec![self.world.sighting(port(number))];
        self.send(Command::Sighted { sightings }).unwrap();
    }

    /// A server comes up and is seen.
    pub(super) fn comes_up(&mut self, number: u16, listener: Listener) {
        self.listens(number, listener);
        self.look_at(number);
    }

    /// A process ends, and its sockets with it.
    pub(super) fn exits(&mut self, process: ProcessIdentity, survivors: &[(LeaseId, &[ProcessIdentity])]) {
        for listeners in self.world.listeners.values_mut() {
            listeners.retain(|listener| listener.process != Some(process));
        }
        let ports: Vec<Port> = self.broker.leases_with(process).map(|lease| lease.port).collect();
        let sightings = ports.into_iter().map(|port| self.world.sighting(port)).collect();
        let survivors = survivors.iter().map(|(id, left)| (*id, left.to_vec())).collect();
        self.send(Command::ProcessExited { process, sightings, survivors }).unwrap();
    }

    pub(super) fn tick(&mut self) {
        let ports: Vec<Port> = self.broker.due(self.now.awake).map(|lease| lease.port).collect();
        let sightings = ports.into_iter().map(|port| self.world.sighting(port)).collect();
        self.send(Command::Tick { sightings }).unwrap();
    }

    pub(super) fn pass_and_tick(&mut self, span: Span) {
        self.pass(span);
        self.tick();
    }

    pub(super) fn confirm(&mut self, id: LeaseId) -> Result<Answer, Refusal> {
        let sighting = self.broker.lease(id).map(|lease| self.world.sighting(lease.port));
        self.send(Command::Confirm { target: Target::Lease(id), caller: caller(), process: None, sighting })
    }

    pub(super) fn confirm_as(&mut self, id: LeaseId, process: ProcessIdentity) -> Result<Answer, Refusal> {
        let process = Some(process);
        self.send(Command::Confirm { target: Target::Lease(id), caller: caller(), process, sighting: None })
    }

    pub(super) fn renew(&mut self, id: LeaseId, ttl: Option<Span>) -> Result<Answer, Refusal> {
        self.send(Command::Renew { target: Target::Lease(id), caller: caller(), ttl })
    }

    pub(super) fn release(&mut self, id: LeaseId) -> Result<Answer, Refusal> {
        let worktree = self.broker.lease(id).map_or("/shop".into(), |lease| lease.key.worktree.clone());
        self.send(Command::Release { targets: vec![Target::Lease(id)], caller: Caller { worktree, force: false } })
    }

    pub(super) fn suspect(&mut self, id: LeaseId, certain: bool) -> Result<Answer, Refusal> {
        let lease = self.lease(id);
        let (port, protocol) = (lease.port, lease.protocol);
        let survey = [((port, protocol), self.world.look(port, protocol))].into();
        let avoid = QuarantineUntil::Reboot;
        self.send(Command::Suspect { lease: id, certain, avoid, survey, sighting: self.world.sighting(port) })
    }

    /// All live leases are looked at, and these processes found gone. Returns those found stale.
    pub(super) fn clean(&mut self, gone: &[ProcessIdentity], for_room: bool) -> Vec<LeaseId> {
        let sightings = self.broker.live_leases().map(|lease| (lease.id, self.world.sighting(lease.port)));
        let look = CleanLook {
            gone: gone.iter().copied().collect(),
            sightings: sightings.collect(),
            for_room,
            ..CleanLook::default()
        };
        match self.send(Command::Clean { look }) {
            Ok(Answer::Touched(ids)) => ids,
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn pin(&mut self, service: &str, number: Option<u16>) {
        self.try_pin(key(service), number, true).unwrap();
    }

    pub(super) fn unpin(&mut self, service: &str) {
        self.try_pin(key(service), None, false).unwrap();
    }

    pub(super) fn try_pin(&mut self, key: Key, number: Option<u16>, pinned: bool) -> Result<Answer, Refusal> {
        self.send(Command::Pin { key, port: number.map(port), pinned })
    }

    pub(super) fn forget(&mut self, service: &str) {
        self.send(Command::Forget { keys: vec![key(service)] }).unwrap();
    }

    pub(super) fn sweep(&mut self, missing: &[&str]) {
        let missing = missing.iter().map(|worktree| (*worktree).into()).collect();
        self.send(Command::Swept { missing }).unwrap();
    }

    pub(super) fn quarantine(&mut self, number: u16, until: QuarantineUntil) {
        self.send(Command::Quarantine { port: port(number), until, reason: "for a test".into() }).unwrap();
    }

    // What the ledger says.

    pub(super) fn lease(&self, id: LeaseId) -> &Lease {
        self.broker.lease(id).unwrap()
    }

    pub(super) fn state(&self, id: LeaseId) -> StateWord {
        self.lease(id).state.word()
    }

    pub(super) fn end(&self, id: LeaseId) -> Option<EndReason> {
        match self.lease(id).state {
            LeaseState::Ended { reason, .. } => Some(reason),
            _ => None,
        }
    }

    /// How long until the next deadline.
    pub(super) fn deadline_in(&self) -> Option<Span> {
        self.broker.next_deadline().map(|at| at.since(self.now.awake))
    }
}

/// Somebody in `/shop`.
pub(super) fn caller() -> Caller {
    Caller { worktree: "/shop".into(), force: false }
}
