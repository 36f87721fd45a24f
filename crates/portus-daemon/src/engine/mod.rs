//! Looks, decides, writes down, believes, acts, answers: in that order, here, for every command.
//!
//! Synchronous, and without SQL: what it needs of the disk and of the machine stands behind
//! [`Journal`] and [`World`].

mod queue;
mod record;
mod seams;
#[cfg(any(test, feature = "toy"))]
pub mod toy;

use std::collections::{BTreeMap, BTreeSet};

use portus_core::{
    Answer, BootId, Broker, Change, Command, Decision, Effect, LeaseId, Moment, Policy, Refusal, Request, Survey,
};

pub use queue::{Queue, QueueFull, WAITERS_MAX};
pub use record::{Outcome, Recorder};
pub use seams::{CommitError, Journal, JournalError, Performed, World};

/// The most ports one request may look at.
const LOOKS_MAX: usize = 65_536;

/// The most rounds in which lost guards are written down after one batch.
const FOLLOW_UPS_MAX: usize = 4;

/// The one owner of the truth.
#[derive(Debug)]
pub struct Engine<J, W> {
    broker: Broker,
    journal: J,
    world: W,
    /// What happened and could not be written down yet.
    owed: Vec<Command>,
    doubt: bool,
    recorder: Option<Box<dyn Recorder>>,
}

/// What a batch of commands came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// One for each command, in order.
    pub answers: Vec<Result<Answer, Failure>>,
    /// What became true, in order, including what followed from acting on the batch.
    pub changes: Vec<Change>,
    /// Whether it is unknown if something was written down. Then the process must end: its next
    /// start reads what is there. Every later batch fails.
    pub doubt: bool,
}

/// Why a command was not answered with a yes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// The rules say no.
    Refused(Refusal),
    /// It could not be written down, so it did not happen.
    JournalFailed(JournalError),
    /// It is not known whether it was written down.
    InDoubt(JournalError),
}

/// What one transaction came to.
struct Round {
    answers: Vec<Result<Answer, Failure>>,
    changes: Vec<Change>,
    lost: Vec<Command>,
    failed: bool,
}

/// The changes of a transaction that is not committed.
#[derive(Default)]
struct Draft {
    changes: Vec<Change>,
    /// How many of the changes the broker believes already.
    believed: usize,
    /// What stood by each lease before the draft touched it.
    before: BTreeMap<LeaseId, BTreeSet<Effect>>,
}

impl<J: Journal, W: World> Engine<J, W> {
    /// Recovers the ledger, tells it which boot this is, and makes true what must be true.
    ///
    /// # Errors
    /// When the journal can be neither read nor set aside, or does not take the first changes.
    pub fn start(policy: Policy, journal: J, world: W, boot: BootId) -> Result<Self, JournalError> {
        Self::start_recorded(policy, journal, world, boot, |_, _| None)
    }

    /// The same, and whoever `recorder` names, given the journal and the ledger as recovered, hears
    /// of all that is decided.
    ///
    /// # Errors
    /// As [`Engine::start`].
    pub fn start_recorded(
        policy: Policy,
        mut journal: J,
        world: W,
        boot: BootId,
        recorder: impl FnOnce(&J, &Broker) -> Option<Box<dyn Recorder>>,
    ) -> Result<Self, JournalError> {
        let broker = match recover(&policy, &mut journal) {
            Err(JournalError::Unreadable(_)) => {
                journal.set_aside()?;
                Broker::new(policy)
            }
            recovered => recovered?,
        };
        let recorder = recorder(&journal, &broker);
        let mut engine = Self { broker, journal, world, owed: Vec::new(), doubt: false, recorder };
        let first = engine.run(vec![Command::Boot { boot }]);
        if let Some(Err(Failure::JournalFailed(error) | Failure::InDoubt(error))) = first.answers.into_iter().next() {
            return Err(error);
        }
        engine
            .owed
            .extend(engine.broker.standing_effects().iter().filter_map(|effect| perform(&mut engine.world, effect)));
        engine.run(Vec::new());
        Ok(engine)
    }

    /// Decides, writes down and carries out these commands: one commit for all of them, and none
    /// if nothing changes.
    pub fn run(&mut self, batch: Vec<Command>) -> Batch {
        let owed = std::mem::take(&mut self.owed);
        let older = owed.len();
        let mut round = self.round(owed.iter().cloned().chain(batch).collect());
        let mut changes = round.changes;
        let answers = round.answers.split_off(older);
        if round.failed {
            self.owed = owed;
        }
        self.owed.append(&mut round.lost);
        for _ in 0..FOLLOW_UPS_MAX {
            if round.failed || self.owed.is_empty() {
                break;
            }
            let owed = std::mem::take(&mut self.owed);
            round = self.round(owed.clone());
            changes.append(&mut round.changes);
            self.owed = if round.failed { owed } else { std::mem::take(&mut round.lost) };
        }
        self.world.settle();
        Batch { answers, changes, doubt: self.doubt }
    }

    /// The ledger.
    pub const fn broker(&self) -> &Broker {
        &self.broker
    }

    /// The disk.
    pub const fn journal(&self) -> &J {
        &self.journal
    }

    /// The disk, for what it does between batches.
    pub const fn journal_mut(&mut self) -> &mut J {
        &mut self.journal
    }

    /// The machine.
    pub const fn world(&self) -> &W {
        &self.world
    }

    /// The machine, to take from it what it has to tell.
    pub const fn world_mut(&mut self) -> &mut W {
        &mut self.world
    }

    /// One transaction, from the first look to the last effect.
    fn round(&mut self, commands: Vec<Command>) -> Round {
        let round = self.transact(commands);
        if let Some(recorder) = &mut self.recorder {
            recorder.concluded(round.outcome(self.doubt), &self.broker);
        }
        round
    }

    fn transact(&mut self, commands: Vec<Command>) -> Round {
        let count = commands.len();
        if self.doubt {
            let error = JournalError::Failed("the journal is in doubt since an earlier commit".to_owned());
            return Round::failed(count, &Failure::InDoubt(error));
        }
        let now = self.world.now();
        let mut draft = Draft::default();
        let mut answers = Vec::with_capacity(count);
        for command in commands {
            draft.believe(&mut self.broker);
            let command = self.look(now, command);
            let decision = self.decide(now, command);
            if !decision.changes.is_empty() {
                if let Err(error) = self.journal.append(&decision.changes) {
                    return Round::failed(count, &self.give_up(&draft, error));
                }
                draft.changes.extend(decision.changes);
            }
            answers.push(decision.answer.map_err(Failure::Refused));
        }
        if draft.changes.is_empty() {
            return Round { answers, changes: Vec::new(), lost: Vec::new(), failed: false };
        }
        match self.journal.commit() {
            Ok(()) => {}
            Err(CommitError::RolledBack(error)) => return Round::failed(count, &self.give_up(&draft, error)),
            Err(CommitError::Unknown(error)) => return Round::failed(count, &self.despair(error)),
        }
        draft.believe(&mut self.broker);
        let lost = self.act(draft.before);
        Round { answers, changes: draft.changes, lost, failed: false }
    }

    fn decide(&mut self, now: Moment, command: Command) -> Decision {
        let Some(recorder) = &mut self.recorder else { return self.broker.decide(now, command) };
        let decision = self.broker.decide(now, command.clone());
        recorder.decided(now, &command, &decision);
        decision
    }

    /// Puts into a command what the machine shows about the ports it is about.
    fn look(&mut self, now: Moment, command: Command) -> Command {
        match command {
            Command::Request { request, survey } => {
                let survey = self.survey(now, &request, survey);
                Command::Request { request, survey }
            }
            Command::Suspect { lease, certain, avoid, mut survey, sighting } => {
                let suspected = self.broker.lease(lease).filter(|lease| lease.is_live());
                if let Some((port, protocol)) = suspected.map(|lease| (lease.port, lease.protocol)) {
                    survey.entry((port, protocol)).or_insert_with(|| self.world.look(port, protocol));
                }
                Command::Suspect { lease, certain, avoid, survey, sighting }
            }
            other => other,
        }
    }

    /// Looks at one port after the other until the core can decide.
    fn survey(&mut self, now: Moment, request: &Request, mut survey: Survey) -> Survey {
        let mut looks = 0;
        loop {
            let before = looks;
            for (port, protocol) in self.broker.shortlist(now, request, &survey) {
                if looks == LOOKS_MAX {
                    return survey;
                }
                survey.entry((port, protocol)).or_insert_with(|| {
                    looks += 1;
                    self.world.look(port, protocol)
                });
            }
            if looks == before {
                return survey;
            }
        }
    }

    /// Makes the machine follow the ledger, and tells which guards could not be had.
    fn act(&mut self, before: BTreeMap<LeaseId, BTreeSet<Effect>>) -> Vec<Command> {
        let broker = &self.broker;
        let mut wanted = BTreeSet::new();
        for (id, before) in before {
            let after = broker.effects_of(id);
            for effect in before.difference(&after).filter(|effect| !broker.stands(effect)) {
                if !is_replaced(broker, effect) {
                    self.world.undo(effect);
                }
            }
            wanted.extend(after.difference(&before).copied());
        }
        wanted.iter().filter_map(|effect| perform(&mut self.world, effect)).collect()
    }

    /// Nothing of the draft was written down: goes back to what is.
    fn give_up(&mut self, draft: &Draft, error: JournalError) -> Failure {
        if let Err(CommitError::Unknown(unknown)) = self.journal.rollback() {
            return self.despair(unknown);
        }
        if draft.believed > 0 {
            match recover(self.broker.policy(), &mut self.journal) {
                Ok(broker) => self.broker = broker,
                // What is written can no longer be told, and what is believed never was written.
                Err(unreadable) => return self.despair(unreadable),
            }
        }
        Failure::JournalFailed(error)
    }

    /// Nobody knows what is written down: only a new start can tell.
    fn despair(&mut self, error: JournalError) -> Failure {
        self.doubt = true;
        Failure::InDoubt(error)
    }
}

impl Draft {
    /// Lets the broker believe what it has not believed yet. Put off until the next command, or
    /// the commit, needs it: so a batch of one never has to be unbelieved.
    fn believe(&mut self, broker: &mut Broker) {
        for change in &self.changes[self.believed..] {
            if let Some(id) = change.lease() {
                self.before.entry(id).or_insert_with(|| broker.effects_of(id));
            }
            broker.evolve(change);
        }
        self.believed = self.changes.len();
    }
}

impl Round {
    fn failed(count: usize, failure: &Failure) -> Self {
        Self { answers: vec![Err(failure.clone()); count], changes: Vec::new(), lost: Vec::new(), failed: true }
    }

    const fn outcome(&self, doubt: bool) -> Outcome {
        match self.failed {
            true if doubt => Outcome::InDoubt,
            true => Outcome::RolledBack,
            false if self.changes.is_empty() => Outcome::Unchanged,
            false => Outcome::Committed,
        }
    }
}

fn recover(policy: &Policy, journal: &mut impl Journal) -> Result<Broker, JournalError> {
    let mut broker = Broker::new(policy.clone());
    journal.load(&mut |change| broker.evolve(&change))?;
    Ok(broker)
}

fn perform(world: &mut impl World, effect: &Effect) -> Option<Command> {
    match (world.perform(effect), effect) {
        (Performed::Lost, Effect::Guard { port, .. }) => Some(Command::GuardLost { port: *port }),
        (Performed::Lost | Performed::Done, _) => None,
    }
}

/// Whether another guard stands on the guard's port, which then is never let go of.
fn is_replaced(broker: &Broker, effect: &Effect) -> bool {
    match effect {
        Effect::Guard { port, .. } => broker.lease_on(*port).is_some_and(|lease| lease.guard.is_some()),
        Effect::Watch { .. } | Effect::Look { .. } => false,
    }
}

#[cfg(test)]
mod tests;
