//! Serves the clients of one user around one engine.
//!
//! May import portus-core, portus-proto, portus-os, tokio, rusqlite and tracing. Never holds a rule
//! that belongs into the core, speaks SQL outside the journal, or lets something slow stand in
//! front of a request. Start reading at [`run`], then `hub`, which owns the engine.
//! Tested in parts beside the code, and whole in `tests/`: a real daemon, spoken to over its socket.

pub mod engine;
pub mod journal;
mod settings;

pub use settings::{LogLevel, Settings};

use std::io;
use std::path::PathBuf;

use portus_os::place::{Home, PlaceError};

/// What a daemon says of itself at the moment it can be connected to.
#[derive(Debug, Clone)]
pub struct Ready {
    /// Its process.
    pub pid: u32,
    /// Its directory.
    pub home: Home,
    /// Where a journal that could not be read was set aside, if one was.
    pub set_aside: Option<PathBuf>,
}

/// Why the daemon did not start, or stopped before it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// Another one serves this directory.
    #[error("a daemon is running already{}", pid.map(|pid| format!(" (pid {pid})")).unwrap_or_default())]
    AlreadyRunning {
        /// Its process, where the lock's file says.
        pid: Option<u32>,
    },
    /// Its directory cannot be used.
    #[error(transparent)]
    Place(#[from] PlaceError),
    /// The journal cannot be used, and could not be set aside.
    #[error("the journal cannot be used: {0}")]
    Journal(String),
    /// It is not known whether a change was written down. The next start reads what is there.
    #[error("the journal is in doubt: {0}")]
    Doubt(String),
    /// The daemon does not serve on this system yet.
    #[error("the daemon does not run on this system yet")]
    Unsupported,
    /// The system refused.
    #[error("cannot {action}: {source}")]
    Io {
        /// What was tried: a verb and what it concerns.
        action: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

impl DaemonError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::AlreadyRunning { .. } => "use it as it is, or end it with `portus daemon stop`".to_owned(),
            Self::Place(error) => error.hint(),
            Self::Journal(_) | Self::Doubt(_) => {
                "see that the disk is not full and the directory is writable, then run `portus doctor`".to_owned()
            }
            Self::Unsupported => "use Portus on Linux or macOS".to_owned(),
            Self::Io { .. } => "`portus daemon logs` may say more".to_owned(),
        }
    }
}

/// Serves until it is stopped, told to by a signal, or idle for long enough.
///
/// `ready` is called once, when clients can connect. Takes over the thread: one process runs one
/// daemon (tests run several, each with a [`Home`] of its own).
///
/// # Errors
/// [`DaemonError`] says why it did not start, or could not go on.
pub fn run(settings: Settings, home: Home, ready: impl FnOnce(&Ready)) -> Result<(), DaemonError> {
    let _ = (settings, home, ready);
    Err(DaemonError::Unsupported)
}
