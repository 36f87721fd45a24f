//! A daemon's trace, decided once more: each recorded command gives the same decision, and the promises hold.
//!
//! What a daemon writes (`PORTUS_TRACE`, see `portus_daemon::trace`) has the ledger in its first line and in each
//! further one a command with all that its decision needs. What cannot be seen there (the disk, the machine) is not
//! checked here: see [`super::run`].

use std::ops::RangeInclusive;

use portus_core::{Answer, Broker, Change, Command, Decision, EndReason, Lease, LeaseId, Look, Purpose, Target};
use portus_daemon::engine::{Failure, Outcome};
use portus_daemon::trace::{Decided, Header, Record};
use serde_json::Value;

use super::promise::{Findings, Promise};
use super::{shadow, story};

/// Which steps are shown, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Show {
    /// All of them, a few words each.
    All,
    /// These, with everything that was seen. The first command is step 1.
    Steps(RangeInclusive<usize>),
    /// Only the one that differs, with everything that was seen.
    Difference,
}

/// What a replay came to.
#[derive(Debug, Clone, Default)]
pub struct Replayed {
    /// What happened, for people, as far as it was to be shown.
    pub story: Vec<String>,
    /// How many commands were decided again.
    pub steps: usize,
    /// The first line that is decided otherwise (or cannot be read), counted from 1, and how. Nothing after it was
    /// looked at: the ledgers differ from there on.
    pub difference: Option<(usize, String)>,
    /// How often which promise was checked, and what was broken.
    pub found: Findings,
}

/// Whether a text is a daemon's trace, and not a run of the simulator.
pub fn is_one(text: &str) -> bool {
    text.starts_with('{')
}

/// Decides everything again.
///
/// # Errors
/// When the first line is not that of a trace.
pub fn replay(text: &str, show: &Show) -> Result<Replayed, String> {
    let mut lines = text.lines().enumerate();
    let (_, first) = lines.next().ok_or("the trace is empty")?;
    let header = Header::read(first).map_err(|error| format!("line 1: {error}"))?;
    let mut replay = Replay::new(&header, show);
    replay.tell(|| {
        let (version, journal, count) = (&header.version, &header.journal, header.snapshot.len());
        format!("a trace of version {version}, journal {journal}, from a ledger of {count} changes")
    });
    let is_whole = text.ends_with('\n');
    let last = text.lines().count() - 1;
    for (number, line) in lines {
        if let Err(difference) = replay.step(number + 1, line) {
            if number == last && !is_whole {
                replay.tell(|| "the last line is cut off: the daemon ended while it wrote it".to_owned());
                break;
            }
            replay.done.difference = Some((number + 1, difference));
            break;
        }
    }
    Ok(replay.done)
}

/// A replay that is going on.
struct Replay<'a> {
    show: &'a Show,
    done: Replayed,
    /// The ledger as it is written down.
    written: Broker,
    /// The ledger as the transaction at hand believes it to be.
    draft: Broker,
    round: u64,
    /// The highest number of a lease that was ever written down.
    highest: LeaseId,
}

impl<'a> Replay<'a> {
    fn new(header: &Header, show: &'a Show) -> Self {
        let written = header.broker();
        let next = header.snapshot.iter().find_map(|change| match change {
            Change::Numbered { next } => Some(next.0),
            _ => None,
        });
        let highest = LeaseId(next.unwrap_or(1).saturating_sub(1));
        Self { show, done: Replayed::default(), draft: written.clone(), written, round: 0, highest }
    }

    fn tell(&mut self, line: impl FnOnce() -> String) {
        if *self.show == Show::All {
            self.done.story.push(line());
        }
    }

    fn step(&mut self, number: usize, line: &str) -> Result<(), String> {
        let record = Record::read(line).map_err(|error| error.to_string())?;
        self.done.steps += 1;
        if record.round != self.round {
            self.round = record.round;
            self.draft = self.written.clone();
        }
        let decision = self.draft.decide(record.now, record.command.clone());
        let same = same(&record.decided, &Decided::of(&decision));
        self.print(number, &record, &decision, line, same.is_err());
        same?;
        let known = self.done.found.broken.len();
        self.check(&record, &decision);
        decision.changes.iter().for_each(|change| self.draft.evolve(change));
        if record.outcome == Outcome::Committed {
            self.write_down(&decision.changes);
        }
        self.check_ledger(&record, &decision);
        let broken = self.done.found.broken[known..].iter().map(|(promise, what)| format!("  ! {promise}: {what}"));
        self.done.story.extend(broken.collect::<Vec<_>>());
        Ok(())
    }

    fn write_down(&mut self, changes: &[Change]) {
        for change in changes {
            if let Change::Granted { lease, .. } = change {
                let (id, highest) = (lease.id, self.highest);
                let found = &mut self.done.found;
                found.check(Promise::ids_are_never_reused, id > highest, || format!("{id} after {highest}"));
                self.highest = highest.max(id);
            }
            self.written.evolve(change);
        }
    }

    fn print(&mut self, number: usize, record: &Record, decision: &Decision, line: &str, differs: bool) {
        let step = self.done.steps;
        let whole = match self.show {
            Show::All => differs,
            Show::Steps(steps) if steps.contains(&step) => true,
            Show::Steps(_) | Show::Difference if differs => true,
            Show::Steps(_) | Show::Difference => return,
        };
        let story = &mut self.done.story;
        story.push(format!("{step:>5}  (line {number}) {}", command_words(&record.command)));
        let fate = match record.outcome {
            Outcome::Unchanged | Outcome::Committed => "",
            Outcome::RolledBack => ", and it could not be written down",
            Outcome::InDoubt => ", and nobody knows whether it was written down",
        };
        let answer = decision.answer.clone().map_err(Failure::Refused);
        story.push(format!("       {}{fate}", story::answer(&answer)));
        if !decision.changes.is_empty() {
            story.push(format!("       {}", story::changes(&decision.changes)));
        }
        if whole && let Ok(value) = serde_json::from_str::<Value>(line) {
            let pretty = serde_json::to_string_pretty(&value).unwrap_or_default();
            story.extend(pretty.lines().map(|line| format!("       {line}")));
        }
    }

    /// The promises that concern one decision.
    fn check(&mut self, record: &Record, decision: &Decision) {
        let (broker, found) = (&self.draft, &mut self.done.found);
        found.check(Promise::a_refusal_changes_nothing, decision.answer.is_ok() || decision.changes.is_empty(), || {
            format!("{:?} for {:?}", decision.changes, decision.answer)
        });
        for change in &decision.changes {
            match change {
                Change::Granted { lease, .. } => {
                    let free = saw_free(&record.command, lease);
                    found.check(Promise::a_taken_port_is_never_handed_out, free, || {
                        format!("lease {} is on port {}, which was not seen to be free", lease.id, lease.port)
                    });
                }
                Change::Ended { lease, reason, .. } => {
                    let permitted = broker.lease(*lease).is_some_and(|lease| may_end(lease, *reason, record));
                    found.check(Promise::a_lease_ends_for_a_reason_only, permitted, || {
                        format!("lease {lease} ended ({reason})")
                    });
                }
                _ => {}
            }
        }
    }

    /// The promises that concern the ledger after it.
    fn check_ledger(&mut self, record: &Record, decision: &Decision) {
        let (broker, found) = (&self.draft, &mut self.done.found);
        if let (Command::Request { request, .. }, Ok(Answer::Leased { leases, .. })) =
            (&record.command, &decision.answer)
        {
            let again = broker.decide(record.now, record.command.clone());
            let same = matches!(&again.answer, Ok(Answer::Leased { leases: second, .. })
                if second.iter().all(|leased| leased.reused)
                    && second.iter().map(|leased| leased.id).eq(leases.iter().map(|leased| leased.id)));
            let all = request.asks.iter().filter(|ask| ask.purpose == Purpose::Lease).count() == leases.len();
            found.check(Promise::asking_twice_answers_the_same, same && all, || {
                format!("{leases:?}, then {:?}", again.answer)
            });
        }
        if decision.changes.is_empty() {
            return;
        }
        shadow::no_port_is_leased_twice(broker, found);
        let history = broker.as_history();
        let folded = Broker::from_history(broker.policy().clone(), history.iter().cloned());
        let same = folded.as_history() == history && folded.standing_effects() == broker.standing_effects();
        found.check(Promise::the_ledger_is_what_is_written_down, same, || "a fold of it gives another".to_owned());
    }
}

/// How the two decisions differ.
fn same(recorded: &Decided, again: &Decided) -> Result<(), String> {
    if recorded.answer != again.answer {
        return Err(format!("the answer was {}, and is {}", recorded.answer, again.answer));
    }
    if recorded.changes != again.changes {
        return Err(format!("the changes were {}, and are {}", recorded.changes, again.changes));
    }
    Ok(())
}

fn command_words(command: &Command) -> String {
    let text = format!("{command:?}");
    let kind = text.split([' ', '{']).next().unwrap_or_default().to_lowercase();
    match command {
        Command::Request { request, survey } => {
            let keys: Vec<String> = request.asks.iter().map(|ask| ask.key.to_string()).collect();
            format!("{kind} {} ({} ports looked at)", keys.join(", "), survey.len())
        }
        Command::ProcessExited { process, .. } => format!("{kind}: {process}"),
        Command::Suspect { lease, .. } | Command::TreeSeen { lease, .. } => format!("{kind} lease {lease}"),
        Command::Launch { leases, .. } | Command::Attach { leases, .. } => format!("{kind} {leases:?}"),
        Command::Confirm { target, .. } | Command::Renew { target, .. } => format!("{kind} {target:?}"),
        Command::Release { targets, .. } => format!("{kind} {targets:?}"),
        Command::Sighted { sightings } | Command::Tick { sightings } => format!("{kind} {} ports", sightings.len()),
        Command::GuardLost { port } | Command::Revive { port } | Command::Quarantine { port, .. } => {
            format!("{kind} {port}")
        }
        Command::Pin { key, .. } => format!("{kind} {key}"),
        _ => kind,
    }
}

/// Whether the look at a lease's port found it free.
fn saw_free(command: &Command, lease: &Lease) -> bool {
    let Command::Request { survey, .. } = command else { return false };
    survey.get(&(lease.port, lease.protocol)) == Some(&Look::Free)
}

/// Whether somebody who does not know the rules would expect this end.
fn may_end(lease: &Lease, reason: EndReason, record: &Record) -> bool {
    let named = |target: &Target| match target {
        Target::Key(key) => *key == lease.key,
        Target::Port(port) => *port == lease.port,
        Target::Lease(id) => *id == lease.id,
        Target::Worktree(worktree) => *worktree == lease.key.worktree,
    };
    let past = |at: Option<portus_core::Timestamp>| at.is_some_and(|at| at <= record.now.awake);
    match (reason, &record.command) {
        (EndReason::Released, Command::Release { targets, .. }) => targets.iter().any(named),
        (EndReason::HolderExited, Command::ProcessExited { process, .. }) => {
            let holder = lease.holder.as_ref().map(|holder| holder.process);
            holder.is_some() && (holder == Some(*process) || lease.watched.contains(process))
        }
        (EndReason::NeverConfirmed | EndReason::Lapsed, Command::Tick { .. }) => past(lease.deadline()),
        (EndReason::Expired, Command::Tick { .. }) => past(lease.expiry()),
        (EndReason::Replaced | EndReason::Contested, Command::Request { request, .. }) => {
            request.asks.iter().any(|ask| ask.key == lease.key)
        }
        (EndReason::BindFailed, Command::Suspect { lease: suspected, .. }) => *suspected == lease.id,
        (EndReason::Reboot, Command::Boot { .. }) => true,
        (EndReason::HolderExited | EndReason::NeverConfirmed | EndReason::Lapsed, Command::Clean { look }) => {
            let mut processes = lease.holder.iter().map(|holder| holder.process).chain(lease.watched.iter().copied());
            look.sightings.contains_key(&lease.id) && processes.all(|process| look.gone.contains(&process))
        }
        _ => false,
    }
}
