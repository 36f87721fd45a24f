//! The dashboard, in a terminal, as a person has it.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "tests report by panicking")]
#![expect(clippy::print_stdout, reason = "measurements for whoever asks with --nocapture; time is no pass or fail")]

#[path = "dashboard/terminal.rs"]
mod terminal;

use std::process::Command;
use std::time::{Duration, Instant};

use portus_tests::{Rig, Running, portus_binary};
use terminal::Terminal;

const SIZE: (u16, u16) = (100, 30);
const SERVER: &str = "import socket, os
s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(('127.0.0.1', int(os.environ['PORT']))); s.listen(); print('up', flush=True)
held = [s.accept() for _ in range(1000)]";

#[test]
fn see_filter_release_kill_and_quit() {
    let rig = Rig::new();
    let dir = rig.repository("shop").path().to_owned();
    let script = "stty -g; $PORTUS dashboard; echo \"rc $?\"; stty -g";
    let mut terminal = Terminal::shell(&rig, &dir, script, SIZE);
    terminal.shows("no live leases");
    terminal.shows("● daemon");

    // It is told, not asked for: the lease is there although no key is pressed and no clock runs.
    let begun = Instant::now();
    let port = rig.say(&dir, ["request", "web"]).good().port();
    let answered = begun.elapsed();
    terminal.shows(&port.to_string());
    println!(
        "a lease is on the screen {:?} after `portus request` began ({answered:?} of it its own)",
        begun.elapsed()
    );
    assert!(terminal.screen().contains("○ pending"), "{}", terminal.screen());

    let mut server = Running::start(rig.portus(&dir, ["run", "-s", "api", "--", "python3", "-c", SERVER]));
    assert_eq!(server.line(), "up");
    terminal.shows("● active");

    terminal.type_in("/api");
    terminal.until("only the api", |screen| screen.contains("1 of 2") && !screen.contains("○ pending"));
    terminal.type_in("\r");
    terminal.shows("quit");

    terminal.type_in("K");
    terminal.shows("It would end:");
    assert!(terminal.screen().contains("python3"), "{}", terminal.screen());
    terminal.type_in("n");
    terminal.until("no question", |screen| !screen.contains("It would end:"));
    assert!(std::net::TcpStream::connect(("127.0.0.1", api_port(&rig, &dir))).is_ok(), "a no changes nothing");

    terminal.type_in("K");
    terminal.shows("It would end:");
    terminal.type_in("y");
    terminal.shows("✓ ended pid ");
    assert!(server.wait().code > 128, "the server was ended by a signal");
    terminal.shows("nothing matches the filter");

    terminal.type_in("\x1b");
    terminal.shows(&port.to_string());
    terminal.type_in("r");
    terminal.shows("Release web of shop");
    terminal.type_in("y");
    terminal.shows("✓ released web of shop");
    terminal.shows("no live leases");
    assert_eq!(rig.json(&dir, ["list", "--json"])["leases"], serde_json::json!([]));

    terminal.type_in("q");
    terminal.shows("rc 0");
    terminal.wait();
    assert!(terminal.is_given_back());
    let screen = terminal.screen();
    let settings: Vec<&str> = screen.lines().filter(|line| line.matches(':').count() > 10).collect();
    assert_eq!(settings.len(), 2, "{screen}");
    assert_eq!(settings[0], settings[1], "the terminal is as it was");
}

fn api_port(rig: &Rig, dir: &std::path::Path) -> u16 {
    rig.say(dir, ["get", "api"]).good().port()
}

#[test]
fn another_worktrees_server_is_spared_unless_insisted_upon() {
    let rig = Rig::new();
    let repository = rig.repository("shop");
    let (main, feature) = (repository.path().to_owned(), repository.worktree("feature"));
    let mut server = Running::start(rig.portus(&feature, ["run", "-s", "web", "--", "python3", "-c", SERVER]));
    assert_eq!(server.line(), "up");
    let mut terminal = Terminal::portus(&rig, &main, &["dashboard"], SIZE);
    terminal.shows("● active");
    terminal.type_in("\r");
    terminal.shows("another worktree's server listens");
    terminal.shows("└ ");
    terminal.type_in("K");
    terminal.shows("It would end:");
    terminal.type_in("y");
    terminal.shows("F do it although it is not this worktree's");
    terminal.type_in("F");
    terminal.shows("✓ ended pid ");
    assert!(server.wait().code > 128);
    terminal.type_in("q");
    assert_eq!(terminal.wait().exit_code(), 0);
}

#[test]
fn copy_open_pin_quarantine_revive_release_and_forget() {
    let rig = Rig::new();
    let dir = rig.directory("app");
    let port = rig.say(&dir, ["request", "web"]).good().port();
    let mut terminal = Terminal::shell(&rig, &dir, "BROWSER=true $PORTUS dashboard", SIZE);
    terminal.shows("○ pending");
    terminal.type_in("c");
    terminal.shows(&format!("✓ copied {port}"));
    assert!(terminal.has_written("\x1b]52;c;"));
    terminal.type_in("o");
    terminal.shows(&format!("✓ opened http://localhost:{port}"));
    for (keys, question, told, then) in [
        ("p", "Pin web of app", "✓ pinned web", "[p]"),
        ("z", "into quarantine?", "is in quarantine", "○ pending"),
        ("3G", "", "", "✗ until revived"),
        ("z", "Hand out port", "may be handed out again", "◆ pinned"),
        ("1", "", "", "○ pending"),
        ("r", "Release web of app", "✓ released web", "no live leases"),
        ("3g", "", "", "◆ pinned"),
        ("f", "Forget the number of web", "✓ forgot the number of web", "no claims"),
    ] {
        terminal.type_in(keys);
        if !question.is_empty() {
            terminal.shows(question);
            terminal.type_in("y");
            terminal.shows(told);
        }
        terminal.shows(then);
    }
    assert_eq!(rig.json(&dir, ["claims", "--json"])["claims"], serde_json::json!([]));
    terminal.type_in("q");
    terminal.wait();
}

#[test]
fn a_daemon_that_is_killed_is_started_again_and_everything_is_there() {
    let rig = Rig::new();
    let dir = rig.directory("app");
    let port = rig.say(&dir, ["request", "web"]).good().port();
    let mut terminal = Terminal::portus(&rig, &dir, &["dashboard"], SIZE);
    terminal.shows(&port.to_string());
    let before = rig.daemon_pid().unwrap();
    assert!(Command::new("kill").args(["-s", "KILL", &before.to_string()]).status().unwrap().success());
    terminal.shows("connected again");
    terminal
        .until("another daemon", |screen| screen.contains("● daemon") && !screen.contains(&format!("pid {before}")));
    assert!(terminal.has_written("the daemon is gone"), "it says so");
    assert!(terminal.screen().contains(&port.to_string()), "{}", terminal.screen());
    let other = rig.say(&dir, ["request", "api"]).good().port();
    terminal.shows(&other.to_string());
    terminal.type_in("q");
    assert_eq!(terminal.wait().exit_code(), 0);
}

#[test]
fn a_daemon_that_was_told_to_leave_is_started_by_a_key() {
    let rig = Rig::new();
    let dir = rig.directory("app");
    let mut terminal = Terminal::portus(&rig, &dir, &["dashboard"], SIZE);
    terminal.shows("● daemon");
    let _ = rig.say(&dir, ["daemon", "stop"]).good();
    terminal.shows("the daemon was stopped");
    terminal.type_in("R");
    terminal.shows("connected again");
    terminal.type_in("q");
    assert_eq!(terminal.wait().exit_code(), 0);
}

#[test]
fn ctrl_z_gives_the_terminal_back_and_fg_comes_back() {
    let rig = Rig::new();
    let dir = rig.directory("app");
    let script = "$PORTUS dashboard; echo stopped; read x; fg >/dev/null; echo \"rc $?\"";
    let mut terminal = Terminal::shell(&rig, &dir, script, SIZE);
    terminal.shows("● daemon");
    terminal.type_in("\x1a");
    terminal.shows("stopped");
    assert!(terminal.is_given_back());
    terminal.type_in("on\n");
    terminal.shows("1 Leases");
    assert!(terminal.is_taken());
    let port = rig.say(&dir, ["request", "web"]).good().port();
    terminal.shows(&port.to_string());
    terminal.type_in("q");
    terminal.shows("rc 0");
    terminal.wait();
    assert!(terminal.is_given_back());
}

#[test]
fn a_polite_end_gives_the_terminal_back() {
    let rig = Rig::new();
    let dir = rig.directory("app");
    for signal in ["TERM", "INT", "HUP"] {
        let mut terminal = Terminal::portus(&rig, &dir, &["dashboard"], SIZE);
        terminal.shows("● daemon");
        terminal.signal(signal);
        assert_eq!(terminal.wait().exit_code(), 0, "{signal}");
        assert!(terminal.is_given_back(), "{signal}");
    }
}

#[test]
fn it_ends_with_its_terminal_even_if_nobody_tells_it() {
    let rig = Rig::new();
    let dir = rig.directory("app");
    for ignored in ["False", "True"] {
        let script = format!(
            "import fcntl, os, pty, signal, struct, sys, termios
pid, fd = pty.fork()
if pid == 0:
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack('HHHH', 24, 80, 0, 0))
    if {ignored}: signal.signal(signal.SIGHUP, signal.SIG_IGN)
    os.execv(sys.argv[1], sys.argv[1:])
seen = b''
while b'Leases' not in seen: seen += os.read(fd, 65536)
os.close(fd)
print('ended', os.WIFEXITED(os.waitpid(pid, 0)[1]), flush=True)"
        );
        let mut python = Command::new("python3");
        python.args(["-c", &script]).arg(portus_binary()).arg("dashboard").current_dir(&dir).env_clear();
        python.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("TERM", "xterm");
        python.env("HOME", rig.home().parent().unwrap()).env("PORTUS_HOME", rig.home());
        let mut python = Running::start(python);
        assert_eq!(python.line(), "ended True", "with SIGHUP ignored: {ignored}");
    }
}

#[test]
fn nothing_is_drawn_and_next_to_nothing_computed_while_nothing_happens() {
    let rig = Rig::new();
    let dir = rig.directory("app");
    let mut terminal = Terminal::portus(&rig, &dir, &["dashboard"], SIZE);
    terminal.shows("● daemon");
    terminal.shows("no live leases");
    terminal.drawn_within(Duration::from_millis(300));
    let before = cpu_ticks(terminal.pid());
    let drawn = terminal.drawn_within(Duration::from_secs(3));
    let used = cpu_ticks(terminal.pid()) - before;
    println!("in 3 s without events: drawn {drawn} times, {used} ticks of CPU (of 10 ms)");
    assert_eq!(drawn, 0);
    assert!(used <= 3, "{used} ticks");
    // With a lease whose age is told in seconds, the clock draws, and at most once a second.
    let _ = rig.say(&dir, ["request", "web"]).good();
    terminal.shows("○ pending");
    let before = cpu_ticks(terminal.pid());
    let drawn = terminal.drawn_within(Duration::from_secs(3));
    println!("in 3 s with ages: drawn {drawn} times, {} ticks of CPU", cpu_ticks(terminal.pid()) - before);
    // The clock, and what else was told of the lease.
    assert!((1..=6).contains(&drawn), "{drawn}");
    terminal.type_in("q");
    assert_eq!(terminal.wait().exit_code(), 0);
}

/// The processor time of a process so far, in the kernel's ticks; 0 where the system does not tell it in a file.
fn cpu_ticks(pid: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace().skip(11).take(2);
    fields.map(|ticks| ticks.parse::<u64>().unwrap()).sum()
}

#[test]
fn every_view_survives_every_size() {
    let rig = Rig::new();
    let dir = rig.directory("東京の店とその長い長い名前");
    let port = rig.say(&dir, ["request", "web"]).good().port();
    let mut terminal = Terminal::portus(&rig, &dir, &["dashboard"], (160, 50));
    terminal.shows(&port.to_string());
    for size in [(60, 15), (80, 24), (20, 5), (160, 50)] {
        terminal.resize(size);
        terminal.type_in("2\r3\r4\r5\r1");
    }
    terminal.type_in("?");
    terminal.shows("show or hide this help");
    terminal.type_in("?");
    terminal.until("no help", |screen| !screen.contains("show or hide this help"));
    terminal.shows("東京の店");
    terminal.shows(&port.to_string());
    terminal.type_in("q");
    assert_eq!(terminal.wait().exit_code(), 0);
}

#[test]
fn without_a_terminal_it_says_what_to_use_instead() {
    let rig = Rig::new();
    let dir = rig.directory("app");
    let said = rig.say(&dir, ["dashboard"]).ended_with(1);
    assert!(said.stderr.contains("portus list") && said.stderr.contains("portus watch"), "{}", said.stderr);
    let script = "TERM=dumb $PORTUS dashboard; echo \"rc $?\"";
    let mut terminal = Terminal::shell(&rig, &dir, script, SIZE);
    terminal.shows("rc 1");
    let screen = terminal.screen();
    assert!(screen.contains("portus list") && screen.contains("portus watch"), "{screen}");
    assert!(!terminal.has_written("\x1b[?1049h"), "the screen was not taken");
}

#[test]
fn no_color_is_honoured() {
    let rig = Rig::new();
    let dir = rig.directory("app");
    let _ = rig.say(&dir, ["request", "web"]).good();
    for (variable, has_color) in [("NO_COLOR=1", false), ("X=1", true)] {
        let mut terminal = Terminal::shell(&rig, &dir, &format!("{variable} $PORTUS dashboard"), SIZE);
        terminal.shows("○ pending");
        assert_eq!(terminal.has_color(), has_color, "{variable}");
        terminal.type_in("q");
        terminal.wait();
    }
}

#[test]
fn one_frame_as_text_needs_no_terminal() {
    let rig = Rig::new();
    let dir = rig.directory("app");
    let port = rig.say(&dir, ["request", "web"]).good().port();
    let frame = rig.say(&dir, ["dashboard", "--once"]).good().stdout;
    assert_eq!(frame.lines().count(), 30);
    assert!(frame.contains(&port.to_string()) && !frame.contains('\x1b'), "{frame}");
    let mut command = rig.portus(&dir, ["dashboard", "--once", "--view", "overview"]);
    let output = command.env("COLUMNS", "60").output().unwrap();
    let frame = String::from_utf8(output.stdout).unwrap();
    assert!(frame.lines().all(|line| line.chars().count() <= 60) && frame.contains("1 leased"), "{frame}");
    let small = rig.say(&dir, ["dashboard", "--once", "--width", "60", "--height", "15", "--view", "claims"]).good();
    assert_eq!(small.stdout.lines().count(), 15);
}
