//! The one task that owns the engine: calls and observations come in, answers and events go out.
//!
//! [`serve`](serve::serve) wakes it with one job after the other; [`Hub::turn`] does as one batch what
//! has come in meanwhile.

mod awaiting;
mod begin;
mod clean;
mod conclude;
mod decide;
mod figures;
mod follow;
mod health;
mod inspect;
mod line;
mod mirror;
mod read;
mod recover;
mod rounds;
mod serve;
mod served;
mod subscribers;
#[cfg(test)]
mod tests;
mod watch;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use portus_core::{Claim, Command, Key, LeaseId, Port, ProcessIdentity, Protocol, Sighting, Timestamp};
use portus_os::place::Home;
use portus_proto::{Call, Event, Refusal, Stats};
use tokio::sync::{mpsc, oneshot};

use crate::engine::{Engine, World as _};
use crate::journal::SqliteJournal;
use crate::metrics::Metrics;
use crate::mirror::Mirrors;
use crate::observer::{Gatherer, Seen, Worktrees};
use crate::server::{ConnectionId, Ending, Responder, Seats};
use crate::translate::{Defaults, View};
use crate::world::Machine;
use crate::{DaemonError, Settings};

pub(crate) use serve::serve;

/// The most calls done as one batch.
const BATCH_MAX: usize = 64;

/// What wakes the hub.
pub(crate) enum Job {
    /// A client asks.
    Call {
        /// On this connection.
        connection: ConnectionId,
        /// From this process, where the system says.
        pid: Option<u32>,
        /// This.
        call: Box<Call>,
        /// And waits for the answer.
        to: Responder,
    },
    /// A client wants to hear events.
    Subscribe {
        /// On this connection.
        connection: ConnectionId,
        /// Through this queue.
        events: mpsc::Sender<Arc<Event>>,
        /// Told to end when it is too slow.
        ending: Arc<Ending>,
        /// And waits for the answer.
        to: Responder,
    },
    /// A client sends no more. What waits on its behalf is forgotten.
    Gone(ConnectionId),
    /// A connection is over, its seat free.
    Left(ConnectionId),
    /// Ports of waiting leases were looked at.
    Seen(Seen),
    /// A watched process has ended.
    Exited(ProcessIdentity),
    /// What is left of its tree could not be looked at.
    Unseen(ProcessIdentity),
    /// Something was found out beside, and can be decided.
    Decide(Box<Work>),
    /// A scraper wants the figures.
    Stats(oneshot::Sender<Box<Stats>>),
    /// A mirror was written, or could not be. Whoever waits for it hears so when the rest is dropped.
    Mirrored(Box<mirror::Mirrored>, Vec<oneshot::Sender<()>>),
    /// Who named a worktree's mirror has waited long enough for it.
    MirrorAwaited(Arc<str>, Responder),
}

/// What waits for its connection's turn.
enum Incoming {
    Call { pid: Option<u32>, call: Box<Call>, to: Responder },
    Subscribe { events: mpsc::Sender<Arc<Event>>, ending: Arc<Ending>, to: Responder },
    Gone,
}

/// A command, and what becomes of its answer.
pub(crate) struct Work {
    command: Command,
    then: Then,
}

/// What becomes of an answer.
enum Then {
    /// Nothing: it was an observation.
    Nothing,
    /// Something was seen of these leases: if it cannot be written down, it is to be seen again.
    Seen(Vec<LeaseId>),
    /// An observation that is made once only: if it cannot be written down, it is told again later.
    Again(Box<Command>),
    /// The deadlines that had passed are dealt with.
    /// All of their ports were looked at, or not.
    Ticked { all_seen: bool },
    /// It goes to whoever asked.
    Reply(Responder, Shape),
    /// It goes to whoever asked for ports.
    Request(Box<Requested>),
    /// Stale leases have ended.
    Cleaned(clean::Cleaning),
    /// A question about the machine can be answered.
    Judge(Box<inspect::Judging>),
    /// A client's report on a service's health can be taken in.
    Health(Box<health::Report>),
    /// It goes to the first in the line for a port.
    First(line::Waiter, Port),
}

/// In which form an answer is told.
enum Shape {
    /// The leases touched.
    Leases,
    /// That it is done.
    Done,
    /// What came of a suspicion.
    Suspected,
    /// The claims touched, as they stand afterwards.
    Claims,
    /// The claims touched, as they were before.
    Unclaimed,
    /// These quarantines, or the port's as it stands afterwards.
    Quarantines(Port, Vec<portus_proto::Quarantine>),
}

/// A request for ports that is being decided.
struct Requested {
    to: Responder,
    connection: ConnectionId,
    /// What the asker should know about the ranges named.
    notes: Vec<String>,
    /// The request again, for another try.
    request: portus_core::Request,
    /// What was seen about its ports beforehand.
    survey: portus_core::Survey,
    /// Until when it may wait in line, if it may.
    until: Option<Instant>,
    /// How it was tried to be got out of trouble.
    recovery: recover::Recovery,
}

/// What is known from the start and does not change.
pub(crate) struct Fixed {
    /// What the daemon was told.
    pub(crate) settings: Settings,
    /// Its directory.
    pub(crate) home: Home,
    /// The journal's uuid.
    pub(crate) journal: String,
    /// Where a journal was set aside.
    pub(crate) set_aside: Option<String>,
    /// The range that the system draws client ports from.
    pub(crate) ephemeral: Option<portus_core::PortRange>,
    /// What a request leaves to the daemon.
    pub(crate) defaults: Defaults,
    /// Since when it runs.
    pub(crate) began: Instant,
    /// Where figures are served, if they are.
    pub(crate) metrics_address: Option<SocketAddr>,
}

/// The owner of the engine, and of everybody who waits.
pub(crate) struct Hub {
    engine: Engine<SqliteJournal, Machine>,
    fixed: Fixed,
    gatherer: Gatherer,
    worktrees: Worktrees,
    jobs: mpsc::Sender<Job>,
    seats: Seats,
    /// The clients that have not gone.
    present: BTreeSet<ConnectionId>,
    /// One clone for everything that goes on beside on behalf of a client.
    busy: Arc<()>,
    backlog: rounds::Rounds<Incoming>,
    ready: Vec<Work>,
    reads: Vec<(Call, Responder)>,
    scraped: Vec<oneshot::Sender<Box<Stats>>>,
    line: line::Line,
    awaiting: awaiting::Awaiting,
    subscribers: subscribers::Subscribers,
    healths: health::Healths,
    /// The claims, to be able to tell what one was that is no more.
    former: BTreeMap<Key, Claim>,
    mirrors: Mirrors,
    clockwork: watch::Clockwork,
    room: clean::Room,
    /// Until when calls wait for it to be known whose leases ended with processes that died while no daemon ran.
    recovering_until: Option<Instant>,
    metrics: Metrics,
    next_waiter: u64,
    leaving: Option<String>,
}

impl Hub {
    /// The owner of an engine that has started.
    pub(crate) fn new(
        engine: Engine<SqliteJournal, Machine>,
        fixed: Fixed,
        gatherer: Gatherer,
        worktrees: Worktrees,
        jobs: mpsc::Sender<Job>,
    ) -> Self {
        let former = engine.broker().claims().map(|claim| (claim.key.clone(), claim.clone())).collect();
        let metrics = counted_from_here(&engine, &fixed);
        let mut hub = Self {
            engine,
            fixed,
            gatherer,
            worktrees,
            jobs,
            seats: Seats::default(),
            present: BTreeSet::new(),
            busy: Arc::default(),
            backlog: rounds::Rounds::default(),
            ready: Vec::new(),
            reads: Vec::new(),
            scraped: Vec::new(),
            line: line::Line::default(),
            awaiting: awaiting::Awaiting::default(),
            subscribers: subscribers::Subscribers::default(),
            healths: health::Healths::default(),
            former,
            mirrors: Mirrors::default(),
            clockwork: watch::Clockwork::default(),
            room: clean::Room::default(),
            recovering_until: None,
            metrics,
            next_waiter: 0,
            leaving: None,
        };
        hub.wake_up();
        hub.wake_mirrors();
        hub
    }

    /// Takes in what woke the hub. Nothing is decided before [`Self::turn`].
    pub(crate) fn take(&mut self, job: Job) {
        match job {
            // Neither who asks whether it lives nor who sends it away waits for what it finds out.
            Job::Call { connection, pid, call, to }
                if self.recovering_until.is_some() && matches!(*call, Call::Status | Call::Stop) =>
            {
                self.begin(connection, pid, *call, to);
            }
            Job::Call { connection, pid, call, to } => self.backlog.push(connection, Incoming::Call { pid, call, to }),
            Job::Subscribe { connection, events, ending, to } => {
                self.backlog.push(connection, Incoming::Subscribe { events, ending, to });
            }
            Job::Gone(connection) => self.backlog.push(connection, Incoming::Gone),
            // It has also woken the hub, which counts seats.
            Job::Left(connection) => drop(self.present.remove(&connection)),
            Job::Seen(seen) => self.seen(seen),
            Job::Exited(process) => self.exited(process),
            Job::Unseen(process) => self.look_again_later(process),
            Job::Decide(work) => self.ready.push(*work),
            Job::Stats(to) => self.scraped.push(to),
            Job::Mirrored(mirrored, waiting) => {
                self.mirrored(*mirrored);
                drop(waiting);
            }
            Job::MirrorAwaited(worktree, to) => self.answer_mirror(&worktree, to),
        }
    }

    /// Whether there is something to do without being woken.
    pub(crate) fn has_work(&self) -> bool {
        (self.recovering_until.is_none() && !self.backlog.is_empty()) || !self.ready.is_empty() || self.line.has_work()
    }

    /// Does as one batch what has come in.
    ///
    /// # Errors
    /// [`DaemonError::Doubt`] when it is unknown what is written down. Everybody has been answered.
    pub(crate) fn turn(&mut self) -> Result<(), DaemonError> {
        let calls_max = if self.recovering_until.is_some() { 0 } else { BATCH_MAX };
        let mut gone = Vec::new();
        for (connection, incoming) in self.backlog.take(calls_max) {
            match incoming {
                Incoming::Call { pid, call, to } => self.begin(connection, pid, *call, to),
                Incoming::Subscribe { events, ending, to } => {
                    let subscribed = self.subscribers.add(connection, events, ending);
                    to.answer(subscribed.map(|()| portus_proto::Reply::Done));
                }
                Incoming::Gone => {
                    self.gone(connection);
                    gone.push(connection);
                }
            }
        }
        let decided = self.decide();
        // What such a client asked for last may have made it wait.
        gone.into_iter().for_each(|connection| self.gone(connection));
        self.write_mirrors();
        self.settle_alerts();
        for (call, to) in std::mem::take(&mut self.reads) {
            to.answer(self.read(&call));
        }
        for to in std::mem::take(&mut self.scraped) {
            // Whoever asked may be gone.
            drop(to.send(Box::new(self.stats())));
        }
        decided
    }

    /// Looks at ports beside, and then makes work of what was seen.
    fn look_first(&self, ports: Vec<(Port, Protocol)>, make: impl FnOnce(Vec<Sighting>) -> Work + Send + 'static) {
        let gatherer = self.gatherer.clone();
        self.beside(move || gatherer.sightings(ports), move |seen| Some(make(seen)));
    }

    /// Does something slow on another thread, and then makes work of its result, if there is any to make.
    fn beside<T: Default + Send + 'static>(
        &self,
        slow: impl FnOnce() -> T + Send + 'static,
        make: impl FnOnce(T) -> Option<Work> + Send + 'static,
    ) {
        self.beside_for(slow, move |found| make(found).map(|work| Job::Decide(Box::new(work))));
    }

    /// The same, where it may make another job.
    fn beside_for<T: Default + Send + 'static>(
        &self,
        slow: impl FnOnce() -> T + Send + 'static,
        make: impl FnOnce(T) -> Option<Job> + Send + 'static,
    ) {
        let (jobs, busy) = (self.jobs.clone(), Arc::clone(&self.busy));
        tokio::spawn(async move {
            // Whatever has panicked there has been reported by its hook, and found nothing.
            let found = tokio::task::spawn_blocking(slow).await.unwrap_or_default();
            if let Some(job) = make(found) {
                let _ = jobs.send(job).await;
            }
            drop(busy);
        });
    }

    /// How many things go on beside on behalf of clients.
    fn busy_count(&self) -> usize {
        Arc::strong_count(&self.busy) - 1
    }

    /// Shows the ledger to `show` as it stands now.
    fn with_view<T>(&self, show: impl FnOnce(&View<'_>) -> T) -> T {
        let world = self.engine.world();
        let guarded = |port| world.is_guarded(port);
        let health = |lease| self.healths.of(lease);
        show(&View { broker: self.engine.broker(), now: world.now(), guarded: &guarded, health: &health })
    }

    /// These leases as people see them. One that is not remembered any more is left out.
    fn shown(&self, ids: impl IntoIterator<Item = LeaseId>) -> Vec<portus_proto::Lease> {
        self.with_view(|view| ids.into_iter().filter_map(|id| view.lease_of_id(id)).collect())
    }

    fn refuse(&self, refusal: &portus_core::Refusal) -> Refusal {
        self.with_view(|view| crate::wording::refusal(refusal, view))
    }
}

/// Nothing was counted so far, but for what the engine's start did.
fn counted_from_here(engine: &Engine<SqliteJournal, Machine>, fixed: &Fixed) -> Metrics {
    let took = u64::try_from(fixed.began.elapsed().as_millis()).unwrap_or(u64::MAX);
    let began = Timestamp(engine.world().now().wall.as_millis().saturating_sub(took));
    let journal = fixed.home.journal().display().to_string();
    Metrics::new(fixed.settings.alerts.clone(), journal, fixed.settings.pool, engine.broker(), began)
}
