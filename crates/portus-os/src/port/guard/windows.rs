//! The guard's sockets on Windows: one exclusive wildcard for each family. `SO_REUSEADDR` there
//! steals the port from its holder, so it is never set.
#![expect(unsafe_code, reason = "the standard library cannot set an option before it binds")]

use std::io;
use std::os::windows::io::{AsRawSocket as _, FromRawSocket as _, OwnedSocket, RawSocket};
use std::sync::{Mutex, Once, PoisonError};

use portus_core::{Admit, Port};
use windows_sys::Win32::Networking::WinSock::{
    AF_INET, AF_INET6, INVALID_SOCKET, IPPROTO_IPV6, IPV6_V6ONLY, SO_REUSEADDR, SOCK_DGRAM, SOCK_STREAM, SOCKADDR,
    SOCKADDR_IN6, SOL_SOCKET, WSA_FLAG_NO_HANDLE_INHERIT, WSA_FLAG_OVERLAPPED, WSADATA, WSAEACCES, WSAEADDRINUSE,
    WSAEADDRNOTAVAIL, WSAEAFNOSUPPORT, WSASocketW, WSAStartup, bind, setsockopt,
};

/// `SO_EXCLUSIVEADDRUSE` is defined as the complement of `SO_REUSEADDR` (winsock2.h).
const SO_EXCLUSIVEADDRUSE: i32 = !SO_REUSEADDR;
const FAMILIES: [u16; 2] = [AF_INET, AF_INET6];

/// The sockets that hold one port for one protocol.
#[derive(Debug)]
pub(super) struct Hold {
    port: Port,
    kind: i32,
    sockets: Mutex<Vec<(u16, OwnedSocket)>>,
}

impl Hold {
    pub(super) fn tcp(port: Port) -> io::Result<Self> {
        Self::on_all_addresses(port, SOCK_STREAM)
    }

    pub(super) fn udp(port: Port) -> io::Result<Self> {
        Self::on_all_addresses(port, SOCK_DGRAM)
    }

    fn on_all_addresses(port: Port, kind: i32) -> io::Result<Self> {
        let mut sockets = Vec::with_capacity(FAMILIES.len());
        for family in FAMILIES {
            match bound(kind, family, port) {
                Err(error) if family == AF_INET6 && is_absent(&error) => {}
                other => sockets.push((family, other?)),
            }
        }
        Ok(Self { port, kind, sockets: Mutex::new(sockets) })
    }

    /// There is no handover: the holder steps aside, and takes back what nobody uses.
    #[expect(clippy::unnecessary_wraps, reason = "the same shape as on other systems")]
    pub(super) fn admit(&self, whom: Admit) -> io::Result<()> {
        let mut sockets = self.sockets.lock().unwrap_or_else(PoisonError::into_inner);
        match whom {
            Admit::Reuse => sockets.clear(),
            Admit::Nobody => {
                for family in FAMILIES {
                    if sockets.iter().all(|(held, _)| *held != family)
                        && let Ok(socket) = bound(self.kind, family, self.port)
                    {
                        sockets.push((family, socket));
                    }
                }
            }
        }
        Ok(())
    }
}

/// A machine without IPv6 either knows no such family, or has no such address.
fn is_absent(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(WSAEAFNOSUPPORT | WSAEADDRNOTAVAIL))
}

/// An exclusive bind beside another socket is refused like one of a reserved port. A plain bind
/// tells the two apart, unless that other socket is exclusive itself.
fn bound(kind: i32, family: u16, port: Port) -> io::Result<OwnedSocket> {
    match bound_with(kind, family, port, Some(SO_EXCLUSIVEADDRUSE)) {
        Err(error) if error.raw_os_error() == Some(WSAEACCES) => {
            Err(bound_with(kind, family, port, None).err().unwrap_or(io::Error::from_raw_os_error(WSAEADDRINUSE)))
        }
        other => other,
    }
}

fn bound_with(kind: i32, family: u16, port: Port, option: Option<i32>) -> io::Result<OwnedSocket> {
    start_winsock();
    let flags = WSA_FLAG_OVERLAPPED | WSA_FLAG_NO_HANDLE_INHERIT;
    // SAFETY: plain numbers go in, no protocol's description is given.
    let socket = unsafe { WSASocketW(i32::from(family), kind, 0, std::ptr::null(), 0, flags) };
    if socket == INVALID_SOCKET {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the socket was made above, is valid, and nobody else owns it.
    let socket = unsafe { OwnedSocket::from_raw_socket(socket as RawSocket) };
    if let Some(option) = option {
        set(&socket, SOL_SOCKET, option)?;
    }
    if family == AF_INET6 {
        set(&socket, IPPROTO_IPV6, IPV6_V6ONLY)?;
    }
    // The address of IPv4 is the front of IPv6's, and both wildcards are all zeroes.
    let address = SOCKADDR_IN6 { sin6_family: family, sin6_port: port.number().to_be(), ..Default::default() };
    let len = if family == AF_INET { 16 } else { size_of::<SOCKADDR_IN6>() as i32 };
    // SAFETY: the address is live, and at least `len` bytes long.
    check(unsafe { bind(socket.as_raw_socket() as usize, (&raw const address).cast::<SOCKADDR>(), len) })?;
    Ok(socket)
}

fn set(socket: &OwnedSocket, level: i32, option: i32) -> io::Result<()> {
    let on = 1_i32.to_ne_bytes();
    // SAFETY: the value is live and its length is given.
    check(unsafe { setsockopt(socket.as_raw_socket() as usize, level, option, on.as_ptr(), on.len() as i32) })
}

fn check(code: i32) -> io::Result<()> {
    if code == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

fn start_winsock() {
    static STARTED: Once = Once::new();
    STARTED.call_once(|| {
        let mut data = WSADATA::default();
        // SAFETY: `data` is live. A failure shows again when a socket is made.
        unsafe { WSAStartup(0x0202, &raw mut data) };
    });
}
