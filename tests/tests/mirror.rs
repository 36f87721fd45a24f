//! `.ports.json`: a worktree's leases as a file, kept true by the daemon.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "tests report by panicking")]

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

use portus_proto::ports_json::{self, PortsJson};
use portus_tests::{Rig, Running};

const FILE: &str = ".ports.json";

/// Listens on its port, says its process, and goes on until its input ends.
const SERVER: &str = "import os, socket, sys
s = socket.create_server(('127.0.0.1', int(os.environ['PORT']))); print(os.getpid(), flush=True)
sys.stdin.read()";

/// A directory whose project wants a mirror.
fn mirrored(rig: &Rig, name: &str) -> PathBuf {
    let dir = rig.directory(name);
    configure(&dir);
    dir
}

fn configure(dir: &Path) {
    std::fs::write(dir.join("portus.toml"), "[mirror]\nports_json = \".ports.json\"\n").unwrap();
}

#[track_caller]
fn read(dir: &Path) -> PortsJson {
    let bytes = std::fs::read(dir.join(FILE)).unwrap();
    ports_json::parse(&bytes).unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&bytes)))
}

/// The services with their ports.
#[track_caller]
fn ports(dir: &Path) -> Vec<(String, u16)> {
    read(dir).allocations.into_iter().map(|(name, allocation)| (name, allocation.port.number())).collect()
}

/// A daemon that is stopped first ends the writes that it has begun, and begins no others.
fn settle(rig: &Rig) {
    rig.say(&rig.work(), ["daemon", "stop"]).good();
}

fn kill(pid: u32) {
    assert!(Command::new("kill").args(["-9", &pid.to_string()]).status().unwrap().success());
}

fn next(watch: &mut Running) -> String {
    let line = watch.line();
    assert!(!line.is_empty(), "the stream of events has ended");
    line
}

#[test]
fn it_says_who_has_which_port_and_follows_every_change() {
    let rig = Rig::new();
    let dir = mirrored(&rig, "app");
    let web = rig.say(&dir, ["request", "web"]).good().port();
    let api = rig.say(&dir, ["request", "api"]).good().port();
    assert_eq!(ports(&dir), [("api".to_owned(), api), ("web".to_owned(), web)]);
    let text = std::fs::read_to_string(dir.join(FILE)).unwrap();
    assert!(text.contains("\"version\"") && text.contains("\"updated\"") && text.ends_with("}\n"), "{text}");
    rig.say(&dir, ["release", "web"]).good();
    settle(&rig);
    assert_eq!(ports(&dir), [("api".to_owned(), api)]);
    assert_eq!(std::fs::read_dir(&dir).unwrap().count(), 2, "nothing else lies there");
}

#[test]
fn a_server_shows_with_its_process_and_goes_with_its_holder() {
    let rig = Rig::new();
    let dir = mirrored(&rig, "app");
    let mut holder = rig.portus(&dir, ["run", "-s", "web", "--", "python3", "-c", SERVER]);
    // Its own input stays open for as long as this test wants.
    let mut holder = holder.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let port = rig.say(&dir, ["get", "web", "--wait", "20s"]).good().port();
    settle(&rig);
    let listed = rig.json(&dir, ["list", "--json"]);
    let web = read(&dir).allocations["web"].clone();
    assert_eq!(web.port.number(), port);
    let server = web.pid.unwrap();
    assert_ne!(server, holder.id(), "{listed}");
    assert_eq!(web.host.as_deref(), Some("localhost"));

    let mut watch = Running::start(rig.portus(&dir, ["watch", "--json", "-v"]));
    assert!(watch.error_line().contains("watching"));
    // Nobody is left to say so.
    kill(holder.id());
    kill(server);
    holder.wait().unwrap();
    while !next(&mut watch).contains("\"ended\":{\"reason\"") {}
    settle(&rig);
    assert_eq!(ports(&dir), []);
}

#[test]
fn a_daemon_that_was_killed_finds_the_file_again() {
    let rig = Rig::new();
    let dir = mirrored(&rig, "app");
    let mut holder = Command::new("sh").args(["-c", "read x"]).stdin(Stdio::piped()).spawn().unwrap();
    rig.say(&dir, ["request", "web", "--pid", &holder.id().to_string()]).good();
    let api = rig.say(&dir, ["request", "api"]).good().port();
    assert_eq!(read(&dir).allocations["web"].pid, Some(holder.id()));
    kill(rig.daemon_pid().unwrap());
    holder.kill().unwrap();
    holder.wait().unwrap();
    std::fs::remove_file(dir.join(FILE)).unwrap();
    // From elsewhere, so that nobody names the mirror again.
    let elsewhere = rig.directory("elsewhere");
    let mut watch = Running::start(rig.portus(&elsewhere, ["watch", "--json", "-v"]));
    assert!(watch.error_line().contains("watching"));
    while rig.json(&elsewhere, ["list", "--all", "--json"])["leases"].as_array().unwrap().len() > 1 {
        next(&mut watch);
    }
    settle(&rig);
    assert_eq!(ports(&dir), [("api".to_owned(), api)]);
}

#[test]
fn what_cannot_be_read_is_set_aside_and_told() {
    let rig = Rig::new();
    let dir = mirrored(&rig, "app");
    std::fs::write(dir.join(FILE), "{\"allocations\": {\"web\": {\"port\": 30").unwrap();
    let said = rig.say(&dir, ["request", "web"]).good();
    assert!(said.stderr.contains(".ports.json.backup"), "{}", said.stderr);
    let backup = std::fs::read_to_string(dir.join(".ports.json.backup")).unwrap();
    assert_eq!(backup, "{\"allocations\": {\"web\": {\"port\": 30");
    let again = rig.say(&dir, ["request", "web"]).good();
    assert!(!again.stderr.contains("backup"), "told once: {}", again.stderr);
    assert_eq!(ports(&dir), [("web".to_owned(), again.port())]);
}

#[test]
fn the_file_of_an_earlier_registry_is_not_lost() {
    let rig = Rig::new();
    let dir = mirrored(&rig, "app");
    let theirs = "{\"version\": \"1.0\", \"allocations\": {\"governance\": {\"port\": 8001}}}";
    std::fs::write(dir.join(FILE), theirs).unwrap();
    let said = rig.say(&dir, ["request", "web"]).good();
    assert!(said.stderr.contains("portus import"), "{}", said.stderr);
    assert_eq!(std::fs::read_to_string(dir.join(".ports.json.backup")).unwrap(), theirs);
}

#[test]
fn another_programs_file_is_kept_whenever_it_is_put_there() {
    let rig = Rig::new();
    let dir = mirrored(&rig, "app");
    let first = rig.say(&dir, ["request", "web"]).good();
    assert!(!first.stderr.contains("backup"), "{}", first.stderr);
    let theirs = |port: u16| format!("{{\"allocations\": {{\"governance\": {{\"port\": {port}}}}}}}");
    std::fs::write(dir.join(FILE), theirs(8001)).unwrap();
    let said = rig.say(&dir, ["request", "api"]).good();
    assert!(said.stderr.contains("somebody else"), "{}", said.stderr);
    assert_eq!(std::fs::read_to_string(dir.join(".ports.json.backup")).unwrap(), theirs(8001));
    // The next daemon knows what the one before has written.
    settle(&rig);
    rig.say(&dir, ["request", "db"]).good();
    settle(&rig);
    assert!(!dir.join(".ports.json.backup.2").exists(), "its own is not kept");
    std::fs::write(dir.join(FILE), theirs(8002)).unwrap();
    rig.say(&dir, ["request", "cache"]).good();
    assert_eq!(std::fs::read_to_string(dir.join(".ports.json.backup.2")).unwrap(), theirs(8002));
    assert_eq!(ports(&dir).len(), 4);
}

#[test]
fn a_symlink_is_refused_and_told_and_keeps_nobody_from_a_port() {
    let rig = Rig::new();
    let dir = mirrored(&rig, "app");
    let treasure = rig.work().join("treasure-ports.json");
    std::fs::write(&treasure, "kept").unwrap();
    symlink(&treasure, dir.join(FILE)).unwrap();
    let said = rig.say(&dir, ["request", "web"]).good();
    assert!(said.stderr.contains("symlink"), "{}", said.stderr);
    std::fs::remove_file(dir.join(FILE)).unwrap();
    // Nor is a directory followed.
    std::fs::create_dir(rig.work().join("outside")).unwrap();
    symlink(rig.work().join("outside"), dir.join("sub")).unwrap();
    std::fs::write(dir.join("portus.toml"), "[mirror]\nports_json = \"sub/ports.json\"\n").unwrap();
    let said = rig.say(&dir, ["request", "api"]).good();
    assert!(said.stderr.contains("symlink"), "{}", said.stderr);
    settle(&rig);
    assert_eq!(std::fs::read_to_string(treasure).unwrap(), "kept");
    assert_eq!(std::fs::read_dir(rig.work().join("outside")).unwrap().count(), 0);
}

#[test]
fn each_worktree_has_its_own() {
    let rig = Rig::new();
    let shop = rig.repository("shop");
    let feature = shop.worktree("feature");
    configure(shop.path());
    configure(&feature);
    let main = rig.say(shop.path(), ["request", "web"]).good().port();
    let linked = rig.say(&feature, ["request", "web"]).good().port();
    assert_ne!(main, linked);
    assert_eq!(ports(shop.path()), [("web".to_owned(), main)]);
    assert_eq!(ports(&feature), [("web".to_owned(), linked)]);
}

#[test]
fn a_mirror_that_is_configured_no_more_is_left_as_it_is() {
    let rig = Rig::new();
    let dir = mirrored(&rig, "app");
    let web = rig.say(&dir, ["request", "web"]).good().port();
    std::fs::remove_file(dir.join("portus.toml")).unwrap();
    // The first request without it gives the mirror up, and may have been written there yet.
    rig.say(&dir, ["request", "api"]).good();
    rig.say(&dir, ["daemon", "stop"]).good();
    let left = ports(&dir);
    assert!(left.contains(&("web".to_owned(), web)), "{left:?}");
    rig.say(&dir, ["release", "web"]).good();
    settle(&rig);
    assert_eq!(ports(&dir), left);
}

#[test]
fn a_worktree_that_is_gone_has_none_any_more() {
    let rig = Rig::new();
    let dir = mirrored(&rig, "app");
    rig.say(&dir, ["request", "web"]).good();
    std::fs::remove_dir_all(&dir).unwrap();
    rig.say(&rig.work(), ["daemon", "restart"]).good();
    settle(&rig);
    let log = std::fs::read_to_string(rig.home().join("daemon.log")).unwrap();
    assert!(log.contains("its mirror with it"), "{log}");
    assert!(!dir.exists());
}

#[test]
fn whoever_reads_it_at_any_moment_reads_a_whole_one() {
    let rig = Rig::new();
    let dir = mirrored(&rig, "app");
    rig.say(&dir, ["request", "first"]).good();
    let done = AtomicBool::new(false);
    let reads = std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut reads = 0_u32;
            while !done.load(Ordering::Relaxed) {
                assert!(read(&dir).allocations.contains_key("first"));
                reads += 1;
            }
            reads
        });
        let services: Vec<String> = (1..=20).map(|number| format!("web.{number}")).collect();
        let asked: Vec<_> = services.iter().map(|name| Running::start(rig.portus(&dir, ["request", name]))).collect();
        for request in asked {
            let _ = request.wait().good();
        }
        done.store(true, Ordering::Relaxed);
        reader.join().unwrap()
    });
    assert!(reads > 0);
    assert_eq!(ports(&dir).len(), 21);
}
