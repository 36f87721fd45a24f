//! Asks the disk with bounded patience: a mount that does not answer holds up a helper, and nobody else.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// A disk that is there answers far sooner.
const WAIT_MAX: Duration = Duration::from_secs(1);
/// The most helpers that may be held up. With as many, nothing is asked until one of them is answered.
const STUCK_MAX: usize = 8;

type Asked<T> = (PathBuf, Sender<T>);

/// What is asked about a directory.
type Ask<T> = Arc<dyn Fn(&Path) -> T + Send + Sync>;

/// A question about directories. Clones share their helpers.
pub(crate) struct Patience<T> {
    ask: Ask<T>,
    wait_max: Duration,
    shared: Arc<Mutex<Shared<T>>>,
}

#[derive(Debug)]
struct Shared<T> {
    /// The helper that waits for a question, if there is one.
    idle: Option<Sender<Asked<T>>>,
    /// What those that are held up were asked about.
    stuck: BTreeSet<PathBuf>,
}

impl<T> fmt::Debug for Patience<T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Patience").field("wait_max", &self.wait_max).finish_non_exhaustive()
    }
}

impl<T> Clone for Patience<T> {
    fn clone(&self) -> Self {
        Self { ask: Arc::clone(&self.ask), wait_max: self.wait_max, shared: Arc::clone(&self.shared) }
    }
}

impl<T: Send + 'static> Patience<T> {
    /// Asks so.
    pub(crate) fn new(ask: impl Fn(&Path) -> T + Send + Sync + 'static) -> Self {
        Self::waiting(ask, WAIT_MAX)
    }

    pub(super) fn waiting(ask: impl Fn(&Path) -> T + Send + Sync + 'static, wait_max: Duration) -> Self {
        let shared = Shared { idle: None, stuck: BTreeSet::new() };
        Self { ask: Arc::new(ask), wait_max, shared: Arc::new(Mutex::new(shared)) }
    }

    /// The answer about a directory; `None` when there is none in time, or somebody waits for that one already.
    pub(crate) fn ask(&self, dir: &Path) -> Option<T> {
        let helper = {
            let mut shared = self.shared();
            if shared.stuck.contains(dir) || shared.stuck.len() >= STUCK_MAX {
                return None;
            }
            shared.idle.take()
        };
        let helper = helper.or_else(|| self.hire())?;
        let (answer, answered) = channel();
        helper.send((dir.to_owned(), answer)).ok()?;
        if let Ok(found) = answered.recv_timeout(self.wait_max) {
            self.shared().idle = Some(helper);
            return Some(found);
        }
        // The helper ends by itself once it is answered, since nobody can ask it any more.
        let mut shared = self.shared();
        if answered.try_recv().is_err() {
            tracing::warn!(dir = %dir.display(), "a directory's disk does not answer, and is not asked again until it does");
            shared.stuck.insert(dir.to_owned());
        }
        None
    }

    fn hire(&self) -> Option<Sender<Asked<T>>> {
        let (sender, asked) = channel::<Asked<T>>();
        let (ask, shared) = (Arc::clone(&self.ask), Arc::downgrade(&self.shared));
        let help = move || {
            for (dir, answer) in asked {
                let found = ask(&dir);
                // Under the lock, so that who gives up either hears this or is undone by it.
                let shared = shared.upgrade();
                let mut shared = shared.as_deref().map(lock);
                let _ = answer.send(found);
                if let Some(shared) = &mut shared {
                    shared.stuck.remove(&dir);
                }
            }
        };
        let thread = thread::Builder::new().name("portus-disk".to_owned()).stack_size(256 * 1024).spawn(help);
        thread.ok().map(|_| sender)
    }

    fn shared(&self) -> MutexGuard<'_, Shared<T>> {
        lock(&self.shared)
    }
}

fn lock<T>(shared: &Mutex<Shared<T>>) -> MutexGuard<'_, Shared<T>> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_that_does_not_answer_holds_up_a_bounded_number_of_helpers() {
        // Nobody is answered before the sender is gone.
        let (disk, silence) = channel::<()>();
        let silence = Mutex::new(silence);
        let stuck = move |_: &Path| drop(silence.lock().map(|silence| silence.recv()));
        let patience = Patience::waiting(stuck, Duration::from_millis(1));
        let dirs: Vec<PathBuf> = (0..STUCK_MAX).map(|number| PathBuf::from(format!("/{number}"))).collect();
        for dir in &dirs {
            assert_eq!(patience.ask(dir), None);
            assert_eq!(patience.ask(dir), None, "asked once only");
        }
        assert_eq!(patience.shared().stuck.len(), STUCK_MAX);
        assert_eq!(patience.ask(Path::new("/other")), None, "nobody is left to ask");
        let healthy = Patience::new(|_: &Path| 1);
        assert_eq!((healthy.ask(&dirs[0]), healthy.ask(&dirs[1])), (Some(1), Some(1)));
        // The disk is back, and lets the helpers end.
        drop(disk);
    }

    #[test]
    fn one_helper_answers_one_after_the_other() {
        let patience = Patience::new(|dir: &Path| (dir.to_owned(), thread::current().id()));
        let (dir, first) = patience.ask(Path::new("/a")).unwrap();
        let (_, second) = patience.clone().ask(Path::new("/b")).unwrap();
        assert_eq!((dir.as_path(), first), (Path::new("/a"), second));
    }
}
