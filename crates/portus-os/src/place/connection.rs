//! The client's end of the way to the daemon: blocking, with timeouts.

use std::io::{self, Read, Write};
use std::time::Duration;

use super::Home;

#[cfg(unix)]
type Stream = std::os::unix::net::UnixStream;
#[cfg(windows)]
type Stream = std::fs::File;

/// How long [`connect`] waits for a daemon that is too busy to take a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// An open way to the daemon.
#[derive(Debug)]
pub struct Connection {
    stream: Stream,
}

/// Connects to the daemon that lives at `home`, waiting five seconds at most.
///
/// # Errors
/// See [`connect_within`].
pub fn connect(home: &Home) -> io::Result<Connection> {
    connect_within(home, CONNECT_TIMEOUT)
}

/// Connects to the daemon that lives at `home`.
///
/// # Errors
/// [`io::ErrorKind::NotFound`] when there is no socket, [`io::ErrorKind::ConnectionRefused`] when
/// nobody serves it, [`io::ErrorKind::TimedOut`] when the daemon takes no connection in time,
/// [`io::ErrorKind::PermissionDenied`] when it is another user who serves it, or a sandbox
/// forbids it.
pub fn connect_within(home: &Home, timeout: Duration) -> io::Result<Connection> {
    open(home, timeout).map(|stream| Connection { stream })
}

#[cfg(unix)]
fn open(home: &Home, timeout: Duration) -> io::Result<Stream> {
    let socket = connect_to(&home.socket(), timeout).map_err(|error| match error.kind() {
        io::ErrorKind::TimedOut => io::Error::new(io::ErrorKind::TimedOut, "the daemon takes no connection"),
        _ => error,
    })?;
    // In a directory that everybody may write to, a socket may be anybody's.
    let (server, user) = (super::peer(&socket)?.uid, super::user::uid());
    if server != user {
        let message = format!("user {server} serves {}, and this is user {user}", home.socket().display());
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, message));
    }
    Ok(socket)
}

/// Connects to a Unix socket, whoever serves it.
///
/// # Errors
/// [`io::ErrorKind::TimedOut`] when no connection is taken in time, and whatever else the system says.
#[cfg(unix)]
pub(crate) fn connect_to(path: &std::path::Path, timeout: Duration) -> io::Result<Stream> {
    use rustix::net::sockopt::{Timeout, set_socket_timeout};
    use rustix::net::{SocketAddrUnix, connect};

    let socket = super::socket::open_stream()?;
    let address = SocketAddrUnix::new(path)?;
    // A full queue of connections makes connect(2) wait, as long as a send may.
    set_socket_timeout(&socket, Timeout::Send, Some(timeout.max(Duration::from_millis(1))))?;
    connect(&socket, &address).map_err(|errno| match errno {
        rustix::io::Errno::AGAIN => io::ErrorKind::TimedOut.into(),
        other => io::Error::from(other),
    })?;
    set_socket_timeout(&socket, Timeout::Send, None)?;
    Ok(Stream::from(socket))
}

/// A pipe whose instances are all busy is tried again until the time is up: the system offers
/// a wait for that (`WaitNamedPipeW`), and this is its loop.
#[cfg(windows)]
#[expect(unsafe_code, reason = "waiting for a free instance of a pipe")]
fn open(home: &Home, timeout: Duration) -> io::Result<Stream> {
    use windows_sys::Win32::Foundation::{ERROR_FILE_NOT_FOUND, ERROR_PIPE_BUSY};
    let name = pipe_name(home);
    let wide: Vec<u16> = name.encode_utf16().chain([0]).collect();
    let deadline = std::time::Instant::now() + timeout;
    loop {
        match std::fs::OpenOptions::new().read(true).write(true).open(&name) {
            Err(error) if error.raw_os_error() == Some(ERROR_PIPE_BUSY.cast_signed()) => {
                let left = deadline.saturating_duration_since(std::time::Instant::now()).as_millis();
                let left = u32::try_from(left).unwrap_or(u32::MAX - 1);
                // SAFETY: the name is UTF-16 and ends with a zero.
                if left == 0 || unsafe { windows_sys::Win32::System::Pipes::WaitNamedPipeW(wide.as_ptr(), left) } == 0 {
                    return Err(io::Error::new(io::ErrorKind::TimedOut, "the daemon takes no connection"));
                }
            }
            Err(error) if error.raw_os_error() == Some(ERROR_FILE_NOT_FOUND.cast_signed()) => {
                return Err(io::Error::new(io::ErrorKind::NotFound, "no daemon serves this user"));
            }
            other => return other,
        }
    }
}

/// The name of the daemon's pipe: one for each home, and so for each user.
#[cfg(windows)]
#[must_use]
pub fn pipe_name(home: &Home) -> String {
    // FNV-1a: any fixed function of the directory does, since the pipe's own access list keeps
    // other users out.
    let hash = home.dir().as_os_str().as_encoded_bytes().iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte.to_ascii_lowercase())).wrapping_mul(0x0100_0000_01b3)
    });
    format!(r"\\.\pipe\portus-{hash:016x}")
}

impl Connection {
    /// Limits every single read and write; `None` lets them wait for ever. A read or write that
    /// takes longer fails with [`io::ErrorKind::WouldBlock`] or [`io::ErrorKind::TimedOut`].
    /// Pipes of Windows have no such limit: there this does nothing.
    ///
    /// # Errors
    /// When the system refuses, or for a limit of zero.
    pub fn set_timeouts(&self, limit: Option<Duration>) -> io::Result<()> {
        #[cfg(unix)]
        {
            self.stream.set_read_timeout(limit)?;
            self.stream.set_write_timeout(limit)?;
        }
        #[cfg(windows)]
        let _ = limit;
        Ok(())
    }

    /// Whether [`Self::set_timeouts`] does something, so that a read that may find nothing can be tried.
    #[must_use]
    pub const fn has_timeouts(&self) -> bool {
        cfg!(unix)
    }

    /// A second handle of the same connection, such as for a thread that only reads.
    ///
    /// # Errors
    /// When no descriptor is left.
    pub fn try_clone(&self) -> io::Result<Self> {
        Ok(Self { stream: self.stream.try_clone()? })
    }

    /// What a supervisor waits on, beside its command, to learn that there is something to read.
    #[must_use]
    pub fn readable(&self) -> crate::supervise::Readable<'_> {
        #[cfg(unix)]
        return std::os::fd::AsFd::as_fd(&self.stream);
        #[cfg(windows)]
        return std::os::windows::io::AsHandle::as_handle(&self.stream);
    }

    /// Ends both directions, for all handles of the connection: a read that waits in another
    /// thread returns.
    ///
    /// # Errors
    /// When the connection is gone already.
    #[cfg(unix)]
    pub fn shutdown(&self) -> io::Result<()> {
        self.stream.shutdown(std::net::Shutdown::Both)
    }
}

#[cfg(unix)]
impl From<std::os::unix::net::UnixStream> for Connection {
    fn from(stream: std::os::unix::net::UnixStream) -> Self {
        Self { stream }
    }
}

#[cfg(unix)]
impl std::os::fd::AsFd for Connection {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

impl Read for Connection {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.read(buffer)
    }
}

impl Write for Connection {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}
