//! The kernel's socket table as text, `/proc/net/tcp` and its like: slow where there are many
//! connections, and there where netlink is not.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use portus_core::{Port, Protocol};

use super::listeners::Socket;

/// States as the kernel prints them: TCP that listens; UDP that is not connected is in TCP's
/// state "close".
const LISTEN: &str = "0A";
const CLOSE: &str = "07";

pub(super) fn listeners(port: Option<Port>, protocol: Protocol) -> io::Result<Vec<Socket>> {
    let mut found = Vec::new();
    for (file, own, state) in [
        ("/proc/net/tcp", Protocol::Tcp, LISTEN),
        ("/proc/net/tcp6", Protocol::Tcp, LISTEN),
        ("/proc/net/udp", Protocol::Udp, CLOSE),
        ("/proc/net/udp6", Protocol::Udp, CLOSE),
    ] {
        if protocol.covers(own) {
            let text = match std::fs::read_to_string(file) {
                // A kernel without IPv6 has no file for it.
                Err(error) if error.kind() == io::ErrorKind::NotFound && file.ends_with('6') => continue,
                other => other?,
            };
            let sockets = text.lines().skip(1).filter_map(|line| parse(line, own, state));
            found.extend(sockets.filter(|socket| port.is_none_or(|port| socket.port == port)));
        }
    }
    Ok(found)
}

/// A line is `sl local remote state queues timer retransmits uid timeout inode …`, with blanks
/// between, and the local address as hexadecimal words in this machine's order.
fn parse(line: &str, protocol: Protocol, state: &str) -> Option<Socket> {
    let mut fields = line.split_ascii_whitespace();
    let (address, port) = fields.nth(1)?.split_once(':')?;
    if fields.nth(1)? != state {
        return None;
    }
    Some(Socket {
        port: Port::new(u16::from_str_radix(port, 16).ok()?)?,
        protocol,
        address: parse_address(address)?,
        uid: fields.nth(3)?.parse().ok()?,
        inode: fields.nth(1)?.parse().ok()?,
    })
}

fn parse_address(hexadecimal: &str) -> Option<IpAddr> {
    let word = |at: usize| Some(u32::from_str_radix(hexadecimal.get(at..at + 8)?, 16).ok()?.to_ne_bytes());
    match hexadecimal.len() {
        8 => Some(Ipv4Addr::from(word(0)?).into()),
        32 => {
            let mut bytes = [0; 16];
            for (at, chunk) in bytes.chunks_exact_mut(4).enumerate() {
                chunk.copy_from_slice(&word(at * 8)?);
            }
            Some(IpAddr::V6(Ipv6Addr::from(bytes)).to_canonical())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::net::{TcpListener, UdpSocket};
    use std::os::fd::AsFd;

    fn inode(socket: impl AsFd) -> u64 {
        rustix::fs::fstat(socket).map_or(0, |found| found.st_ino)
    }

    #[test]
    fn text_and_netlink_say_the_same_about_our_own_sockets() {
        let v4 = TcpListener::bind("127.0.0.1:0").unwrap();
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        let v6 = TcpListener::bind("[::1]:0").ok();
        let mut own = BTreeSet::from([inode(&v4), inode(&udp)]);
        own.extend(v6.as_ref().map(inode));
        let ours = |sockets: Vec<Socket>| -> BTreeSet<Socket> {
            sockets.into_iter().filter(|socket| own.contains(&socket.inode)).collect()
        };
        let text = ours(listeners(None, Protocol::Both).unwrap());
        assert_eq!(text.len(), own.len());
        assert_eq!(text, ours(crate::port::all_listeners().unwrap()));

        let port = Port::new(v4.local_addr().unwrap().port()).unwrap();
        let found = listeners(Some(port), Protocol::Tcp).unwrap();
        assert!(found.iter().any(|socket| socket.inode == inode(&v4)));
        assert!(found.iter().all(|socket| socket.port == port));
    }

    #[test]
    fn a_mapped_address_is_read_as_the_one_it_stands_for() {
        if cfg!(target_endian = "little") {
            let mapped = parse_address("0000000000000000FFFF00000100007F");
            assert_eq!(mapped, Some(Ipv4Addr::LOCALHOST.into()));
            assert_eq!(parse_address("00000000000000000000000001000000"), Some(Ipv6Addr::LOCALHOST.into()));
        }
        assert_eq!(parse_address("01"), None);
    }
}
