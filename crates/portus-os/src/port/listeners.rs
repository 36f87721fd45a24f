//! Who listens: the sockets in the system's table, without asking whose they are.

use std::io;
use std::net::IpAddr;

use portus_core::{Port, Protocol};

/// One listening TCP socket, or one UDP socket that is bound and not connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Socket {
    /// The port it is bound to.
    pub port: Port,
    /// `Tcp` or `Udp`, never `Both`.
    pub protocol: Protocol,
    /// The address it is bound to; an IPv4 address even where the socket holds it as an IPv6 one.
    pub address: IpAddr,
    /// What [`owners`](super::owners) takes to find its processes. Linux: the socket's inode, one
    /// for all processes that share it; elsewhere: its owner's process id.
    pub inode: u64,
    /// The user who made it; zero where the system does not say.
    pub uid: u32,
}

/// A way to ask the system's socket table that is kept open between questions.
#[derive(Debug)]
pub struct SocketTable(Source);

#[cfg(not(target_os = "linux"))]
use super::foreign::Source;
#[cfg(target_os = "linux")]
use super::sock_diag::Source;

impl SocketTable {
    /// Opens the way to the table.
    ///
    /// # Errors
    /// When the system offers none to this process.
    pub fn open() -> io::Result<Self> {
        Source::open().map(Self)
    }

    /// Everybody who listens on `port` for `protocol`, whatever the address. Bound sockets that
    /// do not listen (a guard for TCP) and connections are not among them.
    ///
    /// # Errors
    /// When the system does not answer.
    pub fn listeners_on(&mut self, port: Port, protocol: Protocol) -> io::Result<Vec<Socket>> {
        self.0.listeners(Some(port), protocol)
    }

    /// Everybody who listens, whatever the port, in no order.
    ///
    /// # Errors
    /// When the system does not answer.
    pub fn all_listeners(&mut self) -> io::Result<Vec<Socket>> {
        self.0.listeners(None, Protocol::Both)
    }
}

/// Asks once; see [`SocketTable::listeners_on`].
///
/// # Errors
/// When the system does not answer.
pub fn listeners_on(port: Port, protocol: Protocol) -> io::Result<Vec<Socket>> {
    SocketTable::open()?.listeners_on(port, protocol)
}

/// Asks once; see [`SocketTable::all_listeners`].
///
/// # Errors
/// When the system does not answer.
pub fn all_listeners() -> io::Result<Vec<Socket>> {
    SocketTable::open()?.all_listeners()
}
