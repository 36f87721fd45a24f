//! What events say to the engine: commands, with what the machine shows at that moment.

use portus_core::{
    Ask, Caller, Command, Effect, Holder, LeaseId, Port, PortRange, Protocol, Purpose, QuarantineUntil, Request,
    Requester, Sighting, Span, Stale, Strategy, Survey, Target, Timestamp,
};

use super::event::{Event, Wish};
use super::run::{FALLBACK, POOL, Run, key_of, port, worktree_of};

impl Run {
    /// What an event says to the engine; `None` for one that says nothing, as things stand.
    pub(super) fn command_of(&self, event: &Event) -> Option<Command> {
        let broker = self.broker()?;
        let lease = |id: u64| broker.lease(LeaseId(id));
        let caller = |id: u64| {
            let worktree = lease(id).map_or_else(|| worktree_of(0), |lease| lease.key.worktree.clone());
            Caller { worktree, force: false }
        };
        let sighting = |id: u64| lease(id).map(|lease| self.town.sighting(lease.port));
        let nobody = |id: u64| sighting(id).unwrap_or(Sighting { port: Port::MAX, listeners: Vec::new() });
        let target = |id: u64| Target::Lease(LeaseId(id));
        let process = |pid: u8| self.town.process(pid);
        Some(match event {
            Event::Ask(wish) => Command::Request { request: self.request(wish)?, survey: Survey::new() },
            Event::Confirm(id, pid) => {
                let process = pid.and_then(process);
                Command::Confirm { target: target(*id), caller: caller(*id), process, sighting: sighting(*id) }
            }
            Event::Renew(id, ttl) => {
                Command::Renew { target: target(*id), caller: caller(*id), ttl: ttl.map(Span::from_secs) }
            }
            Event::Release(id) => Command::Release { targets: vec![target(*id)], caller: caller(*id) },
            Event::ReleaseAll(worktree) => {
                let worktree = worktree_of(*worktree);
                let targets = vec![Target::Worktree(worktree.clone())];
                Command::Release { targets, caller: Caller { worktree, force: false } }
            }
            Event::Launch(id, hand_over) => Command::Launch { leases: vec![LeaseId(*id)], hand_over: *hand_over },
            Event::Attach(id, pid) => Command::Attach { leases: vec![LeaseId(*id)], process: process(*pid)? },
            Event::Suspect(id, certain) => {
                let (lease, certain) = (LeaseId(*id), *certain);
                Command::Suspect {
                    lease,
                    certain,
                    avoid: QuarantineUntil::Reboot,
                    survey: Survey::new(),
                    sighting: nobody(*id),
                }
            }
            Event::Look => Command::Sighted { sightings: self.wanted_sightings() },
            Event::Tick => {
                let now = self.awake();
                let due = broker.due(Timestamp(now)).map(|lease| self.town.sighting(lease.port));
                Command::Tick { sightings: due.collect() }
            }
            Event::LoseGuard(at) => Command::GuardLost { port: port(*at) },
            Event::Pin(who, at) => Command::Pin { key: key_of(*who), port: Some(port(*at)), pinned: true },
            Event::Forget(who) => Command::Forget { keys: vec![key_of(*who)] },
            Event::Sweep(missing) => Command::Swept { missing: vec![worktree_of(*missing)] },
            Event::Quarantine(at) => {
                let (until, reason) = (QuarantineUntil::Revived, "in the simulation".into());
                Command::Quarantine { port: port(*at), until, reason }
            }
            Event::Revive(at) => Command::Revive { port: port(*at) },
            _ => return None,
        })
    }

    fn wanted_sightings(&self) -> Vec<Sighting> {
        let standing = self.plant.toy.standing();
        let ports = standing.iter().filter_map(|effect| match effect {
            Effect::Look { port, .. } => Some(*port),
            Effect::Guard { .. } | Effect::Watch { .. } => None,
        });
        ports.map(|port| self.town.sighting(port)).collect()
    }

    /// `None` when it names a holder that does not live.
    fn request(&self, wish: &Wish) -> Option<Request> {
        let pool = PortRange::new(port(POOL.0), port(POOL.1)).ok()?;
        let holder = match wish.holder {
            Some(pid) => Some(Holder { process: self.town.process(pid)?, command: "run".into() }),
            None => None,
        };
        let asks = wish.whose.iter().enumerate().map(|(place, who)| Ask {
            key: key_of(*who),
            purpose: Purpose::Lease,
            protocol: Protocol::Tcp,
            preferred: wish.preferred.filter(|_| place == 0).map(port),
            strict: wish.strict && place == 0 && wish.preferred.is_some(),
            range: None,
            pool,
            fallback: Some(PortRange::single(port(FALLBACK))),
            expand: None,
            strategy: Strategy::Spread(u64::from(who.service) * 3),
            exclude: Vec::new(),
        });
        Some(Request {
            asks: asks.collect(),
            contiguous: wish.row,
            holder,
            requester: Requester::default(),
            ttl: wish.ttl.map(Span::from_secs),
            guard: wish.guard,
            queued: false,
            stale: Stale::None,
        })
    }
}
