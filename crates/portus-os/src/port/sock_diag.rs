//! Linux's socket table over netlink (sock_diag(7)), filtered by port and state in the kernel.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::OwnedFd;

use portus_core::{Port, Protocol};
use rustix::io::Errno;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, netlink, recv, send, socket_with};

use super::listeners::Socket;
use super::proc_net;

/// The kernel fills at most this much for one message of a dump.
const BUFFER_LEN: usize = 32 * 1024;

const HEADER_LEN: usize = 16;
const REQUEST_LEN: usize = HEADER_LEN + 56;
const ANSWER_LEN: usize = 72;

const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const SOCK_DIAG_BY_FAMILY: u16 = 20;
const NLM_F_REQUEST_DUMP: u16 = 0x1 | 0x300;

const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;
const IPPROTO_TCP: u8 = 6;
const IPPROTO_UDP: u8 = 17;
/// Bits of states: TCP that listens; UDP that is not connected is in TCP's state "close".
const STATE_LISTEN: u32 = 1 << 10;
const STATE_CLOSE: u32 = 1 << 7;

/// The kernel's socket table, by netlink where the kernel and the sandbox allow it.
#[derive(Debug)]
pub(super) enum Source {
    Netlink(Netlink),
    Text,
}

impl Source {
    pub(super) fn open() -> io::Result<Self> {
        match Netlink::open() {
            Ok(netlink) => Ok(Self::Netlink(netlink)),
            Err(error) if is_denied(&error) => Ok(Self::Text),
            Err(error) => Err(error),
        }
    }

    /// Listeners on `port`, or on all ports.
    pub(super) fn listeners(&mut self, port: Option<Port>, protocol: Protocol) -> io::Result<Vec<Socket>> {
        if let Self::Netlink(netlink) = self {
            match netlink.listeners(port, protocol) {
                Err(error) if is_denied(&error) => *self = Self::Text,
                other => return other,
            }
        }
        proc_net::listeners(port, protocol)
    }
}

/// A kernel without this kind of netlink (gVisor), or a sandbox that forbids it.
fn is_denied(error: &io::Error) -> bool {
    let codes = [Errno::AFNOSUPPORT, Errno::PROTONOSUPPORT, Errno::OPNOTSUPP, Errno::PERM, Errno::ACCESS];
    Errno::from_io_error(error).is_some_and(|code| codes.contains(&code))
}

/// A netlink socket to the kernel's socket table.
#[derive(Debug)]
pub(super) struct Netlink {
    socket: OwnedFd,
    buffer: Box<[u8]>,
    sequence: u32,
}

impl Netlink {
    fn open() -> io::Result<Self> {
        let socket =
            socket_with(AddressFamily::NETLINK, SocketType::DGRAM, SocketFlags::CLOEXEC, Some(netlink::SOCK_DIAG))?;
        Ok(Self { socket, buffer: vec![0; BUFFER_LEN].into_boxed_slice(), sequence: 0 })
    }

    fn listeners(&mut self, port: Option<Port>, protocol: Protocol) -> io::Result<Vec<Socket>> {
        let mut found = Vec::new();
        for (wanted, protocol, number, states) in [
            (protocol.tcp(), Protocol::Tcp, IPPROTO_TCP, STATE_LISTEN),
            (protocol.udp(), Protocol::Udp, IPPROTO_UDP, STATE_CLOSE),
        ] {
            if wanted {
                for family in [AF_INET, AF_INET6] {
                    self.dump(family, number, states, port, |message| found.extend(parse(message, protocol)))?;
                }
            }
        }
        Ok(found)
    }

    /// One dump: asks, and hands each answer to `each` until the kernel says that it is done.
    fn dump(
        &mut self,
        family: u8,
        protocol: u8,
        states: u32,
        port: Option<Port>,
        mut each: impl FnMut(&[u8]),
    ) -> io::Result<()> {
        self.sequence = self.sequence.wrapping_add(1);
        let request = request(self.sequence, family, protocol, states, port);
        send(&self.socket, &request, SendFlags::empty())?;
        loop {
            let (_, len) = rustix::io::retry_on_intr(|| recv(&self.socket, &mut *self.buffer, RecvFlags::TRUNC))?;
            let mut rest = self.buffer.get(..len).ok_or_else(|| io::Error::other("a netlink message was cut off"))?;
            while let Some((message, after)) = next_message(rest) {
                rest = after;
                if message.sequence != self.sequence {
                    continue;
                }
                match message.kind {
                    NLMSG_DONE => return status(message.payload),
                    // A kernel built without IPv6 or without this protocol's table has nobody there.
                    NLMSG_ERROR => return ignore_absent(status(message.payload)),
                    SOCK_DIAG_BY_FAMILY => each(message.payload),
                    _ => {}
                }
            }
        }
    }
}

struct Message<'a> {
    kind: u16,
    sequence: u32,
    payload: &'a [u8],
}

/// Splits the first message off, and the padding after it.
fn next_message(bytes: &[u8]) -> Option<(Message<'_>, &[u8])> {
    let len = usize::try_from(u32::from_ne_bytes(bytes.get(0..4)?.try_into().ok()?)).ok()?;
    let message = Message {
        kind: u16::from_ne_bytes(bytes.get(4..6)?.try_into().ok()?),
        sequence: u32::from_ne_bytes(bytes.get(8..12)?.try_into().ok()?),
        payload: bytes.get(HEADER_LEN..len)?,
    };
    Some((message, bytes.get(len.next_multiple_of(4)..).unwrap_or_default()))
}

/// `struct nlmsghdr`, then `struct inet_diag_req_v2` of which only the family, the protocol, the
/// states and the source port say anything.
fn request(sequence: u32, family: u8, protocol: u8, states: u32, port: Option<Port>) -> [u8; REQUEST_LEN] {
    let mut bytes = [0; REQUEST_LEN];
    let mut put = |at: usize, value: &[u8]| bytes[at..at + value.len()].copy_from_slice(value);
    put(0, &(REQUEST_LEN as u32).to_ne_bytes());
    put(4, &SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    put(6, &NLM_F_REQUEST_DUMP.to_ne_bytes());
    put(8, &sequence.to_ne_bytes());
    put(16, &[family, protocol]);
    put(20, &states.to_ne_bytes());
    put(24, &port.map_or(0, Port::number).to_be_bytes());
    bytes
}

/// The error that ends a dump or refuses a request: a negative number, zero for none.
fn status(payload: &[u8]) -> io::Result<()> {
    let code = payload.first_chunk::<4>().map_or(0, |bytes| i32::from_ne_bytes(*bytes));
    if code < 0 { Err(io::Error::from_raw_os_error(-code)) } else { Ok(()) }
}

fn ignore_absent(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.raw_os_error() == Some(libc::ENOENT) => Ok(()),
        other => other,
    }
}

/// Reads a `struct inet_diag_msg`; `None` for a socket without a port.
fn parse(message: &[u8], protocol: Protocol) -> Option<Socket> {
    let message = message.first_chunk::<ANSWER_LEN>()?;
    let number = |at: usize| u32::from_ne_bytes([message[at], message[at + 1], message[at + 2], message[at + 3]]);
    let address = match message[0] {
        AF_INET => IpAddr::V4(Ipv4Addr::new(message[8], message[9], message[10], message[11])),
        _ => IpAddr::V6(Ipv6Addr::from(*message[8..].first_chunk::<16>()?)).to_canonical(),
    };
    Some(Socket {
        port: Port::new(u16::from_be_bytes([message[4], message[5]]))?,
        protocol,
        address,
        inode: u64::from(number(68)),
        uid: number(64),
    })
}
