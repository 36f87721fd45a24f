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

/// A write that did not fail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Done {
    /// What it came to.
    pub(crate) written: Written,
    /// The digest of what lies there now.
    pub(crate) digest: u64,
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

/// Makes the file say this. `last`: the digest of what was last written there. What has another one is somebody's, and
/// is kept if it says something else.
///
/// # Errors
/// [`MirrorError`]. What lay there is still there.
pub(crate) fn write(
    worktree: &Arc<str>,
    path: &str,
    allocations: BTreeMap<String, Allocation>,
    last: Option<u64>,
) -> Result<Done, MirrorError> {
    let file = Inside::open(Path::new(&**worktree), Path::new(path)).map_err(|error| {
        let is_gone = error.is_missing() && !missing_worktrees([Arc::clone(worktree)]).is_empty();
        if is_gone { MirrorError::Gone } else { MirrorError::File(error) }
    })?;
    // One byte more than may be, so that what is too long is known to be.
    let bytes = file.read(ports_json::LEN_MAX + 1)?;
    let found = bytes.as_deref().map(digest);
    let is_ours = last.is_some() && found == last;
    let kept = match bytes.as_deref().map(ports_json::parse) {
        Some(Ok(same)) if same.allocations == allocations => {
            return Ok(Done { written: Written::Same, digest: found.unwrap_or_default() });
        }
        Some(Ok(other)) if !is_ours && !other.allocations.is_empty() => Some("was written by somebody else".to_owned()),
        Some(Err(error)) => Some(format!("could not be read ({error})")),
        Some(Ok(_)) | None => None,
    };
    let kept = kept.map(|what| Ok::<_, InsideError>((what, file.set_aside()?))).transpose()?;
    let updated = Some(WallTime(clock::moment().wall.as_millis()));
    let text = ports_json::render(&PortsJson { version: None, updated, allocations });
    file.replace(text.as_bytes())?;
    let written = match kept {
        Some((what, backup)) => Written::SetAside { what, backup: backup.to_string_lossy().into_owned() },
        None => Written::Anew,
    };
    Ok(Done { written, digest: digest(text.as_bytes()) })
}

/// Tells a file from others: FNV-1a. It stands in the journal, so it stays the same in every version. It guards against
/// accidents: whoever forges it loses a file of their own.
fn digest(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}
