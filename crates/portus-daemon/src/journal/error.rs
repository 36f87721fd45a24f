//! From SQLite's errors to the journal's, and to users.

use std::path::PathBuf;

use rusqlite::ErrorCode;

use super::read::ReadError;
use crate::engine::{CommitError, JournalError};

/// Why the journal cannot be used, and was left as it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// A newer Portus wrote it.
    #[error(
        "the journal {} has format {found}, and this version of Portus knows formats up to {known}",
        path.display()
    )]
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

impl OpenError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Newer { path, .. } => format!(
                "install the version of Portus that wrote it or a later one, or move {} away to begin anew",
                path.display()
            ),
            Self::Journal { source, .. } => source.hint().to_owned(),
        }
    }
}

/// What an error of SQLite means for the journal.
pub(super) fn journal_error(error: &rusqlite::Error) -> JournalError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => JournalError::Full,
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => JournalError::ReadOnly,
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => JournalError::Locked,
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => JournalError::Unreadable(error.to_string()),
        _ => JournalError::Failed(error.to_string()),
    }
}

/// What an error while reading means. Whatever is not the machine's fault is the content's: a
/// column that is not there, a word that nobody writes.
pub(super) fn read_error(error: &ReadError) -> JournalError {
    let ReadError::Sqlite(error) = error else { return JournalError::Unreadable(error.to_string()) };
    match error.sqlite_error_code() {
        None | Some(ErrorCode::Unknown) => JournalError::Unreadable(error.to_string()),
        Some(_) => journal_error(error),
    }
}

/// What became of a commit that SQLite did not confirm. When the system failed in the middle of
/// writing, the last page may be on disk or not, and only recovery tells.
pub(super) fn commit_error(error: &rusqlite::Error) -> CommitError {
    match error.sqlite_error_code() {
        Some(ErrorCode::SystemIoFailure) | None => CommitError::Unknown(journal_error(error)),
        Some(_) => CommitError::RolledBack(journal_error(error)),
    }
}

/// What an error of the file system means.
pub(super) fn file_error(error: &std::io::Error) -> JournalError {
    match error.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => JournalError::Full,
        std::io::ErrorKind::PermissionDenied | std::io::ErrorKind::ReadOnlyFilesystem => JournalError::ReadOnly,
        _ => JournalError::Failed(error.to_string()),
    }
}
