//! Processes: who they are, whose child they are, when they end, and ending them.
//!
//! A process is named by a [`ProcessIdentity`] (number, birth, boot), so that a reused number is
//! never taken for its predecessor. Whatever acts on a process checks its birth again first.

mod describe;
mod end;
mod signal;
mod tree;
mod watch;

#[cfg(target_os = "linux")]
#[path = "linux.rs"]
mod sys;
#[cfg(target_os = "macos")]
#[path = "macos.rs"]
mod sys;
#[cfg(windows)]
#[path = "windows.rs"]
mod sys;

use std::io;
use std::sync::OnceLock;

use portus_core::BootId;

pub use describe::{
    Description, ancestors, command_line, cwd, describe, environment, is_own_user, lineage, parent_id, shown_command,
};
pub use end::{Ended, end_trees};
pub use portus_core::ProcessIdentity;
pub use signal::{Signal, SignalError, signal};
pub use tree::{Marker, Survivors, survivors, survivors_of_each, tree};
pub use watch::{ExitWatcher, Watch};

pub(crate) use describe::identity_even_of_a_zombie;
pub(crate) use tree::{descendants_of_this_process, keep_out_of_our_tree};

/// What one look at a process shows.
#[derive(Debug, Clone)]
struct Row {
    identity: ProcessIdentity,
    parent: u32,
    /// The process group's number; 0 where the system has none.
    group: u32,
    /// The session's number; 0 where the system has none.
    session: u32,
    /// Ended, and not yet reaped by its parent.
    zombie: bool,
    name: String,
    tty: Option<String>,
}

/// Who the living process of this number is. `None` when there is none, or only a zombie.
///
/// # Errors
/// When the system does not let us look, which says nothing about whether it lives.
pub fn identity_of(pid: u32) -> io::Result<Option<ProcessIdentity>> {
    Ok(sys::identity(pid)?.filter(|(_, zombie)| !zombie).map(|(identity, _)| identity))
}

/// Who this process is.
///
/// # Errors
/// When the system does not let us look (`/proc` is not mounted, say).
pub fn own_identity() -> io::Result<ProcessIdentity> {
    identity_of(std::process::id())?.ok_or_else(|| io::Error::other("this process does not see itself: no /proc?"))
}

/// Whether that very process still runs. Zombies do not. Where the system does not let us look,
/// the answer is yes, because acting on a death that did not happen is the worse mistake.
#[must_use]
pub fn is_alive(process: &ProcessIdentity) -> bool {
    match identity_of(process.pid) {
        Ok(found) => found == Some(*process),
        Err(_) => process.boot == boot(),
    }
}

/// This boot, asked for once: no process outlives its boot.
fn boot() -> BootId {
    static BOOT: OnceLock<BootId> = OnceLock::new();
    *BOOT.get_or_init(crate::place::boot_id)
}

#[cfg(test)]
mod tests;
