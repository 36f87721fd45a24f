//! What passes by itself is waited for, in front of nobody else and not for ever.

use portus_core::{Change, LeaseId};
use portus_daemon::engine::Journal as _;
use portus_daemon::journal::SqliteJournal;
use portus_os::place::Home;
use portus_proto::{Call, Code};

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
fn a_journal_that_stays_locked_is_given_up_and_the_tries_are_counted() {
    let daemon = Daemon::start();
    let mut other = lock(&daemon);
    let refusal = daemon.client().call(request()).unwrap_err();
    assert_eq!(refusal.code, Code::JournalFailed);
    assert!(refusal.message.contains("tried again 3 times"), "{}", refusal.message);
    other.rollback().unwrap();
    assert!(daemon.client().call(request()).is_ok(), "nothing of it was left behind");
}
