//! What to start, how that can fail, and how it can end.

use std::ffi::OsString;
use std::fmt;
use std::io;
use std::path::PathBuf;

/// A command to start.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Spec {
    /// The program: a path, or a name to look for along `PATH` (the command's own, if `env` sets one).
    pub program: OsString,
    /// Its arguments, without the program itself.
    pub args: Vec<OsString>,
    /// Variables to set or (`None`) to remove; all others are passed on.
    pub env: Vec<(OsString, Option<OsString>)>,
    /// Where to start it; here, if not given.
    pub cwd: Option<PathBuf>,
}

/// What becomes of the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TerminalPolicy {
    /// If standard input is a terminal in whose foreground we are, the command gets the foreground, and
    /// with it the keyboard and Ctrl-C. It is taken back at the end.
    #[default]
    HandOver,
    /// We stay in the foreground and pass on what Ctrl-C sends us. The command cannot read the terminal.
    Keep,
}

/// Why a command could not be started.
#[derive(Debug, thiserror::Error)]
pub enum SpawnError {
    /// There is no such program.
    #[error("command not found: {}", .program.to_string_lossy())]
    NotFound {
        /// The program as given.
        program: OsString,
    },
    /// It is there, but cannot be run: no permission, a directory, an interpreter that is missing.
    #[error("cannot execute {}: {source}", .program.to_string_lossy())]
    NotExecutable {
        /// The program as given.
        program: OsString,
        /// What the system said.
        source: io::Error,
    },
    /// The directory to start it in cannot be entered.
    #[error("cannot start in {}: {source}", .dir.display())]
    NoDirectory {
        /// The directory.
        dir: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The system has no process, memory or descriptor left.
    #[error("cannot start a process: {0}")]
    Os(#[from] io::Error),
}

impl SpawnError {
    /// The status a shell gives for it: 127, 126, or 125 for failures that are not the command's.
    #[must_use]
    pub const fn exit_code(&self) -> i32 {
        match self {
            Self::NotFound { .. } => 127,
            Self::NotExecutable { .. } => 126,
            Self::NoDirectory { .. } | Self::Os(_) => 125,
        }
    }

    /// Sorts what `exec` said about a program.
    pub(super) fn of_program(program: &OsString, source: io::Error) -> Self {
        let is_path = std::path::Path::new(program).components().count() > 1;
        let program = program.clone();
        match source.kind() {
            // A file that is there and yet "not found" is a script whose interpreter is missing.
            io::ErrorKind::NotFound if is_path && std::path::Path::new(&program).exists() => {
                Self::NotExecutable { program, source }
            }
            io::ErrorKind::NotFound => Self::NotFound { program },
            io::ErrorKind::OutOfMemory | io::ErrorKind::WouldBlock => Self::Os(source),
            _ => Self::NotExecutable { program, source },
        }
    }
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// By itself, with this code.
    Code(i32),
    /// By this signal.
    Signal(i32),
}

impl Status {
    /// As a shell gives it: the code, or 128 and the signal's number.
    #[must_use]
    pub const fn exit_code(self) -> i32 {
        match self {
            Self::Code(code) => code,
            Self::Signal(number) => 128 + number,
        }
    }

    /// Whether it ended by itself with code 0.
    #[must_use]
    pub const fn success(self) -> bool {
        matches!(self, Self::Code(0))
    }
}

impl fmt::Display for Status {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(out, "exited with {code}"),
            Self::Signal(number) => write!(out, "was ended by signal {number}"),
        }
    }
}
