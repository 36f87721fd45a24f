//! Listeners are found by port, in whatever family.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::collections::BTreeSet;
use std::net::UdpSocket;

use portus_core::Protocol;
use portus_os::port::{Socket, SocketTable, all_listeners, listeners_on};

use support::{Program, V4, V4_OTHER, V6, V6_ANY, connection, free_port, has_ipv6, inode};

fn uid() -> u32 {
    rustix::process::geteuid().as_raw()
}

#[test]
fn listeners_of_both_families_are_found_by_port() {
    let port = free_port();
    let first = Program::tcp().listen(V4, port).unwrap();
    let second = Program::tcp().listen(V4_OTHER, port).unwrap();
    let expect = |address, socket: &std::net::TcpListener| Socket {
        port,
        protocol: Protocol::Tcp,
        address,
        inode: inode(socket),
        uid: uid(),
    };
    let mut expected = BTreeSet::from([expect(V4, &first), expect(V4_OTHER, &second)]);
    let third = has_ipv6().then(|| Program::tcp().v6_only().listen(V6, port).unwrap());
    expected.extend(third.as_ref().map(|socket| expect(V6, socket)));

    let found = listeners_on(port, Protocol::Tcp).unwrap();
    assert_eq!(found.len(), expected.len());
    assert_eq!(BTreeSet::from_iter(found), expected);
    let everywhere = BTreeSet::from_iter(all_listeners().unwrap());
    assert!(everywhere.is_superset(&expected));
}

#[test]
fn a_dual_stack_listener_is_found_once() {
    if has_ipv6() {
        let port = free_port();
        let server = Program::tcp().listen(V6_ANY, port).unwrap();
        let found = listeners_on(port, Protocol::Both).unwrap();
        let expected = Socket { port, protocol: Protocol::Tcp, address: V6_ANY, inode: inode(&server), uid: uid() };
        assert_eq!(found, [expected]);
    }
}

#[test]
fn an_ipv4_address_in_an_ipv6_socket_is_an_ipv4_address() {
    if has_ipv6() {
        let port = free_port();
        let mapped = std::net::Ipv4Addr::LOCALHOST.to_ipv6_mapped();
        let _server = Program::tcp().listen(mapped.into(), port).unwrap();
        assert_eq!(listeners_on(port, Protocol::Tcp).unwrap()[0].address, V4);
    }
}

#[test]
fn udp_is_found_where_it_is_asked_for() {
    let port = free_port();
    let server = Program::tcp().listen(V4, port).unwrap();
    let socket = Program::udp().bind(V4, port).unwrap();
    let inodes = |protocol| -> Vec<u64> {
        listeners_on(port, protocol).unwrap().into_iter().map(|socket| socket.inode).collect()
    };
    assert_eq!(inodes(Protocol::Tcp), [inode(&server)]);
    assert_eq!(inodes(Protocol::Udp), [inode(&socket)]);
    assert_eq!(inodes(Protocol::Both), [inode(&server), inode(&socket)]);
}

#[test]
fn connections_are_no_listeners() {
    let port = free_port();
    let server = Program::tcp().listen(V4, port).unwrap();
    let (_client, _accepted) = connection(&server);
    drop(server);
    assert_eq!(listeners_on(port, Protocol::Tcp).unwrap(), []);

    let socket = UdpSocket::from(Program::udp().bind(V4, port).unwrap());
    let other = UdpSocket::bind((V4, 0)).unwrap();
    socket.connect(other.local_addr().unwrap()).unwrap();
    assert_eq!(listeners_on(port, Protocol::Udp).unwrap(), []);
}

#[test]
fn one_table_answers_many_questions() {
    let mut table = SocketTable::open().unwrap();
    for _ in 0..3 {
        let port = free_port();
        assert_eq!(table.listeners_on(port, Protocol::Both).unwrap(), []);
        let server = Program::tcp().listen(V4, port).unwrap();
        let found = table.listeners_on(port, Protocol::Both).unwrap();
        assert_eq!(found.iter().map(|socket| socket.inode).collect::<Vec<_>>(), [inode(&server)]);
        assert!(table.all_listeners().unwrap().contains(&found[0]));
    }
}

#[test]
fn more_listeners_than_one_message_holds_are_all_found() {
    const COUNT: usize = 700;
    let servers: Vec<_> = (0..COUNT).map(|_| std::net::TcpListener::bind((V4, 0)).unwrap()).collect();
    let found: BTreeSet<u64> = all_listeners().unwrap().into_iter().map(|socket| socket.inode).collect();
    for server in &servers {
        assert!(found.contains(&inode(server)));
    }
}
