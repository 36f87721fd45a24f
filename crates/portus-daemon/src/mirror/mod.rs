//! The mirrors: in a worktree that wants one, a file `.ports.json` that says who has which port there, kept true.
//!
//! Which mirrors there are stands in the journal. Here is planned which are to be written: one write at a time for
//! each, however much has changed meanwhile, and never in front of a request. `content` says what stands in the file,
//! `write` puts it there.

mod content;
mod write;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use portus_proto::{Refusal, ports_json};
use tokio::sync::oneshot;

use crate::journal::KnownMirror;
use crate::wording;

pub(crate) use content::content;
pub(crate) use write::{Done, MirrorError, Written, write};

/// The most mirrors that are kept.
pub(crate) const MIRRORS_MAX: usize = 1_024;
/// The most writes at a time. Those to a disk that does not answer take a thread each, and others need some, too.
const WRITES_MAX: usize = 16;
/// Whoever names a mirror hears that it is there, unless it takes longer than this.
pub(crate) const WAIT_MAX: Duration = Duration::from_millis(500);
/// The most sentences kept for whoever asks next.
const NEWS_MAX: usize = 8;

/// All mirrors, by worktree.
#[derive(Debug, Default)]
pub(crate) struct Mirrors {
    all: BTreeMap<Arc<str>, Mirror>,
    writing: usize,
}

/// One worktree's.
#[derive(Debug)]
struct Mirror {
    /// Where it lies in the worktree.
    path: Arc<str>,
    /// The digest of what was last written there. Anything else that lies there is somebody's.
    written: Option<u64>,
    /// Whether something has changed since the last write began.
    is_due: bool,
    /// Since when it is due, and not written since as many writes go on as may.
    held_up: Option<Instant>,
    /// When the write that goes on began.
    writing: Option<Instant>,
    /// Whether it is forgotten when the write that goes on has ended.
    is_dropped: bool,
    /// Why the last write failed.
    trouble: Option<String>,
    /// What whoever asks next should know.
    news: Vec<String>,
    /// Dropped when a write that began after they came has ended.
    waiting: Vec<oneshot::Sender<()>>,
}

/// A write that is to be done.
#[derive(Debug)]
pub(crate) struct Due {
    /// In this worktree.
    pub(crate) worktree: Arc<str>,
    /// There.
    pub(crate) path: Arc<str>,
    /// The digest of what was last written there.
    pub(crate) written: Option<u64>,
    /// Dropped when it is done.
    pub(crate) waiting: Vec<oneshot::Sender<()>>,
}

/// What came of a write, for the log.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// Nothing that anybody has to know.
    Nothing,
    /// Something was set aside, or it works again.
    News(String),
    /// It fails, since this write.
    Trouble(String),
    /// The worktree is gone, and its mirror with it.
    Gone,
}

impl Mirrors {
    /// Those that the journal knows. Each is written once.
    pub(crate) fn load(known: impl IntoIterator<Item = KnownMirror>) -> Self {
        let mut mirrors = Self::default();
        for KnownMirror { worktree, path, written } in known {
            mirrors.all.insert(worktree.into(), Mirror { written, ..Mirror::at(path.into()) });
        }
        mirrors
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Where a worktree's mirror lies.
    pub(crate) fn path(&self, worktree: &str) -> Option<&Arc<str>> {
        self.all.get(worktree).filter(|mirror| !mirror.is_dropped).map(|mirror| &mirror.path)
    }

    /// The digest of what was last written as a worktree's mirror, if that is known.
    pub(crate) fn written(&self, worktree: &str) -> Option<u64> {
        self.all.get(worktree)?.written
    }

    /// Whether there is room for one more.
    pub(crate) fn has_room(&self) -> bool {
        self.all.len() < MIRRORS_MAX
    }

    /// Keeps a mirror there from now on.
    pub(crate) fn keep(&mut self, worktree: &Arc<str>, path: &str) {
        let Some(mirror) = self.all.get_mut(worktree) else {
            self.all.insert(Arc::clone(worktree), Mirror::at(path.into()));
            return;
        };
        if mirror.is_dropped || *mirror.path != *path {
            let writing = mirror.writing;
            *mirror = Mirror { writing, ..Mirror::at(path.into()) };
        }
        mirror.is_due = true;
    }

    /// Keeps none there any more. What lies there stays.
    pub(crate) fn forget(&mut self, worktree: &str) {
        if let Some(mirror) = self.all.get_mut(worktree) {
            mirror.is_dropped = true;
            mirror.is_due = false;
            mirror.waiting.clear();
            if mirror.writing.is_none() {
                self.all.remove(worktree);
            }
        }
    }

    /// Something has changed there.
    pub(crate) fn touch(&mut self, worktree: &str) {
        if let Some(mirror) = self.all.get_mut(worktree) {
            mirror.is_due = !mirror.is_dropped;
        }
    }

    /// Ends when a write that begins from now on has ended. Only after [`Self::keep`].
    pub(crate) fn wait(&mut self, worktree: &str) -> Option<oneshot::Receiver<()>> {
        let (sender, receiver) = oneshot::channel();
        let waiting = &mut self.all.get_mut(worktree)?.waiting;
        // A disk that does not answer may be named over and over, by clients that wait no more.
        waiting.retain(|sender| !sender.is_closed());
        waiting.push(sender);
        Some(receiver)
    }

    /// Begins the writes that are due, as many as may go on at a time.
    pub(crate) fn take_due(&mut self, now: Instant) -> Vec<Due> {
        let mut due = Vec::new();
        for (worktree, mirror) in &mut self.all {
            if mirror.is_due && mirror.writing.is_none() {
                if self.writing >= WRITES_MAX {
                    mirror.held_up.get_or_insert(now);
                    continue;
                }
                mirror.is_due = false;
                mirror.held_up = None;
                mirror.writing = Some(now);
                self.writing += 1;
                let (path, waiting) = (Arc::clone(&mirror.path), std::mem::take(&mut mirror.waiting));
                due.push(Due { worktree: Arc::clone(worktree), path, written: mirror.written, waiting });
            }
        }
        due
    }

    /// A write that [`Self::take_due`] began has ended so.
    pub(crate) fn ended(&mut self, worktree: &str, path: &str, outcome: Result<Done, MirrorError>) -> Told {
        self.writing -= 1;
        let Some(mirror) = self.all.get_mut(worktree) else { return Told::Nothing };
        mirror.writing = None;
        if mirror.is_dropped {
            self.all.remove(worktree);
            return Told::Nothing;
        }
        if *mirror.path != *path {
            return Told::Nothing;
        }
        let file = Path::new(worktree).join(path);
        match outcome {
            Ok(done) => mirror.written(&file, done),
            Err(MirrorError::Gone) => {
                self.all.remove(worktree);
                Told::Gone
            }
            Err(error) => {
                let trouble = wording::mirror_failed(&file, &error);
                let is_known = mirror.trouble.replace(trouble.clone()).is_some_and(|known| known == trouble);
                if is_known { Told::Nothing } else { Told::Trouble(trouble) }
            }
        }
    }

    /// What whoever asks for ports of a worktree should know of its mirror. News are told once.
    pub(crate) fn notes(&mut self, worktree: &str, now: Instant) -> Vec<String> {
        let Some(mirror) = self.all.get_mut(worktree).filter(|mirror| !mirror.is_dropped) else { return Vec::new() };
        let mut notes = std::mem::take(&mut mirror.news);
        notes.extend(mirror.trouble.clone());
        let file = || Path::new(worktree).join(&*mirror.path);
        let is_long = |since| now.duration_since(since) >= WAIT_MAX;
        if mirror.writing.is_some_and(is_long) {
            notes.push(wording::mirror_slow(&file()));
        } else if mirror.held_up.is_some_and(is_long) {
            notes.push(wording::mirror_held_up(&file()));
        }
        notes
    }
}

impl Mirror {
    const fn at(path: Arc<str>) -> Self {
        Self {
            path,
            written: None,
            is_due: true,
            held_up: None,
            writing: None,
            is_dropped: false,
            trouble: None,
            news: Vec::new(),
            waiting: Vec::new(),
        }
    }

    fn written(&mut self, file: &Path, done: Done) -> Told {
        self.written = Some(done.digest);
        let had_trouble = self.trouble.take().is_some();
        match done.written {
            Written::SetAside { what, backup } => {
                let news = wording::mirror_set_aside(file, &what, &backup);
                if self.news.len() < NEWS_MAX {
                    self.news.push(news.clone());
                }
                Told::News(news)
            }
            Written::Same | Written::Anew if had_trouble => Told::News(wording::mirror_works_again(file)),
            Written::Same | Written::Anew => Told::Nothing,
        }
    }
}

/// Checks a mirror's path, as the client has done: whoever asks may be no client of ours.
///
/// # Errors
/// [`ports_json::check_path`], with what to do.
pub(crate) fn check(path: &str) -> Result<(), Refusal> {
    ports_json::check_path(path).map_err(|why| {
        let shown: String = path.escape_debug().take(80).collect();
        let hint = "name a file in the worktree, such as `.ports.json`";
        wording::bad_request(format!("the mirror `{shown}` {why}"), hint)
    })
}

#[cfg(test)]
mod tests;
