//! Why there is no daemon to talk to, and why a call has no answer: kind, facts, hint.

use std::io;
use std::path::PathBuf;

use portus_os::place::PlaceError;
use portus_proto::Refusal;

/// Why there is no daemon to talk to.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The daemon's directory cannot be found or used.
    #[error(transparent)]
    Place(#[from] PlaceError),
    /// None runs, and none was to be started.
    #[error("no daemon is running (nobody serves {})", socket.display())]
    NotRunning {
        /// Where it would listen.
        socket: PathBuf,
    },
    /// A sandbox around this process forbids the socket.
    #[error("this process is in a sandbox that forbids connecting to {}", socket.display())]
    Sandboxed {
        /// What was to be connected to.
        socket: PathBuf,
    },
    /// The system forbids the socket, and no sandbox is known to be the reason.
    #[error("connecting to {} is not permitted: {source}", socket.display())]
    Forbidden {
        /// What was to be connected to.
        socket: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The daemon belongs to another user.
    #[error("{}", .0.message)]
    OtherUser(Refusal),
    /// The daemon lives in another network namespace: its ports are not ours.
    #[error("{}", .0.message)]
    OtherNetwork(Refusal),
    /// The daemon will not talk, for another reason.
    #[error("{}", .0.message)]
    Refused(Refusal),
    /// The daemon speaks an older protocol, and must not be replaced.
    #[error("the daemon speaks protocol {theirs}, and this is protocol {ours}")]
    OlderDaemon {
        /// Its version.
        theirs: u32,
        /// Our version.
        ours: u32,
    },
    /// Something serves the socket and does not answer as a daemon.
    #[error("what serves {} is no Portus daemon: {reason}", socket.display())]
    NotPortus {
        /// The socket.
        socket: PathBuf,
        /// What was wrong with its answer.
        reason: String,
    },
    /// A daemon was started and did not come up.
    #[error("the daemon did not start: {reason}")]
    StartFailed {
        /// What it said.
        reason: String,
        /// Where it logs.
        log: PathBuf,
    },
    /// The deadline came first.
    #[error("the daemon{} could not be reached in time: gave up while {step}", of_pid(*pid))]
    TimedOut {
        /// What was being done: a phrase such as "waiting for its greeting".
        step: &'static str,
        /// The daemon that is there and does not answer, where it is known.
        pid: Option<u32>,
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

impl ConnectError {
    /// The stable word for programs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Place(_) => "no_home",
            Self::NotRunning { .. } => "not_running",
            Self::Sandboxed { .. } => "sandboxed",
            Self::Forbidden { .. } => "forbidden",
            Self::OtherUser(_) => "wrong_user",
            Self::OtherNetwork(_) => "other_network",
            Self::Refused(_) | Self::OlderDaemon { .. } => "protocol_mismatch",
            Self::NotPortus { .. } => "not_portus",
            Self::StartFailed { .. } => "start_failed",
            Self::TimedOut { .. } => "daemon_timed_out",
            Self::Io { .. } => "unreachable",
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Place(error) => error.hint(),
            Self::NotRunning { .. } => "start it with `portus daemon start`".to_owned(),
            Self::Sandboxed { socket } => format!(
                "use the MCP tool request_port, or allow this socket in the sandbox's settings: {}",
                socket.display()
            ),
            Self::Forbidden { .. } => {
                "look at the socket's owner and mode; in a sandbox, use the MCP tool request_port instead".to_owned()
            }
            Self::OtherUser(refusal) | Self::OtherNetwork(refusal) | Self::Refused(refusal) => refusal.hint.clone(),
            Self::OlderDaemon { .. } => "replace it with `portus daemon restart`".to_owned(),
            Self::NotPortus { .. } => "end what serves it, then run `portus daemon start`".to_owned(),
            Self::StartFailed { log, .. } => format!("its log may say more: {}", log.display()),
            Self::TimedOut { pid: Some(_), .. } => {
                "`portus daemon restart` replaces one that hangs, leases stay; --timeout gives it longer".to_owned()
            }
            Self::TimedOut { pid: None, .. } => {
                "`portus doctor` looks for the reason; --timeout gives it longer".to_owned()
            }
            Self::Io { .. } => "`portus doctor` looks for the reason".to_owned(),
        }
    }
}

fn of_pid(pid: Option<u32>) -> String {
    pid.map(|pid| format!(" (pid {pid})")).unwrap_or_default()
}

/// Why a call has no answer.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The daemon said no; nothing was changed.
    #[error("{}", .0.message)]
    Refused(Refusal),
    /// The answer did not come in time; whether the call was carried out is not known.
    #[error("the daemon did not answer in time")]
    TimedOut,
    /// The connection is gone; whether the call was carried out is not known.
    #[error("the connection to the daemon was lost: {reason}")]
    Lost {
        /// How.
        reason: String,
    },
    /// The answer makes no sense.
    #[error("the daemon's answer makes no sense: {reason}")]
    Senseless {
        /// What is wrong with it.
        reason: String,
    },
    /// The daemon left while the call was on its way, and there is no other.
    #[error(transparent)]
    Connect(#[from] ConnectError),
}

impl CallError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Refused(refusal) => refusal.hint.clone(),
            Self::TimedOut => {
                "look with `portus list`; --timeout gives it longer, `portus daemon restart` replaces one that hangs"
                    .to_owned()
            }
            Self::Lost { .. } => "look with `portus list`, then try again".to_owned(),
            Self::Senseless { .. } => "`portus daemon restart` starts one of this version".to_owned(),
            Self::Connect(error) => error.hint(),
        }
    }
}
