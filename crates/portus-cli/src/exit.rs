//! How a process ends, by name. The code of each refusal is the wire's: [`Code::exit_code`].

use std::process::ExitCode;

use portus_proto::Code;

/// How the process ends. Codes of commands that were run are their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Exit(pub(crate) u8);

impl Exit {
    /// Done.
    pub(crate) const DONE: Self = Self(0);
    /// Failed; the message says why.
    pub(crate) const FAILED: Self = Self(1);
    /// The command line, or the configuration, makes no sense.
    pub(crate) const USAGE: Self = Self(2);
    /// No such service, lease, port or listener.
    pub(crate) const NOT_FOUND: Self = Self(3);
    /// No port available, the wanted one is taken, or already running.
    pub(crate) const NO_PORT: Self = Self(4);
    /// The daemon cannot be reached or started.
    pub(crate) const NO_DAEMON: Self = Self(6);
    /// Timed out waiting.
    pub(crate) const TIMED_OUT: Self = Self(7);
    /// Verification or health failed.
    pub(crate) const UNVERIFIED: Self = Self(8);

    /// What a refusal of the daemon means to a script: the wire's own table.
    pub(crate) const fn of(code: Code) -> Self {
        Self(code.exit_code())
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.0)
    }
}
