//! In a terminal: the command has the keyboard, Ctrl-C and Ctrl-Z.

use std::io::{Read, Write};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

use crate::rig::House;

const PATIENCE: Duration = Duration::from_secs(60);

/// A shell with job control in a terminal; `$PORTUS` is the binary.
struct Terminal<'a> {
    house: &'a House,
    keyboard: Box<dyn Write + Send>,
    screen: Receiver<Vec<u8>>,
    seen: String,
    child: Box<dyn Child + Send + Sync>,
    _master: Box<dyn MasterPty + Send>,
}

impl<'a> Terminal<'a> {
    fn shell(house: &'a House, script: &str) -> Self {
        let pair = native_pty_system().openpty(PtySize::default()).unwrap();
        let mut builder = CommandBuilder::new("sh");
        builder.args(["-m", "-c", script]);
        builder.env_clear();
        builder.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        builder.env("HOME", house.home().parent().unwrap());
        builder.env("PORTUS_HOME", house.home());
        builder.env("PORTUS", env!("CARGO_BIN_EXE_portus"));
        builder.cwd(house.project());
        let child = pair.slave.spawn_command(builder).unwrap();
        let keyboard = pair.master.take_writer().unwrap();
        let mut reader = pair.master.try_clone_reader().unwrap();
        let (tell, screen) = channel();
        std::thread::spawn(move || {
            let mut bytes = [0; 1024];
            while let Ok(length) = reader.read(&mut bytes)
                && length > 0
                && tell.send(bytes[..length].to_vec()).is_ok()
            {}
        });
        Self { house, keyboard, screen, seen: String::new(), child, _master: pair.master }
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
}

impl Drop for Terminal<'_> {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
        // The lease of whatever was still running goes with it.
        assert!(std::thread::panicking() || self.house.leases().is_empty());
    }
}

#[test]
fn an_interactive_command_reads_the_keyboard_and_ctrl_c_is_its_own() {
    let house = House::new();
    let command = "sh -c 'trap \"echo caught; exit 5\" INT; echo ready; while read x; do echo LOUD-$x; done'";
    let mut terminal =
        Terminal::shell(&house, &format!("$PORTUS run -s web -- {command}; echo status $?; read y; echo shell-$y"));
    terminal.shows("ready");
    terminal.type_in("one\n");
    terminal.shows("LOUD-one");
    terminal.type_in("\x03");
    terminal.shows("caught");
    terminal.shows("status 5");
    terminal.type_in("two\n");
    terminal.shows("shell-two");
    terminal.child.wait().unwrap();
}

#[test]
fn ctrl_z_stops_and_fg_goes_on() {
    let house = House::new();
    let command = "sh -c 'echo ready; while read x; do echo LOUD-$x; done'";
    let script = format!("$PORTUS run -s web -- {command}; echo stopped; fg >/dev/null; echo status $?");
    let mut terminal = Terminal::shell(&house, &script);
    terminal.shows("ready");
    terminal.type_in("\x1a");
    terminal.shows("stopped");
    assert_eq!(house.leases().len(), 1, "a stopped command keeps its lease");
    terminal.type_in("one\n");
    terminal.shows("LOUD-one");
    terminal.type_in("\x04");
    terminal.shows("status 0");
    terminal.child.wait().unwrap();
}
