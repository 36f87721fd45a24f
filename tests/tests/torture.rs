//! The real daemon killed in the midst of work, and asked by many at once: short versions of `cargo xtask torture`.
#![cfg(unix)]

use std::time::Duration;

use portus_tests::torture::{kill_and_spoil, kill_often, load};

#[test]
fn ten_kills_lose_and_double_nothing() {
    let outcome = kill_often(10, 8, 7, None);
    assert_eq!(outcome.wrongs(), [""; 0], "{}", outcome.figures());
    assert!(outcome.kills == 10 && outcome.counts.acknowledged > 50, "{}", outcome.figures());
    assert!(outcome.compared > 0, "{}", outcome.figures());
}

#[test]
fn a_journal_that_is_gone_is_noticed() {
    let outcome = kill_and_spoil(1, 4, 3, None, &|home| {
        let names = ["", "-wal", "-shm"].map(|end| format!("{}{end}", home.journal().display()));
        names.iter().for_each(|name| drop(std::fs::remove_file(name)));
    });
    assert!(outcome.compared > 0 && outcome.counts.lost.len() == outcome.compared, "{}", outcome.figures());
}

#[test]
fn many_at_once_are_all_answered() {
    let loaded = load::load(200, 40, Duration::from_secs(1));
    assert_eq!(loaded.errors, [""; 0]);
    assert!(loaded.answered > 200, "{}", loaded.figures());
}
