//! Random commands in a random world: what holds of every ledger holds whatever happens.
//!
//! An action names its subjects by small numbers and becomes a concrete command that makes sense
//! in the ledger as it is by then, so that most commands are granted and interesting.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed};

use super::rig::{Ledger, secs};
use super::wish::{Wish, key_in, port, process, request, server};
use crate::broker::{Broker, Caller, Command, Policy, Target};
use crate::vocabulary::{Admit, BootId, LeaseId, Listener, Protocol, QuarantineUntil};

const WORKTREES: [&str; 3] = ["/shop", "/shop-2", "/blog"];
/// So few that pools fill up, numbers are pressed for, and rows find no room.
const POOL: (u16, u16) = (20_000, 20_007);

/// One ask, by small numbers.
#[derive(Debug, Clone)]
struct Want {
    service: u8,
    worktree: u8,
    preferred: Option<u8>,
    strict: bool,
    udp: u8,
    number_only: bool,
}

#[derive(Debug, Clone)]
enum Action {
    Ask { wants: Vec<Want>, holder: Option<u8>, ttl: Option<u64>, guard: Option<bool>, row: bool, queued: bool },
    Listen { place: u8, pid: u8, kind: u8 },
    FallSilent { place: u8 },
    Look { place: u8 },
    Confirm { lease: u8, pid: Option<u8> },
    Renew { lease: u8, ttl: Option<u64> },
    Release { lease: u8, whole_worktree: bool },
    Launch { lease: u8 },
    Attach { lease: u8, pid: u8 },
    Suspect { lease: u8, certain: bool },
    Clean { gone: Vec<u8>, for_room: bool },
    Exit { pid: u8, survivors: Vec<u8> },
    Drift { lease: u8, to: Option<u8> },
    LoseGuard { place: u8 },
    Pass { seconds: u64 },
    NextDeadline,
    Pin { service: u8, worktree: u8, to: Option<u8>, pinned: bool },
    Forget { service: u8, worktree: u8 },
    Sweep { missing: Vec<u8> },
    Quarantine { place: u8, until_reboot: bool },
    Revive { place: u8 },
    Boot { boot: u8 },
}

fn wants() -> impl Strategy<Value = Vec<Want>> {
    let preferred = prop::option::of(0..10_u8);
    let one = (0..4_u8, 0..3_u8, preferred, any::<bool>(), 0..6_u8, 0..4_u8).prop_map(
        |(service, worktree, preferred, strict, udp, purpose)| Want {
            service,
            worktree,
            preferred,
            strict: strict && preferred.is_some(),
            udp,
            number_only: purpose == 0,
        },
    );
    vec(one, 1..4)
}

fn action() -> impl Strategy<Value = Action> {
    let pid = || 1..8_u8;
    let place = || 0..9_u8;
    let ask = (wants(), prop::option::of(pid()), prop::option::of(1..700_u64), prop::option::of(any::<bool>()));
    let ask = (ask, 0..4_u8, any::<bool>()).prop_map(|((wants, holder, ttl, guard), row, queued)| Action::Ask {
        wants,
        holder,
        ttl,
        guard,
        row: row == 0,
        queued,
    });
    let claims = prop_oneof![
        (0..4_u8, 0..3_u8, prop::option::of(place()), any::<bool>())
            .prop_map(|(service, worktree, to, pinned)| { Action::Pin { service, worktree, to, pinned } }),
        (0..4_u8, 0..3_u8).prop_map(|(service, worktree)| Action::Forget { service, worktree }),
        vec(0..3_u8, 0..3).prop_map(|missing| Action::Sweep { missing }),
        (place(), any::<bool>()).prop_map(|(place, until_reboot)| Action::Quarantine { place, until_reboot }),
        place().prop_map(|place| Action::Revive { place }),
        (1..4_u8).prop_map(|boot| Action::Boot { boot }),
    ];
    let leases = prop_oneof![
        (any::<u8>(), prop::option::of(pid())).prop_map(|(lease, pid)| Action::Confirm { lease, pid }),
        (any::<u8>(), prop::option::of(0..700_u64)).prop_map(|(lease, ttl)| Action::Renew { lease, ttl }),
        (any::<u8>(), 0..6_u8).prop_map(|(lease, all)| Action::Release { lease, whole_worktree: all == 0 }),
        any::<u8>().prop_map(|lease| Action::Launch { lease }),
        (any::<u8>(), pid()).prop_map(|(lease, pid)| Action::Attach { lease, pid }),
        (any::<u8>(), any::<bool>()).prop_map(|(lease, certain)| Action::Suspect { lease, certain }),
        (any::<u8>(), prop::option::of(place())).prop_map(|(lease, to)| Action::Drift { lease, to }),
        place().prop_map(|place| Action::LoseGuard { place }),
    ];
    let world = prop_oneof![
        (place(), pid(), 0..10_u8).prop_map(|(place, pid, kind)| Action::Listen { place, pid, kind }),
        place().prop_map(|place| Action::FallSilent { place }),
        place().prop_map(|place| Action::Look { place }),
        (pid(), vec(pid(), 0..3)).prop_map(|(pid, survivors)| Action::Exit { pid, survivors }),
        (vec(pid(), 0..4), any::<bool>()).prop_map(|(gone, for_room)| Action::Clean { gone, for_room }),
        prop_oneof![0..90_u64, 0..4_000_000_u64].prop_map(|seconds| Action::Pass { seconds }),
        Just(Action::NextDeadline),
    ];
    prop_oneof![4 => ask, 1 => claims, 2 => leases, 4 => world]
}

fn place(at: u8) -> u16 {
    POOL.0 + u16::from(at)
}

fn key(service: u8, worktree: u8) -> crate::Key {
    key_in(WORKTREES[usize::from(worktree)], &format!("s{service}"))
}

fn wish(action: &Action) -> Option<Wish> {
    let Action::Ask { wants, holder, ttl, guard, row, queued } = action else { return None };
    let mut wish = request("unused");
    wish.0.asks.clear();
    for want in wants {
        wish = wish.and(&format!("s{}", want.service)).of(WORKTREES[usize::from(want.worktree)]);
        wish = wish.pool(POOL.0, POOL.1).spread(u64::from(want.service) * 3);
        wish = want.preferred.map_or(wish.clone(), |at| wish.preferred(place(at)));
        wish = if want.strict { wish.strict() } else { wish };
        wish = match want.udp {
            0 => wish.protocol(Protocol::Udp),
            1 => wish.protocol(Protocol::Both),
            2 => wish.fallback(place(8), place(8)),
            3 => wish.range(place(2), place(5)),
            _ => wish,
        };
        if want.number_only {
            wish = wish.with(|ask| ask.purpose = crate::Purpose::Claim);
        }
    }
    wish.0.contiguous = *row;
    wish = if *queued { wish.queued() } else { wish };
    wish = holder.map_or(wish.clone(), |pid| wish.held_by(pid.into()));
    wish = ttl.map_or(wish.clone(), |ttl| wish.ttl(secs(ttl)));
    let admit = |reuse| if reuse { Admit::Reuse } else { Admit::Nobody };
    Some(guard.map_or(wish.clone(), |reuse| wish.guarded(admit(reuse))))
}

fn listener(ledger: &Ledger, pid: u8, kind: u8) -> Listener {
    let plain = server(pid.into());
    let newest = ledger.broker.live_leases().next_back().map_or(LeaseId(0), |lease| lease.id);
    match kind {
        0 => plain.under(u32::from(pid / 2)),
        1 => plain.marked(newest),
        2 => plain.cwd(WORKTREES[usize::from(pid % 3)]),
        3 => plain.cwd("/elsewhere"),
        4 => plain.of_another_user(),
        5 => plain.unseen(),
        6 => plain.udp(),
        7 => plain.of_another_user().proxy().unseen(),
        _ => plain,
    }
}

impl Ledger {
    fn some_lease(&self, number: u8) -> LeaseId {
        let live: Vec<LeaseId> = self.broker.live_leases().map(|lease| lease.id).collect();
        live.get(usize::from(number) % live.len().max(1)).copied().unwrap_or(LeaseId(u64::from(number)))
    }

    fn caller_of(&self, id: LeaseId) -> Caller {
        let worktree = self.broker.lease(id).map_or("/shop".into(), |lease| lease.key.worktree.clone());
        Caller { worktree, force: false }
    }

    fn act(&mut self, action: &Action) {
        match action {
            Action::Ask { .. } => self.ask_twice(&wish(action).unwrap()),
            Action::Listen { place: at, pid, kind } => {
                let listener = listener(self, *pid, *kind);
                self.listens(place(*at), listener);
            }
            Action::FallSilent { place: at } => self.falls_silent(place(*at)),
            Action::Look { place: at } => self.look_at(place(*at)),
            Action::Exit { pid, survivors } => {
                let left: Vec<_> = survivors.iter().map(|pid| process((*pid).into())).collect();
                let ids: Vec<LeaseId> = self.broker.live_leases().map(|lease| lease.id).collect();
                let survivors: Vec<_> = ids.into_iter().map(|id| (id, left.as_slice())).collect();
                self.exits(process((*pid).into()), &survivors);
            }
            Action::Clean { gone, for_room } => {
                let gone: Vec<_> = gone.iter().map(|pid| process((*pid).into())).collect();
                self.clean(&gone, *for_room);
            }
            Action::Pass { seconds } => self.pass(secs(*seconds)),
            Action::NextDeadline => {
                let until = self.deadline_in().unwrap_or_default();
                self.pass_and_tick(until);
            }
            Action::Boot { boot } => {
                self.send(Command::Boot { boot: BootId((*boot).into()) }).unwrap();
            }
            Action::Pin { .. }
            | Action::Forget { .. }
            | Action::Sweep { .. }
            | Action::Quarantine { .. }
            | Action::Revive { .. }
            | Action::LoseGuard { .. } => self.act_on_ports(action),
            Action::Confirm { .. }
            | Action::Renew { .. }
            | Action::Release { .. }
            | Action::Launch { .. }
            | Action::Attach { .. }
            | Action::Suspect { .. }
            | Action::Drift { .. } => self.act_on_a_lease(action),
        }
    }

    fn act_on_ports(&mut self, action: &Action) {
        let command = match action {
            Action::Pin { service, worktree, to, pinned } => {
                Command::Pin { key: key(*service, *worktree), port: to.map(|at| port(place(at))), pinned: *pinned }
            }
            Action::Forget { service, worktree } => Command::Forget { keys: vec![key(*service, *worktree)] },
            Action::Sweep { missing } => {
                Command::Swept { missing: missing.iter().map(|at| WORKTREES[usize::from(*at)].into()).collect() }
            }
            Action::Quarantine { place: at, until_reboot } => {
                let until = if *until_reboot { QuarantineUntil::Reboot } else { QuarantineUntil::Revived };
                Command::Quarantine { port: port(place(*at)), until, reason: "at random".into() }
            }
            Action::Revive { place: at } => Command::Revive { port: port(place(*at)) },
            Action::LoseGuard { place: at } => Command::GuardLost { port: port(place(*at)) },
            other => unreachable!("{other:?}"),
        };
        let _ = self.send(command);
    }

    fn act_on_a_lease(&mut self, action: &Action) {
        let command = match action {
            Action::Confirm { lease, pid } => {
                let id = self.some_lease(*lease);
                let sighting = self.broker.lease(id).map(|lease| self.world.sighting(lease.port));
                let process = pid.map(|pid| process(pid.into()));
                Command::Confirm { target: Target::Lease(id), caller: self.caller_of(id), process, sighting }
            }
            Action::Renew { lease, ttl } => {
                let id = self.some_lease(*lease);
                Command::Renew { target: Target::Lease(id), caller: self.caller_of(id), ttl: ttl.map(secs) }
            }
            Action::Release { lease, whole_worktree } => {
                let id = self.some_lease(*lease);
                let caller = self.caller_of(id);
                let worktree = Target::Worktree(caller.worktree.clone());
                Command::Release { targets: vec![if *whole_worktree { worktree } else { Target::Lease(id) }], caller }
            }
            Action::Launch { lease } => Command::Launch { leases: vec![self.some_lease(*lease)], hand_over: false },
            Action::Attach { lease, pid } => {
                Command::Attach { leases: vec![self.some_lease(*lease)], process: process((*pid).into()) }
            }
            Action::Suspect { lease, certain } => {
                let lease = self.some_lease(*lease);
                let Some((at, protocol)) = self.broker.lease(lease).map(|lease| (lease.port, lease.protocol)) else {
                    return;
                };
                let survey = [((at, protocol), self.world.look(at, protocol))].into();
                let avoid = if *certain { QuarantineUntil::Revived } else { QuarantineUntil::Reboot };
                Command::Suspect { lease, certain: *certain, avoid, survey, sighting: self.world.sighting(at) }
            }
            Action::Drift { lease, to } => {
                Command::TreeSeen { lease: self.some_lease(*lease), elsewhere: to.map(|at| port(place(at))) }
            }
            other => unreachable!("{other:?}"),
        };
        let _ = self.send(command);
    }

    /// What is granted is acceptable, and asking twice answers the same.
    fn ask_twice(&mut self, wish: &Wish) {
        let live: Vec<LeaseId> = self.broker.live_leases().map(|lease| lease.id).collect();
        let Ok(first) = self.ask(wish.clone()) else { return };
        let asks = wish.0.asks.iter().filter(|ask| ask.purpose == crate::Purpose::Lease);
        for (grant, ask) in first.iter().zip(asks) {
            assert_eq!(grant.reused, live.contains(&grant.id));
            let lease = self.lease(grant.id);
            assert!(lease.key == ask.key && lease.protocol.covers(ask.protocol) && !lease.contested);
            assert!(!ask.strict || ask.preferred == Some(lease.port));
            let free = self.world.look(lease.port, ask.protocol) == crate::Look::Free;
            assert!(grant.reused || free, "a taken port was handed out");
        }
        if wish.0.contiguous {
            assert!(first.windows(2).all(|pair| pair[0].port + 1 == pair[1].port), "{first:?}");
        }
        // A sibling may find room once the leases of its request have moved.
        let crowded = self.notes.iter().any(|note| matches!(note, crate::Note::SiblingUnclaimed { .. }));
        let again = self.grants(wish.clone());
        let same = |(one, other): (&super::rig::Grant, &super::rig::Grant)| one.id == other.id && other.reused;
        assert!(first.len() == again.len() && first.iter().zip(&again).all(same), "{first:?} and then {again:?}");
        assert!(self.changes.is_empty() || crowded, "asking twice answers the same: {:?}", self.changes);
    }

    /// Everybody dies, time goes on, and so every lease ends.
    fn wind_up(&mut self) {
        self.world.listeners.clear();
        (0..8).for_each(|pid| self.exits(process(pid), &[]));
        (0..10).for_each(|at| self.look_at(place(at)));
        while let Some(until) = self.deadline_in() {
            self.pass_and_tick(until);
        }
        assert_eq!(self.broker.live_leases().len(), 0, "every lease ends if time goes on");
        assert_eq!(self.broker.standing_effects(), [].into());
    }
}

fn policy(history_max: usize) -> Policy {
    Policy {
        history_max,
        project_leases_max: 6,
        exclude: vec![super::wish::range(20_003, 20_003)],
        ..Policy::default()
    }
}

proptest! {
    // A fixed seed, so that a run tells about the code and nothing else; no file of failures.
    #![proptest_config(Config {
        cases: 150,
        rng_seed: RngSeed::Fixed(0x0070_6f72_7475_7300),
        failure_persistence: None,
        ..Config::default()
    })]

    #[test]
    fn whatever_happens_the_laws_hold(actions in vec(action(), 1..60), history_max in prop_oneof![Just(2_usize), Just(100)]) {
        // The rig itself checks the ledger after every command.
        let mut ledger = Ledger::with(policy(history_max));
        actions.iter().for_each(|action| ledger.act(action));
        ledger.wind_up();
        let replayed = Broker::from_history(policy(history_max), ledger.history.clone());
        prop_assert_eq!(replayed.as_history(), ledger.broker.as_history());
    }

    #[test]
    fn a_ledger_made_from_its_snapshot_goes_on_the_same(
        before in vec(action(), 1..30),
        after in vec(action(), 1..15),
        history_max in prop_oneof![Just(2_usize), Just(100)],
    ) {
        let mut ledger = Ledger::with(policy(history_max));
        before.iter().for_each(|action| ledger.act(action));
        let mut again = ledger.clone();
        again.broker = Broker::from_history(policy(history_max), ledger.broker.as_history());
        for action in &after {
            ledger.act(action);
            again.act(action);
            prop_assert_eq!(&ledger.changes, &again.changes);
            prop_assert_eq!(ledger.broker.as_history(), again.broker.as_history());
            prop_assert_eq!(ledger.broker.next_deadline(), again.broker.next_deadline());
        }
    }
}
