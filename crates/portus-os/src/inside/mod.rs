//! A file inside a directory whose content came from somewhere else, such as a clone: it is reached through no
//! symlink, neither its own nor one above it, and is replaced whole or not at all.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

use std::ffi::{OsStr, OsString};
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::io;
use std::path::{Component, Path, PathBuf};
use std::time::{Duration, SystemTime};

#[cfg(unix)]
pub use unix::Inside;
#[cfg(windows)]
pub use windows::Inside;

/// The most copies that are kept under names of their own.
const BACKUPS_MAX: u32 = 99;

/// Why a file inside a directory is not touched.
#[derive(Debug, thiserror::Error)]
pub enum InsideError {
    /// The path leads, or may lead, out of the directory.
    #[error("`{}` leaves the directory", .0.display())]
    Leaves(PathBuf),
    /// It, or a directory above it, is a symlink.
    #[error("{} is a symlink", .0.display())]
    Symlink(PathBuf),
    /// Something else lies where the file should be.
    #[error("{} is no regular file", .0.display())]
    NotAFile(PathBuf),
    /// As many copies as are kept are there.
    #[error("{} has {BACKUPS_MAX} backups already", .0.display())]
    TooManyBackups(PathBuf),
    /// The system refused.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried: a verb such as "write".
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl InsideError {
    /// Whether the directory, or one above the file, is not there.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }
}

/// The parts of a path that stays below where it starts.
fn parts(file: &Path) -> Result<(Vec<&OsStr>, &OsStr), InsideError> {
    let leaves = || InsideError::Leaves(file.to_owned());
    let mut parts = Vec::new();
    for part in file.components() {
        match part {
            Component::Normal(name) => parts.push(name),
            Component::CurDir => {}
            Component::Prefix(_) | Component::RootDir | Component::ParentDir => return Err(leaves()),
        }
    }
    let name = parts.pop().ok_or_else(leaves)?;
    Ok((parts, name))
}

/// How the names begin under which new content is written first.
const DRAFT: &str = ".portus-new-";

/// Nobody writes for so long: what is older was left behind by a writer that died.
const DRAFT_AGE_MAX: Duration = Duration::from_secs(60 * 60);

/// A name for new content that nobody else takes. The process is not enough: a container may write to the same directory
/// by a mount, and has process ids of its own.
fn draft_name() -> String {
    let chance = RandomState::new().build_hasher().finish();
    format!("{DRAFT}{}-{chance:016x}", std::process::id())
}

/// Whether a file of this name is what a dead writer left behind. `written` says when it was last written, and is asked
/// for drafts only.
fn is_left_behind(name: &OsStr, written: impl FnOnce() -> Option<SystemTime>) -> bool {
    let is_old = |at| SystemTime::now().duration_since(at).is_ok_and(|age| age > DRAFT_AGE_MAX);
    name.as_encoded_bytes().starts_with(DRAFT.as_bytes()) && written().is_some_and(is_old)
}

/// The names under which copies are kept, in turn: `x.backup`, `x.backup.2`, `x.backup.3`, …
fn backup_names(name: &OsStr) -> impl Iterator<Item = OsString> {
    (1..=BACKUPS_MAX).map(move |number| {
        let mut backup = name.to_owned();
        backup.push(if number == 1 { ".backup".to_owned() } else { format!(".backup.{number}") });
        backup
    })
}

#[cfg(all(test, unix))]
mod tests;
