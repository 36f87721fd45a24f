//! Signals, to processes whose birth was checked and that belong to us.

use portus_core::ProcessIdentity;

/// What to tell a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Signal {
    /// The terminal is gone (`SIGHUP`).
    Hangup,
    /// As Ctrl-C does (`SIGINT`).
    Interrupt,
    /// As Ctrl-\ does (`SIGQUIT`).
    Quit,
    /// End in order (`SIGTERM`).
    Terminate,
    /// End at once, without being asked (`SIGKILL`).
    Kill,
    /// As Ctrl-Z does (`SIGTSTP`).
    Suspend,
    /// Go on (`SIGCONT`).
    Continue,
    /// What the program makes of it (`SIGUSR1`).
    User1,
    /// What the program makes of it (`SIGUSR2`).
    User2,
    /// The terminal has another size (`SIGWINCH`).
    Resized,
}

impl Signal {
    /// The name without `SIG`: `TERM`, `KILL`, …
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hangup => "HUP",
            Self::Interrupt => "INT",
            Self::Quit => "QUIT",
            Self::Terminate => "TERM",
            Self::Kill => "KILL",
            Self::Suspend => "TSTP",
            Self::Continue => "CONT",
            Self::User1 => "USR1",
            Self::User2 => "USR2",
            Self::Resized => "WINCH",
        }
    }
}

/// Why a process was not signalled.
#[derive(Debug, thiserror::Error)]
pub enum SignalError {
    /// It ended before, or its number belongs to another process by now.
    #[error("{0} is gone")]
    Gone(ProcessIdentity),
    /// It belongs to another user. Root's power is not used for that.
    #[error("{process} belongs to another user (uid {uid})")]
    NotYours {
        /// The process.
        process: ProcessIdentity,
        /// Its owner's number.
        uid: u32,
    },
    /// The first process of the system or container is never signalled, and neither does a process signal itself.
    #[error("{0} is never signalled: it is the system's first process or this one")]
    Forbidden(ProcessIdentity),
    /// This system knows no such signal.
    #[error("SIG{} cannot be sent on this system", .0.name())]
    Unsupported(Signal),
    /// The system refused.
    #[error("cannot signal {process}: {source}")]
    Os {
        /// The process.
        process: ProcessIdentity,
        /// What the system said.
        source: std::io::Error,
    },
}

/// Sends a signal to that very process, and to nobody who took over its number.
///
/// # Errors
/// [`SignalError`] says why it was not sent.
pub fn signal(process: &ProcessIdentity, signal: Signal) -> Result<(), SignalError> {
    if process.pid <= 1 || process.pid == std::process::id() {
        return Err(SignalError::Forbidden(*process));
    }
    super::sys::send(process, signal)
}

/// The checks that come after the handle is open and before the signal is sent.
pub(super) fn check_before_sending(process: &ProcessIdentity) -> Result<(), SignalError> {
    let gone = || SignalError::Gone(*process);
    match super::identity_of(process.pid) {
        Ok(Some(found)) if found == *process => {}
        Ok(_) => return Err(gone()),
        Err(source) => return Err(SignalError::Os { process: *process, source }),
    }
    match super::sys::uid(process.pid) {
        Some(uid) if uid == super::sys::own_uid() => Ok(()),
        Some(uid) => Err(SignalError::NotYours { process: *process, uid }),
        None => Err(gone()),
    }
}

#[cfg(unix)]
impl Signal {
    /// The system's word for it.
    pub(crate) const fn into_system(self) -> rustix::process::Signal {
        use rustix::process::Signal as System;
        match self {
            Self::Hangup => System::HUP,
            Self::Interrupt => System::INT,
            Self::Quit => System::QUIT,
            Self::Terminate => System::TERM,
            Self::Kill => System::KILL,
            Self::Suspend => System::TSTP,
            Self::Continue => System::CONT,
            Self::User1 => System::USR1,
            Self::User2 => System::USR2,
            Self::Resized => System::WINCH,
        }
    }
}
