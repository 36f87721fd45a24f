//! The start of the daemon, with shells in its place.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs::{self, File};
use std::io::{ErrorKind, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use portus_os::place::{Detached, Home, Readiness, announce, spawn_detached};
use rustix::process::{Pid, Signal, kill_process};

/// Long enough that only a fault reaches it.
const PATIENCE: Duration = Duration::from_secs(60);

fn home() -> (tempfile::TempDir, Home) {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::at(folder.path().join("home"));
    home.ensure().unwrap();
    (folder, home)
}

/// Starts a shell, with its errors going to the home's log.
fn start(home: &Home, script: &str) -> Detached {
    let log = File::options().append(true).create(true).open(home.log()).unwrap();
    spawn_detached(Path::new("/bin/sh"), ["-c", script], log).unwrap()
}

/// A started process that waits, and is ended when this is dropped.
struct Waiting(Pid);

impl Waiting {
    fn start(home: &Home, script: &str) -> Self {
        let started = start(home, &format!("{script}; echo ready; exec sleep 1000"));
        let waiting = Self(Pid::from_raw(i32::try_from(started.pid()).unwrap()).unwrap());
        assert_eq!(started.wait_ready(Instant::now() + PATIENCE).unwrap(), Readiness::Said("ready".to_owned()));
        waiting
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let _ = kill_process(self.0, Signal::KILL);
    }
}

#[test]
fn a_detached_process_has_a_session_of_its_own() {
    let (_folder, home) = home();
    let waiting = Waiting::start(&home, ":");
    assert_eq!(rustix::process::getsid(Some(waiting.0)).unwrap(), waiting.0);
    assert_eq!(rustix::process::getpgid(Some(waiting.0)).unwrap(), waiting.0);
}

#[test]
fn a_detached_process_works_in_the_root_and_makes_files_for_its_user_alone() {
    let (_folder, home) = home();
    let file = home.dir().join("made");
    let _waiting = Waiting::start(&home, &format!("pwd > {}", file.display()));
    assert_eq!(fs::read_to_string(&file).unwrap(), "/\n");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_detached_process_writes_its_errors_to_the_log() {
    let (_folder, home) = home();
    let _waiting = Waiting::start(&home, "echo complaint >&2");
    assert_eq!(fs::read_to_string(home.log()).unwrap(), "complaint\n");
}

/// Agents wait for the end of a command's output: a daemon that was started by the way must not
/// hold any pipe that its caller was given.
#[test]
fn a_detached_process_holds_no_pipe_of_its_caller() {
    let (_folder, home) = home();
    let (read_end, write_end) = rustix::pipe::pipe().unwrap();
    let _waiting = Waiting::start(&home, ":");
    drop(write_end);
    let mut fds = [rustix::event::PollFd::new(&read_end, rustix::event::PollFlags::IN)];
    let patience = rustix::event::Timespec::try_from(PATIENCE).unwrap();
    assert_eq!(rustix::event::poll(&mut fds, Some(&patience)).unwrap(), 1, "somebody holds the pipe");
    assert_eq!(rustix::io::read(&read_end, &mut [0_u8; 1][..]).unwrap(), 0);
}

#[test]
fn a_process_that_ends_without_a_word_is_told_from_one_that_takes_long() {
    let (_folder, home) = home();
    let ready = |script: &str, patience| start(&home, script).wait_ready(Instant::now() + patience).unwrap();
    assert_eq!(ready("exit 1", PATIENCE), Readiness::Silent(String::new()));
    assert_eq!(ready("printf half", PATIENCE), Readiness::Silent("half".to_owned()));
    assert_eq!(ready("echo no such thing; exit 1", PATIENCE), Readiness::Said("no such thing".to_owned()));

    let started = start(&home, "exec sleep 1000");
    let waiting = Waiting(Pid::from_raw(i32::try_from(started.pid()).unwrap()).unwrap());
    assert_eq!(started.wait_ready(Instant::now() + Duration::from_millis(10)).unwrap(), Readiness::TimedOut);
    drop(waiting);
}

#[test]
fn what_cannot_be_started_is_an_error() {
    let (_folder, home) = home();
    let log = File::create(home.log()).unwrap();
    let error = spawn_detached(Path::new("/no/such/program"), ["x"], log).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[test]
fn whoever_announces_lets_go_of_its_output() {
    const VARIABLE: &str = "PORTUS_TEST_ANNOUNCES";
    if std::env::var_os(VARIABLE).is_some() {
        announce("ready").unwrap();
        // Lives on until its caller lets go of it.
        std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
        return;
    }
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "whoever_announces_lets_go_of_its_output", "--nocapture", "--test-threads=1"])
        .env(VARIABLE, "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let stdin = child.stdin.take();
    let mut said = String::new();
    child.stdout.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(said.ends_with("ready\n"), "{said:?}");
    assert!(child.try_wait().unwrap().is_none(), "its output ended because it did");
    drop(stdin);
    assert!(child.wait().unwrap().success());
}
