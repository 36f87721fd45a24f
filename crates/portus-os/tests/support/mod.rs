//! Sockets that play other programs.
//!
//! The tests beside this folder start no children, except those in `children.rs`: a child holds
//! all sockets for the instant between fork and exec, so a port that one test has just let go of
//! would be taken because another test starts a child.
#![cfg(target_os = "linux")]
#![expect(dead_code, reason = "each test program uses a part")]
#![expect(unreachable_pub, reason = "shared by test programs, and by nothing else")]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicU16, Ordering};

use portus_core::Port;
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, listen, socket_with, sockopt};

pub const V4: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
pub const V4_OTHER: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));
pub const V4_ANY: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
pub const V6: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);
pub const V6_ANY: IpAddr = IpAddr::V6(Ipv6Addr::UNSPECIFIED);

/// The addresses at which programs on this machine can be met.
pub fn addresses() -> Vec<IpAddr> {
    let all = [V4, V4_OTHER, V4_ANY, V6, V6_ANY];
    all.into_iter().filter(|address| address.is_ipv4() || has_ipv6()).collect()
}

pub fn has_ipv6() -> bool {
    TcpListener::bind((V6, 0)).is_ok()
}

/// A port that nobody has, and that no other test of this process is given. Below the ephemeral
/// range, so that no client of anybody draws it meanwhile.
pub fn free_port() -> Port {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    const FIRST: u32 = 10_000;
    const COUNT: u32 = 20_000;
    loop {
        let step = u32::from(NEXT.fetch_add(1, Ordering::Relaxed));
        let number = FIRST + (std::process::id().wrapping_mul(613) + step) % COUNT;
        let port = Port::new(u16::try_from(number).unwrap()).unwrap();
        // Both families at once, and without reuse, so that nothing is left over there either.
        let everywhere = if has_ipv6() { V6_ANY } else { V4_ANY };
        if Program::tcp().bind(everywhere, port).is_ok() && Program::udp().bind(everywhere, port).is_ok() {
            return port;
        }
    }
}

/// How a program makes its socket.
#[derive(Debug, Clone, Copy)]
pub struct Program {
    kind: SocketType,
    pub reuse_address: bool,
    pub reuse_port: bool,
    pub v6_only: bool,
}

impl Program {
    pub fn tcp() -> Self {
        Self { kind: SocketType::STREAM, reuse_address: false, reuse_port: false, v6_only: false }
    }

    pub fn udp() -> Self {
        Self { kind: SocketType::DGRAM, ..Self::tcp() }
    }

    pub fn reuse_address(self) -> Self {
        Self { reuse_address: true, ..self }
    }

    pub fn reuse_port(self) -> Self {
        Self { reuse_port: true, ..self }
    }

    pub fn v6_only(self) -> Self {
        Self { v6_only: true, ..self }
    }

    pub fn bind(self, address: IpAddr, port: Port) -> Result<OwnedFd, Errno> {
        let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
        let socket = socket_with(family, self.kind, SocketFlags::CLOEXEC, None)?;
        sockopt::set_socket_reuseaddr(&socket, self.reuse_address)?;
        sockopt::set_socket_reuseport(&socket, self.reuse_port)?;
        if address.is_ipv6() {
            sockopt::set_ipv6_v6only(&socket, self.v6_only)?;
        }
        bind(&socket, &SocketAddr::new(address, port.number()))?;
        Ok(socket)
    }

    pub fn listen(self, address: IpAddr, port: Port) -> Result<TcpListener, Errno> {
        let socket = self.bind(address, port)?;
        listen(&socket, 16)?;
        Ok(TcpListener::from(socket))
    }
}

/// A connection to `server`: the client's end, and the server's.
pub fn connection(server: &TcpListener) -> (TcpStream, TcpStream) {
    let client = TcpStream::connect(server.local_addr().unwrap()).unwrap();
    (client, server.accept().unwrap().0)
}

/// The number by which the system's tables name `socket`.
pub fn inode(socket: impl AsFd) -> u64 {
    rustix::fs::fstat(socket).unwrap().st_ino
}
