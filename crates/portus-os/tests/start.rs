//! A detached start on every system, with this test program in the daemon's place.

use std::fs::File;
use std::time::{Duration, Instant};

use portus_os::place::{Readiness, spawn_detached};

#[test]
fn a_detached_process_is_heard() {
    let folder = tempfile::tempdir().unwrap();
    let log = File::create(folder.path().join("log")).unwrap();
    let started = spawn_detached(&std::env::current_exe().unwrap(), ["--list"], log).unwrap();
    let heard = started.wait_ready(Instant::now() + Duration::from_secs(60)).unwrap();
    assert_eq!(heard, Readiness::Said("a_detached_process_is_heard: test".to_owned()));
}
