//! The guard's socket on Linux and its relatives: one, on `[::]`, for both families.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::OwnedFd;

use portus_core::{Admit, Port};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, socket_with, sockopt};

/// The socket that holds one port for one protocol.
#[derive(Debug)]
pub(super) struct Hold {
    socket: OwnedFd,
}

impl Hold {
    pub(super) fn tcp(port: Port) -> io::Result<Self> {
        Self::on_all_addresses(port, SocketType::STREAM)
    }

    pub(super) fn udp(port: Port) -> io::Result<Self> {
        Self::on_all_addresses(port, SocketType::DGRAM)
    }

    /// A machine without IPv6 either knows no such family, or has no such address.
    fn on_all_addresses(port: Port, kind: SocketType) -> io::Result<Self> {
        let socket = match wildcard_v6(port, kind) {
            Err(Errno::AFNOSUPPORT | Errno::ADDRNOTAVAIL) => {
                bound(AddressFamily::INET, kind, (Ipv4Addr::UNSPECIFIED, port.number()).into())?
            }
            other => other?,
        };
        Ok(Self { socket })
    }

    pub(super) fn admit(&self, whom: Admit) -> io::Result<()> {
        Ok(sockopt::set_socket_reuseaddr(&self.socket, whom == Admit::Reuse)?)
    }
}

fn wildcard_v6(port: Port, kind: SocketType) -> Result<OwnedFd, Errno> {
    bound(AddressFamily::INET6, kind, (Ipv6Addr::UNSPECIFIED, port.number()).into())
}

/// `SO_REUSEADDR` is set for the bind of TCP alone, so that connections in `TIME_WAIT` do not
/// refuse it, and cleared at once, so that nobody else gets past. For UDP the option would share
/// the port with everybody, so it is never set.
fn bound(family: AddressFamily, kind: SocketType, address: SocketAddr) -> Result<OwnedFd, Errno> {
    let socket = socket_with(family, kind, SocketFlags::CLOEXEC, None)?;
    if family == AddressFamily::INET6 {
        sockopt::set_ipv6_v6only(&socket, false)?;
    }
    let tcp = kind == SocketType::STREAM;
    if tcp {
        sockopt::set_socket_reuseaddr(&socket, true)?;
    }
    bind(&socket, &address)?;
    if tcp {
        sockopt::set_socket_reuseaddr(&socket, false)?;
    }
    Ok(socket)
}
