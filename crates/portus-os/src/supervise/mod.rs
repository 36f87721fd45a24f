//! What `portus run` is built from: catch every signal, start a command, see it through to its end.
//!
//! Order in a program: [`SignalTrap::install`] first of all, then (with the daemon reached)
//! [`become_subreaper`], then a [`Supervisor`] whose [`Supervisor::spawn`] starts the command, and
//! whose [`Supervisor::next_event`] is called from the main thread until the command has exited.

mod kept;
mod spec;

#[cfg(unix)]
#[path = "unix/mod.rs"]
mod system;
#[cfg(windows)]
#[path = "windows.rs"]
mod system;

use portus_core::ProcessIdentity;

pub use kept::KeptPorts;
pub use spec::{SpawnError, Spec, Status, TerminalPolicy};
pub use system::{Child, Readable, SignalTrap, Supervisor, Waker, become_subreaper, suspend_own_group};

use crate::process::Signal;

/// What [`Supervisor::next_event`] waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// This process was sent a signal. The command has been sent it too, if one runs.
    Signal(Signal),
    /// The command ended, and the terminal is ours again. Others of its tree may go on.
    Exited(Status),
    /// The command was stopped by this signal. Where it was stopped from the terminal, so were we,
    /// and are no longer by the time this is told.
    Stopped(i32),
    /// The command goes on after a stop.
    Continued,
    /// A process of the tree whose own parent was gone ended, and was reaped.
    Orphan(Status),
    /// What was given as `extra` has something to read, or has been closed.
    Readable,
    /// A [`Waker`] was used.
    Woken,
    /// The deadline came.
    Deadline,
}

/// The living processes below this one: what the command left behind, whoever adopted by a
/// subreaper included. A daemon that was started detached, and what it starts, is none of them.
///
/// # Errors
/// When there are no means left to look (no descriptor, say), which says nothing about who lives.
pub fn descendants_alive() -> std::io::Result<Vec<ProcessIdentity>> {
    crate::process::descendants_of_this_process()
}

/// Keeps a process that something of the tree has started for everybody (a daemon), and what it starts, out of the
/// tree: it is neither waited for nor signalled.
pub fn keep_out_of_the_tree(pid: u32) {
    crate::process::keep_out_of_our_tree(pid);
}
