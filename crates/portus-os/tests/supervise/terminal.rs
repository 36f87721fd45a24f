//! Supervision in a terminal: the foreground, Ctrl-C, Ctrl-Z, and a shell's `fg`.

use std::io::{Read, Write};
use std::sync::mpsc::{Receiver, channel};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

use crate::rig::{Ear, PATIENCE, Test};
use crate::role;

pub(crate) const TESTS: &[Test] = &[
    ("the_command_reads_the_keyboard", the_command_reads_the_keyboard),
    ("ctrl_c_reaches_the_command_alone", ctrl_c_reaches_the_command_alone),
    ("a_kept_terminal_passes_ctrl_c_on", a_kept_terminal_passes_ctrl_c_on),
    ("ctrl_z_stops_both_and_fg_continues_both", ctrl_z_stops_both_and_fg_continues_both),
    (
        "a_background_job_that_reads_is_stopped_and_brought_back",
        a_background_job_that_reads_is_stopped_and_brought_back,
    ),
    ("without_a_shell_to_continue_it_nothing_stays_stopped", without_a_shell_to_continue_it_nothing_stays_stopped),
    ("a_failed_start_leaves_the_terminal_with_us", a_failed_start_leaves_the_terminal_with_us),
    ("the_terminal_is_back_when_the_command_is_killed", the_terminal_is_back_when_the_command_is_killed),
];

/// A terminal with something running in it.
struct Terminal {
    ear: Ear,
    keyboard: Box<dyn Write + Send>,
    screen: Receiver<Vec<u8>>,
    seen: String,
    child: Box<dyn Child + Send + Sync>,
    _master: Box<dyn MasterPty + Send>,
}

impl Terminal {
    /// A shell with job control, in whose script `$RUN` is the supervisor (which hands the terminal over).
    fn shell(script: &str) -> Self {
        Self::start(&["sh", "-m", "-c", script])
    }

    fn start(command: &[&str]) -> Self {
        let ear = Ear::new();
        let pair = native_pty_system().openpty(PtySize::default()).unwrap();
        let mut builder = CommandBuilder::new(command[0]);
        builder.args(&command[1..]);
        let program = std::env::current_exe().unwrap();
        builder.env("RUN", format!("{} {} hand-over", program.display(), role::ARGUMENT));
        builder.env(role::SOCKET, ear.path());
        builder.cwd(std::env::temp_dir());
        let child = pair.slave.spawn_command(builder).unwrap();
        let keyboard = pair.master.take_writer().unwrap();
        let mut reader = pair.master.try_clone_reader().unwrap();
        let (tell, screen) = channel();
        // Ends when the terminal does, with an error on Linux and an empty read elsewhere.
        std::thread::spawn(move || {
            let mut bytes = [0; 1024];
            while let Ok(length) = reader.read(&mut bytes)
                && length > 0
                && tell.send(bytes[..length].to_vec()).is_ok()
            {}
        });
        Self { ear, keyboard, screen, seen: String::new(), child, _master: pair.master }
    }

    fn type_in(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
    }

    /// Reads the screen until this stands there, and forgets everything up to it.
    #[track_caller]
    fn shows(&mut self, wanted: &str) {
        while !self.seen.contains(wanted) {
            let Ok(bytes) = self.screen.recv_timeout(PATIENCE) else {
                panic!("waited for {wanted:?}, and see {:?}", self.seen);
            };
            self.seen.push_str(&String::from_utf8_lossy(&bytes));
        }
        let end = self.seen.find(wanted).map_or(0, |at| at + wanted.len());
        self.seen.drain(..end);
    }

    fn ends(mut self) {
        self.child.wait().unwrap();
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Echoes lines in capitals, so that they differ from the terminal's own echo.
const LOUD: &str = "sh -c 'echo ready; while read x; do echo LOUD-$x; done'";

fn the_command_reads_the_keyboard() {
    let mut terminal = Terminal::shell(&format!("$RUN {LOUD}; echo status $?; read y; echo shell-$y"));
    terminal.shows("ready");
    terminal.type_in("one\n");
    terminal.shows("LOUD-one");
    terminal.type_in("\x04");
    terminal.shows("status 0");
    terminal.type_in("two\n");
    terminal.shows("shell-two");
    terminal.ends();
}

fn ctrl_c_reaches_the_command_alone() {
    let command = "sh -c 'trap \"echo caught; exit 5\" INT; echo ready; while read x; do :; done'";
    let mut terminal = Terminal::shell(&format!("$RUN {command}; echo status $?"));
    terminal.shows("ready");
    terminal.type_in("\x03");
    terminal.shows("caught");
    terminal.shows("status 5");
    terminal.ear.number("pid");
    terminal.ear.number("spawned");
    terminal.ear.hears("exited 5");
    terminal.ends();
}

fn a_kept_terminal_passes_ctrl_c_on() {
    let command = "sh -c 'trap \"echo caught; exit 5\" INT; echo ready; while :; do read x </dev/null; done'";
    let mut terminal = Terminal::shell(&format!("RUN=\"${{RUN% *}} keep\"; $RUN {command}; echo status $?"));
    terminal.shows("ready");
    terminal.type_in("\x03");
    terminal.shows("status 5");
    terminal.ear.number("pid");
    terminal.ear.number("spawned");
    terminal.ear.hears("signal INT");
    terminal.ear.hears("exited 5");
    terminal.ends();
}

fn ctrl_z_stops_both_and_fg_continues_both() {
    let mut terminal = Terminal::shell(&format!(
        "$RUN {LOUD}; echo stopped $?; read y; echo shell-$y; fg; echo again $?; read y; fg; echo status $?"
    ));
    for round in 0..2 {
        if round == 0 {
            terminal.shows("ready");
        }
        terminal.type_in("before\n");
        terminal.shows("LOUD-before");
        terminal.type_in("\x1a");
        terminal.shows(if round == 0 { "stopped" } else { "again" });
        // The shell has the terminal back, as it would without a supervisor between.
        terminal.type_in("mine\n");
    }
    terminal.type_in("after\n");
    terminal.shows("LOUD-after");
    terminal.type_in("\x04");
    terminal.shows("status 0");
    terminal.ends();
}

fn a_background_job_that_reads_is_stopped_and_brought_back() {
    let mut terminal = Terminal::shell(&format!("$RUN {LOUD} & wait $!; echo waited; fg; echo status $?"));
    terminal.shows("ready");
    terminal.shows("waited");
    terminal.type_in("on\n");
    terminal.shows("LOUD-on");
    terminal.type_in("\x04");
    terminal.shows("status 0");
    terminal.ear.number("pid");
    terminal.ear.number("spawned");
    terminal.ear.hears(&format!("stopped {}", rustix::process::Signal::TTIN.as_raw()));
    terminal.ends();
}

fn without_a_shell_to_continue_it_nothing_stays_stopped() {
    let program = std::env::current_exe().unwrap();
    let script = "echo ready; while read x; do echo LOUD-$x; done";
    let mut terminal = Terminal::start(&[program.to_str().unwrap(), role::ARGUMENT, "hand-over", "sh", "-c", script]);
    terminal.shows("ready");
    terminal.type_in("\x1a");
    terminal.ear.number("pid");
    terminal.ear.number("spawned");
    terminal.ear.hears(&format!("stopped {}", rustix::process::Signal::TSTP.as_raw()));
    terminal.ear.hears("continued");
    terminal.type_in("on\n");
    terminal.shows("LOUD-on");
    terminal.type_in("\x04");
    terminal.ear.hears("exited 0");
    terminal.ends();
}

fn a_failed_start_leaves_the_terminal_with_us() {
    let mut terminal = Terminal::shell("$RUN portus-no-such-program; echo status $?; read y; echo shell-$y");
    terminal.shows("status 127");
    terminal.type_in("on\n");
    terminal.shows("shell-on");
    terminal.ends();
}

fn the_terminal_is_back_when_the_command_is_killed() {
    let mut terminal = Terminal::shell("$RUN sh -c 'kill -KILL $$'; echo status $?; read y; echo shell-$y");
    terminal.shows("status 137");
    terminal.type_in("on\n");
    terminal.shows("shell-on");
    terminal.ends();
}
