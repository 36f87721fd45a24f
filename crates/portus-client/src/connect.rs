//! The way to a daemon: a ladder with one deadline and typed reasons.
//!
//! Connect and greet. If nobody is there: take the start lock, look once more, start one detached, wait until it says
//! that it is ready, connect. However many clients climb at once, the lock lets one of them start a daemon, and the
//! others find it. A daemon of an older protocol is asked to leave first; leases live in the journal.

use std::fs::OpenOptions;
use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use portus_os::place::{self, Home, Readiness, StartLock};
use portus_os::port::network_namespace;
use portus_os::process::{self, Signal};
use portus_proto::codec::{decode_greeting, decode_server, encode_client, encode_hello};
use portus_proto::{Call, ClientFrame, Code, Codec, Greeting, Hello, PROTOCOL_VERSION, Refusal, ServerFrame, Welcome};

use crate::agent::sandboxed;
use crate::error::ConnectError;
use crate::incumbent::incumbent;
use crate::link::{Link, LinkError};

/// What a daemon that was started says when clients can connect.
pub const READY_LINE: &str = "ready";

/// What a daemon that could not start says first, before its reason.
const FAILED: &str = "failed";

/// The reason that means: another one runs already.
const ALREADY_RUNNING: &str = "already_running";

/// How often a daemon is started: more than one that is just leaving is hardly ever met.
const STARTS_MAX: usize = 5;

/// A daemon that holds its lock so long without a socket has lost it.
const UNREACHABLE_AFTER: Duration = Duration::from_secs(1);
/// How long a daemon that is leaving, or one that somebody else is starting, is waited for at a time.
const SLICE: Duration = Duration::from_millis(200);

/// What a daemon that could not start says instead of [`READY_LINE`].
#[must_use]
pub fn failed_line(is_already_running: bool, message: &str) -> String {
    let code = if is_already_running { ALREADY_RUNNING } else { "error" };
    format!("{FAILED} {code} {}", message.replace(['\n', '\r'], " "))
}

/// How to connect.
#[derive(Debug, Clone)]
pub struct Options {
    /// For connecting, and for each call.
    pub deadline: Duration,
    /// Whether to start a daemon when none runs.
    pub autostart: bool,
    /// The program that becomes the daemon, called with `daemon run`; this very program when absent.
    pub program: Option<PathBuf>,
    /// Which build this is; a daemon of the same build speaks the quicker codec.
    pub build: String,
    /// The codec to ask for.
    pub codec: Codec,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            deadline: Duration::from_secs(10),
            autostart: true,
            program: None,
            build: portus_proto::build_id().to_owned(),
            codec: Codec::Bincode,
        }
    }
}

/// Where a greeting led.
enum Rung {
    /// A daemon that we can talk to.
    Up(Link, Welcome),
    /// A daemon of an older protocol.
    Older(Link, Welcome),
    /// Nobody.
    Absent,
}

/// Connects, starting a daemon if the options let us.
pub(crate) fn climb(home: &Home, options: &Options) -> Result<(Link, Welcome), ConnectError> {
    let deadline = Instant::now() + options.deadline;
    match greet(home, options, deadline)? {
        Rung::Up(link, welcome) => return Ok((link, welcome)),
        Rung::Older(_, welcome) if !options.autostart => {
            return Err(ConnectError::OlderDaemon { theirs: welcome.protocol, ours: PROTOCOL_VERSION });
        }
        Rung::Absent if !options.autostart => return Err(ConnectError::NotRunning { socket: home.socket() }),
        Rung::Older(..) | Rung::Absent => {}
    }
    home.ensure().map_err(|error| in_sandbox(home).unwrap_or(ConnectError::Place(error)))?;
    let _lock = StartLock::wait(&home.start_lock(), deadline).map_err(|error| match error.kind() {
        io::ErrorKind::TimedOut => timed_out("waiting for another client to start it"),
        _ => ConnectError::Io { action: "take the lock for starting the daemon", source: error },
    })?;
    for _ in 0..STARTS_MAX {
        match greet(home, options, deadline)? {
            Rung::Up(link, welcome) => return Ok((link, welcome)),
            Rung::Older(link, welcome) => retire(home, link, &welcome, deadline)?,
            Rung::Absent => retire_unreachable(home, deadline),
        }
        start(home, options, deadline)?;
    }
    match greet(home, options, deadline)? {
        Rung::Up(link, welcome) => Ok((link, welcome)),
        Rung::Older(..) | Rung::Absent => Err(ConnectError::StartFailed {
            reason: "one holds its lock, and does not talk to us".to_owned(),
            log: home.log(),
        }),
    }
}

/// Connects and says hello.
fn greet(home: &Home, options: &Options, deadline: Instant) -> Result<Rung, ConnectError> {
    let left = deadline.saturating_duration_since(Instant::now());
    let connection = match place::connect_within(home, left) {
        Ok(connection) => connection,
        Err(error) => return unconnected(home, error, sandboxed()),
    };
    let mut link = Link::new(connection);
    let hello = Hello {
        protocol: PROTOCOL_VERSION,
        build: options.build.clone(),
        codec: options.codec,
        network: Some(network_namespace()),
    };
    let greeting =
        link.send(deadline, |out| encode_hello(&hello, out)).and_then(|()| link.receive(deadline, decode_greeting));
    match greeting {
        Ok(Greeting::Welcome(welcome)) if welcome.protocol < PROTOCOL_VERSION => Ok(Rung::Older(link, welcome)),
        Ok(Greeting::Welcome(welcome)) => Ok(Rung::Up(link, welcome)),
        Ok(Greeting::Refused(refusal)) => refused(refusal),
        // It left between taking the connection and answering.
        Err(LinkError::Closed) => Ok(Rung::Absent),
        Err(LinkError::TimedOut) => Err(unanswered(home, "waiting for its greeting")),
        Err(LinkError::Io(source)) => Err(ConnectError::Io { action: "greet the daemon", source }),
        Err(error) => Err(ConnectError::NotPortus { socket: home.socket(), reason: error.to_string() }),
    }
}

fn unconnected(home: &Home, error: io::Error, is_sandboxed: bool) -> Result<Rung, ConnectError> {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => Ok(Rung::Absent),
        io::ErrorKind::TimedOut => Err(unanswered(home, "waiting for it to take the connection")),
        io::ErrorKind::PermissionDenied if is_sandboxed => Err(ConnectError::Sandboxed { socket: home.socket() }),
        io::ErrorKind::PermissionDenied => Err(ConnectError::Forbidden { socket: home.socket(), source: error }),
        _ => Err(ConnectError::Io { action: "connect to the daemon", source: error }),
    }
}

/// The reason why nothing works in here, if the environment says that this is a sandbox.
fn in_sandbox(home: &Home) -> Option<ConnectError> {
    sandboxed().then(|| ConnectError::Sandboxed { socket: home.socket() })
}

fn refused(refusal: Refusal) -> Result<Rung, ConnectError> {
    match refusal.code {
        Code::Stopping => Ok(Rung::Absent),
        Code::WrongUser => Err(ConnectError::OtherUser(refusal)),
        Code::OtherNetwork => Err(ConnectError::OtherNetwork(refusal)),
        _ => Err(ConnectError::Refused(refusal)),
    }
}

/// Has a daemon of an older protocol leave, if one runs, and waits until it is gone. Whether one ran.
///
/// # Errors
/// [`ConnectError`], also when whoever is there cannot be greeted.
pub fn retire_older(home: &Home, options: &Options) -> Result<bool, ConnectError> {
    let deadline = Instant::now() + options.deadline;
    match greet(home, options, deadline)? {
        Rung::Older(link, welcome) => retire(home, link, &welcome, deadline).map(|()| true),
        Rung::Up(..) | Rung::Absent => Ok(false),
    }
}

/// Asks a daemon of an older protocol to leave, and waits until it has.
fn retire(home: &Home, mut link: Link, welcome: &Welcome, deadline: Instant) -> Result<(), ConnectError> {
    let codec = welcome.codec;
    let frame = ClientFrame { id: 1, call: Call::Stop };
    let answer = link.send(deadline, |out| encode_client(codec, &frame, out)).and_then(|()| {
        // Whatever it says: it has heard us, and its lock tells when it is gone.
        link.receive(deadline, |payload| Ok::<Option<ServerFrame>, _>(decode_server(codec, payload).ok()))
    });
    match answer {
        Ok(_) | Err(LinkError::Closed) => {}
        Err(_) => return Err(unanswered(home, "asking a daemon of an older protocol to leave")),
    }
    wait_until_gone(home, deadline).map_err(|_| unanswered(home, "waiting for a daemon of an older protocol to leave"))
}

/// Waits until no daemon holds its lock. Not every daemon that lives can be connected to, but each holds the lock.
///
/// # Errors
/// [`io::ErrorKind::TimedOut`] at the deadline; else when the lock's file cannot be opened.
pub fn wait_until_gone(home: &Home, deadline: Instant) -> io::Result<()> {
    StartLock::wait(&home.lock(), deadline).map(drop)
}

/// A daemon whose socket's file is gone (somebody tidied up) can never be reached again, and keeps every other from
/// starting: it is asked to leave. Its leases stay in the journal.
fn retire_unreachable(home: &Home, deadline: Instant) {
    let grace = deadline.min(Instant::now() + UNREACHABLE_AFTER);
    if home.socket().exists() || wait_until_gone(home, grace).is_ok() || home.socket().exists() {
        return;
    }
    if let Some(daemon) = incumbent(home) {
        // Where that fails, starting another will say who holds the lock.
        let _ = process::signal(&daemon, Signal::Terminate);
        let _ = wait_until_gone(home, deadline);
    }
}

const fn timed_out(step: &'static str) -> ConnectError {
    ConnectError::TimedOut { step, pid: None }
}

/// The daemon is there, and does not answer.
fn unanswered(home: &Home, step: &'static str) -> ConnectError {
    ConnectError::TimedOut { step, pid: incumbent(home).map(|daemon| daemon.pid) }
}

/// Starts a daemon and waits until it is ready, or turns out to be one too many.
fn start(home: &Home, options: &Options, deadline: Instant) -> Result<(), ConnectError> {
    let program = match &options.program {
        Some(program) => program.clone(),
        None => std::env::current_exe()
            .map_err(|source| ConnectError::Io { action: "find this program to start the daemon", source })?,
    };
    // Made for this user alone, whatever the umask.
    let log = place::open_private(&home.log())
        .and_then(|_| OpenOptions::new().append(true).open(home.log()))
        .map_err(|source| ConnectError::Io { action: "open the daemon's log", source })?;
    let mut arguments = vec!["daemon".into(), "run".into()];
    // What the environment says is inherited; only a home that was chosen by other means must be named.
    if Home::find().ok().as_ref() != Some(home) {
        arguments.push("--home".into());
        arguments.push(home.dir().as_os_str().to_owned());
    }
    let started = place::spawn_detached::<std::ffi::OsString>(&program, arguments, log)
        .map_err(|source| ConnectError::Io { action: "start the daemon", source })?;
    let said = started.wait_ready(deadline).map_err(|source| ConnectError::Io { action: "hear the daemon", source })?;
    match said {
        Readiness::Said(line) if line == READY_LINE => Ok(()),
        Readiness::Said(line) => match line.strip_prefix(FAILED).map(str::trim_start) {
            Some(reason) if reason.starts_with(ALREADY_RUNNING) => {
                // It is leaving, and holds its lock to the last; or it is not listening yet.
                drop(wait_until_gone(home, deadline.min(Instant::now() + SLICE)));
                Ok(())
            }
            Some(reason) => {
                let reason = reason.split_once(' ').map_or(reason, |(_, message)| message);
                Err(start_failed(home, reason.to_owned()))
            }
            None => Err(start_failed(home, format!("it said `{line}`"))),
        },
        Readiness::Silent(text) if text.is_empty() => Err(start_failed(home, "it ended without a word".to_owned())),
        Readiness::Silent(text) => Err(start_failed(home, text)),
        Readiness::TimedOut => Err(timed_out("waiting for the daemon to be ready")),
    }
}

fn start_failed(home: &Home, reason: String) -> ConnectError {
    in_sandbox(home).unwrap_or_else(|| ConnectError::StartFailed { reason, log: home.log() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_that_a_sandbox_forbids_is_told_from_one_that_is_only_forbidden() {
        let home = Home::at("/home/ada/.local/state/portus");
        let denied = || io::Error::from(io::ErrorKind::PermissionDenied);
        let Err(error) = unconnected(&home, denied(), true) else { panic!("connected") };
        assert_eq!(error.code(), "sandboxed");
        let socket = home.socket();
        assert!(error.hint().starts_with("use the MCP tool request_port, or allow this socket"), "{}", error.hint());
        assert!(error.hint().ends_with(&*socket.to_string_lossy()));
        let Err(error) = unconnected(&home, denied(), false) else { panic!("connected") };
        assert_eq!(error.code(), "forbidden");
    }
}
