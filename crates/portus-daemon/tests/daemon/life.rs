//! Starting, stopping, dying and coming back.

use std::path::Path;
use std::time::Duration;

use portus_daemon::{DaemonError, Settings};
use portus_os::place::Home;
use portus_proto::{Call, Code, Reply};

use crate::rig::*;

fn process(home: &Path) -> Helper {
    let helper = Helper::start("daemon", &format!("{} {}", settings().pool, home.display()), |_| {});
    assert_eq!(helper.said, "ready");
    helper
}

#[test]
fn there_is_one_daemon_at_a_time() {
    let daemon = Daemon::start();
    let second = portus_daemon::run(Settings::default(), Home::at(daemon.folder.path()), |_| panic!("two are ready"));
    let Err(DaemonError::AlreadyRunning { pid }) = second else { panic!("{second:?}") };
    assert_eq!(pid, Some(std::process::id()));
    assert!(daemon.client().list().leases.is_empty(), "the first one goes on");
}

#[test]
fn a_daemon_that_stops_says_goodbye_and_keeps_its_leases() {
    let mut daemon = Daemon::start();
    let mut client = daemon.client();
    let lease = client.request(plain("/w", "web"));
    let mut waiting = daemon.client();
    let id = waiting.send(Call::Request(strict("/v", lease.port, Some(60_000))));
    waiting.list();
    assert!(matches!(client.call(Call::Stop), Ok(Reply::Done)));
    assert_eq!(client.goodbye().code, Code::Stopping);
    assert_eq!(waiting.answer(id).unwrap_err().code, Code::Stopping);
    assert_eq!(waiting.goodbye().code, Code::Stopping);
    daemon.join().unwrap();
    assert!(!Home::at(daemon.folder.path()).socket().exists(), "the socket is left behind");

    let again = process(daemon.folder.path());
    let mut client = Client::connect(daemon.folder.path());
    assert_eq!(client.list().leases.iter().map(|lease| lease.id).collect::<Vec<_>>(), [lease.id]);
    drop(client);
    drop(again);
}

#[test]
fn a_daemon_that_is_killed_loses_nothing_it_has_answered() {
    let folder = tempfile::tempdir().unwrap();
    let mut granted = Vec::new();
    for round in 0..3 {
        let mut daemon = process(folder.path());
        let mut client = Client::connect(folder.path());
        let known: Vec<_> = client.list().leases.into_iter().map(|lease| (lease.id, lease.port)).collect();
        assert_eq!(known, granted, "round {round}");
        for number in 0..5 {
            let lease = client.request(plain(&format!("/w{round}"), &format!("s{number}")));
            granted.push((lease.id, lease.port));
        }
        // Calls whose answers nobody sees.
        client.send(Call::Status);
        daemon.kill();
    }
}

#[test]
fn a_guard_is_taken_again_after_a_crash() {
    let folder = tempfile::tempdir().unwrap();
    let mut daemon = process(folder.path());
    let wish = portus_proto::RequestCall { guard: Some(portus_proto::GuardWish::UntilLaunch), ..plain("/w", "web") };
    let lease = Client::connect(folder.path()).request(wish);
    assert!(lease.guarded);
    let bind = || std::net::TcpListener::bind(("127.0.0.1", lease.port.number()));
    assert!(bind().is_err(), "a guarded port is free");
    daemon.kill();
    drop(bind().expect("a guard outlives its daemon"));
    let _daemon = process(folder.path());
    assert!(bind().is_err(), "the guard is not taken again");
    assert!(Client::connect(folder.path()).list().leases[0].guarded);
}

#[test]
fn a_signal_is_an_orderly_end() {
    use portus_os::process::{Signal, identity_of, signal};
    for one in [Signal::Terminate, Signal::Interrupt, Signal::Hangup] {
        let folder = tempfile::tempdir().unwrap();
        let mut daemon = process(folder.path());
        let mut client = Client::connect(folder.path());
        signal(&identity_of(daemon.pid()).unwrap().unwrap(), one).unwrap();
        assert_eq!(client.goodbye().code, Code::Stopping);
        assert!(daemon.child.wait().unwrap().success());
        assert!(!Home::at(folder.path()).socket().exists());
    }
}

#[test]
fn a_daemon_leaves_when_there_are_neither_clients_nor_leases() {
    let settings = Settings { idle_exit: Some(Duration::from_secs(1)), ..settings() };
    let mut daemon = Daemon::start_with(settings);
    let mut client = daemon.client();
    let lease = client.request(plain("/w", "web"));
    drop(client);
    // The lease keeps it, however long the client is gone. Its end does not.
    let mut client = daemon.client();
    client.release(&lease);
    drop(client);
    daemon.join().unwrap();
    assert!(!Home::at(daemon.folder.path()).socket().exists());
}

#[test]
fn a_journal_that_is_none_is_set_aside_and_said() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::at(folder.path());
    std::fs::write(home.journal(), "not a database, but longer than a header of one would have to be").unwrap();
    let _daemon = process(folder.path());
    let Ok(Reply::Status(status)) = Client::connect(folder.path()).call(Call::Status) else { panic!() };
    let aside = status.set_aside.expect("nothing is said of it");
    assert!(std::fs::read_to_string(aside).unwrap().starts_with("not a database"));
}
