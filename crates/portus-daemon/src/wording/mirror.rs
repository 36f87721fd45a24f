//! What is said of a worktree's mirror.

use std::path::Path;

use portus_os::inside::InsideError;

use crate::mirror::MirrorError;

/// The mirror is not as it should be.
pub(crate) fn mirror_failed(file: &Path, error: &MirrorError) -> String {
    let hint = match error {
        MirrorError::File(InsideError::Symlink(_)) => {
            "Portus writes through no symlink: remove it, or name another file"
        }
        MirrorError::File(InsideError::NotAFile(_)) => "move it away, or name another file",
        MirrorError::File(InsideError::TooManyBackups(_)) => "look through them, and remove those you do not need",
        MirrorError::File(InsideError::Leaves(_)) => "name a file in the worktree",
        MirrorError::File(InsideError::Io { .. }) => "make its directory, and make it writable for this user",
        MirrorError::Gone | MirrorError::Broken => "`portus daemon logs` may say more",
    };
    format!("the mirror {} is not up to date: {error}; {hint}", file.display())
}

/// The mirror is still being written.
pub(crate) fn mirror_slow(file: &Path) -> String {
    format!("the mirror {} is still being written: its disk does not answer in time", file.display())
}

/// The mirror is not being written, since others are.
pub(crate) fn mirror_held_up(file: &Path) -> String {
    format!("the mirror {} is not up to date: it waits for other mirrors, whose disks do not answer", file.display())
}

/// What lay in the mirror's place is kept.
pub(crate) fn mirror_set_aside(file: &Path, what: &str, backup: &str) -> String {
    format!(
        "{} {what}: it was kept as {backup}, and written anew; `portus import` takes over what such a file says",
        file.display()
    )
}

/// The mirror is as it should be again.
pub(crate) fn mirror_works_again(file: &Path) -> String {
    format!("the mirror {} is up to date again", file.display())
}
