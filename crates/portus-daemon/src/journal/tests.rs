//! Tests of the journal on real files.

mod breaks;
mod history;

use std::path::{Path, PathBuf};

use super::*;
use portus_core::{
    BootId, Broker, Claim, EndReason, Key, Lease, LeaseId, LeaseState, Moment, Policy, Port, Protocol, Requester,
    Timestamp,
};
use tempfile::TempDir;

const HISTORY_MAX: usize = 100;

struct Place {
    dir: TempDir,
}

impl Place {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("journal.db")
    }

    fn open(&self) -> SqliteJournal {
        SqliteJournal::open(&self.path(), HISTORY_MAX).unwrap()
    }

    /// The names of the files, in order.
    fn files(&self) -> Vec<String> {
        let files = std::fs::read_dir(self.dir.path()).unwrap();
        let mut names: Vec<_> = files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// What another process would find if this one died at this moment.
    fn as_if_killed(&self) -> Self {
        let copy = Self::new();
        for name in self.files().iter().filter(|name| !name.ends_with("-shm")) {
            std::fs::copy(self.dir.path().join(name), copy.dir.path().join(name)).unwrap();
        }
        copy
    }
}

fn policy() -> Policy {
    Policy { history_max: HISTORY_MAX, ..Policy::default() }
}

fn recover(journal: &mut SqliteJournal) -> Broker {
    let mut broker = Broker::new(policy());
    journal.load(&mut |change| broker.evolve(&change)).unwrap();
    broker
}

fn keep(journal: &mut SqliteJournal, changes: &[Change]) {
    journal.append(changes).unwrap();
    journal.commit().unwrap();
}

fn key(number: u16) -> Key {
    let service = format!("web.{number}").parse().unwrap();
    Key { project: "shop".into(), worktree: format!("/home/ann/shop/{}", number % 10).into(), service }
}

fn port(number: u16) -> Port {
    Port::new(20_000 + number).unwrap()
}

fn lease(id: u64, number: u16) -> Lease {
    Lease {
        id: LeaseId(id),
        key: key(number),
        port: port(number),
        protocol: Protocol::Tcp,
        state: LeaseState::Pending { until: Some(Timestamp(300_000 + id)) },
        holder: None,
        orphaned: false,
        requester: Requester { pid: Some(7), command: "agent".into(), session: None, client: Some("x".into()) },
        watched: std::collections::BTreeSet::new(),
        guard: None,
        ttl: None,
        contested: false,
        drifted_to: None,
        granted_at: Timestamp(1_800_000_000_000),
    }
}

fn granted(id: u64, number: u16) -> Change {
    Change::Granted { lease: Box::new(lease(id, number)), cool_until: None }
}

fn claimed(number: u16, last_used: u64) -> Change {
    let (pinned, missing_since) = (false, None);
    let last_used = Timestamp(last_used);
    Change::Claimed {
        claim: Claim {
            key: key(number),
            port: port(number),
            protocol: Protocol::Tcp,
            pinned,
            last_used,
            missing_since,
        },
    }
}

fn ended(id: u64, awake: u64) -> Change {
    let at = Moment { awake: Timestamp(awake), wall: Timestamp(1_800_000_000_000 + awake) };
    Change::Ended { lease: LeaseId(id), reason: EndReason::Released, at, cool_until: Timestamp(awake + 60_000) }
}

fn ids(broker: &Broker) -> Vec<u64> {
    broker.live_leases().map(|lease| lease.id.0).collect()
}

#[test]
fn a_new_journal_is_an_empty_ledger_with_a_name_of_its_own() {
    let place = Place::new();
    let mut journal = place.open();
    assert_eq!(recover(&mut journal).as_history(), Broker::new(policy()).as_history());
    let uuid = journal.uuid().to_owned();
    assert_eq!(uuid.len(), 36);
    let groups: Vec<usize> = uuid.split('-').map(str::len).collect();
    assert_eq!(groups, [8, 4, 4, 4, 12], "{uuid}");
    assert!(uuid.chars().all(|c| c == '-' || c.is_ascii_digit() || ('a'..='f').contains(&c)), "{uuid}");
    assert!(uuid[14..].starts_with('4') && uuid[19..].starts_with(['8', '9', 'a', 'b']), "not a random one: {uuid}");
    drop(journal);
    assert_eq!(place.open().uuid(), uuid, "the name stays");
    assert_ne!(Place::new().open().uuid(), uuid, "another journal has another");
    assert_eq!(place.files(), ["journal.db"]);
}

#[test]
fn what_is_committed_stays_and_what_is_not_is_gone() {
    let place = Place::new();
    let mut journal = place.open();
    keep(&mut journal, &[granted(1, 1), claimed(1, 5)]);
    journal.append(&[granted(2, 2)]).unwrap();
    journal.append(&[granted(3, 3)]).unwrap();
    assert_eq!(ids(&recover(&mut place.as_if_killed().open())), [1], "after a kill");
    drop(journal);
    assert_eq!(ids(&recover(&mut place.open())), [1], "after the connection was closed");
}

#[test]
fn a_rollback_takes_back_all_since_the_last_commit() {
    let place = Place::new();
    let mut journal = place.open();
    journal.rollback().unwrap();
    journal.commit().unwrap();
    keep(&mut journal, &[granted(1, 1)]);
    journal.append(&[granted(2, 2), ended(1, 10)]).unwrap();
    journal.rollback().unwrap();
    assert_eq!(ids(&recover(&mut journal)), [1]);
    keep(&mut journal, &[granted(2, 2)]);
    assert_eq!(ids(&recover(&mut journal)), [1, 2]);
}

#[test]
fn only_so_much_of_the_past_is_kept_and_no_number_is_given_twice() {
    let place = Place::new();
    let mut journal = place.open();
    let mut broker = Broker::new(policy());
    let old = [granted(1, 60), claimed(60, 1)];
    old.iter().for_each(|change| broker.evolve(change));
    keep(&mut journal, &old);
    for id in 2..=1_000_u64 {
        if id == 950 {
            broker.evolve(&ended(1, 950));
            keep(&mut journal, &[ended(1, 950)]);
        }
        let number = u16::try_from(id % 50).unwrap();
        let changes = [granted(id, number), claimed(number, id), ended(id, id)];
        changes.iter().for_each(|change| broker.evolve(change));
        keep(&mut journal, &changes);
    }
    let rows = |journal: &SqliteJournal| {
        journal.db.query_row("SELECT count(*) FROM lease", [], |row| row.get::<_, i64>(0)).unwrap()
    };
    let count = usize::try_from(rows(&journal)).unwrap();
    assert!((HISTORY_MAX..HISTORY_MAX + write::TRIM_COUNT).contains(&count), "{count}");
    let recovered = recover(&mut journal);
    assert_eq!(recovered.ended_leases().len(), HISTORY_MAX);
    assert!(recovered.lease(LeaseId(1)).is_some(), "granted long ago, but ended just before");
    assert_eq!(recovered.as_history(), broker.as_history());
    drop(journal);

    let mut forgetful = SqliteJournal::open(&place.path(), 0).unwrap();
    recover(&mut forgetful);
    keep(&mut forgetful, &[granted(1_001, 1), ended(1_001, 2_000)]);
    assert_eq!(rows(&forgetful), 0, "nothing of the past is kept");
    assert!(recover(&mut forgetful).as_history().contains(&Change::Numbered { next: LeaseId(1_002) }));
}

#[test]
fn a_busy_journal_stays_small() {
    let place = Place::new();
    let mut journal = place.open();
    for id in 1..=5_000_u64 {
        let number = u16::try_from(id % 200).unwrap();
        keep(&mut journal, &[granted(id, number), claimed(number, id)]);
        keep(&mut journal, &[ended(id, id)]);
    }
    let files = std::fs::read_dir(place.dir.path()).unwrap();
    let bytes: u64 = files.map(|file| file.unwrap().metadata().unwrap().len()).sum();
    assert!(bytes < 16 << 20, "{bytes} bytes");
    let killed = place.as_if_killed();
    assert_eq!(recover(&mut killed.open()).as_history(), recover(&mut journal).as_history());
}

#[test]
fn a_claim_moves_with_its_key_and_ousts_another() {
    let place = Place::new();
    let mut journal = place.open();
    let moved = |number, to| match claimed(number, 9) {
        Change::Claimed { claim } => Change::Claimed { claim: Claim { port: port(to), ..claim } },
        other => other,
    };
    let changes = [claimed(1, 5), claimed(2, 5), moved(1, 3), moved(3, 2), claimed(4, 1), claimed(4, 2)];
    keep(&mut journal, &changes);
    let broker = recover(&mut journal);
    let claims: Vec<_> = broker.claims().map(|claim| (claim.key.clone(), claim.port, claim.last_used.0)).collect();
    assert_eq!(claims, [(key(1), port(3), 9), (key(3), port(2), 9), (key(4), port(4), 2)]);
    assert_eq!(broker.as_history(), Broker::from_history(policy(), changes).as_history());
}

#[test]
fn texts_are_in_memory_once() {
    let place = Place::new();
    let mut journal = place.open();
    keep(&mut journal, &[granted(1, 1), claimed(1, 5), granted(2, 11)]);
    let broker = recover(&mut journal);
    let (one, two) = (broker.lease(LeaseId(1)).unwrap(), broker.lease(LeaseId(2)).unwrap());
    assert!(std::sync::Arc::ptr_eq(&one.key.worktree, &two.key.worktree));
    let claim = broker.claim_of(&one.key).unwrap();
    assert!(std::ptr::eq(claim.key.service.as_str(), one.key.service.as_str()));
}

#[test]
fn whatever_fits_into_the_types_fits_into_the_rows() {
    let place = Place::new();
    let mut journal = place.open();
    let process = portus_core::ProcessIdentity { pid: u32::MAX, birth: u64::MAX, boot: BootId(u128::MAX - 1) };
    let mut odd = lease(7, 7);
    odd.key.worktree = "/tmp/\u{1F980} 'quoted' \"; DROP TABLE lease; --\n".into();
    odd.port = Port::MAX;
    odd.holder = Some(portus_core::Holder { process, command: "".into() });
    odd.watched = [process, portus_core::ProcessIdentity { pid: 0, ..process }].into();
    odd.ttl = Some(portus_core::Ttl { span: portus_core::Span(u64::MAX), until: Timestamp(u64::MAX) });
    let changes = [
        Change::Booted { boot: BootId(u128::MAX) },
        Change::Numbered { next: LeaseId(1 << 62) },
        Change::Granted { lease: Box::new(odd), cool_until: None },
    ];
    keep(&mut journal, &changes);
    assert_eq!(recover(&mut journal).as_history(), Broker::from_history(policy(), changes).as_history());
}

fn bytes(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap()
}

#[test]
fn a_statement_is_prepared_once() {
    let place = Place::new();
    let mut journal = place.open();
    for id in 1..=5 {
        keep(&mut journal, &[granted(id, 1), ended(id, id)]);
    }
    let statement = journal.db.prepare_cached(write::ENDED).unwrap();
    assert_eq!(statement.get_status(rusqlite::StatementStatus::Run), 5);
    assert_eq!(statement.get_status(rusqlite::StatementStatus::RePrepare), 0, "for other values bound to it");
}

#[test]
fn mirrors_are_kept_beside_the_ledger_from_the_second_format_on() {
    let place = Place::new();
    let first = Connection::open(place.path()).unwrap();
    first.execute_batch(include_str!("schema/1.sql")).unwrap();
    first.pragma_update(None, "user_version", 1).unwrap();
    drop(first);
    let mut journal = place.open();
    assert_eq!(journal.mirrors().unwrap(), []);
    journal.set_mirror("/shop", Some(".ports.json")).unwrap();
    journal.set_mirror("/blog", Some("a/ports.json")).unwrap();
    journal.set_mirror("/shop", Some("b/ports.json")).unwrap();
    journal.set_mirror("/blog", None).unwrap();
    journal.set_mirror("/blog", None).unwrap();
    keep(&mut journal, &[granted(1, 1)]);
    let known = place.as_if_killed().open().mirrors().unwrap();
    let shop = KnownMirror { worktree: "/shop".to_owned(), path: "b/ports.json".to_owned(), written: None };
    assert_eq!(known, [shop]);
}

#[test]
fn what_was_last_written_as_a_mirror_is_known_until_it_lies_elsewhere() {
    let place = Place::new();
    let mut journal = place.open();
    let written = |journal: &SqliteJournal| journal.mirrors().unwrap().into_iter().map(|known| known.written).next();
    journal.set_mirror("/shop", Some("a/ports.json")).unwrap();
    assert_eq!(written(&journal), Some(None));
    journal.set_mirror_written("/shop", u64::MAX).unwrap();
    journal.set_mirror_written("/gone", 7).unwrap();
    drop(journal);
    let mut journal = place.open();
    assert_eq!(written(&journal), Some(Some(u64::MAX)));
    journal.set_mirror("/shop", Some("b/ports.json")).unwrap();
    assert_eq!(written(&journal), Some(None));
    assert_eq!(journal.mirrors().unwrap().len(), 1);
}
