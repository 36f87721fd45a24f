//! The way between client and daemon. No test here starts a child, which would hold the others'
//! sockets for the instant between fork and exec.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixListener;
use std::time::Duration;

use portus_os::place::{Connection, Home, bind, connect, connect_within, peer, remove_stale_socket};

fn home() -> (tempfile::TempDir, Home) {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::at(folder.path().join("home"));
    home.ensure().unwrap();
    (folder, home)
}

fn accept(listener: &UnixListener) -> Connection {
    listener.set_nonblocking(false).unwrap();
    listener.accept().unwrap().0.into()
}

#[test]
fn the_socket_is_for_this_user_alone_and_does_not_block() {
    let (_folder, home) = home();
    let listener = bind(&home).unwrap();
    assert_eq!(fs::metadata(home.socket()).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
    assert_eq!(bind(&home).unwrap_err().kind(), ErrorKind::AddrInUse);
}

#[test]
fn what_one_end_writes_the_other_reads() {
    let (_folder, home) = home();
    let listener = bind(&home).unwrap();
    let mut client = connect(&home).unwrap();
    let mut server = accept(&listener);
    client.write_all(b"ask").unwrap();
    let mut heard = [0; 3];
    server.read_exact(&mut heard).unwrap();
    assert_eq!(&heard, b"ask");

    let mut reader = client.try_clone().unwrap();
    server.write_all(b"tell").unwrap();
    drop(server);
    let mut heard = String::new();
    reader.read_to_string(&mut heard).unwrap();
    assert_eq!(heard, "tell");
}

#[test]
fn both_ends_know_each_other() {
    let (_folder, home) = home();
    let listener = bind(&home).unwrap();
    let client = connect(&home).unwrap();
    let server = accept(&listener);
    for end in [&client, &server] {
        let peer = peer(end).unwrap();
        assert_eq!(peer.uid, rustix::process::geteuid().as_raw());
        assert_eq!(peer.pid, Some(std::process::id()));
    }
    assert!(peer(&listener).is_ok_and(|peer| peer.pid == Some(std::process::id())));
    assert!(peer(std::net::UdpSocket::bind("127.0.0.1:0").unwrap()).is_err());
}

#[test]
fn a_read_that_takes_too_long_fails() {
    let (_folder, home) = home();
    let _listener = bind(&home).unwrap();
    let mut client = connect(&home).unwrap();
    client.set_timeouts(Some(Duration::from_millis(10))).unwrap();
    let error = client.read(&mut [0]).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{error}");
}

#[test]
fn shutting_a_connection_down_ends_it_for_all_its_handles() {
    let (_folder, home) = home();
    let _listener = bind(&home).unwrap();
    let mut client = connect(&home).unwrap();
    client.try_clone().unwrap().shutdown().unwrap();
    assert_eq!(client.read(&mut [0]).unwrap(), 0);
}

#[test]
fn no_socket_a_stale_socket_and_a_busy_daemon_differ() {
    let (_folder, home) = home();
    assert_eq!(connect(&home).unwrap_err().kind(), ErrorKind::NotFound);
    drop(bind(&home).unwrap());
    assert_eq!(connect(&home).unwrap_err().kind(), ErrorKind::ConnectionRefused);
    assert!(remove_stale_socket(&home).unwrap());

    let listener = bind(&home).unwrap();
    rustix::net::listen(&listener, 0).unwrap();
    let _first = connect(&home).unwrap();
    let error = connect_within(&home, Duration::from_millis(10)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
}

#[test]
fn only_a_socket_that_nobody_serves_is_removed() {
    let (_folder, home) = home();
    assert!(!remove_stale_socket(&home).unwrap());
    let listener = bind(&home).unwrap();
    assert_eq!(remove_stale_socket(&home).unwrap_err().kind(), ErrorKind::AddrInUse);
    drop(listener);
    assert!(remove_stale_socket(&home).unwrap());
    assert!(!home.socket().exists());

    fs::write(home.socket(), "no socket").unwrap();
    assert_eq!(remove_stale_socket(&home).unwrap_err().kind(), ErrorKind::AlreadyExists);
    assert!(home.socket().exists());
}
