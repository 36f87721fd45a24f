//! Serves the clients of one user around one engine.
//!
//! May import portus-core, portus-proto, portus-os, tokio, rusqlite and tracing. Never holds a rule
//! that belongs into the core, speaks SQL outside the journal, or lets something slow stand in
//! front of a request. Start reading at [`run`], then `hub`, which owns the engine.
//! Tested in parts beside the code, and whole in `tests/`: a real daemon, spoken to over its socket.

pub mod engine;
mod exporter;
mod hub;
mod inspect;
pub mod journal;
mod log;
mod metrics;
mod mirror;
mod observer;
mod server;
mod settings;
mod start;
pub mod trace;
mod translate;
mod transport;
mod wording;
mod world;

pub use metrics::AlertLimits;
pub use settings::{LogLevel, Settings, UnknownLogLevel};
pub use start::run;

use std::io;
use std::path::PathBuf;

use portus_os::place::{Home, PlaceError};

use crate::engine::JournalError;
use crate::journal::OpenError;

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
    /// The journal cannot be used, and was left as it is.
    #[error(transparent)]
    Journal(#[from] OpenError),
    /// The ledger cannot be read from the journal.
    #[error("the ledger cannot be recovered: {0}")]
    Recovery(JournalError),
    /// It is not known whether a change was written down. The next start reads what is there.
    #[error("it is not known whether a change was written down")]
    Doubt,
    /// Decisions cannot be written where that was asked for.
    #[error("cannot write the trace {}: {source}", path.display())]
    Trace {
        /// The file.
        path: std::path::PathBuf,
        /// What the system said.
        source: io::Error,
    },
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
            Self::Journal(error) => error.hint(),
            Self::Recovery(error) => error.hint().to_owned(),
            Self::Doubt => "start it again: it reads what is there".to_owned(),
            Self::Trace { .. } => "name a file in a directory of your own, or leave out the trace".to_owned(),
            Self::Io { .. } => "`portus daemon logs` may say more".to_owned(),
        }
    }
}
