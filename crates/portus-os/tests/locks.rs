//! The locks of the daemon and of those who start it. No test here starts a child, which would
//! hold the others' locks for the instant between fork and exec.

use std::io;
use std::time::{Duration, Instant};

use portus_os::place::{InstanceLock, StartLock};

#[test]
fn one_process_at_a_time_is_the_instance() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("daemon.lock");
    let first = InstanceLock::acquire(&path).unwrap();
    assert!(first.is_some());
    assert!(InstanceLock::acquire(&path).unwrap().is_none(), "taken twice");
    drop(first);
    assert!(InstanceLock::acquire(&path).unwrap().is_some(), "not free after its owner left");
}

#[cfg(unix)]
#[test]
fn the_instance_writes_its_pid_and_nothing_older_stays() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("daemon.lock");
    std::fs::write(&path, "a much longer text from somebody else\n").unwrap();
    let _lock = InstanceLock::acquire(&path).unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), format!("{}\n", std::process::id()));
}

#[test]
fn waiting_for_the_start_ends_at_the_deadline() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("start.lock");
    let _held = StartLock::wait(&path, Instant::now()).unwrap();
    let error = StartLock::wait(&path, Instant::now() + Duration::from_millis(20)).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
}

#[test]
fn whoever_waits_for_the_start_gets_it_when_it_comes_free() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("start.lock");
    let held = StartLock::wait(&path, Instant::now()).unwrap();
    let waiter = {
        let path = path.clone();
        std::thread::spawn(move || StartLock::wait(&path, Instant::now() + Duration::from_secs(60)))
    };
    drop(held);
    drop(waiter.join().unwrap().unwrap());
}
