//! A journal cut off at any place: read as far as it is whole, or set aside; never believed by halves.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "tests report by panicking")]

use std::path::{Path, PathBuf};

use portus_core::{
    Ask, BootId, Command, Key, LeaseId, Policy, Port, PortRange, Protocol, Purpose, Request, Requester, Stale,
    Strategy, Survey,
};
use portus_daemon::engine::Engine;
use portus_daemon::engine::toy::{Toy, ToyWorld};
use portus_daemon::journal::SqliteJournal;

const LEASES: u64 = 24;
const HISTORY_MAX: usize = 1_000;
const STEP: usize = 512;

fn request(number: u64) -> Command {
    let key = Key { project: "shop".into(), worktree: "/shop".into(), service: format!("s{number}").parse().unwrap() };
    let ask = Ask {
        key,
        purpose: Purpose::Lease,
        protocol: Protocol::Tcp,
        preferred: None,
        strict: false,
        range: None,
        pool: PortRange::new(Port::new(20_000).unwrap(), Port::new(20_099).unwrap()).unwrap(),
        fallback: None,
        expand: None,
        strategy: Strategy::Sequential,
        exclude: Vec::new(),
    };
    let (requester, survey) = (Requester::default(), Survey::new());
    let (holder, ttl, guard, contiguous, queued) = (None, None, None, false, false);
    let stale = Stale::None;
    let request = Request { asks: vec![ask], contiguous, holder, requester, ttl, guard, queued, stale };
    Command::Request { request, survey }
}

fn start(file: &Path) -> (Engine<SqliteJournal, ToyWorld>, bool) {
    let journal = SqliteJournal::open(file, HISTORY_MAX).unwrap();
    let engine = Engine::start(Policy::default(), journal, Toy::new().world(), BootId(1)).unwrap();
    let aside = engine.journal().aside().is_some();
    (engine, aside)
}

fn live(engine: &Engine<SqliteJournal, ToyWorld>) -> Vec<LeaseId> {
    engine.broker().live_leases().map(|lease| lease.id).collect()
}

/// A journal with leases, as a killed daemon leaves it: the file, and its log of commits.
fn left_behind(dir: &Path) -> (Vec<u8>, Vec<u8>) {
    let file = dir.join("journal.db");
    let (mut engine, _) = start(&file);
    (1..=LEASES).for_each(|number| drop(engine.run(vec![request(number)])));
    let log = std::fs::read(dir.join("journal.db-wal")).unwrap();
    (std::fs::read(&file).unwrap(), log)
}

fn place(dir: &Path, name: &str, database: &[u8], log: &[u8]) -> PathBuf {
    let folder = dir.join(name);
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("journal.db"), database).unwrap();
    std::fs::write(folder.join("journal.db-wal"), log).unwrap();
    folder.join("journal.db")
}

#[test]
fn a_log_that_is_cut_off_gives_the_leases_up_to_there() {
    let dir = tempfile::tempdir().unwrap();
    let (database, log) = left_behind(dir.path());
    let mut seen = Vec::new();
    for cut in (0..=log.len()).step_by(STEP).chain([log.len()]) {
        let file = place(dir.path(), &format!("log-{cut}-{}", seen.len()), &database, &log[..cut]);
        let (mut engine, _) = start(&file);
        let ids = live(&engine);
        let first: Vec<LeaseId> = (1..=ids.len() as u64).map(LeaseId).collect();
        assert_eq!(ids, first, "cut at {cut}: not the oldest leases, without a gap");
        assert!(ids.len() >= seen.last().copied().unwrap_or(0), "cut at {cut}: a longer log gives less");
        seen.push(ids.len());
        assert!(engine.run(vec![request(99)]).answers[0].is_ok(), "cut at {cut}");
    }
    assert_eq!(seen.last(), Some(&usize::try_from(LEASES).unwrap()));
    assert!(seen.windows(2).filter(|pair| pair[0] != pair[1]).count() > 10, "{seen:?}");
}

#[test]
fn a_database_that_is_cut_off_is_set_aside() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("journal.db");
    let (mut engine, _) = start(&file);
    (1..=LEASES).for_each(|number| drop(engine.run(vec![request(number)])));
    drop(engine);
    let whole = std::fs::read(&file).unwrap();
    let mut asides = 0;
    for cut in (STEP..=whole.len()).step_by(STEP) {
        let file = place(dir.path(), &format!("cut-{cut}"), &whole[..cut], &[]);
        let (mut engine, aside) = start(&file);
        let count = live(&engine).len() as u64;
        assert!(if aside { count == 0 } else { count == LEASES }, "cut at {cut}: {count} leases, aside: {aside}");
        asides += u32::from(aside);
        assert!(engine.run(vec![request(99)]).answers[0].is_ok(), "cut at {cut}");
        let kept = std::fs::read_dir(file.parent().unwrap()).unwrap().flatten().any(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            name.contains("broken") && std::fs::read(entry.path()).is_ok_and(|bytes| bytes == whole[..cut])
        });
        assert_eq!(kept, aside, "cut at {cut}: what is set aside is kept as it was");
    }
    assert!(asides > 10, "{asides}");
}
