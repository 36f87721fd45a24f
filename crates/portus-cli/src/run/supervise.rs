//! Seeing the command through, from its start until nothing of it listens on its ports.

mod answers;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use portus_client::health::Check;
use portus_core::{LeaseId, Port, ServiceName};
use portus_os::port::{SocketTable, owners_among};
use portus_os::process::{Signal, end_trees};
use portus_os::supervise::{Event, Status, Supervisor, descendants_alive};
use portus_proto::{Lease, What};

use super::announce::{self, Voice};
use super::lease::{Abandoned, Tenancy, Way};
use super::ready::{Patience, Question, Readiness};

/// How long a command that has exited may leave a server behind that does not listen yet.
const LATE_SERVER: Duration = Duration::from_secs(10);
/// How often the tree that a command left behind is looked at, at first and at most. Ends of its processes and the
/// daemon's events are looked at when they come.
const LOOK: (Duration, Duration) = (Duration::from_millis(25), Duration::from_secs(5));
/// Soon for a person. A command that has ended by then needs no look at the daemon's events.
const SOON: Duration = Duration::from_millis(5);
/// How long the tree gets to end in order.
const GRACE: Duration = Duration::from_secs(5);

/// How a run of the command came to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    /// The command exited without success before anything listened, and nobody told it to.
    Failed(Status),
    /// The command exited, and nothing of it listens any more.
    Exited(Status),
    /// It had exited before, and what it had left behind was ended by this signal.
    Signalled(Signal),
    /// The same, but it has not ended, and the user does not want to wait for it.
    LeftBehind(Signal),
    /// It listened elsewhere, which was to be a failure, and was ended.
    Drifted {
        /// Where it should have listened.
        own: Port,
        /// Where it did.
        other: Port,
    },
}

/// What is expected of the command.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Rules {
    /// When it counts as ready.
    pub(super) ready: Readiness,
    /// Whether listening elsewhere is a failure.
    pub(super) fail_on_drift: bool,
    /// How services are asked whether they are well, where that is declared.
    pub(super) checks: BTreeMap<ServiceName, Check>,
}

/// The command has exited.
#[derive(Debug, Clone, Copy)]
struct Exited {
    status: Status,
    at: Instant,
    next_look: Instant,
    pause: Duration,
}

/// A command that was started, and what has been seen of it.
pub(super) struct Watch<'a> {
    supervisor: &'a mut Supervisor,
    tenancy: &'a mut Tenancy,
    voice: Voice,
    rules: &'a Rules,
    exited: Option<Exited>,
    /// The first signal that asks for an end.
    signalled: Option<Signal>,
    signals_after_exit: u32,
    /// Leases that something of the tree has listened for.
    up: BTreeSet<LeaseId>,
    told_up: BTreeSet<LeaseId>,
    told_drift: BTreeSet<(LeaseId, Port)>,
    /// Whether the first service is ready, while that is to be found out before it is told to be up.
    question: Option<Question>,
    /// Whether services that declare how to ask them are well, until they are.
    healths: Vec<Question>,
    /// When to look for events that came with the answers to calls, which nothing wakes us for.
    look_for_events: Option<Instant>,
}

impl<'a> Watch<'a> {
    /// Watches the command that `supervisor` has started on the leases of `tenancy`.
    pub(super) fn new(
        supervisor: &'a mut Supervisor,
        tenancy: &'a mut Tenancy,
        voice: Voice,
        rules: &'a Rules,
    ) -> Self {
        Self {
            supervisor,
            tenancy,
            voice,
            rules,
            exited: None,
            signalled: None,
            signals_after_exit: 0,
            up: BTreeSet::new(),
            told_up: BTreeSet::new(),
            told_drift: BTreeSet::new(),
            question: None,
            healths: Vec::new(),
            look_for_events: Some(Instant::now() + SOON),
        }
    }

    /// The signal that asked for an end, if one did.
    pub(super) const fn signalled(&self) -> Option<Signal> {
        self.signalled
    }

    /// Whether something of the command's tree has been seen to listen.
    pub(super) fn has_listened(&self) -> bool {
        !self.up.is_empty()
    }

    /// The command failed: which of its ports could not be bound. None without a daemon to ask. `None` while
    /// something of its tree lives: that may be the server, about to listen, and is not to meet a guard.
    pub(super) fn suspect(&mut self) -> Option<Vec<Abandoned>> {
        self.tenancy.leave_daemon_out();
        // Not to have been able to look is no end.
        if descendants_alive().map_or(true, |tree| !tree.is_empty()) {
            return None;
        }
        self.look_for_events = Some(Instant::now());
        Some(self.tenancy.suspect().unwrap_or_default())
    }

    /// Waits until the command has come to its end. After [`End::Failed`] it may be called again, to wait for what
    /// the command has left behind.
    ///
    /// # Errors
    /// When the system cannot wait.
    pub(super) fn until_end(&mut self) -> std::io::Result<End> {
        loop {
            let deadlines = [self.exited.map(|exited| exited.next_look), self.look_for_events];
            let deadline = deadlines.into_iter().flatten().min();
            let mut end = None;
            match self.supervisor.next_event(deadline, self.tenancy.readable())? {
                Event::Exited(status) => end = self.on_exit(status),
                Event::Signal(signal) => self.on_signal(signal),
                Event::Orphan(_) => self.look_soon(),
                Event::Readable | Event::Woken => end = self.take_events(),
                Event::Deadline if self.look_for_events.is_some_and(|at| at <= Instant::now()) => {
                    end = self.take_events();
                }
                Event::Deadline | Event::Stopped(_) | Event::Continued => {}
            }
            if let Some(end) = end.or_else(|| self.settled()) {
                return Ok(end);
            }
        }
    }

    fn on_exit(&mut self, status: Status) -> Option<End> {
        let now = Instant::now();
        self.exited = Some(Exited { status, at: now, next_look: now, pause: LOOK.0 });
        let unasked = !status.success() && self.signalled.is_none();
        if unasked && self.up.is_empty() {
            // A server may have come up and failed faster than the daemon told us.
            let end = self.take_events();
            return end.or_else(|| self.up.is_empty().then_some(End::Failed(status)));
        }
        None
    }

    fn on_signal(&mut self, signal: Signal) {
        if asks_for_an_end(signal) {
            self.signalled.get_or_insert(signal);
            self.signals_after_exit += u32::from(self.exited.is_some());
            self.look_soon();
        }
    }

    fn look_soon(&mut self) {
        if let Some(exited) = &mut self.exited {
            exited.next_look = Instant::now();
            exited.pause = LOOK.0;
        }
    }

    /// Whether it is over: the command has exited, and nothing that it left behind listens on a leased port.
    fn settled(&mut self) -> Option<End> {
        let exited = self.exited?;
        let now = Instant::now();
        if now < exited.next_look {
            return None;
        }
        let done = match self.signalled {
            Some(signal) if self.signals_after_exit > 0 => End::Signalled(signal),
            _ => End::Exited(exited.status),
        };
        self.tenancy.leave_daemon_out();
        let Ok(tree) = descendants_alive() else { return self.not_yet(now) };
        let tree: BTreeSet<u32> = tree.iter().map(|process| process.pid).collect();
        if tree.is_empty() {
            return self.is_all_over(now).then_some(done);
        }
        let serving = self.serving(&tree);
        let is_pending = self.up.is_empty() && serving.is_empty() && self.signalled.is_none();
        self.up.extend(&serving);
        if serving.is_empty() && !(is_pending && now < exited.at + LATE_SERVER) {
            return Some(done);
        }
        self.not_yet(now)
    }

    /// Something of the tree is left, or may be: it is looked at again.
    fn not_yet(&mut self, now: Instant) -> Option<End> {
        // Who asks twice does not want to wait.
        if let Some(signal) = self.signalled.filter(|_| self.signals_after_exit > 1) {
            return Some(End::LeftBehind(signal));
        }
        if let Some(exited) = &mut self.exited {
            exited.next_look = now + exited.pause;
            exited.pause = (exited.pause * 2).min(LOOK.1);
        }
        None
    }

    /// Nothing of the tree was seen. A look at all processes is not one moment, though: whoever was born meanwhile of
    /// a process that died meanwhile was missed. Then that process waits to be reaped, and one more look is due.
    fn is_all_over(&mut self, now: Instant) -> bool {
        match self.supervisor.next_event(Some(now), None) {
            Ok(Event::Deadline) | Err(_) => return true,
            Ok(Event::Signal(signal)) => self.on_signal(signal),
            Ok(_) => {}
        }
        self.look_soon();
        false
    }

    /// The leases on whose ports one of these processes listens.
    fn serving(&self, tree: &BTreeSet<u32>) -> BTreeSet<LeaseId> {
        let Ok(mut table) = SocketTable::open() else { return BTreeSet::new() };
        let mut serves = |lease: &&Lease| {
            let sockets = table.listeners_on(lease.port, lease.protocol).unwrap_or_default();
            let inodes = sockets.iter().map(|socket| socket.inode).collect();
            !owners_among(tree.iter().copied(), &inodes).is_empty()
        };
        self.tenancy.leases().iter().filter(&mut serves).map(|lease| lease.id).collect()
    }

    /// Takes in what the daemon says, and what came of questions and searches.
    fn take_events(&mut self) -> Option<End> {
        self.look_for_events = None;
        self.take_answers();
        let (mut events, mut way) = self.tenancy.events(self.supervisor.waker());
        if let Some((later, found)) = self.tenancy.found() {
            events.extend(later);
            way = Some(found);
        }
        if let Some(way) = way {
            self.on_way(&way);
        }
        events.into_iter().find_map(|event| self.on_event(event.what))
    }

    fn on_way(&self, way: &Way) {
        let leases: Vec<&Lease> = self.tenancy.leases().iter().collect();
        match way {
            Way::Lost(why) => {
                self.voice.warn(
                    "daemon_lost",
                    &leases,
                    &format!("{why}; the command goes on, the daemon is looked for"),
                );
            }
            Way::Found => self.voice.tell("daemon_found", &leases, "the daemon is there again, and knows the leases"),
            Way::Gone(why) => {
                self.voice.warn(
                    "daemon_gone",
                    &leases,
                    &format!("there is no daemon ({why}); the command goes on without"),
                );
            }
        }
    }

    fn on_event(&mut self, what: What) -> Option<End> {
        match what {
            What::Confirmed(lease) if self.is_ours(&lease) => {
                self.tenancy.update(&lease);
                self.up.insert(lease.id);
                self.ask_health(&lease);
                if self.told_up.insert(lease.id) {
                    self.on_up(&lease);
                }
            }
            What::Drifted(lease) if self.is_ours(&lease) => return self.on_drift(&lease),
            What::Contested(lease) if self.is_ours(&lease) => {
                self.voice.warn("contested", &[&lease], &announce::contested(&lease));
            }
            What::Ended(lease) if self.is_ours(&lease) => {
                self.ask_no_more(&lease);
                if self.exited.is_none() {
                    self.voice.warn("ended", &[&lease], &announce::ended(&lease));
                }
                self.look_soon();
            }
            What::Lapsing(lease) if self.is_ours(&lease) => {
                self.ask_no_more(&lease);
                self.look_soon();
            }
            _ => {}
        }
        None
    }

    fn is_ours(&self, lease: &Lease) -> bool {
        self.tenancy.is_ours(lease.id)
    }

    /// A service listens. The first one may have to answer as well before it is told.
    fn on_up(&mut self, lease: &Lease) {
        let is_first = self.tenancy.leases().first().is_some_and(|first| first.id == lease.id);
        if let (Readiness::Http(path), true, true) = (&self.rules.ready, is_first, lease.protocol.tcp()) {
            let check = Check::Path(path.clone());
            self.question = Question::ask(lease, check, Patience::READY, self.supervisor.waker()).ok();
            if self.question.is_some() {
                return;
            }
        }
        self.voice.tell("up", &[lease], &announce::up(lease));
    }

    fn on_drift(&mut self, lease: &Lease) -> Option<End> {
        let other = lease.drifted_to?;
        if self.told_drift.insert((lease.id, other)) {
            self.voice.warn("drifted", &[lease], &announce::drifted(lease, other));
        }
        if !self.rules.fail_on_drift {
            return None;
        }
        self.tenancy.leave_daemon_out();
        // What it started ends with it, and so does what is left of the tree.
        let all = self.supervisor.command().into_iter().chain(descendants_alive().into_iter().flatten());
        let _ = end_trees(all, &BTreeSet::new(), GRACE);
        Some(End::Drifted { own: lease.port, other })
    }
}

/// Whether a signal asks us, and the command, to come to an end.
pub(super) const fn asks_for_an_end(signal: Signal) -> bool {
    match signal {
        Signal::Hangup | Signal::Interrupt | Signal::Quit | Signal::Terminate => true,
        // Not caught (or its own affair), or meant for the command, which knows what to make of it.
        Signal::Kill | Signal::Suspend | Signal::Continue | Signal::User1 | Signal::User2 | Signal::Resized => false,
    }
}

/// The status that a shell gives for an end by this signal.
pub(super) const fn exit_code(signal: Signal) -> u8 {
    128 + match signal {
        Signal::Hangup => 1,
        Signal::Interrupt => 2,
        Signal::Quit => 3,
        Signal::Kill => 9,
        Signal::User1 => 10,
        Signal::User2 => 12,
        Signal::Terminate => 15,
        Signal::Continue => 18,
        Signal::Suspend => 20,
        Signal::Resized => 28,
    }
}
