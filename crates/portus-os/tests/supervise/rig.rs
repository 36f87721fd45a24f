//! Starts supervisors, hears what they tell, and runs the tests one after the other.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, ExitCode, Stdio};
use std::time::Duration;

use crate::role;

/// Longer than anything here takes; reached only when a test fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) type Test = (&'static str, fn());

/// What a supervisor tells.
pub(crate) struct Ear {
    listener: UnixListener,
    stream: Option<BufReader<UnixStream>>,
    dir: tempfile::TempDir,
}

impl Ear {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(dir.path().join("s")).unwrap();
        Self { listener, stream: None, dir }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.dir.path().join("s")
    }

    /// The next line; empty when the supervisor has gone.
    pub(crate) fn line(&mut self) -> String {
        let stream = self.stream.get_or_insert_with(|| {
            let mut ready = [rustix::event::PollFd::new(&self.listener, rustix::event::PollFlags::IN)];
            let patience = rustix::event::Timespec::try_from(PATIENCE).unwrap();
            assert_eq!(rustix::event::poll(&mut ready, Some(&patience)), Ok(1), "no supervisor has come");
            let stream = self.listener.accept().unwrap().0;
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            BufReader::new(stream)
        });
        let mut line = String::new();
        stream.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    #[track_caller]
    pub(crate) fn hears(&mut self, wanted: &str) {
        assert_eq!(self.line(), wanted);
    }

    /// The number after a word.
    #[track_caller]
    pub(crate) fn number(&mut self, word: &str) -> i32 {
        let line = self.line();
        let (found, number) = line.split_once(' ').unwrap_or((&line, ""));
        assert_eq!(found, word, "in {line:?}");
        number.parse().unwrap()
    }

    pub(crate) fn say(&mut self, words: &str) {
        writeln!(self.stream.as_mut().unwrap().get_mut(), "{words}").unwrap();
    }

    pub(crate) fn hang_up(&mut self) {
        self.stream = None;
    }
}

/// A supervisor without a terminal, its command on pipes.
pub(crate) struct Supervised {
    pub(crate) ear: Ear,
    pub(crate) child: Child,
    pub(crate) stdin: Option<ChildStdin>,
    output: BufReader<std::process::ChildStdout>,
}

impl Supervised {
    pub(crate) fn start(command: &[&str]) -> Self {
        Self::start_with(command, &[], None)
    }

    /// `wrapper` is a shell's script that ends in `exec "$@"`.
    pub(crate) fn start_with(command: &[&str], flags: &[&str], wrapper: Option<&str>) -> Self {
        let ear = Ear::new();
        let program = std::env::current_exe().unwrap();
        let mut start = match wrapper {
            None => Command::new(program),
            Some(script) => {
                let mut shell = Command::new("sh");
                shell.args(["-c", script, "sh"]).arg(program);
                shell
            }
        };
        start.args([role::ARGUMENT, "hand-over"]).args(command).env(role::SOCKET, ear.path());
        start.envs(flags.iter().map(|flag| (flag, "1"))).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = start.spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Self { ear, stdin: child.stdin.take(), child, output }
    }

    /// The next line that the command writes.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        rustix::process::kill_process(rustix::process::Pid::from_child(&self.child), signal).unwrap();
    }

    pub(crate) fn code(mut self) -> i32 {
        drop(self.stdin.take());
        self.child.wait().unwrap().code().unwrap()
    }
}

impl Drop for Supervised {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            // The command ends when its standard input closes; a stuck supervisor does not.
            drop(self.stdin.take());
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// What the caller ignores (as `nohup` does) would be ignored by everything started here, rightly, and be missed.
#[expect(unsafe_code, reason = "dispositions are set through the C library")]
fn hear_all_signals() {
    for signal in [libc::SIGHUP, libc::SIGINT, libc::SIGQUIT, libc::SIGTERM, libc::SIGUSR1, libc::SIGUSR2] {
        // SAFETY: the default action is no code of ours, and no other thread runs yet.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
}

/// Understands what `cargo test` and nextest say to a test program: `--list`, `--exact`, and filters.
#[expect(clippy::print_stdout, reason = "a test program reports on its output")]
pub(crate) fn run_tests(args: &[OsString], groups: &[&[Test]]) -> ExitCode {
    let args: Vec<String> = args.iter().map(|arg| arg.to_string_lossy().into_owned()).collect();
    let has = |flag: &str| args.iter().any(|arg| arg == flag);
    let filters: Vec<&String> = args.iter().filter(|arg| !arg.starts_with('-') && *arg != "terse").collect();
    let wanted = |name: &str| {
        let meets = |filter: &&&String| if has("--exact") { name == **filter } else { name.contains(filter.as_str()) };
        filters.is_empty() || filters.iter().any(|filter| meets(&filter))
    };
    hear_all_signals();
    let mut failed: Vec<&str> = Vec::new();
    for (name, test) in groups.iter().copied().flatten().filter(|(name, _)| !has("--ignored") && wanted(name)) {
        if has("--list") {
            println!("{name}: test");
            continue;
        }
        let passed = catch_unwind(AssertUnwindSafe(test)).is_ok();
        println!("test {name} ... {}", if passed { "ok" } else { "FAILED" });
        failed.extend((!passed).then_some(*name));
    }
    if !has("--list") {
        println!("\ntest result: {}. {} failed", if failed.is_empty() { "ok" } else { "FAILED" }, failed.len());
    }
    ExitCode::from(u8::from(!failed.is_empty()))
}
