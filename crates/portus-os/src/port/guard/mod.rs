//! A lease that the kernel enforces: a socket that is bound and never listens.
//!
//! On Linux one dual-stack socket on `[::]` blocks every other bind of the port on every address,
//! keeps the number out of `bind(0)` and of the source ports of `connect`, and answers clients
//! with a refusal at once. The bind is also the probe: it fails exactly when some usual address
//! (127.0.0.1, 0.0.0.0, ::1, ::) could not be bound, so nothing can slip in between a look and a
//! hold.

#[cfg(all(unix, not(target_os = "macos")))]
mod linux;
#[cfg(target_os = "macos")]
mod macos;
#[cfg(windows)]
mod windows;

use std::io;

use portus_core::{Admit, Look, Port, Protocol};

#[cfg(all(unix, not(target_os = "macos")))]
use linux::Hold;
#[cfg(target_os = "macos")]
use macos::Hold;
#[cfg(windows)]
use windows::Hold;

/// Why a port could not be guarded.
#[derive(Debug, thiserror::Error)]
#[error("{protocol} port {port} cannot be held: {source}")]
pub struct GuardError {
    /// Which port.
    pub port: Port,
    /// For what: `Tcp` or `Udp`, the one that failed, never `Both`.
    pub protocol: Protocol,
    /// What that shows about the port; never `Free`. An error that is not understood counts as
    /// `Taken`, since such a port must not be handed out.
    pub look: Look,
    /// What the system said.
    pub source: io::Error,
}

/// One port held for one protocol (or for both), from [`Guard::take`] until it is dropped.
///
/// It never listens, so clients are refused at once, and no list of listeners shows it. (A guard
/// for UDP is visible as a bound socket and swallows datagrams: hold it briefly.)
#[derive(Debug)]
pub struct Guard {
    port: Port,
    protocol: Protocol,
    tcp: Option<Hold>,
    udp: Option<Hold>,
}

impl Guard {
    /// Holds `port` for `protocol`, on all addresses.
    ///
    /// Connections that a server left over (`TIME_WAIT` and the like) do not stand in the way, if
    /// it had set `SO_REUSEADDR`. Those of a server that had not keep everybody out for up to a
    /// minute, so the port is `Taken` until then.
    ///
    /// # Errors
    /// When somebody has it, the system forbids it, or no descriptor is left: see
    /// [`GuardError::look`]. For `Both`, nothing is held when one of the two fails.
    pub fn take(port: Port, protocol: Protocol) -> Result<Self, GuardError> {
        let mut guard = Self { port, protocol, tcp: None, udp: None };
        guard.change(protocol)?;
        Ok(guard)
    }

    /// Holds the port for `protocol` from now on. What of that is held already is not let go of for a moment.
    ///
    /// # Errors
    /// As [`Guard::take`], when something is missing and cannot be had. Then nothing is changed.
    pub fn change(&mut self, protocol: Protocol) -> Result<(), GuardError> {
        let port = self.port;
        let failed = |protocol| move |source: io::Error| GuardError { port, protocol, look: look_of(&source), source };
        let tcp = (protocol.tcp() && self.tcp.is_none()).then(|| Hold::tcp(port));
        let tcp = tcp.transpose().map_err(failed(Protocol::Tcp))?;
        let udp = (protocol.udp() && self.udp.is_none()).then(|| Hold::udp(port));
        let udp = udp.transpose().map_err(failed(Protocol::Udp))?;
        self.tcp = self.tcp.take().or(tcp).filter(|_| protocol.tcp());
        self.udp = self.udp.take().or(udp).filter(|_| protocol.udp());
        self.protocol = protocol;
        Ok(())
    }

    /// Takes over what another guard of the same port holds, as far as it is not held already.
    pub fn join(&mut self, other: Self) {
        debug_assert_eq!(self.port, other.port, "guards of one port");
        self.tcp = self.tcp.take().or(other.tcp);
        self.udp = self.udp.take().or(other.udp);
        self.protocol = match (self.tcp.is_some(), self.udp.is_some()) {
            (true, true) => Protocol::Both,
            (false, true) => Protocol::Udp,
            (_, false) => Protocol::Tcp,
        };
    }

    /// The port that is held.
    #[must_use]
    pub const fn port(&self) -> Port {
        self.port
    }

    /// What it is held for.
    #[must_use]
    pub const fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// Says whom the guard lets past from this moment on.
    ///
    /// `Reuse` lets programs bind TCP that set `SO_REUSEADDR`, and does nothing for UDP, where no
    /// safe handover exists. `Nobody` shuts everybody out again, while whoever listens already
    /// goes on serving. A program between its `bind` and its `listen` when `Nobody` is said fails
    /// in `listen`.
    ///
    /// On macOS and Windows no such handover exists: `Reuse` lets go of the TCP port, and
    /// `Nobody` takes back what it can beside whoever came in.
    ///
    /// # Errors
    /// When the system refuses to change the socket's option.
    pub fn admit(&self, whom: Admit) -> io::Result<()> {
        self.tcp.as_ref().map_or(Ok(()), |hold| hold.admit(whom))
    }
}

/// Looks whether `port` could be held for `protocol` at this moment, by holding it and letting go.
#[must_use]
pub fn probe(port: Port, protocol: Protocol) -> Look {
    match Guard::take(port, protocol) {
        Ok(_guard) => Look::Free,
        Err(error) => error.look,
    }
}

/// What an error of a bind says about the port. What is not understood counts as taken.
#[cfg(unix)]
fn look_of(error: &io::Error) -> Look {
    use rustix::io::Errno;
    match Errno::from_io_error(error) {
        Some(Errno::ACCESS | Errno::PERM) => Look::Forbidden,
        Some(Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM) => Look::NoDescriptors,
        _ => Look::Taken,
    }
}

/// What an error of a bind says about the port. What is not understood counts as taken.
#[cfg(windows)]
fn look_of(error: &io::Error) -> Look {
    use windows_sys::Win32::Networking::WinSock::{WSAEACCES, WSAEMFILE, WSAENOBUFS};
    match error.raw_os_error() {
        Some(WSAEACCES) => Look::Forbidden,
        Some(WSAEMFILE | WSAENOBUFS) => Look::NoDescriptors,
        _ => Look::Taken,
    }
}
