//! What others on the machine, and files from a clone, must not be able to do: with the real binary.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "tests report by panicking")]

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, chown, lchown, symlink};
use std::path::Path;
use std::process::Command;

use portus_tests::{Rig, Said, alone};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn everything_is_for_this_user_alone_whatever_the_umask() {
    let rig = Rig::new();
    let dir = rig.directory("app");
    let portus = rig.portus(&dir, ["request", "web"]);
    let mut open = Command::new("sh");
    open.args(["-c", "umask 000; exec \"$0\" \"$@\""]).arg(portus.get_program()).args(portus.get_args());
    open.current_dir(&dir).env("HOME", rig.work()).env("PORTUS_HOME", rig.home());
    Said::from(open.output().unwrap()).good();
    assert_eq!(mode(&rig.home()), 0o700);
    // The user's own configuration is the user's to open.
    let entries = fs::read_dir(rig.home()).unwrap().map(|entry| entry.unwrap().path());
    let entries: Vec<_> = entries.filter(|path| !path.ends_with("config.toml")).collect();
    assert!(entries.iter().any(|path| path.ends_with("portus.sock")), "{entries:?}");
    for path in entries {
        assert_eq!(mode(&path) & 0o077, 0, "{} is open to others: {:o}", path.display(), mode(&path));
    }
}

#[test]
fn a_file_from_a_clone_moves_no_cursor() {
    let rig = Rig::new();
    let dir = rig.directory("app");
    fs::write(dir.join("portus.toml"), "[services.\"\\u001b[2J\\u0007\"]\npreferred = 3000\n").unwrap();
    for arguments in [["request", "web"], ["env", "--json"], ["doctor", "--json"]] {
        let said = rig.say(&dir, arguments);
        assert!(!said.stdout.contains(['\u{1b}', '\u{7}']), "{arguments:?}: {:?}", said.stdout);
        assert!(!said.stderr.contains(['\u{1b}', '\u{7}']), "{arguments:?}: {:?}", said.stderr);
    }
}

/// Even one who gets to the socket is asked who they are. (Only root can pretend to be another user.)
#[test]
fn another_user_is_refused() {
    let rig = Rig::new();
    let dir = rig.directory("app");
    rig.say(&dir, ["daemon", "start"]).good();
    if !alone::as_root("another_user_is_refused") {
        return;
    }
    // What only the owner could do, to take the first line of defence away.
    let socket = rig.home().join("portus.sock");
    for (path, mode) in [(rig.home().parent().unwrap(), 0o755), (&rig.home(), 0o755), (&socket, 0o777)] {
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }
    // The checkout may lie where others cannot go.
    let client = rig.home().parent().unwrap().join("client.py");
    fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/protocol/client.py"), &client).unwrap();
    let mut nobody = Command::new("setpriv");
    nobody.args(["--reuid=65534", "--regid=65534", "--clear-groups", "/usr/bin/python3"]).arg(&client).arg(&socket);
    let said = Said::from(nobody.current_dir("/").output().unwrap());
    assert!(said.code != 0 && said.stdout.is_empty(), "{said:?}");
    // It hears so, or finds the connection closed before it has said a word.
    let refused = ["user", "BrokenPipe", "ConnectionReset"].iter().any(|word| said.stderr.contains(word));
    assert!(refused, "{said:?}");
    assert_eq!(rig.json(&dir, ["list", "--all", "--json"])["leases"], serde_json::json!([]));
    rig.say(&dir, ["request", "web"]).good();
}

/// Nobody's number.
const NOBODY: Option<u32> = Some(65_534);

/// What a command says of a home that is not this user's.
fn assert_foreign(said: Said) {
    let error = &said.ended_with(6).json()["error"];
    assert!(error["message"].as_str().unwrap().contains("belongs to user 65534"), "{error}");
    assert!(error["hint"].as_str().unwrap().contains("PORTUS_HOME"), "{error}");
}

/// A daemon that somebody else has prepared is not talked to, and none is started for it.
#[test]
fn a_home_of_somebody_else_is_refused() {
    if !alone::as_root("a_home_of_somebody_else_is_refused") {
        return;
    }
    let rig = Rig::new();
    let dir = rig.directory("app");
    chown(rig.home(), NOBODY, NOBODY).unwrap();
    assert_foreign(rig.say(&dir, ["request", "web", "--json"]));
    let names = |home: &Path| fs::read_dir(home).unwrap().map(|entry| entry.unwrap().file_name()).collect::<Vec<_>>();
    assert_eq!(names(&rig.home()), ["config.toml"], "something was written there");
    // A link of somebody else's may point elsewhere tomorrow.
    chown(rig.home(), Some(0), Some(0)).unwrap();
    let own = rig.home().with_file_name("own");
    fs::rename(rig.home(), &own).unwrap();
    symlink(&own, rig.home()).unwrap();
    lchown(rig.home(), NOBODY, NOBODY).unwrap();
    assert_foreign(rig.say(&dir, ["request", "web", "--json"]));
    assert_eq!(names(&own), ["config.toml"], "something was written there");
    lchown(rig.home(), Some(0), Some(0)).unwrap();
    rig.say(&dir, ["request", "web"]).good();
}

/// The log at its most talkative: what was passed to commands in their environment is not in it, and what was said in
/// words stays on its own line.
#[test]
fn the_log_keeps_secrets_and_its_lines() {
    const SECRET: &str = "hunter2-do-not-tell";
    let rig = Rig::new();
    let dir = rig.directory("app");
    let say = |arguments: &[&str]| {
        let mut command = rig.portus(&dir, arguments);
        command.env("PORTUS_DAEMON_LOG_LEVEL", "trace").env("API_TOKEN", SECRET);
        Said::from(command.output().unwrap()).good()
    };
    say(&["request", "web"]);
    say(&["run", "-s", "api", "--", "sh", "-c", "test -n \"$API_TOKEN\""]);
    let forged = "a\u{1b}[2J\u{7}b\n2026-01-01T00:00:00Z ERROR forged";
    say(&["quarantine", "29999", "--reason", forged]);
    say(&["scan", "--json"]);
    say(&["daemon", "stop"]);
    let log = fs::read_to_string(rig.home().join("daemon.log")).unwrap();
    assert!(log.contains("TRACE") && log.contains("forged"), "{log}");
    assert!(!log.contains(SECRET), "{log}");
    assert!(!log.chars().any(|character| character.is_control() && character != '\n'), "{log:?}");
    assert!(!log.lines().any(|line| line.starts_with("2026-01-01T00:00:00Z")), "{log}");
}

/// A command is never believed to be portus' own only because its pid is on file.
#[test]
fn a_lock_that_names_somebody_else_ends_nobody() {
    let rig = Rig::new();
    let dir = rig.directory("app");
    let mut bystander = Command::new("sleep").arg("600").spawn().unwrap();
    fs::create_dir_all(rig.home()).unwrap();
    for name in ["portus.lock", "daemon.lock", "lock"] {
        fs::write(rig.home().join(name), format!("{}\n", bystander.id())).unwrap();
    }
    let _ = rig.say(&dir, ["daemon", "stop"]);
    rig.say(&dir, ["request", "web"]).good();
    rig.say(&dir, ["daemon", "restart"]).good();
    assert!(bystander.try_wait().unwrap().is_none(), "it was ended");
    bystander.kill().unwrap();
    bystander.wait().unwrap();
}
