//! What a daemon is told at its start.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use portus_core::{Policy, Port, PortRange};

use crate::metrics::AlertLimits;

/// What a daemon is told at its start. The defaults are the product's.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The numbers the rules work with.
    pub policy: Policy,
    /// Where ports come from unless a request names a range. Outside of the system's ephemeral
    /// range by default, because a client socket that drew a number makes it unbindable.
    pub pool: PortRange,
    /// After how long without leases and clients the daemon leaves; `None` for never.
    pub idle_exit: Option<Duration>,
    /// What is written to the log.
    pub log_level: LogLevel,
    /// Where figures are served for scrapers, if they shall be: an address of the loopback interface.
    pub metrics_address: Option<SocketAddr>,
    /// From where on something needs a look.
    pub alerts: AlertLimits,
    /// Where the trace of all decisions goes, if it is wanted: see [`crate::trace`]. An absolute path.
    pub trace: Option<PathBuf>,
}

/// The range that is used unless the user's configuration names another.
fn default_pool() -> PortRange {
    let constants = Port::new(20_000).zip(Port::new(29_999));
    constants.and_then(|(first, last)| PortRange::new(first, last).ok()).unwrap_or(PortRange::ALL)
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            policy: Policy::default(),
            pool: default_pool(),
            idle_exit: Some(Duration::from_secs(600)),
            log_level: LogLevel::default(),
            metrics_address: None,
            alerts: AlertLimits::default(),
            trace: None,
        }
    }
}

/// How much is written to the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum LogLevel {
    /// Nothing.
    Off,
    /// What went wrong.
    Error,
    /// And what may go wrong.
    Warn,
    /// And starts and stops.
    #[default]
    Info,
    /// And every grant and end of a lease.
    Debug,
    /// And every call.
    Trace,
}

/// A word that names no log level.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no log level: off, error, warn, info, debug or trace")]
pub struct UnknownLogLevel(pub String);

impl LogLevel {
    const WORDS: [(Self, &'static str); 6] = [
        (Self::Off, "off"),
        (Self::Error, "error"),
        (Self::Warn, "warn"),
        (Self::Info, "info"),
        (Self::Debug, "debug"),
        (Self::Trace, "trace"),
    ];
}

impl FromStr for LogLevel {
    type Err = UnknownLogLevel;

    fn from_str(word: &str) -> Result<Self, UnknownLogLevel> {
        let known = Self::WORDS.iter().find(|(_, known)| known.eq_ignore_ascii_case(word));
        known.map(|(level, _)| *level).ok_or_else(|| UnknownLogLevel(word.to_owned()))
    }
}

impl fmt::Display for LogLevel {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = Self::WORDS.iter().find(|(level, _)| level == self).map_or("info", |(_, word)| word);
        out.write_str(word)
    }
}
