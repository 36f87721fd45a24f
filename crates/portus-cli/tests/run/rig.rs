//! A home and a project of one test's own, and commands whose output can be waited for.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

/// Longer than anything here takes, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A project with a daemon of its own. The daemon is stopped in the end.
pub(crate) struct House {
    root: TempDir,
    project: TempDir,
}

/// What a command that has ended said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl House {
    /// The project's name is random, so that tests side by side do not want the same numbers.
    pub(crate) fn new() -> Self {
        let root = tempfile::Builder::new().prefix("portus-run-").tempdir().unwrap();
        let project = tempfile::Builder::new().prefix("p").tempdir_in(root.path()).unwrap();
        Self { root, project }
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.root.path().join("home")
    }

    pub(crate) fn project(&self) -> PathBuf {
        self.project.path().canonicalize().unwrap()
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.project().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    /// `portus` with these arguments, and nothing of the test's own environment.
    pub(crate) fn portus(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_portus"));
        command.args(args).current_dir(self.project()).env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("HOME", self.root.path()).env("PORTUS_HOME", self.home());
        command
    }

    /// Runs it to its end.
    pub(crate) fn say(&self, args: &[&str]) -> Said {
        let output = self.portus(args).stdin(Stdio::null()).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Said { code: code(output.status), out: text(&output.stdout), err: text(&output.stderr) }
    }

    /// `portus run` with these arguments, still running.
    pub(crate) fn run(&self, args: &[&str]) -> Running {
        Running::start(self.portus(&[&["run"], args].concat()))
    }

    /// `portus watch`, once it watches.
    pub(crate) fn watch(&self) -> Running {
        let mut watch = Running::start(self.portus(&["watch", "--json", "-v"]));
        watch.hears("watching");
        watch
    }

    /// The live leases of this worktree.
    pub(crate) fn leases(&self) -> Vec<Value> {
        let said = self.say(&["list", "--json"]).ended_with(0);
        said.json()["leases"].as_array().unwrap().clone()
    }

    pub(crate) fn daemon_pid(&self) -> u32 {
        let said = self.say(&["daemon", "status", "--json"]).ended_with(0);
        u32::try_from(said.json()["pid"].as_u64().unwrap()).unwrap()
    }
}

impl Drop for House {
    fn drop(&mut self) {
        drop(self.portus(&["daemon", "stop", "--quiet"]).output());
    }
}

impl Said {
    #[track_caller]
    pub(crate) fn ended_with(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.out, self.err);
        self
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {:?}\n{}", self.out, self.err))
    }
}

/// A program that runs, and whose lines come as it writes them.
pub(crate) struct Running {
    child: Child,
    stdin: Option<ChildStdin>,
    out: Receiver<String>,
    err: Receiver<String>,
    /// What was read of its standard error, for messages of failed tests.
    seen: Vec<String>,
}

impl Running {
    pub(crate) fn start(mut command: Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let stdin = child.stdin.take();
        let (out, err) = (lines(child.stdout.take().unwrap()), lines(child.stderr.take().unwrap()));
        Self { child, stdin, out, err, seen: Vec::new() }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The next line of its standard output.
    #[track_caller]
    pub(crate) fn line(&mut self) -> String {
        match self.out.recv_timeout(PATIENCE) {
            Ok(line) => line,
            Err(error) => {
                self.seen.extend(self.err.try_iter());
                panic!("no line of output ({error}); standard error:\n{}", self.seen.join("\n"))
            }
        }
    }

    /// The first line of its standard error, from here on, that has this in it.
    #[track_caller]
    pub(crate) fn hears(&mut self, wanted: &str) -> String {
        loop {
            match self.err.recv_timeout(PATIENCE) {
                Ok(line) => {
                    self.seen.push(line.clone());
                    if line.contains(wanted) {
                        return line;
                    }
                }
                Err(error) => panic!("`{wanted}` was not said ({error}); standard error:\n{}", self.seen.join("\n")),
            }
        }
    }

    /// Writes a line to its standard input.
    pub(crate) fn tell(&mut self, line: &str) {
        writeln!(self.stdin.as_mut().unwrap(), "{line}").unwrap();
    }

    pub(crate) fn signal(&self, name: &str) {
        signal(self.pid(), name);
    }

    /// Waits for its end, and for that of whoever else holds its standard output and error.
    pub(crate) fn end(mut self) -> Said {
        drop(self.stdin.take());
        let status = self.child.wait().unwrap();
        let out: Vec<String> = self.out.iter().collect();
        self.seen.extend(self.err.iter());
        Said { code: code(status), out: out.join("\n"), err: self.seen.join("\n") }
    }

    /// Waits for its end alone.
    pub(crate) fn exit_code(&mut self) -> i32 {
        code(self.child.wait().unwrap())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Has ended already in every test that goes well.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

pub(crate) fn signal(pid: u32, name: &str) {
    let status = Command::new("kill").args(["-s", name, &pid.to_string()]).status().unwrap();
    assert!(status.success(), "{name} to {pid}");
}

/// The body of an answer from the local port.
pub(crate) fn get(port: u16, path: &str) -> String {
    let mut stream = std::net::TcpStream::connect(("localhost", port)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(stream, "GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default()
}

fn lines(source: impl Read + Send + 'static) -> Receiver<String> {
    let (send, receive) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(source).lines().map_while(Result::ok) {
            if send.send(line).is_err() {
                return;
            }
        }
    });
    receive
}

fn code(status: ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt;
    status.code().unwrap_or_else(|| 128 + status.signal().unwrap())
}

/// A named pipe.
pub(crate) fn fifo(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}
