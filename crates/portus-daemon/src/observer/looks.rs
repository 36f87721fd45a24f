//! The thread that looks at the ports of waiting leases.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use portus_core::{LeaseId, Port, ProcessIdentity, Protocol, Sighting};
use portus_os::port::{Socket, SocketTable, owners_among};
use portus_os::process;

use super::Gatherer;
use super::schedule::{Due, Schedule};

/// While the same sockets listen on a contested port, their processes are asked for again so
/// seldom: a process may still change its directory.
const RESOLVE_AGAIN: Duration = Duration::from_secs(30);
/// A holder's tree is looked at for other ports no more often than this.
const DRIFT_EVERY: Duration = Duration::from_secs(1);

/// No socket has it, so that any look differs from it.
const NO_INODE: u64 = u64::MAX;

/// What the thread found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Seen {
    /// Who listens on ports where something has changed, and for which lease it was looked.
    Ports(Vec<(LeaseId, Sighting)>),
    /// A holder's tree listens on these ports, the leased one perhaps among them.
    Tree {
        /// For which lease.
        lease: LeaseId,
        /// The processes of the tree.
        tree: BTreeSet<ProcessIdentity>,
        /// The ports.
        ports: BTreeSet<Port>,
    },
}

/// The looks that go on. Dropping it ends the thread.
#[derive(Debug)]
pub(crate) struct Looks {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    began: Instant,
    state: Mutex<State>,
    wake: Condvar,
}

#[derive(Debug, Default)]
struct State {
    schedule: Schedule,
    known: BTreeMap<LeaseId, Known>,
    stop: bool,
}

/// What was found before at one lease's port.
#[derive(Debug, Clone, Default)]
struct Known {
    /// The sockets that listened.
    inodes: BTreeSet<u64>,
    resolved: Option<Instant>,
    holder: Option<ProcessIdentity>,
    /// When the holder's tree was last looked at, and all sockets that listened then.
    drift: Option<(Instant, BTreeSet<u64>)>,
}

impl Looks {
    /// Starts the thread. What it finds is handed to `tell`, which may wait, and says whether
    /// anybody still listens.
    ///
    /// # Errors
    /// When the system has no thread left.
    pub(crate) fn start(gatherer: Gatherer, tell: impl Fn(Seen) -> bool + Send + 'static) -> io::Result<Self> {
        let shared = Arc::new(Shared { began: Instant::now(), state: Mutex::default(), wake: Condvar::new() });
        let of_thread = Arc::clone(&shared);
        let watch = move || Watch { shared: of_thread, gatherer, table: None }.run(&tell);
        let thread = std::thread::Builder::new().name("portus-looks".to_owned()).spawn(watch)?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Looks at a lease's port from now on. One that is looked at already starts over.
    pub(crate) fn begin(&self, lease: LeaseId, port: Port, protocol: Protocol) {
        let now = self.shared.began.elapsed();
        let mut state = self.shared.state();
        let awaited = state.schedule.next();
        state.schedule.begin(now, lease, port, protocol);
        let holder = state.known.remove(&lease).and_then(|known| known.holder);
        state.known.insert(lease, Known { holder, ..Known::default() });
        // The thread sleeps until `awaited`: only what comes before that is worth waking it for.
        if awaited.is_none_or(|at| state.schedule.next() < Some(at)) {
            self.shared.wake.notify_one();
        }
    }

    /// Looks at it no more.
    pub(crate) fn end(&self, lease: LeaseId) {
        let mut state = self.shared.state();
        state.schedule.end(lease);
        state.known.remove(&lease);
    }

    /// The lease has changed: what was found before may mean something else, so that it is told
    /// again at the next look; that nobody listens, only if somebody is `believed` to.
    /// Names the living holder whose tree may listen elsewhere.
    pub(crate) fn changed(&self, lease: LeaseId, holder: Option<ProcessIdentity>, believed: bool) {
        if let Some(known) = self.shared.state().known.get_mut(&lease) {
            let inodes = believed.then_some(NO_INODE).into_iter().collect();
            *known = Known { holder, inodes, ..Known::default() };
        }
    }
}

impl Drop for Looks {
    fn drop(&mut self) {
        self.shared.state().stop = true;
        self.shared.wake.notify_one();
        if let Some(thread) = self.thread.take() {
            // A panic of the thread has been reported by its hook.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until looks are due; `None` when there is nothing to wait for any more.
    fn wait_for_due(&self) -> Option<Vec<Due>> {
        let mut state = self.state();
        loop {
            if state.stop {
                return None;
            }
            let now = self.began.elapsed();
            let due = state.schedule.take_due(now);
            if !due.is_empty() {
                return Some(due);
            }
            state = match state.schedule.next() {
                None => self.wake.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(next) => {
                    let waited = self.wake.wait_timeout(state, next.saturating_sub(now));
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }
}

/// The thread's own things.
struct Watch {
    shared: Arc<Shared>,
    gatherer: Gatherer,
    table: Option<SocketTable>,
}

impl Watch {
    fn run(mut self, tell: &dyn Fn(Seen) -> bool) {
        while let Some(due) = self.shared.wait_for_due() {
            let changed = self.changed_sockets(&due);
            if !changed.is_empty() && !tell(Seen::Ports(self.resolve(&due, changed))) {
                return;
            }
            for (lease, holder) in self.drift_candidates(&due) {
                if let Some(seen) = self.tree(lease, holder)
                    && !tell(seen)
                {
                    return;
                }
            }
        }
    }

    /// Who listens there, beside the leases for which it was looked.
    fn resolve(&self, due: &[Due], changed: BTreeMap<(Port, Protocol), Vec<Socket>>) -> Vec<(LeaseId, Sighting)> {
        let meant = |sighting: Sighting| {
            // The newest: one that was there before has ended meanwhile.
            let leases = due.iter().filter(|due| due.port == sighting.port).map(|due| due.lease);
            leases.max().map(|lease| (lease, sighting))
        };
        self.gatherer.resolve(changed).into_iter().filter_map(meant).collect()
    }

    /// The sockets on those of the due ports where others listen than last time.
    fn changed_sockets(&mut self, due: &[Due]) -> BTreeMap<(Port, Protocol), Vec<Socket>> {
        if self.table.is_none() {
            self.table = SocketTable::open().ok();
        }
        let Some(table) = &mut self.table else { return BTreeMap::new() };
        let ports: BTreeSet<_> = due.iter().map(|due| (due.port, due.protocol)).collect();
        let mut sockets = Gatherer::sockets(table, &ports);
        if sockets.len() < ports.len() {
            // Something failed. A fresh table is opened at the next look.
            self.table = None;
        }
        let now = Instant::now();
        let mut state = self.shared.state();
        let mut keep = BTreeSet::new();
        for due in due {
            let asked = (due.port, due.protocol);
            let (Some(known), Some(found)) = (state.known.get_mut(&due.lease), sockets.get(&asked)) else { continue };
            let inodes: BTreeSet<u64> = found.iter().map(|socket| socket.inode).collect();
            let stale = known.resolved.is_some_and(|at| now.duration_since(at) >= RESOLVE_AGAIN);
            if inodes != known.inodes || (stale && !inodes.is_empty()) {
                known.inodes = inodes;
                known.resolved = Some(now);
                keep.insert(asked);
            }
        }
        sockets.retain(|asked, _| keep.contains(asked));
        sockets
    }

    /// The leases with a living holder whose looks have become slow, unless looked at just before.
    fn drift_candidates(&self, due: &[Due]) -> Vec<(LeaseId, ProcessIdentity)> {
        let now = Instant::now();
        let state = self.shared.state();
        let slow = due.iter().filter(|due| due.slow);
        slow.filter_map(|due| {
            let known = state.known.get(&due.lease)?;
            let rested = known.drift.as_ref().is_none_or(|(at, _)| now.duration_since(*at) >= DRIFT_EVERY);
            known.holder.filter(|_| rested).map(|holder| (due.lease, holder))
        })
        .collect()
    }

    /// The ports on which a holder's tree listens, if anything listens since last time.
    fn tree(&mut self, lease: LeaseId, holder: ProcessIdentity) -> Option<Seen> {
        let all = self.table.as_mut()?.all_listeners().ok()?;
        let inodes: BTreeSet<u64> = all.iter().map(|socket| socket.inode).collect();
        {
            let mut state = self.shared.state();
            let known = state.known.get_mut(&lease)?;
            let former = known.drift.replace((Instant::now(), inodes.clone()));
            if former.is_some_and(|(_, former)| former == inodes) {
                return None;
            }
        }
        let Ok(tree) = process::tree(&holder) else {
            // Not seen is not the same as unchanged: the next round looks again.
            self.shared.state().known.get_mut(&lease)?.drift = None;
            return None;
        };
        let tree: BTreeSet<ProcessIdentity> = tree.into_iter().collect();
        let owned = owners_among(tree.iter().map(|process| process.pid), &inodes);
        let ports = all.iter().filter(|socket| socket.protocol == Protocol::Tcp && owned.contains_key(&socket.inode));
        Some(Seen::Tree { lease, ports: ports.map(|socket| socket.port).collect(), tree })
    }
}
