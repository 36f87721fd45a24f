//! Ports and processes: who holds a socket, and what children are given.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use portus_core::{Look, Protocol};
use portus_os::port::{Guard, owners, owners_among, probe};
use portus_os::process::{Survivors, end_trees, own_identity, survivors, tree};
use portus_os::supervise::descendants_alive;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use support::{Program, V4, free_port, inode};

/// A child holds all of its parent's sockets for the instant between fork and exec, so that one
/// test's children would be seen by the others.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

#[test]
fn a_guard_is_not_inherited_by_children() {
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let port = free_port();
    let guard = Guard::take(port, Protocol::Both).unwrap();
    let mut child = running_child(Stdio::null());
    drop(guard);
    let look = probe(port, Protocol::Both);
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(look, Look::Free);
}

#[test]
fn an_exhausted_process_is_no_taken_port() {
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    // A limit of descriptors concerns the whole process, so a child is given it.
    const VARIABLE: &str = "PORTUS_TEST_EXHAUSTED_PORT";
    if let Ok(port) = std::env::var(VARIABLE) {
        let port = port.parse().unwrap();
        let own = own_identity().unwrap();
        let mut child = running_child(Stdio::null());
        let limit = Rlimit { current: Some(0), ..getrlimit(Resource::Nofile) };
        setrlimit(Resource::Nofile, limit).unwrap();
        assert_eq!(probe(port, Protocol::Tcp), Look::NoDescriptors);
        survivors(&Survivors::default()).expect_err("nor are there no survivors");
        tree(&own).expect_err("nor is a living process's tree empty");
        end_trees([own], &BTreeSet::new(), Duration::ZERO).expect_err("nor has anybody ended");
        descendants_alive().expect_err("nor has a living child");
        child.kill().unwrap();
        child.wait().unwrap();
        return;
    }
    let name = "an_exhausted_process_is_no_taken_port";
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--test-threads=1"])
        .env(VARIABLE, free_port().to_string())
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success());
}

#[test]
fn a_socket_leads_to_every_process_that_holds_it() {
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let server = Program::tcp().listen(V4, free_port()).unwrap();
    let alone = Program::tcp().listen(V4, free_port()).unwrap();
    let shared: OwnedFd = server.try_clone().unwrap().into();
    let mut child = running_child(Stdio::from(shared));
    let (shared, alone) = (inode(&server), inode(&alone));
    let me = std::process::id();
    let wanted = BTreeSet::from([shared, alone, u64::MAX]);
    let found = owners(&wanted);
    let among_child = owners_among([child.id(), u32::MAX], &wanted);
    child.kill().unwrap();
    child.wait().unwrap();

    let mut both = vec![me, child.id()];
    both.sort_unstable();
    assert_eq!(found, BTreeMap::from([(shared, both), (alone, vec![me])]));
    assert_eq!(among_child, BTreeMap::from([(shared, vec![child.id()])]));
    assert_eq!(owners(&BTreeSet::new()), BTreeMap::new());
}

/// A child that has come as far as its program: only then has the system closed in it what it is
/// not to inherit.
fn running_child(stdin: Stdio) -> Child {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", "echo up; exec sleep 1000"]).stdin(stdin).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "up\n");
    child
}
