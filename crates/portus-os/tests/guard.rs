//! What the guard keeps out, lets in and does not mind: the facts the broker's rules rest on.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use portus_core::{Admit, Look, Port, Protocol};
use portus_os::port::{Guard, all_listeners, listeners_on, probe};
use rustix::io::Errno;

use support::{Program, V4, V4_ANY, V4_OTHER, V6, V6_ANY, addresses, connection, free_port, has_ipv6};

#[test]
fn a_free_port_can_be_held_and_held_again_after_it_was_let_go() {
    let port = free_port();
    for protocol in [Protocol::Tcp, Protocol::Udp, Protocol::Both] {
        assert_eq!(probe(port, protocol), Look::Free);
        let guard = Guard::take(port, protocol).unwrap();
        assert_eq!((guard.port(), guard.protocol()), (port, protocol));
        assert_eq!(probe(port, protocol), Look::Taken);
    }
}

#[test]
fn a_listener_on_any_address_is_seen() {
    for address in addresses() {
        for program in [Program::tcp(), Program::tcp().reuse_address(), Program::tcp().reuse_port()] {
            let port = free_port();
            let _server = program.listen(address, port).unwrap();
            assert_eq!(probe(port, Protocol::Tcp), Look::Taken, "{program:?} on {address}");
            assert_eq!(probe(port, Protocol::Both), Look::Taken, "{program:?} on {address}");
            assert_eq!(probe(port, Protocol::Udp), Look::Free, "{program:?} on {address}");
        }
    }
}

#[test]
fn a_listener_for_ipv6_alone_is_seen() {
    if has_ipv6() {
        let port = free_port();
        let _server = Program::tcp().v6_only().listen(V6_ANY, port).unwrap();
        assert_eq!(probe(port, Protocol::Tcp), Look::Taken);
    }
}

#[test]
fn a_bound_udp_socket_on_any_address_is_seen() {
    for address in addresses() {
        let port = free_port();
        let _socket = Program::udp().bind(address, port).unwrap();
        assert_eq!(probe(port, Protocol::Udp), Look::Taken, "{address}");
        assert_eq!(probe(port, Protocol::Both), Look::Taken, "{address}");
        assert_eq!(probe(port, Protocol::Tcp), Look::Free, "{address}");
    }
}

#[test]
fn a_client_whose_source_port_this_is_is_seen() {
    let port = free_port();
    let server = Program::tcp().listen(V4, free_port()).unwrap();
    let client = Program::tcp().bind(V4, port).unwrap();
    rustix::net::connect(&client, &server.local_addr().unwrap()).unwrap();
    assert_eq!(probe(port, Protocol::Tcp), Look::Taken);
}

#[test]
fn a_program_between_bind_and_listen_is_seen_unless_it_reuses_addresses() {
    let port = free_port();
    let plain = Program::tcp().bind(V4, port).unwrap();
    assert_eq!(probe(port, Protocol::Tcp), Look::Taken);
    drop(plain);
    let _reusing = Program::tcp().reuse_address().bind(V4, port).unwrap();
    assert_eq!(probe(port, Protocol::Tcp), Look::Free);
}

#[test]
fn connections_left_over_do_not_refuse_the_guard() {
    for address in [V4, V6].into_iter().filter(|address| address.is_ipv4() || has_ipv6()) {
        let port = free_port();
        let server = Program::tcp().reuse_address().listen(address, port).unwrap();
        let open = connection(&server);
        // The server closes first, and its client does not: FIN_WAIT2.
        let (half_closed, server_end) = connection(&server);
        drop(server_end);
        // The server closes first, and the client after it: TIME_WAIT.
        let (mut client, server_end) = connection(&server);
        drop(server_end);
        assert_eq!(client.read(&mut [0]).unwrap(), 0);
        drop(client);
        drop(server);
        assert_eq!(probe(port, Protocol::Tcp), Look::Free, "{address}");
        let guard = Guard::take(port, Protocol::Tcp).unwrap();
        let blocked = Program::tcp().reuse_address().bind(address, port).unwrap_err();
        assert_eq!(blocked, Errno::ADDRINUSE, "{address}");
        drop((guard, open, half_closed));
    }
}

#[test]
fn connections_left_over_by_a_server_without_reuse_keep_everybody_out() {
    let port = free_port();
    let server = Program::tcp().listen(V4, port).unwrap();
    let (mut client, server_end) = connection(&server);
    drop((server_end, server));
    assert_eq!(client.read(&mut [0]).unwrap(), 0);
    drop(client);
    assert_eq!(Program::tcp().reuse_address().bind(V4, port).err(), Some(Errno::ADDRINUSE));
    assert_eq!(probe(port, Protocol::Tcp), Look::Taken);
}

#[test]
fn nobody_gets_past_a_guard() {
    let programs = |plain: Program| {
        [plain, plain.reuse_address(), plain.reuse_port(), plain.reuse_address().reuse_port(), plain.v6_only()]
    };
    let port = free_port();
    let _guard = Guard::take(port, Protocol::Both).unwrap();
    for address in addresses() {
        for program in programs(Program::tcp()).into_iter().chain(programs(Program::udp())) {
            assert_eq!(program.bind(address, port).err(), Some(Errno::ADDRINUSE), "{program:?} on {address}");
        }
    }
}

#[test]
fn a_guard_for_one_protocol_leaves_the_other_alone() {
    let port = free_port();
    let guard = Guard::take(port, Protocol::Tcp).unwrap();
    assert!(Program::udp().bind(V4_ANY, port).is_ok());
    drop(guard);
    let _guard = Guard::take(port, Protocol::Udp).unwrap();
    assert!(Program::tcp().listen(V4_ANY, port).is_ok());
}

/// The lowest port a user without privileges may bind is the machine's to say.
#[test]
fn a_privileged_port_is_forbidden_rather_than_taken() {
    let first_allowed = std::fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start").unwrap();
    if first_allowed.trim() != "0" && !rustix::process::geteuid().is_root() {
        assert_eq!(probe(Port::MIN, Protocol::Tcp), Look::Forbidden);
        assert_eq!(probe(Port::MIN, Protocol::Udp), Look::Forbidden);
    }
}

#[test]
fn both_or_none_is_held() {
    let port = free_port();
    let _udp = Program::udp().bind(V4, port).unwrap();
    let error = Guard::take(port, Protocol::Both).unwrap_err();
    assert_eq!((error.port, error.protocol, error.look), (port, Protocol::Udp, Look::Taken));
    assert_eq!(probe(port, Protocol::Tcp), Look::Free);
}

#[test]
fn clients_of_a_guarded_port_are_refused_at_once() {
    let port = free_port();
    let _guard = Guard::take(port, Protocol::Tcp).unwrap();
    for address in addresses().into_iter().filter(|address| !address.is_unspecified()) {
        let error = TcpStream::connect((address, port.number())).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused, "{address}");
    }
}

#[test]
fn a_guard_is_in_no_list_of_listeners() {
    let port = free_port();
    let _guard = Guard::take(port, Protocol::Tcp).unwrap();
    assert_eq!(listeners_on(port, Protocol::Both).unwrap(), []);
    assert!(all_listeners().unwrap().iter().all(|socket| socket.port != port));
}

#[test]
fn whoever_reuses_addresses_is_admitted_and_keeps_serving_after_the_door_is_shut() {
    for address in addresses() {
        let port = free_port();
        let guard = Guard::take(port, Protocol::Tcp).unwrap();
        guard.admit(Admit::Reuse).unwrap();
        assert_eq!(Program::tcp().listen(address, port).err(), Some(Errno::ADDRINUSE), "without reuse, {address}");
        let tenant = Program::tcp().reuse_address().listen(address, port).unwrap();
        guard.admit(Admit::Nobody).unwrap();

        serves(&tenant);
        for other in addresses() {
            for program in [Program::tcp(), Program::tcp().reuse_address(), Program::tcp().reuse_port()] {
                let error = program.bind(other, port).err();
                assert_eq!(error, Some(Errno::ADDRINUSE), "{program:?} on {other} beside a tenant on {address}");
            }
        }

        drop(tenant);
        let error = Program::tcp().reuse_address().bind(address, port).err();
        assert_eq!(error, Some(Errno::ADDRINUSE), "not held after the tenant on {address} left");
    }
}

#[test]
fn shutting_the_door_between_bind_and_listen_makes_listen_fail() {
    let port = free_port();
    let guard = Guard::take(port, Protocol::Tcp).unwrap();
    guard.admit(Admit::Reuse).unwrap();
    let tenant = Program::tcp().reuse_address().bind(V4, port).unwrap();
    guard.admit(Admit::Nobody).unwrap();
    assert_eq!(rustix::net::listen(&tenant, 16), Err(Errno::ADDRINUSE));
}

#[test]
fn admission_says_nothing_about_udp() {
    let port = free_port();
    let guard = Guard::take(port, Protocol::Both).unwrap();
    guard.admit(Admit::Reuse).unwrap();
    assert_eq!(Program::udp().reuse_address().bind(V4_OTHER, port).err(), Some(Errno::ADDRINUSE));
}

fn serves(server: &std::net::TcpListener) {
    let mut address: SocketAddr = server.local_addr().unwrap();
    if address.ip().is_unspecified() {
        address.set_ip(if address.is_ipv4() { V4 } else { V6 });
    }
    let mut client = TcpStream::connect(address).unwrap();
    let (mut accepted, _) = server.accept().unwrap();
    accepted.write_all(b"it is me").unwrap();
    drop(accepted);
    let mut heard = String::new();
    client.read_to_string(&mut heard).unwrap();
    assert_eq!(heard, "it is me");
}

#[test]
fn what_is_held_is_not_let_go_of_when_more_or_less_is_to_be_held() {
    let port = free_port();
    let mut guard = Guard::take(port, Protocol::Tcp).unwrap();
    guard.admit(Admit::Reuse).unwrap();
    // Beside it nobody could take the port anew.
    let server = Program::tcp().reuse_address().listen(V4, port).unwrap();
    guard.change(Protocol::Both).unwrap();
    guard.admit(Admit::Nobody).unwrap();
    drop(server);
    assert_eq!((probe(port, Protocol::Tcp), probe(port, Protocol::Udp)), (Look::Taken, Look::Taken));
    guard.change(Protocol::Udp).unwrap();
    assert_eq!((probe(port, Protocol::Tcp), probe(port, Protocol::Udp)), (Look::Free, Look::Taken));
    let stranger = Program::tcp().bind(V4, port).unwrap();
    assert_eq!(guard.change(Protocol::Tcp).unwrap_err().look, Look::Taken);
    assert_eq!((guard.protocol(), probe(port, Protocol::Udp)), (Protocol::Udp, Look::Taken), "nothing is changed");
    drop(stranger);
    guard.join(Guard::take(port, Protocol::Tcp).unwrap());
    assert_eq!((guard.protocol(), probe(port, Protocol::Tcp)), (Protocol::Both, Look::Taken));
}
