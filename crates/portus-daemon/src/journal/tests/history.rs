//! Whatever happens to a ledger, its rows lead to the same one again.

use proptest::prelude::*;

use super::*;
use portus_core::{Admit, ClaimEnd, Evidence, Holder, ProcessIdentity, Quarantine, QuarantineUntil, Span, Ttl};

/// Draws of what happens: what kind of thing, to whom, and with what.
type Draw = (u8, u16, u16, u64);

/// The ledger in memory, and beside it what is needed to let only plausible things happen.
#[derive(Clone)]
struct Model {
    broker: Broker,
    next: u64,
    boot: u128,
    awake: u64,
    wall: u64,
}

impl Model {
    fn new() -> Self {
        Self { broker: Broker::new(policy()), next: 1, boot: 1, awake: 0, wall: 1_800_000_000_000 }
    }

    fn process(&self, number: u16) -> ProcessIdentity {
        ProcessIdentity { pid: u32::from(number % 8) + 1, birth: u64::from(number), boot: BootId(self.boot) }
    }

    fn live(&self, number: u16) -> Option<LeaseId> {
        let count = self.broker.live_leases().len();
        self.broker.live_leases().nth(usize::from(number) % count.max(1)).map(|lease| lease.id)
    }

    /// What happens by a draw; nothing if it cannot happen as things stand.
    fn changes(&mut self, (kind, who, what, number): Draw) -> Vec<Change> {
        self.awake += number % 40_000;
        self.wall += number % 40_000;
        match kind % 20 {
            0..=3 => self.grant(who, what, number).into_iter().collect(),
            4 => self.reboot(),
            5 => vec![self.claim(who, what, number)],
            6 => vec![Change::Unclaimed { key: key(who % 30), reason: ClaimEnd::Forgotten }],
            7 => {
                let since = number.is_multiple_of(2).then_some(Timestamp(number));
                vec![Change::Missing { worktree: key(who % 30).worktree, since }]
            }
            8 => vec![self.quarantine(who, number)],
            9 => vec![Change::Revived { port: port(who % 30) }],
            kind => match self.live(who) {
                Some(lease) => self.happens(lease, kind, what, number),
                None => Vec::new(),
            },
        }
    }

    fn grant(&mut self, who: u16, what: u16, number: u64) -> Option<Change> {
        let (who, place) = (who % 30, port(what % 30));
        let key = key(who);
        if self.broker.lease_of(&key).is_some() || self.broker.lease_on(place).is_some() {
            return None;
        }
        let holder = Holder { process: self.process(what), command: format!("server {who}").into() };
        let holder = number.is_multiple_of(3).then_some(holder);
        let lease = Lease {
            port: place,
            protocol: [Protocol::Tcp, Protocol::Udp, Protocol::Both][usize::from(what) % 3],
            state: LeaseState::Pending { until: holder.is_none().then_some(Timestamp(self.awake + 300_000)) },
            holder,
            guard: self.admit(number),
            ttl: number.is_multiple_of(5).then_some(Ttl { span: Span(number), until: Timestamp(self.awake + number) }),
            ..lease(self.next, who)
        };
        self.next += 1 + number % 2;
        Some(Change::Granted { lease: Box::new(lease), cool_until: None })
    }

    fn admit(&self, number: u64) -> Option<Admit> {
        [None, Some(Admit::Nobody), Some(Admit::Reuse)][usize::try_from(number % 3).unwrap_or(0)]
    }

    fn reboot(&mut self) -> Vec<Change> {
        (self.boot, self.awake) = (self.boot + 1, 0);
        let at = Moment { awake: Timestamp(0), wall: Timestamp(self.wall) };
        let end = |lease: &Lease| {
            let cool_until = Timestamp(0);
            Change::Ended { lease: lease.id, reason: EndReason::Reboot, at, cool_until }
        };
        let ends = self.broker.live_leases().map(end);
        ends.chain([Change::Booted { boot: BootId(self.boot) }]).collect()
    }

    fn claim(&self, who: u16, what: u16, number: u64) -> Change {
        let missing_since = number.is_multiple_of(3).then_some(Timestamp(number));
        let (key, port, pinned) = (key(who % 30), port(what % 30), number.is_multiple_of(2));
        let last_used = Timestamp(self.wall);
        Change::Claimed { claim: Claim { key, port, protocol: Protocol::Udp, pinned, last_used, missing_since } }
    }

    fn quarantine(&self, who: u16, number: u64) -> Change {
        let until = if number.is_multiple_of(2) { QuarantineUntil::Revived } else { QuarantineUntil::Reboot };
        let (port, reason, since) = (port(who % 30), format!("reason {number}").into(), Timestamp(self.wall));
        Change::Quarantined { quarantine: Quarantine { port, until, reason, since } }
    }

    fn happens(&self, lease: LeaseId, kind: u8, what: u16, number: u64) -> Vec<Change> {
        let until = Timestamp(self.awake + number);
        let maybe = number.is_multiple_of(2).then_some(until);
        let process = self.process(what);
        let change = match kind {
            10 | 11 => {
                let at = Moment { awake: Timestamp(self.awake), wall: Timestamp(self.wall) };
                let (reason, cool_until) = (EndReason::Expired, Timestamp(self.awake + 60_000));
                Change::Ended { lease, reason, at, cool_until }
            }
            12 => {
                let ttl = maybe.map(|until| Ttl { span: Span(number), until });
                Change::Extended { lease, until: number.is_multiple_of(3).then_some(until), ttl }
            }
            13 => {
                let requester = Requester { session: Some("s".into()), ..Requester::default() };
                Change::Adopted { lease, holder: Holder { process, command: "new".into() }, requester }
            }
            14 => Change::Guarded { lease, admit: self.admit(number) },
            15 => Change::Attached { lease, processes: vec![process, self.process(what + 1)] },
            16 => Change::Detached { lease, process },
            17 => Change::Orphaned { lease, until },
            18 => {
                let evidence = if number.is_multiple_of(2) { Evidence::Lineage } else { Evidence::Presumed };
                Change::Confirmed { lease, evidence, listeners: vec![process] }
            }
            _ if number.is_multiple_of(3) => Change::Lapsed { lease, until: maybe },
            _ if number % 3 == 1 => Change::Contested { lease, contested: number.is_multiple_of(2) },
            _ => Change::Drifted { lease, to: maybe.map(|_| port(what % 30)) },
        };
        vec![change]
    }
}

/// The ledger as a history, without cool-downs that have passed: memory forgets them at the next
/// end of a lease, and disk when it is read.
fn history(broker: &Broker, awake: u64) -> Vec<Change> {
    let mut history = broker.as_history();
    for change in &mut history {
        if let Change::Granted { cool_until, .. } = change {
            *cool_until = cool_until.filter(|until| until.0 > awake);
        }
    }
    history
}

fn draws() -> impl Strategy<Value = Vec<(Draw, u8)>> {
    let draw = (any::<u8>(), 0_u16..1_000, 0_u16..1_000, 0_u64..200_000);
    prop::collection::vec((draw, any::<u8>()), 1..250)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_ledger_comes_back_as_it_was(draws in draws()) {
        let place = Place::new();
        let mut journal = place.open();
        let mut model = Model::new();
        let mut committed = model.clone();
        for (draw, then) in draws {
            let changes = model.changes(draw);
            journal.append(&changes).unwrap();
            changes.iter().for_each(|change| model.broker.evolve(change));
            match then % 16 {
                0 => {
                    journal.rollback().unwrap();
                    model = committed.clone();
                }
                1 => {
                    drop(journal);
                    journal = place.open();
                    model = committed.clone();
                    let recovered = recover(&mut journal);
                    prop_assert_eq!(history(&recovered, model.awake), history(&model.broker, model.awake));
                }
                2..=6 => {
                    journal.commit().unwrap();
                    committed = model.clone();
                }
                _ => {}
            }
        }
        journal.commit().unwrap();
        let recovered = recover(&mut place.as_if_killed().open());
        prop_assert_eq!(history(&recovered, model.awake), history(&model.broker, model.awake));
        prop_assert_eq!(recovered.standing_effects(), model.broker.standing_effects());
    }
}
