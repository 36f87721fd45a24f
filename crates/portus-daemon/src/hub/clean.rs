//! Looks at leases, beside the engine, to end those that nobody is behind any more: at the start, on demand, and when
//! ports are wanted and none is left.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use portus_core::{Answer, CleanLook, Command, Lease, LeaseId, Port, PortRange, ProcessIdentity, Protocol};
use portus_os::process;
use portus_proto::{LeasesReply, Reply};

use super::{Hub, Requested, Then, Work};
use crate::engine::Failure;
use crate::observer::{Bereaved, Gatherer, missing_worktrees};
use crate::server::Responder;
use crate::wording;

/// Whoever wants room so soon after a look for it would see the same.
const ROOM_KNOWN_FOR: Duration = Duration::from_secs(1);

/// Calls wait no longer for the look at the start.
const RECOVER_WITHIN: Duration = Duration::from_secs(1);

/// Why stale leases were looked for, and what is to be done next.
pub(super) enum Cleaning {
    /// The daemon has started: then what follows from these processes' ends.
    Start(Vec<ProcessIdentity>),
    /// A client asked for it, and hears which.
    Asked(Responder),
    /// Ports of these ranges are wanted: then they are asked for again.
    Exhausted(BTreeSet<PortRange>),
}

impl Cleaning {
    const fn word(&self) -> &'static str {
        match self {
            Self::Start(_) => "start",
            Self::Asked(_) => "demand",
            Self::Exhausted(_) => "exhaustion",
        }
    }
}

/// The looks for room in ranges that are exhausted: one at a time, for all who want some.
#[derive(Default)]
pub(super) struct Room {
    /// Who waits for the end of a look. One goes on while somebody waits.
    waiting: Vec<Requested>,
    /// When room was last looked for, and where.
    known: Option<(Instant, BTreeSet<PortRange>)>,
}

impl Room {
    /// Whether it was looked just now wherever room is wanted.
    fn is_known(&self, ranges: &BTreeSet<PortRange>) -> bool {
        let known = self.known.as_ref().filter(|(at, _)| at.elapsed() < ROOM_KNOWN_FOR);
        known.is_some_and(|(_, known)| ranges.is_subset(known))
    }
}

#[cfg(test)]
impl Room {
    /// Lets the last look have ended then.
    pub(super) fn known_since(&mut self, at: Instant) {
        if let Some(known) = &mut self.known {
            known.0 = at;
        }
    }
}

/// Where a request looks for ports before it expands.
fn ranges_of(requested: &Requested) -> BTreeSet<PortRange> {
    let of_ask = |ask: &portus_core::Ask| [Some(ask.range.unwrap_or(ask.pool)), ask.fallback];
    requested.request.asks.iter().flat_map(of_ask).flatten().collect()
}

fn contains(ranges: &BTreeSet<PortRange>, lease: &Lease) -> bool {
    ranges.iter().any(|range| range.contains(lease.port))
}

/// A lease to look at, as it was when the look began.
struct Suspected {
    id: LeaseId,
    port: Port,
    protocol: Protocol,
    processes: BTreeSet<ProcessIdentity>,
    holder: Option<ProcessIdentity>,
    worktree: Arc<str>,
}

impl Suspected {
    fn of(lease: &Lease) -> Self {
        Self {
            id: lease.id,
            port: lease.port,
            protocol: lease.protocol,
            processes: lease.processes().collect(),
            holder: lease.holder.as_ref().map(|holder| holder.process),
            worktree: Arc::clone(&lease.key.worktree),
        }
    }
}

impl Hub {
    /// Ends the leases whose holder died while no daemon ran. Calls wait for that: to whoever runs a service again, it
    /// must not be running already, by a process that is no more. But nobody waits for ever: what is found out later is
    /// true then, too.
    pub(super) fn clean_at_start(&mut self) {
        let gone = self.engine.world_mut().take_gone();
        self.recovering_until = (!gone.is_empty()).then(|| Instant::now() + RECOVER_WITHIN);
        self.clean(|_| true, Cleaning::Start(gone));
    }

    /// Ends, on demand, all leases that nobody is behind any more.
    pub(super) fn begin_sweep(&mut self, to: Responder) {
        self.clean(|_| true, Cleaning::Asked(to));
    }

    /// Ends those that are in the way of a request.
    pub(super) fn clean_for(&mut self, requested: Requested) {
        if self.room.is_known(&ranges_of(&requested)) {
            return self.request_after_cleaning(requested, 0);
        }
        self.room.waiting.push(requested);
        if self.room.waiting.len() == 1 {
            self.look_for_room();
        }
    }

    /// Looks for room for everybody who waits for some, if anybody does.
    fn look_for_room(&self) {
        let ranges: BTreeSet<PortRange> = self.room.waiting.iter().flat_map(ranges_of).collect();
        if !ranges.is_empty() {
            self.clean(|lease| contains(&ranges, lease), Cleaning::Exhausted(ranges.clone()));
        }
    }

    /// Has those asked for again whose ranges were looked through. For the others it is looked next.
    fn looked_for_room(&mut self, ranges: BTreeSet<PortRange>, ended: &[LeaseId], is_done: bool) {
        let waiting = std::mem::take(&mut self.room.waiting);
        let (served, rest): (Vec<_>, Vec<_>) =
            waiting.into_iter().partition(|requested| ranges_of(requested).is_subset(&ranges));
        self.room.waiting = rest;
        self.room.known = is_done.then(|| (Instant::now(), ranges));
        for requested in served {
            let own = ranges_of(&requested);
            let ended = ended.iter().filter_map(|id| self.engine.broker().lease(*id));
            let count = ended.filter(|lease| contains(&own, lease)).count();
            self.request_after_cleaning(requested, count);
        }
        self.look_for_room();
    }

    /// Lets calls wait no longer, if it has taken too long.
    pub(super) fn recovery_alarm(&mut self, now: Instant) {
        if self.recovering_until.is_some_and(|until| until <= now) {
            tracing::warn!("the processes take long to look at; calls wait for that no longer");
            self.recovering_until = None;
        }
    }

    fn clean(&self, is_meant: impl Fn(&Lease) -> bool, cleaning: Cleaning) {
        let meant = self.engine.broker().live_leases().filter(|lease| is_meant(lease));
        let suspected: Vec<Suspected> = meant.map(Suspected::of).collect();
        let gatherer = self.gatherer.clone();
        let for_room = matches!(cleaning, Cleaning::Exhausted(_));
        // A person who prunes means what is gone. Otherwise a directory that is not there may be about to come back.
        let with_worktrees = matches!(cleaning, Cleaning::Asked(_));
        self.beside(
            move || {
                let found = look(&gatherer, &suspected);
                let homeless = if with_worktrees { homeless(&suspected) } else { BTreeSet::new() };
                CleanLook { homeless, ..found }
            },
            move |found: CleanLook| {
                let command = Command::Clean { look: CleanLook { for_room, ..found } };
                Some(Work { command, then: Then::Cleaned(cleaning) })
            },
        );
    }

    /// Counts what was ended, and goes on with whatever it was done for.
    pub(super) fn cleaned(&mut self, answer: &Result<Answer, Failure>, cleaning: Cleaning) {
        let ended = match answer {
            Ok(Answer::Touched(ids)) => ids.clone(),
            _ => Vec::new(),
        };
        self.metrics.cleaned();
        if !ended.is_empty() {
            tracing::info!(at = cleaning.word(), "{}", wording::recovered(&wording::cleaned(ended.len())));
        }
        match (cleaning, answer) {
            (Cleaning::Start(gone), _) => {
                self.recovering_until = None;
                gone.into_iter().for_each(|process| self.exited(process));
            }
            (Cleaning::Asked(to), Err(failure)) => to.answer(Err(self.no(failure))),
            (Cleaning::Asked(to), Ok(_)) => {
                to.answer(Ok(Reply::Leases(LeasesReply {
                    leases: self.shown(ended),
                    notes: Vec::new(),
                    mirror: None,
                })));
            }
            (Cleaning::Exhausted(ranges), _) => self.looked_for_room(ranges, &ended, answer.is_ok()),
        }
    }
}

/// What shows whether anybody is behind these leases. Slow: it reads through all processes where one is gone.
fn look(gatherer: &Gatherer, suspected: &[Suspected]) -> CleanLook {
    let all: BTreeSet<ProcessIdentity> = suspected.iter().flat_map(|one| one.processes.iter().copied()).collect();
    let gone: BTreeSet<ProcessIdentity> = all.into_iter().filter(|process| !process::is_alive(process)).collect();
    // Whoever has a living process needs no look at its port.
    let orphans: Vec<&Suspected> = suspected.iter().filter(|one| one.processes.is_subset(&gone)).collect();
    let ports: BTreeSet<(Port, Protocol)> = orphans.iter().map(|one| (one.port, one.protocol)).collect();
    let seen: BTreeMap<Port, _> = gatherer.sightings(ports).into_iter().map(|seen| (seen.port, seen)).collect();
    let Ok(survivors) = gatherer.survivors(&bereaved(&orphans)) else {
        // Not to have been able to look is no death.
        return CleanLook::default();
    };
    let sighting = |one: &&Suspected| Some((one.id, seen.get(&one.port)?.clone()));
    CleanLook { gone, sightings: orphans.iter().filter_map(sighting).collect(), survivors, ..CleanLook::default() }
}

/// The leases whose worktree is gone.
fn homeless(suspected: &[Suspected]) -> BTreeSet<LeaseId> {
    let worktrees: BTreeSet<Arc<str>> = suspected.iter().map(|one| Arc::clone(&one.worktree)).collect();
    let missing = missing_worktrees(worktrees);
    suspected.iter().filter(|one| missing.contains(&one.worktree)).map(|one| one.id).collect()
}

/// The leases that had a holder, those of one tree together.
fn bereaved(orphans: &[&Suspected]) -> Vec<Bereaved> {
    let mut groups: BTreeMap<BTreeSet<ProcessIdentity>, Bereaved> = BTreeMap::new();
    for one in orphans {
        let Some(holder) = one.holder else { continue };
        let mut processes = one.processes.clone();
        processes.insert(holder);
        let group = groups.entry(processes.clone()).or_insert_with(|| Bereaved { processes, ..Bereaved::default() });
        group.leases.insert(one.id);
    }
    groups.into_values().collect()
}
