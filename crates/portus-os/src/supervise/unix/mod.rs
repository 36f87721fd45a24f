//! Supervision on Unix: signals through a pipe to oneself, process groups, the terminal's foreground.

mod child;
mod gate;
mod supervisor;
mod terminal;
mod trap;

use std::io;
use std::os::fd::BorrowedFd;

pub use child::Child;
pub use supervisor::Supervisor;
pub use trap::{SignalTrap, Waker, suspend_own_group};

/// What [`Supervisor::next_event`] can wait for beside its own affairs.
pub type Readable<'a> = BorrowedFd<'a>;

/// From here on, whoever of our descendants loses its parent becomes our child, so that nothing which
/// daemonises leaves the tree. Does nothing on systems that have no such thing.
///
/// # Errors
/// When the system refuses.
pub fn become_subreaper() -> io::Result<()> {
    #[cfg(target_os = "linux")]
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
    Ok(())
}
