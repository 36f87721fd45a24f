//! Being told when processes end: one thread that the kernel wakes, and that sleeps otherwise.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use portus_core::ProcessIdentity;

use super::identity_of;

#[cfg(target_os = "macos")]
pub(super) mod exit_queue;

#[cfg(target_os = "linux")]
#[path = "watch/linux.rs"]
mod poller;
#[cfg(target_os = "macos")]
#[path = "watch/macos.rs"]
mod poller;
#[cfg(windows)]
#[path = "watch/windows.rs"]
mod poller;

use poller::{Handle, Poller};

/// What [`ExitWatcher::watch`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Watch {
    /// It lives, and its end will be told.
    Watching,
    /// It had ended already. Nothing will be told.
    AlreadyGone,
}

/// Tells of the ends of the processes it was given, each exactly once, from a thread of its own.
///
/// Costs one descriptor per watched process, however often that process was given. No polling:
/// an idle watcher makes no wake-ups. Dropping it ends the thread; what it still watched is not told.
pub struct ExitWatcher {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    poller: Poller,
    watched: Mutex<Watched>,
}

/// Tokens, not pids, come back from the kernel: a number that is watched anew after its first owner
/// died must not be confused with that owner.
#[derive(Default)]
struct Watched {
    last_token: u64,
    by_token: BTreeMap<u64, (ProcessIdentity, Handle)>,
    token_of: BTreeMap<ProcessIdentity, u64>,
}

impl ExitWatcher {
    /// Starts the thread that will call `on_exit`. The callback should hand on and return: while it
    /// runs, no other end is told. It may call [`Self::watch`] and [`Self::unwatch`].
    ///
    /// # Errors
    /// When the system has no descriptor or thread left.
    pub fn new(on_exit: impl Fn(ProcessIdentity) + Send + 'static) -> io::Result<Self> {
        let shared = Arc::new(Shared { poller: Poller::new()?, watched: Mutex::default() });
        let of_thread = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("portus-exits".to_owned())
            .spawn(move || of_thread.tell_exits(&on_exit))?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Watches a process until it ends or [`Self::unwatch`] is called. Asking again changes nothing.
    ///
    /// # Errors
    /// When the system does not let us look, or has no descriptor left. Then the process is not watched.
    pub fn watch(&self, process: ProcessIdentity) -> io::Result<Watch> {
        let mut watched = self.shared.watched();
        if watched.token_of.contains_key(&process) {
            return Ok(Watch::Watching);
        }
        watched.last_token += 1;
        let token = watched.last_token;
        let Some(handle) = self.shared.poller.open(process.pid, token)? else { return Ok(Watch::AlreadyGone) };
        // Only after the handle is open does the birth prove that the handle means this very process.
        match identity_of(process.pid) {
            Ok(found) if found == Some(process) => {
                watched.by_token.insert(token, (process, handle));
                watched.token_of.insert(process, token);
                Ok(Watch::Watching)
            }
            found => {
                self.shared.poller.remove(handle);
                found.map(|_| Watch::AlreadyGone)
            }
        }
    }

    /// Stops watching a process. Its end is not told any more, unless the callback is already at it.
    pub fn unwatch(&self, process: &ProcessIdentity) {
        self.shared.forget(process);
    }

    /// How many processes are watched.
    #[must_use]
    pub fn watched_count(&self) -> usize {
        self.shared.watched().by_token.len()
    }
}

impl Shared {
    fn watched(&self) -> MutexGuard<'_, Watched> {
        // Every change below keeps both maps in step even when a callback panics outside the lock.
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn forget(&self, process: &ProcessIdentity) {
        let mut watched = self.watched();
        if let Some(token) = watched.token_of.remove(process)
            && let Some((_, handle)) = watched.by_token.remove(&token)
        {
            self.poller.remove(handle);
        }
    }

    fn tell_exits(&self, on_exit: &dyn Fn(ProcessIdentity)) {
        let mut tokens = Vec::new();
        while self.poller.wait(&mut tokens) {
            for token in tokens.drain(..) {
                let ended = {
                    let mut watched = self.watched();
                    watched.by_token.remove(&token).map(|(process, handle)| {
                        watched.token_of.remove(&process);
                        self.poller.remove(handle);
                        process
                    })
                };
                if let Some(process) = ended {
                    on_exit(process);
                }
            }
        }
    }
}

impl Drop for ExitWatcher {
    fn drop(&mut self) {
        self.shared.poller.stop();
        if let Some(thread) = self.thread.take()
            && thread.thread().id() != std::thread::current().id()
        {
            // A panicking callback has ended the thread already; there is nothing to add to that.
            let _ = thread.join();
        }
    }
}
