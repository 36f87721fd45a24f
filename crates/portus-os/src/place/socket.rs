//! The daemon's end of the way to its clients, and who is at the other end.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::os::unix::net::{UnixListener, UnixStream};

use rustix::net::{AddressFamily, SocketAddrUnix, SocketType};

use super::Home;

/// Clients that may wait to be taken: as many as may be connected.
const BACKLOG: i32 = 1024;

/// The process at the other end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer {
    /// Its effective user when it connected (or began to listen).
    pub uid: u32,
    /// Its process id at that time; `None` where the system does not say, or the process lives
    /// in a pid namespace that this one cannot see.
    pub pid: Option<u32>,
}

/// Binds the daemon's socket and listens: mode 0600, non-blocking, not inherited by children.
///
/// # Errors
/// [`io::ErrorKind::AddrInUse`] when a socket lies there, stale or not: see
/// [`remove_stale_socket`].
pub fn bind(home: &Home) -> io::Result<UnixListener> {
    let path = home.socket();
    let socket = open_stream()?;
    // On Linux the file takes its mode from the socket, so that it never exists with another.
    let _ = rustix::fs::fchmod(&socket, rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR);
    rustix::net::bind(&socket, &SocketAddrUnix::new(path.as_path())?)?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
    rustix::net::listen(&socket, BACKLOG)?;
    let listener = UnixListener::from(socket);
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Removes a socket that nobody serves, which a daemon that was killed leaves behind. Call it
/// only under the lock that makes this process the daemon. `false` when there is none.
///
/// # Errors
/// [`io::ErrorKind::AddrInUse`] when somebody serves it, [`io::ErrorKind::AlreadyExists`] when
/// what lies there is no socket; else what the system says.
pub fn remove_stale_socket(home: &Home) -> io::Result<bool> {
    let path = home.socket();
    match std::fs::symlink_metadata(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
        Ok(found) if found.file_type().is_socket() => {}
        Ok(_) => {
            let message = format!("{} is in the way: it is no socket", path.display());
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, message));
        }
    }
    match UnixStream::connect(&path) {
        Ok(_) => Err(io::Error::new(io::ErrorKind::AddrInUse, format!("{} is served", path.display()))),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            std::fs::remove_file(&path)?;
            Ok(true)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(not(target_vendor = "apple"))]
pub(super) fn open_stream() -> io::Result<OwnedFd> {
    Ok(rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, rustix::net::SocketFlags::CLOEXEC, None)?)
}

#[cfg(target_vendor = "apple")]
pub(super) fn open_stream() -> io::Result<OwnedFd> {
    let socket = rustix::net::socket(AddressFamily::UNIX, SocketType::STREAM, None)?;
    rustix::io::fcntl_setfd(&socket, rustix::io::FdFlags::CLOEXEC)?;
    rustix::net::sockopt::set_socket_nosigpipe(&socket, true)?;
    Ok(socket)
}

/// Says who is at the other end of a connected Unix socket.
///
/// # Errors
/// When `stream` is no such socket, or its peer is gone.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "rustix's type cannot hold the pid 0 of a peer in a foreign pid namespace")]
pub fn peer(stream: impl AsFd) -> io::Result<Peer> {
    use std::os::fd::AsRawFd as _;
    let mut found = libc::ucred { pid: 0, uid: u32::MAX, gid: u32::MAX };
    let mut len = libc::socklen_t::try_from(size_of::<libc::ucred>()).map_err(io::Error::other)?;
    let socket = stream.as_fd();
    // SAFETY: the descriptor is borrowed for the call, `found` is live and `len` is its size.
    let code = unsafe {
        libc::getsockopt(socket.as_raw_fd(), libc::SOL_SOCKET, libc::SO_PEERCRED, (&raw mut found).cast(), &raw mut len)
    };
    if code != 0 {
        return Err(io::Error::last_os_error());
    }
    // A socket without a peer answers with user -1 rather than with an error.
    if found.uid == u32::MAX {
        return Err(io::ErrorKind::NotConnected.into());
    }
    Ok(Peer { uid: found.uid, pid: u32::try_from(found.pid).ok().filter(|&pid| pid != 0) })
}

/// Says who is at the other end of a connected Unix socket.
///
/// # Errors
/// When `stream` is no such socket, or its peer is gone.
#[cfg(not(target_os = "linux"))]
#[expect(unsafe_code, reason = "rustix has no getpeereid")]
pub fn peer(stream: impl AsFd) -> io::Result<Peer> {
    use std::os::fd::AsRawFd as _;
    let socket = stream.as_fd().as_raw_fd();
    let (mut uid, mut gid) = (0, 0);
    // SAFETY: the descriptor is borrowed for the call, both pointers are to live integers.
    if unsafe { libc::getpeereid(socket, &raw mut uid, &raw mut gid) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(Peer { uid, pid: peer_pid(socket) })
}

#[cfg(target_os = "macos")]
#[expect(unsafe_code, reason = "rustix has no LOCAL_PEERPID")]
fn peer_pid(socket: std::os::fd::RawFd) -> Option<u32> {
    let mut pid: libc::pid_t = 0;
    let mut len = libc::socklen_t::try_from(size_of::<libc::pid_t>()).ok()?;
    // SAFETY: the descriptor is borrowed by the caller, `pid` is live and `len` is its size.
    let code =
        unsafe { libc::getsockopt(socket, libc::SOL_LOCAL, libc::LOCAL_PEERPID, (&raw mut pid).cast(), &raw mut len) };
    if code == 0 { u32::try_from(pid).ok().filter(|&pid| pid != 0) } else { None }
}

#[cfg(all(unix, not(any(target_os = "linux", target_os = "macos"))))]
fn peer_pid(_socket: std::os::fd::RawFd) -> Option<u32> {
    None
}
