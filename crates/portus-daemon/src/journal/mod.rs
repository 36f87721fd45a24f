//! The journal on SQLite: the only place that speaks SQL.

use std::path::{Path, PathBuf};

use portus_core::Change;

use crate::engine::{CommitError, Journal, JournalError};

/// Leases, claims and quarantines, as they stand, in one SQLite file.
#[derive(Debug)]
pub struct SqliteJournal {
    uuid: String,
    set_aside: Option<PathBuf>,
}

/// Why the journal cannot be used, and was left as it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// A newer Portus wrote it.
    #[error("the journal {} has format {found}, and this version of Portus knows formats up to {known}", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: i64,
        /// The newest format known.
        known: i64,
    },
    /// It, or a new one in its place, cannot be opened.
    #[error("cannot open the journal {}: {source}", path.display())]
    Journal {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: JournalError,
    },
}

impl SqliteJournal {
    /// Opens the journal at `path`, or begins one. What is no journal of ours is set aside, never
    /// deleted. At least the `history_max` newest ended leases are kept.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open(path: &Path, history_max: usize) -> Result<Self, OpenError> {
        let _ = history_max;
        Err(OpenError::Journal { path: path.to_owned(), source: JournalError::Full })
    }

    /// The journal's name, for `PORTUS_LEASE`: 36 characters, another for every new journal.
    #[must_use]
    pub fn uuid(&self) -> &str {
        &self.uuid
    }

    /// Where a journal that could not be read lies, if one was set aside since this was opened.
    /// Meant to be asked after `Engine::start`, which is what reads it.
    #[must_use]
    pub fn aside(&self) -> Option<&Path> {
        self.set_aside.as_deref()
    }
}

impl Journal for SqliteJournal {
    fn load(&mut self, _: &mut dyn FnMut(Change)) -> Result<(), JournalError> {
        Ok(())
    }

    fn set_aside(&mut self) -> Result<(), JournalError> {
        Ok(())
    }

    fn append(&mut self, _: &[Change]) -> Result<(), JournalError> {
        Ok(())
    }

    fn commit(&mut self) -> Result<(), CommitError> {
        Ok(())
    }

    fn rollback(&mut self) -> Result<(), CommitError> {
        Ok(())
    }
}
