//! The engine under test, on the toy disk and the toy machine; and bugs to plant into it.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use portus_core::{
    BootId, Broker, Change, Command, Effect, LeaseState, Look, Moment, Policy, Port, Protocol, QuarantineUntil, Target,
    Timestamp,
};
use portus_daemon::engine::toy::{Toy, ToyDisk, ToyWorld};
use portus_daemon::engine::{Batch, CommitError, Engine, Failure, Journal, JournalError, Performed, Recorder, World};
use portus_daemon::trace::{Out, Tracer};

use super::promise::Promise;

/// A bug, planted on purpose, to see that its promise is more than words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bug {
    /// What is read back has two leases on one port.
    ReadsPortsWrong,
    /// Now and then a commit says yes and writes nothing.
    ForgetsCommits,
    /// Guards are taken as soon as a lease is appended.
    ActsEarly,
    /// Watching a process does nothing.
    WatchesNobody,
    /// Ended leases are not read back, nor how far numbers had come.
    ForgetsNumbers,
    /// Processes are told apart by their pid.
    KnowsPidsOnly,
    /// A refused command leaves a port in quarantine.
    RefusesWithTraces,
    /// A request for what is leased already gives it up first.
    AnswersAnew,
    /// Deadlines pass unheeded.
    HeedsNoDeadline,
    /// The first lease is released along with any other.
    ReleasesTooMuch,
    /// A taken port looks free.
    LooksAway,
    /// Claims are not read back.
    ForgetsClaims,
    /// What was told is not what was written.
    WritesWrongPorts,
    /// A guard is never let go of.
    KeepsGuards,
}

impl Bug {
    /// All of them, each with the promise that it breaks.
    pub const ALL: [(Self, Promise); 14] = [
        (Self::ReadsPortsWrong, Promise::no_port_is_leased_twice),
        (Self::ForgetsCommits, Promise::an_answered_lease_survives_a_crash),
        (Self::ActsEarly, Promise::no_effect_before_its_cause_is_on_disk),
        (Self::WatchesNobody, Promise::every_living_holder_is_watched),
        (Self::ForgetsNumbers, Promise::ids_are_never_reused),
        (Self::KnowsPidsOnly, Promise::only_the_named_process_is_ever_terminated),
        (Self::RefusesWithTraces, Promise::a_refusal_changes_nothing),
        (Self::AnswersAnew, Promise::asking_twice_answers_the_same),
        (Self::HeedsNoDeadline, Promise::every_lease_ends_if_time_goes_on),
        (Self::ReleasesTooMuch, Promise::a_lease_ends_for_a_reason_only),
        (Self::LooksAway, Promise::a_taken_port_is_never_handed_out),
        (Self::ForgetsClaims, Promise::a_key_keeps_its_number),
        (Self::WritesWrongPorts, Promise::the_ledger_is_what_is_written_down),
        (Self::KeepsGuards, Promise::every_living_holder_is_watched),
    ];
}

/// Which kind of IO a point was, for choosing what can go wrong there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Io {
    /// A commit.
    Commit,
    /// Another call of the journal.
    Disk,
    /// A call of the machine.
    Machine,
}

/// What the subject and its disk and machine share.
#[derive(Debug, Clone)]
pub struct Plant {
    /// The computer.
    pub toy: Toy,
    /// How far the wall clock was set, in milliseconds.
    pub leap_ms: Rc<Cell<i64>>,
    /// What each point of IO was, in order.
    pub points: Rc<RefCell<Vec<Io>>>,
    /// The planted bug.
    pub bug: Option<Bug>,
    /// The trace of each start, if traces are wanted: what a daemon's file would hold.
    pub traces: Option<Rc<RefCell<Vec<String>>>>,
}

/// Writes the last of the traces.
#[derive(Debug)]
struct Recording(Rc<RefCell<Vec<String>>>);

impl Out for Recording {
    fn write(&mut self, lines: &str) -> std::io::Result<()> {
        if let Some(last) = self.0.borrow_mut().last_mut() {
            last.push_str(lines);
        }
        Ok(())
    }

    fn is_full(&self) -> bool {
        false
    }

    fn begin_anew(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Plant {
    /// A new computer.
    pub fn new(bug: Option<Bug>) -> Self {
        Self { toy: Toy::new(), leap_ms: Rc::default(), points: Rc::default(), bug, traces: None }
    }

    /// Starts an engine on it.
    pub fn start(&self, boot: BootId) -> Result<Subject, JournalError> {
        let disk = Disk { plant: self.clone(), disk: self.toy.disk(), commits: 0 };
        let world = Machine { plant: self.clone(), world: self.toy.world() };
        let recorder = |_: &Disk, broker: &Broker| -> Option<Box<dyn Recorder>> {
            let traces = self.traces.clone()?;
            traces.borrow_mut().push(String::new());
            Some(Box::new(Tracer::begin(Recording(traces), "simulated", broker)))
        };
        let engine = Engine::start_recorded(Policy::default(), disk, world, boot, recorder)?;
        Ok(Subject { engine, bug: self.bug })
    }

    fn has(&self, bug: Bug) -> bool {
        self.bug == Some(bug)
    }

    fn note(&self, io: Io) {
        let mut points = self.points.borrow_mut();
        if self.toy.points() == points.len() {
            points.push(io);
        }
    }
}

/// The engine, perhaps with a bug.
#[derive(Debug)]
pub struct Subject {
    /// The real one.
    pub engine: Engine<Disk, Machine>,
    bug: Option<Bug>,
}

impl Subject {
    /// Runs a batch.
    pub fn run(&mut self, mut batch: Vec<Command>) -> Batch {
        match self.bug {
            Some(Bug::HeedsNoDeadline) => batch.retain(|command| !matches!(command, Command::Tick { .. })),
            Some(Bug::AnswersAnew) => self.give_up_first(&batch),
            Some(Bug::ReleasesTooMuch) => self.release_more(&mut batch),
            _ => {}
        }
        let done = self.engine.run(batch);
        let refused = done.answers.iter().any(|answer| matches!(answer, Err(Failure::Refused(_))));
        if refused && self.bug == Some(Bug::RefusesWithTraces) {
            let (until, reason) = (QuarantineUntil::Reboot, "planted".into());
            Port::new(30_000).map(|port| self.engine.run(vec![Command::Quarantine { port, until, reason }]));
        }
        done
    }

    fn give_up_first(&mut self, batch: &[Command]) {
        let [Command::Request { request, .. }] = batch else { return };
        let keys = request.asks.iter().filter(|ask| self.engine.broker().lease_of(&ask.key).is_some());
        let targets: Vec<Target> = keys.map(|ask| Target::Key(ask.key.clone())).collect();
        let caller = portus_core::Caller { worktree: "".into(), force: true };
        self.engine.run(vec![Command::Release { targets, caller }]);
    }

    fn release_more(&self, batch: &mut [Command]) {
        let first = self.engine.broker().live_leases().next().map(|lease| lease.id);
        if let ([Command::Release { targets, caller }], Some(first)) = (batch, first) {
            targets.push(Target::Lease(first));
            caller.force = true;
        }
    }
}

/// The toy disk, perhaps with a bug.
#[derive(Debug)]
pub struct Disk {
    plant: Plant,
    disk: ToyDisk,
    commits: u32,
}

impl Disk {
    /// What a bug makes of a history that is read back.
    fn spoilt(&self, mut history: Vec<Change>) -> Vec<Change> {
        let ended = |history: &[Change]| -> Vec<_> {
            let ends = history.iter().filter(|change| matches!(change, Change::Ended { .. }));
            ends.filter_map(Change::lease).collect()
        };
        match self.plant.bug {
            Some(Bug::ReadsPortsWrong) => {
                let over = ended(&history);
                let mut first = None;
                for change in &mut history {
                    if let Change::Granted { lease, .. } = change
                        && lease.is_live()
                        && !over.contains(&lease.id)
                    {
                        lease.port = *first.get_or_insert(lease.port);
                    }
                }
            }
            Some(Bug::ForgetsNumbers) => {
                let over = ended(&history);
                history.retain(|change| change.lease().is_none_or(|id| !over.contains(&id)));
            }
            Some(Bug::ForgetsClaims) => history.retain(|change| !matches!(change, Change::Claimed { .. })),
            _ => {}
        }
        history
    }
}

impl Journal for Disk {
    fn load(&mut self, each: &mut dyn FnMut(Change)) -> Result<(), JournalError> {
        self.plant.note(Io::Disk);
        let mut history = Vec::new();
        self.disk.load(&mut |change| history.push(change))?;
        self.spoilt(history).into_iter().for_each(each);
        Ok(())
    }

    fn set_aside(&mut self) -> Result<(), JournalError> {
        self.plant.note(Io::Disk);
        self.disk.set_aside()
    }

    fn append(&mut self, changes: &[Change]) -> Result<(), JournalError> {
        self.plant.note(Io::Disk);
        if self.plant.has(Bug::WritesWrongPorts) {
            let mut wrong = changes.to_vec();
            for change in &mut wrong {
                if let Change::Granted { lease, .. } = change {
                    lease.granted_at = Timestamp(1);
                }
            }
            return self.disk.append(&wrong);
        }
        self.disk.append(changes)?;
        for change in changes.iter().filter(|_| self.plant.has(Bug::ActsEarly)) {
            if let Change::Granted { lease, .. } = change
                && let (Some(admit), LeaseState::Pending { .. }) = (lease.guard, &lease.state)
            {
                self.plant.note(Io::Machine);
                let effect = Effect::Guard { port: lease.port, protocol: lease.protocol, admit };
                self.plant.toy.world().perform(&effect);
            }
        }
        Ok(())
    }

    fn commit(&mut self) -> Result<(), CommitError> {
        self.plant.note(Io::Commit);
        self.commits += 1;
        if self.plant.has(Bug::ForgetsCommits) && self.commits.is_multiple_of(3) {
            return self.disk.rollback();
        }
        self.disk.commit()
    }

    fn rollback(&mut self) -> Result<(), CommitError> {
        self.plant.note(Io::Disk);
        self.disk.rollback()
    }
}

/// The toy machine, with a wall clock that can be set, perhaps with a bug.
#[derive(Debug)]
pub struct Machine {
    plant: Plant,
    world: ToyWorld,
}

/// A date on which the wall clock of every run stands at first: 2026-01-01, in milliseconds.
const EPOCH_MS: u64 = 1_767_225_600_000;

impl World for Machine {
    fn now(&self) -> Moment {
        let now = self.world.now();
        let wall = now.wall.0.saturating_add(EPOCH_MS).saturating_add_signed(self.plant.leap_ms.get());
        Moment { awake: now.awake, wall: Timestamp(wall) }
    }

    fn look(&mut self, port: Port, protocol: Protocol) -> Look {
        self.plant.note(Io::Machine);
        let look = self.world.look(port, protocol);
        if self.plant.has(Bug::LooksAway) { Look::Free } else { look }
    }

    fn perform(&mut self, effect: &Effect) -> Performed {
        if matches!(effect, Effect::Watch { .. }) && self.plant.has(Bug::WatchesNobody) {
            return Performed::Done;
        }
        self.plant.note(Io::Machine);
        self.world.perform(effect)
    }

    fn undo(&mut self, effect: &Effect) {
        if matches!(effect, Effect::Guard { .. }) && self.plant.has(Bug::KeepsGuards) {
            return;
        }
        self.plant.note(Io::Machine);
        self.world.undo(effect);
    }

    fn settle(&mut self) {
        self.plant.note(Io::Machine);
        self.world.settle();
    }
}
