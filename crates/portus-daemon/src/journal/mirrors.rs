//! Which worktrees have their leases mirrored as a file: no part of the ledger, and kept beside it.

use rusqlite::params;

use super::SqliteJournal;
use super::error::{journal_error, read_error};
use crate::engine::JournalError;

/// A mirror that is written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownMirror {
    /// The worktree's path.
    pub worktree: String,
    /// The file's path in it.
    pub path: String,
    /// The digest of what was last written there, if that is known.
    pub written: Option<u64>,
}

impl SqliteJournal {
    /// The mirrors, by worktree.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn mirrors(&self) -> Result<Vec<KnownMirror>, JournalError> {
        let read = || -> rusqlite::Result<_> {
            let mut statement = self.db.prepare("SELECT worktree, path, written FROM mirror ORDER BY worktree")?;
            let rows = statement.query_map([], |row| {
                let written = row.get::<_, Option<i64>>(2)?.map(i64::cast_unsigned);
                Ok(KnownMirror { worktree: row.get(0)?, path: row.get(1)?, written })
            })?;
            rows.collect()
        };
        read().map_err(|error| read_error(&error.into()))
    }

    /// Writes down where a worktree's mirror lies, or that it has none. For good, between two commits of the ledger.
    /// What lies there was not written by this daemon.
    ///
    /// # Errors
    /// When it cannot be written. Nothing is changed then.
    pub fn set_mirror(&mut self, worktree: &str, path: Option<&str>) -> Result<(), JournalError> {
        let written = match path {
            Some(path) => {
                let sql = "INSERT INTO mirror VALUES (?1, ?2, NULL)
                    ON CONFLICT (worktree) DO UPDATE SET path = ?2, written = NULL";
                self.db.execute(sql, params![worktree, path])
            }
            None => self.db.execute("DELETE FROM mirror WHERE worktree = ?1", params![worktree]),
        };
        written.map_err(|error| journal_error(&error))?;
        self.checkpointer.committed(&self.db);
        Ok(())
    }

    /// Writes down the digest of what a worktree's mirror says now.
    ///
    /// # Errors
    /// When it cannot be written. Nothing is changed then.
    pub fn set_mirror_written(&mut self, worktree: &str, written: u64) -> Result<(), JournalError> {
        let sql = "UPDATE mirror SET written = ?2 WHERE worktree = ?1";
        self.db.execute(sql, params![worktree, written.cast_signed()]).map_err(|error| journal_error(&error))?;
        self.checkpointer.committed(&self.db);
        Ok(())
    }
}
