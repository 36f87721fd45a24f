//! A disk that is full, a disk that fails, a clock that leaps: under a running daemon, and for real.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "tests report by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use portus_client::Client;
use portus_core::EndReason;
use portus_os::place::Home;
use portus_proto::{Lease, What};
use portus_tests::{Rig, Said, alone, native, torture};
use serde_json::Value;

/// Kills the rig's daemon, outright.
fn kill_daemon(rig: &Rig) {
    assert!(torture::kill_daemon(&Home::at(rig.home())), "there is no daemon to kill");
}

/// The ports of all live leases, by service.
fn listed(rig: &Rig) -> BTreeMap<String, u64> {
    let listing = rig.json(&rig.work(), ["list", "--all", "--json"]);
    let leases = listing["leases"].as_array().unwrap();
    let ports: BTreeSet<u64> = leases.iter().map(|lease| lease["port"].as_u64().unwrap()).collect();
    assert_eq!(ports.len(), leases.len(), "a port is leased twice: {listing}");
    leases.iter().map(|lease| (lease["service"].as_str().unwrap().into(), lease["port"].as_u64().unwrap())).collect()
}

/// A disk of one megabyte in place of the rig's home, seen by this process and its children only.
struct SmallDisk<'a>(&'a Rig);

impl<'a> SmallDisk<'a> {
    fn mount(rig: &'a Rig) -> Self {
        let config = rig.home().join("config.toml");
        let settings = fs::read(&config).unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=1m,mode=700", "tmpfs"]).arg(rig.home());
        assert!(mount.status().unwrap().success());
        fs::write(config, settings).unwrap();
        Self(rig)
    }

    fn filler(&self) -> PathBuf {
        self.0.home().join("filler")
    }

    fn fill(&self) {
        use std::io::Write as _;
        let mut filler = fs::OpenOptions::new().create(true).append(true).open(self.filler()).unwrap();
        for block in [65_536, 4_096, 1] {
            while filler.write_all(&vec![0; block]).is_ok() {}
        }
    }

    fn clear(&self) {
        fs::remove_file(self.filler()).unwrap();
    }
}

impl Drop for SmallDisk<'_> {
    fn drop(&mut self) {
        let _ = self.0.say(&self.0.work(), ["daemon", "stop"]);
        let _ = Command::new("umount").arg("--lazy").arg(self.0.home()).status();
    }
}

/// What a request is told when it cannot be written down.
fn assert_journal_failed(said: Said) {
    let error = &said.ended_with(1).json()["error"];
    assert_eq!(error["code"], "journal_failed", "{error}");
    assert!(error["message"].as_str().unwrap().contains("the disk is full"), "{error}");
    assert!(error["hint"].as_str().unwrap().contains("make room"), "{error}");
}

#[test]
fn a_full_disk_refuses_changes_and_nothing_else() {
    if !alone::in_own_mounts("a_full_disk_refuses_changes_and_nothing_else") {
        return;
    }
    let rig = Rig::new();
    let (disk, dir) = (SmallDisk::mount(&rig), rig.directory("app"));
    let port = rig.say(&dir, ["request", "web"]).good().port();
    let daemon = rig.daemon_pid().unwrap();
    let before = listed(&rig);
    disk.fill();
    for number in 0..20 {
        assert_journal_failed(rig.say(&dir, ["request", &format!("full-{number}"), "--json"]));
    }
    assert_journal_failed(rig.say(&dir, ["release", "web", "--json"]));
    assert_eq!(listed(&rig), before);
    assert_eq!(rig.say(&dir, ["get", "web"]).good().port(), port);
    assert_eq!(rig.say(&dir, ["request", "web"]).good().port(), port, "what is there needs nothing written");
    assert_eq!(rig.daemon_pid(), Some(daemon), "it has never ended");

    // Even one that starts on a full disk knows what is leased, and says why there is no more.
    kill_daemon(&rig);
    assert_eq!(listed(&rig), before);
    let daemon = rig.daemon_pid().unwrap();
    assert_journal_failed(rig.say(&dir, ["request", "full", "--json"]));

    disk.clear();
    rig.say(&dir, ["request", "after"]).good();
    rig.say(&dir, ["release", "web"]).good();
    assert_eq!(rig.daemon_pid(), Some(daemon), "nobody has to start it again");
    kill_daemon(&rig);
    assert_eq!(listed(&rig).into_keys().collect::<Vec<_>>(), ["after"]);
}

#[test]
fn a_disk_that_is_full_now_and_then_loses_nothing_acknowledged() {
    if !alone::in_own_mounts("a_disk_that_is_full_now_and_then_loses_nothing_acknowledged") {
        return;
    }
    let rig = Rig::new();
    let (disk, dir) = (SmallDisk::mount(&rig), rig.directory("app"));
    rig.say(&dir, ["daemon", "start"]).good();
    let daemon = rig.daemon_pid();
    disk.fill();
    assert_journal_failed(rig.say(&dir, ["request", "first", "--json"]));
    let (acknowledged, refused, working) = (Mutex::new(BTreeMap::new()), AtomicUsize::new(0), AtomicUsize::new(4));
    std::thread::scope(|scope| {
        for client in 0..4 {
            let (rig, dir, acknowledged, refused, working) = (&rig, &dir, &acknowledged, &refused, &working);
            scope.spawn(move || {
                for number in 0..20 {
                    let service = format!("s{client}-{number}");
                    let said = rig.say(dir, ["request", &service, "--json"]);
                    if said.code == 0 {
                        let port = said.json()["leases"][0]["port"].as_u64().unwrap();
                        acknowledged.lock().unwrap().insert(service, port);
                    } else {
                        refused.fetch_add(1, Ordering::Relaxed);
                        assert_journal_failed(said);
                    }
                }
                working.fetch_sub(1, Ordering::Relaxed);
            });
        }
        while working.load(Ordering::Relaxed) > 0 {
            disk.clear();
            rig.say(&dir, ["request", "room"]).good();
            disk.fill();
            assert_journal_failed(rig.say(&dir, ["request", "first", "--json"]));
        }
    });
    disk.clear();
    assert_eq!(rig.daemon_pid(), daemon);
    kill_daemon(&rig);
    let mut acknowledged = acknowledged.into_inner().unwrap();
    assert!(refused.into_inner() + acknowledged.len() == 80 && !acknowledged.is_empty(), "{acknowledged:?}");
    acknowledged.insert("room".to_owned(), u64::from(rig.say(&dir, ["get", "room"]).good().port()));
    assert_eq!(listed(&rig), acknowledged);
}

/// A disk that can be made to fail under one rig's daemon.
struct FaultyDisk<'a> {
    rig: &'a Rig,
    dir: PathBuf,
    library: PathBuf,
}

impl<'a> FaultyDisk<'a> {
    fn new(rig: &'a Rig) -> Self {
        Self { rig, dir: rig.directory("app"), library: native::library(&rig.work(), "disk.c") }
    }

    fn trigger(&self) -> PathBuf {
        self.rig.work().join("trigger")
    }

    fn failures(&self) -> u64 {
        fs::metadata(self.rig.work().join("failures")).map_or(0, |file| file.len())
    }

    /// Runs a command; a daemon that it starts has this disk.
    fn say(&self, arguments: &[&str]) -> Said {
        let mut command = self.rig.portus(&self.dir, arguments);
        command.env("LD_PRELOAD", &self.library);
        command.env("FAULT_TRIGGER", self.trigger()).env("FAULT_COUNT", self.rig.work().join("failures"));
        Said::from(command.output().unwrap())
    }

    /// Arms it: this is how it will fail.
    fn arm(&self, how: &str) {
        fs::write(self.trigger(), how).unwrap();
    }
}

/// More writes than any commit of one request needs.
const WRITES_MAX: usize = 200;

#[test]
fn a_write_that_fails_at_any_place_loses_and_doubles_nothing() {
    let rig = Rig::new();
    let disk = FaultyDisk::new(&rig);
    let mut acknowledged: BTreeMap<String, u64> = BTreeMap::new();
    let mut ids: BTreeSet<u64> = BTreeSet::new();
    disk.say(&["daemon", "start"]).good();
    for how in ["write", "refuse"] {
        for after in 0.. {
            assert!(after < WRITES_MAX, "a request does not come to an end of its writes");
            let service = format!("{how}-{after}");
            disk.arm(&format!("{how} {after}"));
            let daemon = rig.daemon_pid();
            let said = disk.say(&["request", &service, "--json"]);
            let has_failed = !disk.trigger().exists();
            if has_failed {
                let error = &said.ended_with(1).json()["error"];
                assert!(["internal", "journal_failed"].contains(&error["code"].as_str().unwrap()), "{error}");
                assert!(!error["hint"].as_str().unwrap().is_empty(), "{error}");
            } else {
                said.good();
                fs::remove_file(disk.trigger()).unwrap();
            }
            // Whatever became of the first request, there is one lease now.
            let answer = disk.say(&["request", &service, "--json"]).good().json();
            let lease = &answer["leases"][0];
            assert!(ids.insert(lease["id"].as_u64().unwrap()), "a number is given again: {lease}");
            acknowledged.insert(service, lease["port"].as_u64().unwrap());
            assert_eq!(listed(&rig), acknowledged, "after {how} {after}");
            if !has_failed {
                assert_eq!(rig.daemon_pid(), daemon);
                assert!(after > 2, "a request writes {after} times only: was the right file watched?");
                break;
            }
        }
    }
    assert_eq!(disk.failures() as usize, acknowledged.len() - 2, "one failure in each round but the last");
    kill_daemon(&rig);
    assert_eq!(listed(&rig), acknowledged);
}

#[test]
fn a_disk_that_never_syncs_loses_nothing_to_a_kill() {
    let rig = Rig::new();
    let disk = FaultyDisk::new(&rig);
    disk.say(&["daemon", "start"]).good();
    let daemon = rig.daemon_pid();
    disk.arm("sync 0");
    // So many commits that the journal's log is to be copied into its database, which syncs.
    let mut client = torture::client::connect(&Home::at(rig.home()), Path::new("/nowhere")).unwrap();
    for _ in 0..100 {
        for service in 0..torture::client::SERVICES {
            let lease = torture::client::ask(&mut client, (1, service)).unwrap();
            torture::client::give_back(&mut client, (1, service), lease).unwrap();
        }
    }
    let lease = torture::client::ask(&mut client, (1, 0)).unwrap();
    drop(client);
    assert_eq!(rig.daemon_pid(), daemon);
    kill_daemon(&rig);
    disk.say(&["request", "web"]).good();
    // It closes its journal, which syncs as well.
    disk.say(&["daemon", "stop"]).good();
    assert!(disk.failures() > 0, "nothing was ever synced");
    fs::remove_file(disk.trigger()).unwrap();
    let listing = rig.json(&disk.dir, ["list", "--all", "--json"]);
    let ids: Vec<&Value> = listing["leases"].as_array().unwrap().iter().map(|lease| &lease["id"]).collect();
    assert!(ids.len() == 2 && ids.contains(&&Value::from(lease)), "{lease} is not in {listing}");
}

const HOUR: i64 = 3_600;
const TEN_YEARS: i64 = 10 * 365 * 24 * HOUR;
const TTL: Duration = Duration::from_millis(500);

/// The year in which a lease was granted, as people are shown it.
fn year_of(listing: &Value, service: &str) -> i64 {
    let mut leases = listing["leases"].as_array().unwrap().iter();
    let lease = leases.find(|lease| lease["service"] == service).unwrap_or_else(|| panic!("{service}: {listing}"));
    lease["granted_at"].as_str().unwrap()[..4].parse().unwrap()
}

#[test]
fn leases_end_by_the_clock_that_nobody_sets() {
    let rig = Rig::new();
    let (dir, offset) = (rig.directory("app"), rig.work().join("offset"));
    let library = native::library(&rig.work(), "clock.c");
    let command = |arguments: &[&str]| {
        let mut command = rig.portus(&dir, arguments);
        command.env("LD_PRELOAD", &library).env("CLOCK_OFFSET", &offset);
        command
    };
    let say = |arguments: &[&str]| Said::from(command(arguments).output().unwrap()).good();
    let long = say(&["request", "long", "--ttl", "1h"]).port();
    let pending = say(&["request", "pending"]).port();
    let this_year = year_of(&rig.json(&dir, ["list", "--json"]), "long");
    let mut watch = torture::client::connect(&Home::at(rig.home()), Path::new("/nowhere")).unwrap();
    watch.subscribe().unwrap();
    for step in [HOUR, -HOUR, TEN_YEARS, -TEN_YEARS, 0, -7 * TEN_YEARS, 5 * TEN_YEARS] {
        fs::write(&offset, step.to_string()).unwrap();
        let begun = Instant::now();
        say(&["request", "short", "--ttl", "500ms"]);
        let listing = rig.json(&dir, ["list", "--json"]);
        // Times are shown by the wall's clock, which shows that it was set; before 1970 it counts as 1970.
        let expected = (this_year + step / (TEN_YEARS / 10)).max(1970);
        let shown = year_of(&listing, "short");
        assert!((shown - expected).abs() <= 1, "by {step} s: shown {shown}, expected about {expected}");
        let short = next_end(&mut watch);
        assert_eq!((short.service.as_str(), short.ended.unwrap().reason), ("short", EndReason::Expired));
        assert!(begun.elapsed() >= TTL, "by {step} s: it ended after {:?}", begun.elapsed());
        let left = listed(&rig);
        assert_eq!(left, [("long".into(), long.into()), ("pending".into(), pending.into())].into(), "by {step} s");
    }
    // So does a daemon that starts on another day than the one before it.
    kill_daemon(&rig);
    fs::write(&offset, TEN_YEARS.to_string()).unwrap();
    assert_eq!(say(&["get", "long"]).port(), long);
    assert_eq!(listed(&rig).len(), 2);
}

/// The next lease whose end is told.
fn next_end(watch: &mut Client) -> Lease {
    loop {
        let event = watch.next_event(Duration::from_secs(30)).unwrap().expect("nothing ends");
        if let What::Ended(lease) = event.what {
            return lease;
        }
    }
}
