//! What passes by itself is waited for, in front of nobody else and not for ever.

use portus_core::{Change, LeaseId};
use portus_daemon::engine::Journal as _;
use portus_daemon::journal::SqliteJournal;
use portus_os::place::Home;
use portus_proto::{Call, Code, Reply};

use crate::rig::{Daemon, plain};

/// Another program that writes into the journal, until it takes that back.
fn lock(daemon: &Daemon) -> SqliteJournal {
    let mut other = SqliteJournal::open(&Home::at(daemon.folder.path()).journal(), 0).unwrap();
    other.append(&[Change::Numbered { next: LeaseId(1) }]).unwrap();
    other
}

fn request() -> Call {
    Call::Request(plain("/shop", "web"))
}

#[test]
fn a_journal_that_was_locked_for_a_moment_is_tried_again_and_that_is_said() {
    let daemon = Daemon::start();
    let mut other = lock(&daemon);
    let mut client = daemon.client();
    let asked = client.send(request());
    // Answered after the first try: others are served meanwhile.
    let status = client.send(Call::Status);
    assert!(matches!(client.answer(status), Ok(Reply::Status(_))));
    other.rollback().unwrap();
    let Ok(Reply::Leases(reply)) = client.answer(asked) else { panic!("no lease") };
    assert_eq!(reply.leases.len(), 1);
    let note = &reply.notes[0];
    assert!(note.starts_with("recovered: tried again "), "{note}");
    assert!(note.ends_with(", because another program kept the journal locked"), "{note}");
}

#[test]
fn a_journal_that_stays_locked_is_given_up_and_the_tries_are_counted() {
    let daemon = Daemon::start();
    let mut other = lock(&daemon);
    let refusal = daemon.client().call(request()).unwrap_err();
    assert_eq!(refusal.code, Code::JournalFailed);
    assert!(refusal.message.contains("tried again 3 times"), "{}", refusal.message);
    other.rollback().unwrap();
    assert!(daemon.client().call(request()).is_ok(), "nothing of it was left behind");
}
