//! Which worktrees have their leases mirrored as a file: no part of the ledger, and kept beside it.

use rusqlite::params;

use super::SqliteJournal;
use super::error::{journal_error, read_error};
use crate::engine::JournalError;

impl SqliteJournal {
    /// The mirrors: each worktree's path, and the file's in it.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn mirrors(&self) -> Result<Vec<(String, String)>, JournalError> {
        let read = || -> rusqlite::Result<_> {
            let mut statement = self.db.prepare("SELECT worktree, path FROM mirror ORDER BY worktree")?;
            let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
            rows.collect()
        };
        read().map_err(|error| read_error(&error.into()))
    }

    /// Writes down where a worktree's mirror lies, or that it has none. For good, between two commits of the ledger.
    ///
    /// # Errors
    /// When it cannot be written. Nothing is changed then.
    pub fn set_mirror(&mut self, worktree: &str, path: Option<&str>) -> Result<(), JournalError> {
        let written = match path {
            Some(path) => {
                let sql = "INSERT INTO mirror VALUES (?1, ?2) ON CONFLICT (worktree) DO UPDATE SET path = ?2";
                self.db.execute(sql, params![worktree, path])
            }
            None => self.db.execute("DELETE FROM mirror WHERE worktree = ?1", params![worktree]),
        };
        written.map_err(|error| journal_error(&error))?;
        self.checkpointer.committed(&self.db);
        Ok(())
    }
}
