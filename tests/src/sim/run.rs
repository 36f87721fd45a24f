//! One simulated run: events happen, the engine acts, the daemon dies and comes back, promises are checked.

use std::sync::Arc;

use portus_core::{
    Answer, BootId, Broker, Change, Command, Effect, Key, LeaseId, Look, Port, ProcessIdentity, ServiceName, Span,
};
use portus_daemon::engine::toy::{Fault, Step};
use portus_daemon::engine::{Batch, Failure};

use super::event::{Event, Who, Wish};
use super::oracle::{Circumstances, Oracle};
use super::promise::{Findings, Promise};
use super::shadow::{self, Shadow};
use super::story;
use super::subject::{Bug, Plant, Subject};
use super::town::{Town, WORKTREES};

/// The toy pool: so few ports that it fills up.
pub const POOL: (u16, u16) = (20_000, 20_007);
/// One more port, for when the pool is full.
pub const FALLBACK: u16 = 20_008;
/// How many processes can live at once: so few that numbers are used again.
pub const PIDS: u8 = 6;

/// The most rounds in which everything must have ended.
const ROUNDS_MAX: usize = 40;

/// The path of a worktree.
pub fn worktree_of(number: u8) -> Arc<str> {
    WORKTREES[usize::from(number) % WORKTREES.len()].1.into()
}

/// The key of small numbers.
pub fn key_of(who: Who) -> Key {
    let (project, worktree) = WORKTREES[usize::from(who.worktree) % WORKTREES.len()];
    // A letter and digits are a service's name.
    let service: ServiceName = format!("s{}", who.service).parse().unwrap();
    Key { project: project.into(), worktree: worktree.into(), service }
}

/// The port of a number.
pub(super) fn port(number: u16) -> Port {
    Port::new(number).unwrap_or(Port::MAX)
}

/// A computer on which a run happens.
#[derive(Debug)]
pub struct Run {
    /// The computer.
    pub plant: Plant,
    /// Everybody but the daemon.
    pub town: Town,
    /// What was found.
    pub found: Findings,
    /// How often the daemon died and came back.
    pub crashes: u64,
    /// How many leases somebody was told of.
    pub acknowledged: u64,
    /// What happened, for people, if it is wanted.
    pub story: Option<Vec<String>>,
    subject: Option<Subject>,
    shadow: Shadow,
    oracle: Oracle,
}

impl Run {
    /// A machine on which a daemon is up.
    pub fn new(bug: Option<Bug>, strike: Option<(usize, Fault)>) -> Self {
        Self::on(Plant::new(bug), strike)
    }

    /// The same, and what the daemon decides is written along: see [`Plant::traces`].
    pub fn recorded(strike: Option<(usize, Fault)>) -> Self {
        let plant = Plant { traces: Some(std::rc::Rc::default()), ..Plant::new(None) };
        Self::on(plant, strike)
    }

    fn on(plant: Plant, strike: Option<(usize, Fault)>) -> Self {
        let mut run = Self {
            plant,
            town: Town::new(1),
            found: Findings::default(),
            crashes: 0,
            acknowledged: 0,
            story: None,
            subject: None,
            shadow: Shadow::empty(),
            oracle: Oracle::default(),
        };
        if let Some((point, fault)) = strike {
            run.plant.toy.strike_at(point, fault);
        }
        run.start(None, false);
        run
    }

    /// The ledger as the daemon believes it to be.
    pub fn broker(&self) -> Option<&Broker> {
        self.subject.as_ref().map(|subject| subject.engine.broker())
    }

    fn tell(&mut self, line: impl FnOnce() -> String) {
        if let Some(story) = &mut self.story {
            story.push(line());
        }
    }

    /// Lets one thing happen.
    pub fn happen(&mut self, event: &Event) {
        let known = self.found.broken.len();
        self.tell(|| format!("> {event}"));
        match event {
            Event::Spawn(pid, worktree, parent) => self.town.spawn(*pid, *worktree, *parent),
            Event::Exit(pid) => {
                for silent in self.town.exit(*pid) {
                    self.plant.toy.occupy(port(silent), Look::Free);
                }
            }
            Event::Listen(pid, at) => self.listen(Some(*pid), *at),
            Event::Intrude(at) => self.listen(None, *at),
            Event::Vanish(at) => {
                if self.town.vanish(*at) {
                    self.plant.toy.occupy(port(*at), Look::Free);
                }
            }
            Event::Pass(seconds) => self.plant.toy.pass_time(Span::from_secs(*seconds)),
            Event::Leap(seconds) => self.plant.leap_ms.set(self.plant.leap_ms.get() + seconds * 1_000),
            Event::Strike(points, fault) => self.plant.toy.strike_in(*points, *fault),
            Event::Spoil => {
                self.plant.toy.spoil();
                self.die(event, false);
            }
            Event::Restart => self.die(event, false),
            Event::Reboot => self.die(event, true),
            Event::Notice => self.notice(event),
            _ => self.command(event),
        }
        let broken: Vec<String> =
            self.found.broken[known..].iter().map(|(promise, what)| format!("! {promise}: {what}")).collect();
        broken.into_iter().for_each(|line| self.tell(|| line));
    }

    /// Somebody listens, if the kernel lets them.
    fn listen(&mut self, who: Option<u8>, at: u16) {
        let standing = self.plant.toy.standing();
        let barred = standing.iter().any(
            |effect| matches!(effect, Effect::Guard { port: guarded, admit, .. } if guarded.number() == at && *admit == portus_core::Admit::Nobody),
        );
        if !barred && self.town.listen(who, at) {
            self.plant.toy.occupy(port(at), Look::Taken);
        }
    }

    /// Everything that the system owes the daemon to tell of processes that ended.
    fn notice(&mut self, event: &Event) {
        let graves = self.town.take_graves();
        let by_pid = self.plant.bug == Some(Bug::KnowsPidsOnly);
        let Some(broker) = self.broker() else { return };
        let gone = |process: &ProcessIdentity| match by_pid {
            true => graves.iter().any(|grave| grave.pid == process.pid),
            false => !self.town.lives(*process),
        };
        let standing = self.plant.toy.standing();
        let watched = standing.iter().filter_map(|effect| match effect {
            Effect::Watch { process } => Some(*process),
            Effect::Guard { .. } | Effect::Look { .. } => None,
        });
        let commands = watched.filter(gone).map(|process| {
            let leases: Vec<_> = broker.leases_with(process).collect();
            let sightings = leases.iter().map(|lease| self.town.sighting(lease.port)).collect();
            let survivors = leases.iter().map(|lease| self.town.survivors(lease)).collect();
            Command::ProcessExited { process, sightings, survivors }
        });
        let commands: Vec<Command> = commands.collect();
        if !commands.is_empty() {
            self.run(event, commands);
        }
    }

    fn command(&mut self, event: &Event) {
        let commands: Vec<Command> = event.parts().iter().filter_map(|part| self.command_of(part)).collect();
        let before = self.shadow.written.clone();
        let batch = self.run(event, commands.clone());
        if let (Event::Ask(wish), Some(batch)) = (event, batch) {
            self.granted(event, wish, &before, &batch, commands);
        }
    }

    /// The awake clock, in milliseconds.
    pub fn awake(&self) -> u64 {
        use portus_daemon::engine::World as _;
        self.plant.toy.world().now().awake.0
    }

    /// Runs commands. `None` when the daemon died meanwhile, so that nobody heard an answer.
    fn run(&mut self, event: &Event, commands: Vec<Command>) -> Option<Batch> {
        let before = self.shadow.written.as_history();
        let subject = self.subject.as_mut()?;
        let batch = subject.run(commands);
        let steps = self.follow();
        if self.plant.toy.is_dead() {
            self.die(event, false);
            return None;
        }
        let answers: Vec<String> = batch.answers.iter().map(|answer| format!("  {}", story::answer(answer))).collect();
        answers.into_iter().for_each(|line| self.tell(|| line));
        let unsure = batch.answers.iter().any(|answer| matches!(answer, Err(Failure::InDoubt(_))));
        if !unsure {
            self.reconcile(Some(event), false, batch.answers.iter().all(Result::is_ok));
            self.check_refusals(&batch, &before, &steps);
        }
        if batch.doubt {
            self.die(event, false);
            return None;
        }
        self.check_world();
        Some(batch)
    }

    /// Takes what was done to disk and machine.
    fn follow(&mut self) -> Vec<Step> {
        let steps = self.plant.toy.take_trace();
        self.shadow.follow(&steps, &mut self.found);
        steps.iter().for_each(|step| self.tell(|| format!("    {}", story::step(step))));
        steps
    }

    fn reconcile(&mut self, event: Option<&Event>, rebooted: bool, answered: bool) {
        let Some(subject) = &self.subject else { return };
        let now = Circumstances { event, rebooted, town: &self.town, awake_ms: self.awake(), answered };
        self.oracle.reconcile(subject.engine.broker(), &now, &mut self.found);
    }

    /// The daemon is gone, whether it died or was made to; it starts again.
    fn die(&mut self, event: &Event, reboot: bool) {
        self.subject = None;
        self.shadow.died();
        self.crashes += 1;
        self.tell(|| "  (the daemon is gone)".to_owned());
        if reboot {
            self.town.reboot();
            self.plant.toy.reboot();
        } else {
            self.plant.toy.bury();
        }
        self.start(Some(event), reboot);
    }

    /// Starts until it is up: a start may die as well, but no fault strikes twice.
    fn start(&mut self, event: Option<&Event>, rebooted: bool) {
        for _ in 0..3 {
            let started = self.plant.start(self.town.boot());
            let steps = self.follow();
            if steps.contains(&Step::SetAside) {
                self.oracle.forget_all();
            }
            let dead = self.plant.toy.is_dead();
            if let Ok(subject) = started
                && !dead
            {
                self.subject = Some(subject);
                self.reconcile(event, rebooted, false);
                self.check_world();
                return;
            }
            self.crashes += 1;
            self.shadow.died();
            self.plant.toy.bury();
        }
        self.found.check(Promise::an_answered_lease_survives_a_crash, false, || "it does not start again".to_owned());
    }

    /// A batch in which nobody heard a yes left no trace, but for guards found lost.
    fn check_refusals(&mut self, batch: &Batch, before: &[Change], steps: &[Step]) {
        if batch.answers.is_empty() || batch.answers.iter().any(Result::is_ok) {
            return;
        }
        let found_lost = |change: &Change| matches!(change, Change::Guarded { admit: None, .. });
        let quiet = steps.iter().all(|step| match step {
            Step::Appended(changes) => batch.changes.is_empty() || changes.iter().all(found_lost),
            _ => true,
        });
        let same = batch.changes.iter().all(found_lost)
            && (!batch.changes.is_empty() || self.shadow.written.as_history() == before);
        self.found.check(Promise::a_refusal_changes_nothing, quiet && same, || format!("{batch:?}: {steps:?}"));
    }

    /// What holds of an engine that is up, whatever happened.
    fn check_world(&mut self) {
        let Some(subject) = &self.subject else { return };
        let broker = subject.engine.broker();
        shadow::no_port_is_leased_twice(broker, &mut self.found);
        let same = broker.as_history() == self.shadow.written.as_history();
        self.found.check(Promise::the_ledger_is_what_is_written_down, same, || {
            "what the daemon believes is not what a fold of the disk gives".to_owned()
        });
        let (wanted, standing) = (broker.standing_effects(), self.plant.toy.standing());
        let excused =
            |effect: &&Effect| matches!(effect, Effect::Guard { port, .. } if self.shadow.lost.contains(port));
        let missing: Vec<_> = wanted.difference(&standing).filter(|effect| !excused(effect)).collect();
        let surplus: Vec<_> = standing.difference(&wanted).filter(|effect| !excused(effect)).collect();
        self.found.check(Promise::every_living_holder_is_watched, missing.is_empty() && surplus.is_empty(), || {
            format!("not done: {missing:?}; done for nobody: {surplus:?}")
        });
    }

    /// What was granted is fit, and is so once more if asked again.
    fn granted(&mut self, event: &Event, wish: &Wish, before: &Broker, batch: &Batch, again: Vec<Command>) {
        let [Ok(Answer::Leased { leases, .. })] = &batch.answers[..] else { return };
        self.acknowledged += leases.len() as u64;
        for leased in leases.iter().filter(|leased| !leased.reused) {
            let Some(lease) = self.broker().and_then(|broker| broker.lease(leased.id)).cloned() else { continue };
            let at = lease.port.number();
            let was_its_own = before.lease_on(lease.port).is_some_and(|old| old.key == lease.key);
            let free = self.town.is_silent(at) || was_its_own;
            self.found.check(Promise::a_taken_port_is_never_handed_out, free, || format!("port {at} is taken"));
            let Some(number) = before_number(before, wish, &lease.key)
                .filter(|number| before.lease_on(*number).is_none() && self.town.is_silent(number.number()))
            else {
                continue;
            };
            self.found.check(Promise::a_key_keeps_its_number, number == lease.port, || {
                format!("{} had port {number} and got {at}", lease.key)
            });
        }
        if again.len() != 1 {
            return;
        }
        let first: Vec<LeaseId> = leases.iter().map(|leased| leased.id).collect();
        let Some(second) = self.run(event, again) else { return };
        if let [Ok(Answer::Leased { leases, .. })] = &second.answers[..] {
            let same = leases.iter().map(|leased| leased.id).eq(first.iter().copied());
            let reused = leases.iter().all(|leased| leased.reused);
            self.found
                .check(Promise::asking_twice_answers_the_same, same && reused, || format!("{first:?}, {leases:?}"));
        } else if let [Err(Failure::Refused(refusal))] = &second.answers[..] {
            self.found.check(Promise::asking_twice_answers_the_same, false, || format!("{first:?}, {refusal:?}"));
        }
    }

    /// Everybody goes, time goes on, and so every lease ends.
    pub fn wind_up(&mut self) {
        self.town.pids().into_iter().for_each(|pid| self.happen(&Event::Exit(pid)));
        self.town.intruded().into_iter().for_each(|at| self.happen(&Event::Vanish(at)));
        for _ in 0..ROUNDS_MAX {
            self.happen(&Event::Notice);
            self.happen(&Event::Look);
            let now = self.awake();
            let Some(until) = self.broker().and_then(Broker::next_deadline) else {
                if self.broker().is_some_and(|broker| broker.live_leases().len() == 0) {
                    break;
                }
                continue;
            };
            self.happen(&Event::Pass(until.0.saturating_sub(now).div_ceil(1_000)));
            self.happen(&Event::Tick);
        }
        let (left, known) = (self.broker().map_or(0, |broker| broker.live_leases().len()), self.oracle.count());
        self.found.check(Promise::every_lease_ends_if_time_goes_on, left == 0 && known == 0, || {
            format!("{left} leases do not end; {known} are known to callers")
        });
    }

    /// The boot the machine is in.
    pub const fn boot(&self) -> BootId {
        self.town.boot()
    }
}

/// The number that a key must get again: its claim's, unless it asked for another or for a row.
fn before_number(before: &Broker, wish: &Wish, key: &Key) -> Option<Port> {
    if wish.row || wish.preferred.is_some() || wish.whose.len() > 1 || before.lease_of(key).is_some() {
        return None;
    }
    let claimed = before.claim_of(key)?.port;
    let reachable = (POOL.0..=FALLBACK).contains(&claimed.number());
    let kept = before.cooling_on(claimed).is_some_and(|(of, _)| of != key);
    (reachable && before.quarantine_on(claimed).is_none() && !kept).then_some(claimed)
}
