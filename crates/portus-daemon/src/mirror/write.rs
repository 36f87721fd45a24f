//! Puts a mirror where it belongs, if something else lies there.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use portus_os::clock;
use portus_os::inside::{Inside, InsideError};
use portus_proto::WallTime;
use portus_proto::ports_json::{self, Allocation, PortsJson};

use crate::observer::missing_worktrees;

/// What a write came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Written {
    /// It was as it should be.
    Same,
    /// It is now.
    Anew,
    /// The same, and what lay there is kept.
    SetAside {
        /// What it was.
        what: String,
        /// Its name from now on.
        backup: String,
    },
}

/// Why a mirror is not as it should be.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MirrorError {
    /// The worktree is not there any more.
    #[error("the worktree is gone")]
    Gone,
    /// The file is not touched, or cannot be.
    #[error(transparent)]
    File(#[from] InsideError),
    /// Nobody knows.
    #[error("the write broke off")]
    Broken,
}

/// Makes the file say this. `is_new`: what lies there was not written by this daemon, so that it is kept if it says
/// something else.
///
/// # Errors
/// [`MirrorError`]. What lay there is still there.
pub(crate) fn write(
    worktree: &Arc<str>,
    path: &str,
    allocations: BTreeMap<String, Allocation>,
    is_new: bool,
) -> Result<Written, MirrorError> {
    let file = Inside::open(Path::new(&**worktree), Path::new(path)).map_err(|error| {
        let is_gone = error.is_missing() && !missing_worktrees([Arc::clone(worktree)]).is_empty();
        if is_gone { MirrorError::Gone } else { MirrorError::File(error) }
    })?;
    // One byte more than may be, so that what is too long is known to be.
    let kept = match file.read(ports_json::LEN_MAX + 1)?.as_deref().map(ports_json::parse) {
        Some(Ok(found)) if found.allocations == allocations => return Ok(Written::Same),
        Some(Ok(found)) if is_new && !found.allocations.is_empty() => Some("was written by somebody else".to_owned()),
        Some(Err(error)) => Some(format!("could not be read ({error})")),
        Some(Ok(_)) | None => None,
    };
    let kept = kept.map(|what| Ok::<_, InsideError>((what, file.set_aside()?))).transpose()?;
    let updated = Some(WallTime(clock::moment().wall.as_millis()));
    let text = ports_json::render(&PortsJson { version: None, updated, allocations });
    file.replace(text.as_bytes())?;
    Ok(match kept {
        Some((what, backup)) => Written::SetAside { what, backup: backup.to_string_lossy().into_owned() },
        None => Written::Anew,
    })
}
