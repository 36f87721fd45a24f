//! A terminal with a program in it, and what a person would see.

use std::io::{Read, Write};
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, ExitStatus, MasterPty, PtySize, native_pty_system};
use portus_tests::{Rig, portus_binary};

/// Nothing takes so long; whatever does has failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// A terminal with a program in it.
pub(crate) struct Terminal {
    keyboard: Box<dyn Write + Send>,
    output: Receiver<Vec<u8>>,
    parser: vt100::Parser,
    /// All that was written, as it came.
    raw: Vec<u8>,
    child: Box<dyn Child + Send + Sync>,
    master: Box<dyn MasterPty + Send>,
}

impl Terminal {
    /// `portus` with these arguments, in a directory.
    pub(crate) fn portus(rig: &Rig, dir: &Path, args: &[&str], size: (u16, u16)) -> Self {
        let mut command = CommandBuilder::new(portus_binary());
        command.args(args);
        Self::start(rig, dir, command, size)
    }

    /// A shell script in which `$PORTUS` is the binary.
    pub(crate) fn shell(rig: &Rig, dir: &Path, script: &str, size: (u16, u16)) -> Self {
        let mut command = CommandBuilder::new("sh");
        command.args(["-m", "-c", script]);
        Self::start(rig, dir, command, size)
    }

    fn start(rig: &Rig, dir: &Path, mut command: CommandBuilder, (cols, rows): (u16, u16)) -> Self {
        let pair = native_pty_system().openpty(PtySize { rows, cols, ..PtySize::default() }).unwrap();
        let term = command.get_env("TERM").map_or_else(|| "xterm-256color".into(), ToOwned::to_owned);
        command.env_clear();
        command.env("TERM", term);
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("HOME", rig.home().parent().unwrap());
        command.env("PORTUS_HOME", rig.home());
        command.env("PORTUS", portus_binary());
        command.cwd(dir);
        let child = pair.slave.spawn_command(command).unwrap();
        let keyboard = pair.master.take_writer().unwrap();
        let mut reader = pair.master.try_clone_reader().unwrap();
        let (tell, output) = channel();
        std::thread::spawn(move || {
            let mut bytes = [0; 16_384];
            while let Ok(length) = reader.read(&mut bytes)
                && length > 0
                && tell.send(bytes[..length].to_vec()).is_ok()
            {}
        });
        Self {
            keyboard,
            output,
            parser: vt100::Parser::new(rows.try_into().unwrap(), cols.try_into().unwrap(), 0),
            raw: Vec::new(),
            child,
            master: pair.master,
        }
    }

    /// Presses keys.
    pub(crate) fn type_in(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
        self.keyboard.flush().unwrap();
    }

    /// What is on the screen.
    pub(crate) fn screen(&self) -> String {
        self.parser.screen().contents()
    }

    /// Reads on until the screen is as wanted, and says how long that took.
    #[track_caller]
    pub(crate) fn until(&mut self, what: &str, is_so: impl Fn(&str) -> bool) -> Duration {
        let begun = Instant::now();
        while !is_so(&self.screen()) {
            match self.output.recv_timeout(PATIENCE) {
                Ok(bytes) => self.take(&bytes),
                Err(_) => panic!("waited for {what}, and see:\n{}", self.screen()),
            }
        }
        begun.elapsed()
    }

    /// Reads on until this is on the screen.
    #[track_caller]
    pub(crate) fn shows(&mut self, text: &str) -> Duration {
        self.until(text, |screen| screen.contains(text))
    }

    /// How many times something was drawn in the next while.
    pub(crate) fn drawn_within(&mut self, time: Duration) -> usize {
        let end = Instant::now() + time;
        let mut count = 0;
        loop {
            match self.output.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(bytes) => {
                    self.take(&bytes);
                    count += 1;
                }
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return count,
            }
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        self.raw.extend_from_slice(bytes);
        self.parser.process(bytes);
    }

    /// Another size.
    pub(crate) fn resize(&mut self, (cols, rows): (u16, u16)) {
        self.parser.screen_mut().set_size(rows.try_into().unwrap(), cols.try_into().unwrap());
        self.master.resize(PtySize { rows, cols, ..PtySize::default() }).unwrap();
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.process_id().unwrap()
    }

    /// Sends it a signal by name.
    pub(crate) fn signal(&self, name: &str) {
        let status = std::process::Command::new("kill").args(["-s", name, &self.pid().to_string()]).status().unwrap();
        assert!(status.success());
    }

    /// Waits for its end, reads the rest, and says how it ended.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        let status = self.child.wait().unwrap();
        // A program that is gone writes no more: what is on its way comes at once, or its end is told.
        while let Ok(bytes) = self.output.recv_timeout(Duration::from_millis(200)) {
            self.take(&bytes);
        }
        status
    }

    /// Whether the terminal is as programs expect it: the main screen, the cursor to be seen, no mouse.
    pub(crate) fn is_given_back(&self) -> bool {
        let screen = self.parser.screen();
        !screen.alternate_screen()
            && !screen.hide_cursor()
            && screen.mouse_protocol_mode() == vt100::MouseProtocolMode::None
            && !screen.bracketed_paste()
    }

    /// Whether anything on the screen has a colour.
    pub(crate) fn has_color(&self) -> bool {
        let screen = self.parser.screen();
        let (rows, cols) = screen.size();
        let mut cells = (0..rows.get()).flat_map(|row| (0..cols.get()).filter_map(move |col| screen.cell(row, col)));
        cells.any(|cell| cell.fgcolor() != vt100::Color::Default || cell.bgcolor() != vt100::Color::Default)
    }

    /// Whether a program has taken the whole screen.
    pub(crate) fn is_taken(&self) -> bool {
        self.parser.screen().alternate_screen()
    }

    /// Whether this was ever written.
    pub(crate) fn has_written(&self, text: &str) -> bool {
        self.raw.windows(text.len()).any(|window| window == text.as_bytes())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // It has ended already, or is ended here.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
