//! The guard's sockets on macOS, which lets a program bind one address over another's wildcard:
//! each of the four usual addresses is held by a socket of its own.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::OwnedFd;
use std::sync::{Mutex, PoisonError};

use portus_core::{Admit, Port};
use rustix::io::{Errno, FdFlags};
use rustix::net::{AddressFamily, SocketType, bind, sockopt};

const ADDRESSES: [IpAddr; 4] = [
    IpAddr::V4(Ipv4Addr::LOCALHOST),
    IpAddr::V4(Ipv4Addr::UNSPECIFIED),
    IpAddr::V6(Ipv6Addr::LOCALHOST),
    IpAddr::V6(Ipv6Addr::UNSPECIFIED),
];

/// The sockets that hold one port for one protocol.
#[derive(Debug)]
pub(super) struct Hold {
    port: Port,
    kind: SocketType,
    sockets: Mutex<Vec<(IpAddr, OwnedFd)>>,
}

impl Hold {
    pub(super) fn tcp(port: Port) -> io::Result<Self> {
        Self::on_all_addresses(port, SocketType::STREAM)
    }

    pub(super) fn udp(port: Port) -> io::Result<Self> {
        Self::on_all_addresses(port, SocketType::DGRAM)
    }

    fn on_all_addresses(port: Port, kind: SocketType) -> io::Result<Self> {
        let mut sockets = Vec::with_capacity(ADDRESSES.len());
        for address in ADDRESSES {
            match bound(kind, (address, port.number()).into()) {
                // A machine without IPv6 either knows no such family, or has no such address.
                Err(Errno::AFNOSUPPORT | Errno::ADDRNOTAVAIL) if address.is_ipv6() => {}
                other => sockets.push((address, other?)),
            }
        }
        Ok(Self { port, kind, sockets: Mutex::new(sockets) })
    }

    /// Two sockets on exactly one address need `SO_REUSEPORT` on both, so the holder can only
    /// step aside, and take back afterwards what nobody uses.
    pub(super) fn admit(&self, whom: Admit) -> io::Result<()> {
        let mut sockets = self.sockets.lock().unwrap_or_else(PoisonError::into_inner);
        match whom {
            Admit::Reuse => sockets.clear(),
            Admit::Nobody => {
                for address in ADDRESSES {
                    if sockets.iter().all(|(held, _)| *held != address)
                        && let Ok(socket) = bound(self.kind, (address, self.port.number()).into())
                    {
                        sockets.push((address, socket));
                    }
                }
            }
        }
        Ok(())
    }
}

/// With `SO_REUSEADDR` a bind asks about exactly its own address, which lets the four stand side
/// by side and ignores connections in `TIME_WAIT`. It is cleared at once: see in_pcbbind in XNU.
fn bound(kind: SocketType, address: SocketAddr) -> Result<OwnedFd, Errno> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let socket = rustix::net::socket(family, kind, None)?;
    rustix::io::fcntl_setfd(&socket, FdFlags::CLOEXEC)?;
    if address.is_ipv6() {
        sockopt::set_ipv6_v6only(&socket, true)?;
    }
    sockopt::set_socket_reuseaddr(&socket, true)?;
    bind(&socket, &address)?;
    sockopt::set_socket_reuseaddr(&socket, false)?;
    Ok(socket)
}
