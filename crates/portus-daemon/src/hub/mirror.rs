//! Keeps the mirrors true: notes what has changed, and has them written beside.

use std::sync::Arc;
use std::time::Instant;

use portus_core::Change;
use portus_proto::{self as proto, MirrorCall, Refusal, Reply};
use tokio::time::timeout;

use super::{Hub, Job};
use crate::mirror::{self, Done, Due, MIRRORS_MAX, MirrorError, Mirrors, Told};
use crate::server::Responder;
use crate::{translate, wording};

/// A write of a mirror that has ended.
pub(crate) struct Mirrored {
    worktree: Arc<str>,
    path: Arc<str>,
    outcome: Result<Done, MirrorError>,
}

impl Hub {
    /// Knows the mirrors of before, and has each written once: much may have changed meanwhile.
    pub(super) fn wake_mirrors(&mut self) {
        match self.engine.journal().mirrors() {
            Ok(known) => self.mirrors = Mirrors::load(known),
            Err(error) => tracing::error!(%error, "the mirrors are not known, until their worktrees ask for ports"),
        }
        self.write_mirrors();
    }

    /// A worktree names its mirror, or that it has none. Answered when the file is as it should be, or is known not
    /// to become so, or takes its time.
    pub(super) fn begin_mirror(&mut self, call: &MirrorCall, to: Responder) {
        let worktree = match self.keep_mirror(call) {
            Ok(worktree) => worktree,
            Err(refusal) => return to.answer(Err(refusal)),
        };
        let Some(written) = self.mirrors.wait(&worktree) else { return self.answer_mirror(&worktree, to) };
        let (jobs, busy) = (self.jobs.clone(), Arc::clone(&self.busy));
        tokio::spawn(async move {
            // In time or not: what came of it is known to the mirrors.
            let _ = timeout(mirror::WAIT_MAX, written).await;
            let _ = jobs.send(Job::MirrorAwaited(worktree, to)).await;
            drop(busy);
        });
    }

    /// Says where a worktree's mirror lies, and what is wrong with it.
    pub(super) fn answer_mirror(&mut self, worktree: &str, to: Responder) {
        let path = self.mirrors.path(worktree).map(|path| (**path).to_owned());
        let notes = self.mirrors.notes(worktree, Instant::now());
        to.answer(Ok(Reply::Mirrored(proto::Mirrored { path, notes })));
    }

    fn keep_mirror(&mut self, call: &MirrorCall) -> Result<Arc<str>, Refusal> {
        let worktree = translate::worktree(&call.worktree)?;
        let known = self.mirrors.path(&worktree);
        let Some(path) = call.path.as_deref() else {
            if known.is_some() {
                self.write_down(&worktree, None)?;
                self.mirrors.forget(&worktree);
            }
            return Ok(worktree);
        };
        mirror::check(path)?;
        if known.is_none() && !self.mirrors.has_room() {
            let message = format!("{MIRRORS_MAX} worktrees have a mirror, which is the limit");
            let hint = "take `[mirror]` out of the portus.toml of some, and ask for their ports once more";
            return Err(wording::limit(message, hint, MIRRORS_MAX as u64));
        }
        if known.is_none_or(|known| **known != *path) {
            self.write_down(&worktree, Some(path))?;
        }
        self.mirrors.keep(&worktree, path);
        Ok(worktree)
    }

    fn write_down(&mut self, worktree: &str, path: Option<&str>) -> Result<(), Refusal> {
        let written = self.engine.journal_mut().set_mirror(worktree, path);
        written.map_err(|error| wording::journal_failed(&error))
    }

    /// Where the mirror of these leases' worktree lies.
    pub(super) fn mirror_of(&self, leases: &[proto::Lease]) -> Option<String> {
        let path = self.mirrors.path(&leases.first().filter(|_| !self.mirrors.is_empty())?.worktree)?;
        Some((**path).to_owned())
    }

    /// Notes which mirrors are no longer true.
    pub(super) fn touch_mirrors(&mut self, changes: &[Change]) {
        if self.mirrors.is_empty() {
            return;
        }
        for lease in changes.iter().filter_map(Change::lease) {
            if let Some(lease) = self.engine.broker().lease(lease) {
                self.mirrors.touch(&lease.key.worktree);
            }
        }
    }

    /// Has those written that are no longer true.
    pub(super) fn write_mirrors(&mut self) {
        if self.mirrors.is_empty() {
            return;
        }
        for Due { worktree, path, written, waiting } in self.mirrors.take_due(Instant::now()) {
            let content = mirror::content(self.engine.broker(), &worktree);
            let (of_worktree, of_path) = (Arc::clone(&worktree), Arc::clone(&path));
            let slow = move || Some(mirror::write(&of_worktree, &of_path, content, written));
            self.beside_for(slow, move |outcome| {
                let outcome = outcome.unwrap_or(Err(MirrorError::Broken));
                Some(Job::Mirrored(Box::new(Mirrored { worktree, path, outcome }), waiting))
            });
        }
    }

    /// A mirror was written, or could not be.
    pub(super) fn mirrored(&mut self, mirrored: Mirrored) {
        let Mirrored { worktree, path, outcome } = mirrored;
        let before = self.mirrors.written(&worktree);
        let told = self.mirrors.ended(&worktree, &path, outcome);
        if let Some(written) = self.mirrors.written(&worktree).filter(|written| Some(*written) != before)
            && let Err(error) = self.engine.journal_mut().set_mirror_written(&worktree, written)
        {
            // After a restart the file is set aside once, as if it were somebody's.
            tracing::warn!(%error, "the journal does not know what the mirror says");
        }
        match told {
            Told::Nothing => {}
            Told::News(news) => tracing::warn!("{news}"),
            Told::Trouble(trouble) => tracing::warn!("{trouble}"),
            Told::Gone => {
                tracing::info!(%worktree, "the worktree is gone, and its mirror with it");
                if let Err(error) = self.engine.journal_mut().set_mirror(&worktree, None) {
                    // It is found to be gone again at the next start.
                    tracing::warn!(%error, "the journal still knows the mirror");
                }
            }
        }
    }
}
