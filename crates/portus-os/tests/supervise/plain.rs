//! Supervision without a terminal.

use rustix::process::Signal;

use crate::rig::{Supervised, Test};
use crate::role;

pub(crate) const TESTS: &[Test] = &[
    ("the_commands_status_is_ours", the_commands_status_is_ours),
    ("what_cannot_be_started_has_a_shells_status", what_cannot_be_started_has_a_shells_status),
    ("signals_are_passed_on", signals_are_passed_on),
    ("signals_before_the_command_are_kept", signals_before_the_command_are_kept),
    ("orphans_are_adopted_and_reaped", orphans_are_adopted_and_reaped),
    ("signals_reach_the_orphans_after_the_command", signals_reach_the_orphans_after_the_command),
    ("the_command_starts_with_our_callers_signals", the_command_starts_with_our_callers_signals),
    ("what_was_ignored_stays_ignored", what_was_ignored_stays_ignored),
    ("a_stop_from_elsewhere_stops_only_the_command", a_stop_from_elsewhere_stops_only_the_command),
    ("the_command_leads_its_own_group", the_command_leads_its_own_group),
];

/// A shell that says `ready`, waits until its input closes, and answers a signal with its name and status 9.
fn answering(signal: &str) -> String {
    format!("exec 3<&0; trap 'echo got {signal}; exit 9' {signal}; echo ready; cat <&3 >/dev/null & wait; exit 0")
}

fn the_commands_status_is_ours() {
    for (script, told, code) in [("exit 7", "exited 7", 7), ("kill -KILL $$", "killed 9", 137), (":", "exited 0", 0)] {
        let mut supervised = Supervised::start(&["sh", "-c", script]);
        supervised.ear.number("pid");
        supervised.ear.number("spawned");
        supervised.ear.hears(told);
        supervised.ear.hears("left 0");
        assert_eq!(supervised.code(), code, "{script}");
    }
}

fn what_cannot_be_started_has_a_shells_status() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, mode: u32, text: &str| {
        use std::os::unix::fs::PermissionsExt;
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let plain = file("plain", 0o644, "x");
    let bad_interpreter = file("bad", 0o755, "#!/nonexistent/interpreter\n");
    let no_interpreter = file("script", 0o755, "exit 5\n");
    let missing = dir.path().join("missing").to_str().unwrap().to_owned();
    let cases = [
        ("portus-no-such-program", 127),
        (&missing, 127),
        (&plain, 126),
        (dir.path().to_str().unwrap(), 126),
        (&bad_interpreter, 126),
        (&no_interpreter, 5),
    ];
    for (program, code) in cases {
        assert_eq!(Supervised::start(&[program]).code(), code, "{program}");
    }
}

fn signals_are_passed_on() {
    let signals = [
        (Signal::TERM, "TERM"),
        (Signal::INT, "INT"),
        (Signal::HUP, "HUP"),
        (Signal::QUIT, "QUIT"),
        (Signal::USR1, "USR1"),
        (Signal::USR2, "USR2"),
    ];
    for (signal, name) in signals {
        let mut supervised = Supervised::start(&["sh", "-c", &answering(name)]);
        assert_eq!(supervised.line(), "ready");
        supervised.ear.number("pid");
        supervised.ear.number("spawned");
        supervised.signal(signal);
        supervised.ear.hears(&format!("signal {name}"));
        assert_eq!(supervised.line(), format!("got {name}"));
        assert_eq!(supervised.code(), 9);
    }
}

fn signals_before_the_command_are_kept() {
    let mut supervised = Supervised::start_with(&["sh", "-c", "exit 4"], &[role::WAIT], None);
    supervised.ear.number("pid");
    supervised.signal(Signal::TERM);
    supervised.ear.hears("signal TERM");
    supervised.ear.say("go");
    supervised.ear.hears("readable");
    assert_eq!(supervised.code(), 4);
}

/// Prints `ready` in a process whose parent has gone, and which ends when its input closes.
const LEAVES_AN_ORPHAN: &str =
    "exec 3<&0; sh -c 'trap \"exit 0\" TERM; echo ready; cat <&3 >/dev/null & wait' & exit 3";

fn orphans_are_adopted_and_reaped() {
    let mut supervised = Supervised::start_with(&["sh", "-c", LEAVES_AN_ORPHAN], &[role::LINGER], None);
    assert_eq!(supervised.line(), "ready");
    supervised.ear.number("pid");
    supervised.ear.number("spawned");
    supervised.ear.hears("exited 3");
    assert!(cfg!(not(target_os = "linux")) || supervised.ear.number("left") > 0);
    drop(supervised.stdin.take());
    if cfg!(target_os = "linux") {
        supervised.ear.hears("orphan");
    }
    supervised.ear.hang_up();
    assert_eq!(supervised.code(), 3);
}

fn signals_reach_the_orphans_after_the_command() {
    if cfg!(not(target_os = "linux")) {
        return;
    }
    let mut supervised = Supervised::start_with(&["sh", "-c", LEAVES_AN_ORPHAN], &[role::LINGER], None);
    assert_eq!(supervised.line(), "ready");
    supervised.ear.number("pid");
    supervised.ear.number("spawned");
    supervised.ear.hears("exited 3");
    assert!(supervised.ear.number("left") > 0);
    supervised.signal(Signal::TERM);
    supervised.ear.hears("signal TERM");
    supervised.ear.hears("orphan");
    supervised.ear.hang_up();
    assert_eq!(supervised.code(), 3);
}

/// The blocked and ignored signals, as the kernel shows them.
const SHOW_SIGNALS: &str = "grep -E '^Sig(Blk|Ign)' /proc/self/status | tr -d '\\n\\t'; echo";

fn the_command_starts_with_our_callers_signals() {
    if cfg!(not(target_os = "linux")) {
        return;
    }
    let direct = std::process::Command::new("sh").args(["-c", SHOW_SIGNALS]).output().unwrap();
    let mut supervised = Supervised::start(&["sh", "-c", SHOW_SIGNALS]);
    assert_eq!(supervised.line(), String::from_utf8(direct.stdout).unwrap().trim_end());
}

fn what_was_ignored_stays_ignored() {
    let wrapper = Some("trap '' HUP; exec \"$@\"");
    let mut supervised = Supervised::start_with(&["sh", "-c", "echo ready; read x; exit 2"], &[], wrapper);
    assert_eq!(supervised.line(), "ready");
    supervised.signal(Signal::HUP);
    supervised.signal(Signal::USR1);
    supervised.ear.number("pid");
    supervised.ear.number("spawned");
    // Not a word of the hang-up.
    supervised.ear.hears("signal USR1");
    supervised.ear.hears("killed 10");
    assert_eq!(supervised.code(), 138);
}

fn a_stop_from_elsewhere_stops_only_the_command() {
    let mut supervised = Supervised::start(&["sh", "-c", "echo ready; read x; exit 6"]);
    assert_eq!(supervised.line(), "ready");
    supervised.ear.number("pid");
    let command = rustix::process::Pid::from_raw(supervised.ear.number("spawned")).unwrap();
    rustix::process::kill_process(command, Signal::STOP).unwrap();
    supervised.ear.hears(&format!("stopped {}", Signal::STOP.as_raw()));
    rustix::process::kill_process(command, Signal::CONT).unwrap();
    supervised.ear.hears("continued");
    assert_eq!(supervised.code(), 6);
}

fn the_command_leads_its_own_group() {
    let mut supervised = Supervised::start(&["sh", "-c", "echo ready; read x"]);
    assert_eq!(supervised.line(), "ready");
    let own = supervised.ear.number("pid");
    let command = supervised.ear.number("spawned");
    let described = portus_os::process::describe(u32::try_from(command).unwrap()).unwrap();
    assert_eq!((described.parent, described.group), (own.cast_unsigned(), command.cast_unsigned()));
}
