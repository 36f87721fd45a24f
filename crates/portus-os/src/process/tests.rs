//! Real processes, looked at from outside.

use std::collections::BTreeSet;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::channel;
use std::time::Duration;

use super::*;

#[cfg(unix)]
mod children;

/// Longer than anything here takes; reached only when a test fails.
const PATIENCE: Duration = Duration::from_secs(20);
/// Makes this test program a child that waits until its input closes.
const WAIT: &str = "PORTUS_TEST_CHILD_WAITS";

/// A child on every system: this very program, told to wait.
fn child_that_waits() -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "process::tests::wait_if_told_to"]).env(WAIT, "1");
    command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap()
}

#[test]
fn wait_if_told_to() {
    if std::env::var_os(WAIT).is_some() {
        std::io::copy(&mut std::io::stdin(), &mut std::io::sink()).unwrap();
    }
}

#[test]
fn this_process_lives_and_is_in_its_own_lineage() {
    let own = own_identity().unwrap();
    assert!(is_alive(&own));
    assert!(!is_alive(&ProcessIdentity { birth: own.birth + 1, ..own }));
    assert!(lineage(own.pid).contains(&own));
    assert!(is_own_user(own.pid));
    assert_eq!(identity_of(0).unwrap(), None);
    assert_eq!(describe(own.pid).unwrap().identity, own);
}

#[test]
fn a_child_is_seen_watched_and_told() {
    let (tell, told) = channel();
    let watcher = ExitWatcher::new(move |process| tell.send(process).unwrap()).unwrap();
    let mut child = child_that_waits();
    let identity = identity_of(child.id()).unwrap().unwrap();
    let own = own_identity().unwrap();
    assert!(tree(&own).unwrap().contains(&identity));
    assert_eq!(ancestors(child.id())[..2], [identity, own]);
    assert_eq!(watcher.watch(identity).unwrap(), Watch::Watching);
    drop(child.stdin.take());
    assert_eq!(told.recv_timeout(PATIENCE).unwrap(), identity);
    child.wait().unwrap();
    assert!(!is_alive(&identity));
    assert_eq!(watcher.watch(identity).unwrap(), Watch::AlreadyGone);
    drop(watcher);
    assert!(told.recv().is_err());
}

#[test]
fn a_child_is_ended() {
    let mut child = child_that_waits();
    let identity = identity_of(child.id()).unwrap().unwrap();
    let outcome = end_trees([identity], &BTreeSet::new(), PATIENCE).unwrap();
    assert_eq!((outcome.ended.len(), outcome.survivors.len()), (1, 0));
    assert!(!child.wait().unwrap().success());
    assert!(matches!(signal(&identity, Signal::Kill), Err(SignalError::Gone(_))));
}
