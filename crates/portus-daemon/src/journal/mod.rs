//! The journal on SQLite: the only place that speaks SQL.
//!
//! It holds the ledger as it stands in tables that people can read, not the log of what happened:
//! a change is an update of a row or two, and loading is one pass over the rows. Start reading at
//! `schema/1.sql`; `write` goes there, `read` comes back.

mod checkpoint;
mod error;
mod mirrors;
mod open;
mod read;
mod write;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::time::Instant;

use portus_core::Change;
use rusqlite::Connection;
use rusqlite::config::DbConfig;

pub use error::OpenError;
pub use mirrors::KnownMirror;

use crate::engine::{CommitError, Journal, JournalError};
use crate::metrics::Histogram;
use checkpoint::Checkpointer;
use error::{commit_error, file_error, journal_error, read_error};
use write::Writer;

/// Leases, claims and quarantines, as they stand, in one SQLite file.
#[derive(Debug)]
pub struct SqliteJournal {
    // Dropped in this order: the last connection to close tidies up.
    checkpointer: Checkpointer,
    db: Connection,
    path: PathBuf,
    history_max: usize,
    uuid: String,
    aside: Option<PathBuf>,
    /// How many ended leases are in it, and how many were at the last commit.
    ended: usize,
    ended_committed: usize,
    /// How long commits took.
    commits: Histogram,
    /// How often something could not be written, and why the last time, if nothing was since.
    failures: u64,
    trouble: Option<JournalError>,
}

impl SqliteJournal {
    /// Opens the journal at `path`, or begins one. What lies there and is no journal of ours, or a
    /// broken one, is set aside, never deleted. At least the `history_max` newest ended leases are
    /// kept.
    ///
    /// # Errors
    /// [`OpenError::Newer`] when a newer Portus wrote it; [`OpenError::Journal`] when the file or a
    /// new one in its place cannot be used. Nothing is changed then.
    pub fn open(path: &Path, history_max: usize) -> Result<Self, OpenError> {
        match Self::open_once(path, history_max) {
            Err(OpenError::Journal { source: JournalError::Unreadable(_), .. }) => {
                let aside = open::set_aside(path).map_err(|error| failed(path, file_error(&error)))?;
                let mut journal = Self::open_once(path, history_max)?;
                journal.aside = Some(aside);
                Ok(journal)
            }
            opened => opened,
        }
    }

    fn open_once(path: &Path, history_max: usize) -> Result<Self, OpenError> {
        let mut db = open::open(path)?;
        let uuid = db.query_row("SELECT uuid FROM meta", [], |row| row.get(0));
        // The schema is as it should be, by its format: what is missing there was broken.
        let uuid = uuid.map_err(|error| failed(path, read_error(&error.into())))?;
        let checkpointer = Checkpointer::of(&mut db, path).map_err(|error| failed(path, journal_error(&error)))?;
        let path = path.to_owned();
        Ok(Self {
            checkpointer,
            db,
            path,
            history_max,
            uuid,
            aside: None,
            ended: 0,
            ended_committed: 0,
            commits: Histogram::default(),
            failures: 0,
            trouble: None,
        })
    }

    /// The journal's name, for `PORTUS_LEASE`: 36 characters, another for every new journal.
    #[must_use]
    pub fn uuid(&self) -> &str {
        &self.uuid
    }

    /// Where a journal that could not be read lies, if one was set aside since this was opened.
    /// Some breaks show only when all is read: ask after `Engine::start`.
    #[must_use]
    pub fn aside(&self) -> Option<&Path> {
        self.aside.as_deref()
    }

    /// How long commits took.
    pub(crate) const fn commits(&self) -> &Histogram {
        &self.commits
    }

    /// How often something could not be written down.
    pub(crate) const fn failures(&self) -> u64 {
        self.failures
    }

    /// Why the last thing could not be written down; `None` if it was.
    pub(crate) const fn trouble(&self) -> Option<&JournalError> {
        self.trouble.as_ref()
    }

    fn failed(&mut self, error: &JournalError) {
        self.failures += 1;
        self.trouble = Some(error.clone());
    }

    fn append_all(&mut self, changes: &[Change]) -> rusqlite::Result<()> {
        if self.db.is_autocommit() {
            self.db.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        }
        let mut writer = Writer { db: &self.db, history_max: self.history_max, ended: &mut self.ended };
        changes.iter().try_for_each(|change| writer.write(change))
    }

    fn reopen_empty(&mut self) -> Result<PathBuf, OpenError> {
        self.checkpointer.stop();
        let closed = Connection::open_in_memory().map_err(|error| failed(&self.path, journal_error(&error)))?;
        let broken = std::mem::replace(&mut self.db, closed);
        // What is broken is kept as it is: closing must not copy the log into it.
        drop(broken.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true));
        drop(broken);
        let aside = open::set_aside(&self.path).map_err(|error| failed(&self.path, file_error(&error)))?;
        *self = Self::open_once(&self.path, self.history_max)?;
        Ok(aside)
    }
}

impl Journal for SqliteJournal {
    fn load(&mut self, each: &mut dyn FnMut(Change)) -> Result<(), JournalError> {
        self.ended = read::read(&self.db, each).map_err(|error| read_error(&error))?;
        self.ended_committed = self.ended;
        // Nothing of the ledger, but a file that is broken there is a broken file.
        self.mirrors().map(drop)
    }

    fn set_aside(&mut self) -> Result<(), JournalError> {
        match self.reopen_empty() {
            Ok(aside) => {
                self.aside = Some(aside);
                Ok(())
            }
            Err(OpenError::Journal { source, .. }) => Err(source),
            Err(newer @ OpenError::Newer { .. }) => Err(JournalError::Failed(newer.to_string())),
        }
    }

    fn append(&mut self, changes: &[Change]) -> Result<(), JournalError> {
        self.append_all(changes).map_err(|error| journal_error(&error)).inspect_err(|error| self.failed(error))
    }

    fn commit(&mut self) -> Result<(), CommitError> {
        if self.db.is_autocommit() {
            return Ok(());
        }
        let began = Instant::now();
        if let Err(error) = self.db.prepare_cached("COMMIT").and_then(|mut commit| commit.execute([])) {
            let error = commit_error(&error);
            let (CommitError::RolledBack(why) | CommitError::Unknown(why)) = &error;
            self.failed(why);
            return Err(error);
        }
        self.commits.record(began.elapsed());
        self.trouble = None;
        self.ended_committed = self.ended;
        self.checkpointer.committed(&self.db);
        Ok(())
    }

    fn rollback(&mut self) -> Result<(), CommitError> {
        self.ended = self.ended_committed;
        // Some failures make SQLite take everything back by itself.
        if self.db.is_autocommit() {
            return Ok(());
        }
        match self.db.execute_batch("ROLLBACK") {
            Err(error) if !self.db.is_autocommit() => Err(CommitError::Unknown(journal_error(&error))),
            _ => Ok(()),
        }
    }
}

fn failed(path: &Path, source: JournalError) -> OpenError {
    OpenError::Journal { path: path.to_owned(), source }
}
