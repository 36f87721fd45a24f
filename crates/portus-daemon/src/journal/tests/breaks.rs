//! Files that are not as they should be, and disks that do not do what they should.

use rusqlite::Connection;

use super::*;
use crate::engine::Engine;
use crate::engine::toy::Toy;

fn start(journal: SqliteJournal) -> Engine<SqliteJournal, crate::engine::toy::ToyWorld> {
    Engine::start(policy(), journal, Toy::new().world(), BootId(1)).unwrap()
}

/// The one journal that was set aside.
fn aside(place: &Place) -> PathBuf {
    let beside = |name: &String| name.ends_with("-wal") || name.ends_with("-shm");
    let mut asides = place.files();
    asides.retain(|name| name.starts_with("journal.db.broken-") && !beside(name));
    assert_eq!(asides.len(), 1, "{asides:?}");
    place.dir.path().join(&asides[0])
}

#[test]
fn a_newer_journal_is_left_as_it_is() {
    let place = Place::new();
    keep(&mut place.open(), &[granted(1, 1)]);
    Connection::open(place.path()).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let before = bytes(&place.path());
    let error = SqliteJournal::open(&place.path(), HISTORY_MAX).unwrap_err();
    assert_eq!(error, OpenError::Newer { path: place.path(), found: 99, known: 3 });
    assert!(error.to_string().contains("99") && error.to_string().contains("up to 3"), "{error}");
    assert!(error.hint().contains("install") && error.hint().contains("journal.db"), "{}", error.hint());
    assert_eq!(bytes(&place.path()), before);
    assert_eq!(place.files(), ["journal.db"]);
}

#[test]
fn what_is_no_database_is_set_aside() {
    let place = Place::new();
    let letter = "Dear reader, this is no database. ".repeat(100);
    std::fs::write(place.path(), &letter).unwrap();
    let mut journal = place.open();
    assert_eq!(journal.aside(), Some(&*aside(&place)));
    assert_eq!(bytes(&aside(&place)), letter.as_bytes());
    keep(&mut journal, &[granted(1, 1)]);
    drop(journal);
    let mut journal = place.open();
    assert_eq!(ids(&recover(&mut journal)), [1]);
    assert_eq!(journal.aside(), None, "said once");
}

#[test]
fn another_programs_database_is_set_aside() {
    let place = Place::new();
    let other = Connection::open(place.path()).unwrap();
    other.execute_batch("CREATE TABLE recipe (name TEXT); INSERT INTO recipe VALUES ('soup')").unwrap();
    drop(other);
    let before = bytes(&place.path());
    assert!(place.open().aside().is_some());
    assert_eq!(bytes(&aside(&place)), before);
}

#[test]
fn an_empty_file_is_a_beginning() {
    let place = Place::new();
    std::fs::write(place.path(), "").unwrap();
    assert_eq!(place.open().aside(), None);
}

#[test]
fn a_journal_without_its_tables_is_set_aside() {
    for (table, when_opened) in [("meta", true), ("lease", false), ("watched", false)] {
        let place = Place::new();
        drop(place.open());
        Connection::open(place.path()).unwrap().execute_batch(&format!("DROP TABLE {table}")).unwrap();
        let journal = place.open();
        assert_eq!(journal.aside().is_some(), when_opened, "{table}");
        let engine = start(journal);
        assert_eq!(engine.journal().aside(), Some(&*aside(&place)), "{table}");
    }
}

#[test]
fn a_word_that_nobody_writes_is_found_when_it_is_read() {
    for spoil in [
        "UPDATE lease SET state = 'asleep'",
        "UPDATE lease SET port = 0",
        "UPDATE lease SET port = 70000",
        "UPDATE lease SET service = '80'",
        "UPDATE lease SET state = 'ended'",
        "UPDATE claim SET protocol = 'sctp'",
        "UPDATE meta SET boot = x'00'",
        "DELETE FROM meta",
    ] {
        let place = Place::new();
        let mut journal = place.open();
        keep(&mut journal, &[granted(1, 1), claimed(1, 5), granted(2, 2)]);
        let uuid = journal.uuid().to_owned();
        Connection::open(place.path()).unwrap().execute_batch(spoil).unwrap();
        let unreadable = journal.load(&mut |_| {}).unwrap_err();
        assert!(matches!(unreadable, JournalError::Unreadable(_)), "{spoil}: {unreadable:?}");
        let engine = start(journal);
        assert_eq!(engine.broker().live_leases().len(), 0, "nothing of a broken journal is believed");
        assert_ne!(engine.journal().uuid(), uuid, "another journal, another name");
        let kept = Connection::open(aside(&place)).unwrap();
        let rows: i64 = kept.query_row("SELECT count(*) FROM lease", [], |row| row.get(0)).unwrap();
        assert_eq!(rows, 2, "kept as it was, with its log");
    }
}

#[test]
fn a_damaged_page_is_found_when_it_is_read() {
    let place = Place::new();
    let mut journal = place.open();
    let leases: Vec<Change> = (1..=500_u16).map(|number| granted(number.into(), number)).collect();
    keep(&mut journal, &leases);
    drop(journal);
    let mut damaged = bytes(&place.path());
    assert!(damaged.len() > 10 * 4_096);
    damaged[8 * 4_096..9 * 4_096].fill(0xaa);
    std::fs::write(place.path(), &damaged).unwrap();
    let engine = start(place.open());
    assert_eq!(engine.broker().live_leases().len(), 0);
    assert_eq!(bytes(&aside(&place)), damaged);
}

#[test]
fn two_breaks_in_one_second_are_both_kept() {
    let place = Place::new();
    for _ in 0..3 {
        std::fs::write(place.path(), "no database, and no second one either").unwrap();
        drop(place.open());
    }
    let asides = place.files().into_iter().filter(|name| name.starts_with("journal.db.broken-")).count();
    assert_eq!(asides, 3, "{:?}", place.files());
}

#[test]
fn a_full_disk_fails_until_there_is_room() {
    let place = Place::new();
    let mut journal = place.open();
    keep(&mut journal, &[granted(1, 1)]);
    let pages: i64 = journal.db.query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap();
    journal.db.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(())).unwrap();
    let many: Vec<Change> = (2..=500_u16).map(|number| granted(number.into(), number)).collect();
    assert_eq!(journal.append(&many), Err(JournalError::Full));
    journal.rollback().unwrap();
    assert_eq!(ids(&recover(&mut journal)), [1]);
    journal.db.pragma_update_and_check(None, "max_page_count", 1_000_000, |_| Ok(())).unwrap();
    keep(&mut journal, &many);
    assert_eq!(ids(&recover(&mut journal)).len(), 500);
}

#[test]
fn a_lock_held_by_another_program_is_named() {
    let place = Place::new();
    let mut journal = place.open();
    journal.db.busy_timeout(std::time::Duration::ZERO).unwrap();
    let other = Connection::open(place.path()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert_eq!(journal.append(&[granted(1, 1)]), Err(JournalError::Locked));
    journal.rollback().unwrap();
    other.execute_batch("ROLLBACK").unwrap();
    keep(&mut journal, &[granted(1, 1)]);
}

#[test]
fn a_place_that_cannot_be_written_is_an_error_and_no_break() {
    let place = Place::new();
    let missing = place.dir.path().join("not").join("there.db");
    let error = SqliteJournal::open(&missing, HISTORY_MAX).unwrap_err();
    assert!(matches!(error, OpenError::Journal { source: JournalError::Failed(_), .. }), "{error:?}");
    std::fs::create_dir(place.path()).unwrap();
    let error = SqliteJournal::open(&place.path(), HISTORY_MAX).unwrap_err();
    assert!(matches!(error, OpenError::Journal { .. }), "{error:?}");
    assert_eq!(place.files(), ["journal.db"], "a directory in its place is not moved");
}
