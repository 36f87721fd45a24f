//! What passes by itself is waited for, in front of nobody else and not for ever.

use portus_proto::{Call, Code, Reply};
use rusqlite::Connection;

use crate::rig::{Daemon, plain};

/// Another program that writes into the journal, until dropped or committed.
fn lock(daemon: &Daemon) -> Connection {
    let journal = portus_os::place::Home::at(daemon.folder.path()).journal();
    let other = Connection::open(journal).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    other
}

fn request() -> Call {
    Call::Request(plain("/shop", "web"))
}

#[test]
fn a_journal_that_was_locked_for_a_moment_is_tried_again_and_that_is_said() {
    let daemon = Daemon::start();
    let other = lock(&daemon);
    let mut client = daemon.client();
    let asked = client.send(request());
    // Answered after the first try: others are served meanwhile.
    let status = client.send(Call::Status);
    assert!(matches!(client.answer(status), Ok(Reply::Status(_))));
    other.execute_batch("ROLLBACK").unwrap();
    let Ok(Reply::Leases(reply)) = client.answer(asked) else { panic!("no lease") };
    assert_eq!(reply.leases.len(), 1);
    let note = &reply.notes[0];
    assert!(note.starts_with("recovered: tried again "), "{note}");
    assert!(note.ends_with(", because another program kept the journal locked"), "{note}");
}

#[test]
fn a_journal_that_stays_locked_is_given_up_and_the_tries_are_counted() {
    let daemon = Daemon::start();
    let other = lock(&daemon);
    let refusal = daemon.client().call(request()).unwrap_err();
    assert_eq!(refusal.code, Code::JournalFailed);
    assert!(refusal.message.contains("tried again 3 times"), "{}", refusal.message);
    other.execute_batch("ROLLBACK").unwrap();
    assert!(daemon.client().call(request()).is_ok(), "nothing of it was left behind");
}
