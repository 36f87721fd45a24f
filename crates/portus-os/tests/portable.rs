//! What holds on every system, with nothing but the standard library's sockets. No test here
//! starts a child, which would hold the others' sockets for the instant between fork and exec.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicU16, Ordering};

use portus_core::{Admit, Look, Port, Protocol};
use portus_os::place::{Home, boot_id, connect, user};
use portus_os::port::{Guard, listeners_on, owners, owners_among, probe};

/// A port that nobody has, and that no other test of this process is given. Below every system's
/// ephemeral range, so that no client of anybody draws it meanwhile.
fn free_port() -> Port {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    loop {
        let step = u32::from(NEXT.fetch_add(1, Ordering::Relaxed));
        let number = 10_000 + (std::process::id().wrapping_mul(613) + step) % 20_000;
        let port = Port::new(u16::try_from(number).unwrap()).unwrap();
        let anywhere = ("0.0.0.0", port.number());
        if TcpListener::bind(anywhere).is_ok() && UdpSocket::bind(anywhere).is_ok() {
            return port;
        }
    }
}

fn listener(port: Port) -> TcpListener {
    TcpListener::bind(("127.0.0.1", port.number())).unwrap()
}

#[test]
fn a_port_is_taken_while_somebody_listens_and_held_by_its_guard() {
    let port = free_port();
    let listener = listener(port);
    assert_eq!(probe(port, Protocol::Tcp), Look::Taken);
    drop(listener);
    let guard = Guard::take(port, Protocol::Tcp).unwrap();
    assert_ne!(probe(port, Protocol::Tcp), Look::Free);
    for address in ["127.0.0.1", "0.0.0.0"] {
        assert!(TcpListener::bind((address, port.number())).is_err(), "{address}");
    }
    let error = TcpStream::connect(("127.0.0.1", port.number())).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    drop(guard);
    assert!(TcpListener::bind(("127.0.0.1", port.number())).is_ok());
}

#[test]
fn a_tenant_is_let_in_and_the_guard_stands_when_it_is_gone() {
    let port = free_port();
    let guard = Guard::take(port, Protocol::Tcp).unwrap();
    guard.admit(Admit::Reuse).unwrap();
    // The standard library reuses addresses where that does not steal them.
    let tenant = listener(port);
    guard.admit(Admit::Nobody).unwrap();
    assert!(TcpStream::connect(("127.0.0.1", port.number())).is_ok());
    drop(tenant);
    guard.admit(Admit::Nobody).unwrap();
    assert!(TcpListener::bind(("127.0.0.1", port.number())).is_err());
}

#[test]
fn udp_is_held_too() {
    let port = free_port();
    let socket = UdpSocket::bind(("127.0.0.1", port.number())).unwrap();
    assert_eq!(probe(port, Protocol::Udp), Look::Taken);
    drop(socket);
    let _guard = Guard::take(port, Protocol::Udp).unwrap();
    assert!(UdpSocket::bind(("127.0.0.1", port.number())).is_err());
}

#[test]
fn a_listener_leads_to_its_process() {
    let port = free_port();
    let _listener = listener(port);
    let found = listeners_on(port, Protocol::Tcp).unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].port, found[0].protocol), (port, Protocol::Tcp));
    assert_eq!(found[0].address.to_string(), "127.0.0.1");
    let sockets = BTreeSet::from([found[0].inode]);
    let me = std::process::id();
    assert!(owners(&sockets)[&found[0].inode].contains(&me));
    assert_eq!(owners_among([me], &sockets)[&found[0].inode], [me]);
}

#[test]
fn this_machine_and_user_have_a_place() {
    assert_eq!(boot_id(), boot_id());
    assert!(!user().name.is_empty());
    let folder = tempfile::tempdir().unwrap();
    let home = Home::at(folder.path().join("home"));
    home.ensure().unwrap();
    assert!(home.dir().is_dir());
    assert_eq!(connect(&home).unwrap_err().kind(), ErrorKind::NotFound);
    assert!(Home::find().unwrap().dir().is_absolute());
}
