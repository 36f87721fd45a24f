//! What happens by itself: processes end, deadlines pass, worktrees vanish.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use portus_core::{Command, LeaseId, ProcessIdentity};
use portus_os::clock;

use super::{Hub, Job, Then, Work};
use crate::observer::{Bereaved, Seen, missing_worktrees};

/// What could not be done is tried again after this.
const AGAIN: Duration = Duration::from_secs(5);
/// Worktrees are looked for at most this often.
const SWEEP_EVERY: Duration = Duration::from_secs(3_600);

/// When what is due.
#[derive(Default)]
pub(super) struct Clockwork {
    /// Deadlines have passed, and their ports are being looked at.
    ticking: bool,
    /// Not before this, since the last time failed.
    tick_again: Option<Instant>,
    /// Observations that could not be written down.
    owed: Vec<Command>,
    /// Processes whose end is known, and what is left of their trees not yet.
    unseen: BTreeSet<ProcessIdentity>,
    /// When those, and watches that failed, are tried again.
    again: Option<Instant>,
    swept: Option<Instant>,
    /// Since when there are neither leases nor clients.
    idle_since: Option<Instant>,
}

impl Hub {
    /// Looks at everything that may have changed while no daemon ran.
    pub(super) fn wake_up(&mut self) {
        let leases: Vec<_> = self.engine.broker().live_leases().map(|lease| (lease.id, lease.key.clone())).collect();
        for (id, key) in leases {
            self.worktrees.add(&key.worktree);
            self.tell_looks(id);
        }
        self.clean_at_start();
        self.sweep_now_and_then();
    }

    /// When to be woken if nothing happens.
    pub(super) fn next_alarm(&mut self) -> Option<Instant> {
        let now = Instant::now();
        let tick = if self.clockwork.ticking { None } else { self.engine.broker().next_deadline() };
        let tick = tick.map(|at| {
            let left = at.since(clock::moment().awake).as_millis();
            // The clock of the deadline counts whole milliseconds: one more, so as not to be woken too early.
            let due = now + Duration::from_millis(left + 1);
            self.clockwork.tick_again.map_or(due, |again| due.max(again))
        });
        if self.engine.world().has_unwatched() {
            self.clockwork.again.get_or_insert(now + AGAIN);
        }
        let alarms = [
            tick,
            self.clockwork.again,
            self.line.next_alarm(),
            self.awaiting.next_alarm(),
            self.recovering_until,
            self.idle_alarm(now),
            self.metrics.alerts.next_alarm(),
        ];
        alarms.into_iter().flatten().min()
    }

    /// Does what has come due.
    pub(super) fn alarm(&mut self) {
        let now = Instant::now();
        self.line_alarm(now);
        self.awaiting_alarm(now);
        self.recovery_alarm(now);
        self.metrics.alerts.alarm(now);
        if self.clockwork.again.is_some_and(|at| at <= now) {
            self.clockwork.again = None;
            self.engine.world_mut().watch_again();
            for process in self.engine.world_mut().take_gone() {
                self.exited(process);
            }
            for process in std::mem::take(&mut self.clockwork.unseen) {
                self.exited(process);
            }
            for command in std::mem::take(&mut self.clockwork.owed) {
                let then = Then::Again(Box::new(command.clone()));
                self.ready.push(Work { command, then });
            }
        }
        let rested = self.clockwork.tick_again.is_none_or(|at| at <= now);
        if !self.clockwork.ticking && rested {
            self.tick();
        }
        if self.idle_alarm(now).is_some_and(|at| at <= now) {
            self.leaving.get_or_insert_with(|| "there are neither leases nor clients".to_owned());
        }
    }

    /// When the daemon leaves for want of leases and clients.
    fn idle_alarm(&mut self, now: Instant) -> Option<Instant> {
        let idle = self.engine.broker().live_leases().len() == 0 && self.seats.taken() == 0;
        let patience = self.fixed.settings.idle_exit.filter(|_| idle);
        match patience {
            None => {
                self.clockwork.idle_since = None;
                None
            }
            Some(patience) => Some(*self.clockwork.idle_since.get_or_insert(now) + patience),
        }
    }

    /// Looks once more at the ports of leases whose deadline has passed, and then ends what is due.
    fn tick(&mut self) {
        let now = clock::moment();
        let due: Vec<_> = self.engine.broker().due(now.awake).map(|lease| (lease.port, lease.protocol)).collect();
        if due.is_empty() {
            return;
        }
        self.clockwork.ticking = true;
        let count = due.len();
        self.look_first(due, move |sightings| {
            let then = Then::Ticked { all_seen: sightings.len() >= count };
            Work { command: Command::Tick { sightings }, then }
        });
    }

    /// The deadlines that had passed are dealt with, or could not be. Those that passed meanwhile are next.
    pub(super) fn ticked(&mut self, done: bool) {
        let now = clock::moment().awake;
        self.metrics.ticked(self.engine.broker().due(now).filter(|_| !done));
        self.clockwork.ticking = false;
        self.clockwork.tick_again = (!done).then(|| Instant::now() + AGAIN);
    }

    /// A watched process has ended: finds out what is left of its leases' trees.
    pub(super) fn exited(&mut self, process: ProcessIdentity) {
        let mut ports = BTreeSet::new();
        let mut groups: BTreeMap<BTreeSet<ProcessIdentity>, Bereaved> = BTreeMap::new();
        for lease in self.engine.broker().leases_with(process) {
            ports.insert((lease.port, lease.protocol));
            let holder = lease.holder.as_ref().map(|holder| holder.process);
            let processes: BTreeSet<_> = lease.watched.iter().copied().chain(holder).collect();
            let group = groups.entry(processes.clone()).or_default();
            group.leases.insert(lease.id);
            group.processes = processes;
        }
        if ports.is_empty() {
            return;
        }
        tracing::debug!(%process, "ended");
        let gatherer = self.gatherer.clone();
        let bereaved: Vec<Bereaved> = groups.into_values().collect();
        let slow = move || {
            let count = ports.len();
            let sightings = Some(gatherer.sightings(ports)).filter(|seen| seen.len() >= count)?;
            let survivors = gatherer.survivors(&bereaved);
            let survivors = survivors.inspect_err(|error| tracing::warn!(%process, %error, "cannot look for its tree"));
            Some((sightings, survivors.ok()?))
        };
        self.beside_for(slow, move |found| {
            // To have seen nobody is one thing, not to have been able to look another.
            let Some((sightings, survivors)) = found else { return Some(Job::Unseen(process)) };
            let command = Command::ProcessExited { process, sightings, survivors };
            let then = Then::Again(Box::new(command.clone()));
            Some(Job::Decide(Box::new(Work { command, then })))
        });
    }

    /// What is left of an ended process's tree could not be looked at. Until then all stays as it is.
    pub(super) fn look_again_later(&mut self, process: ProcessIdentity) {
        self.clockwork.unseen.insert(process);
        self.clockwork.again.get_or_insert_with(|| Instant::now() + AGAIN);
    }

    /// An observation could not be written down, and is not made a second time.
    pub(super) fn tell_again_later(&mut self, command: Command) {
        self.clockwork.owed.push(command);
        self.clockwork.again.get_or_insert_with(|| Instant::now() + AGAIN);
    }

    /// Something was seen at the ports of waiting leases.
    pub(super) fn seen(&mut self, seen: Seen) {
        let (command, leases) = match seen {
            Seen::Ports(seen) => {
                // A look meant for a lease that has ended says nothing about one granted on its port since.
                let broker = self.engine.broker();
                let is_meant = |lease: LeaseId, port| broker.lease_on(port).is_some_and(|on| on.id == lease);
                let meant = seen.into_iter().filter(|(lease, sighting)| is_meant(*lease, sighting.port));
                let (leases, sightings): (Vec<_>, Vec<_>) = meant.unzip();
                if leases.is_empty() {
                    return;
                }
                (Command::Sighted { sightings }, leases)
            }
            Seen::Tree { lease, tree, ports } => {
                let broker = self.engine.broker();
                let of_tree = |port| {
                    let holder = broker.lease_on(port).and_then(|lease| lease.holder.as_ref());
                    holder.is_some_and(|holder| tree.contains(&holder.process))
                };
                let elsewhere = ports.into_iter().find(|port| !of_tree(*port));
                if broker.lease(lease).is_none_or(|lease| lease.drifted_to == elsewhere) {
                    return;
                }
                (Command::TreeSeen { lease, elsewhere }, vec![lease])
            }
        };
        self.ready.push(Work { command, then: Then::Seen(leases) });
    }

    /// Looks for the claims' worktrees, unless that was done within the hour.
    pub(super) fn sweep_now_and_then(&mut self) {
        if self.clockwork.swept.is_some_and(|at| at.elapsed() < SWEEP_EVERY) {
            return;
        }
        self.clockwork.swept = Some(Instant::now());
        let worktrees: BTreeSet<_> = self.engine.broker().claims().map(|claim| claim.key.worktree.clone()).collect();
        if worktrees.is_empty() {
            return;
        }
        self.beside(
            move || missing_worktrees(worktrees),
            |missing| Some(Work { command: Command::Swept { missing }, then: Then::Nothing }),
        );
    }
}
