//! A home and directories of one test's own.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// A world with a daemon of its own, which is stopped in the end.
pub(crate) struct World {
    dir: TempDir,
}

/// A port that nobody has at this moment.
pub(crate) fn free_port() -> u16 {
    std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

/// What a command said, and how it ended.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl World {
    pub(crate) fn new() -> Self {
        // Directly below the system's temporary directory: a socket's path must stay short.
        Self { dir: tempfile::Builder::new().prefix("portus-cli-").tempdir().unwrap() }
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.dir.path().canonicalize().unwrap().join("home")
    }

    /// A directory outside of git, made if need be.
    pub(crate) fn dir(&self, name: &str) -> PathBuf {
        let path = self.dir.path().canonicalize().unwrap().join(name);
        std::fs::create_dir_all(&path).unwrap();
        path
    }

    /// A repository, as far as it takes to be one, and the project's name. The name ends in letters of this world's
    /// own: where a range is looked at first depends on it, and tests side by side must not meet there.
    pub(crate) fn repository(&self, name: &str) -> (PathBuf, String) {
        let own: String = self.dir.path().file_name().unwrap().to_string_lossy().chars().rev().take(6).collect();
        let name = format!("{name}-{own}");
        let path = self.dir(&name);
        for part in ["objects", "refs"] {
            std::fs::create_dir_all(path.join(".git").join(part)).unwrap();
        }
        std::fs::write(path.join(".git/HEAD"), "ref: refs/heads/main\n").unwrap();
        (path, name)
    }

    /// The directory of a repository.
    pub(crate) fn shop(&self) -> PathBuf {
        self.repository("shop").0
    }

    /// A linked worktree of a repository.
    pub(crate) fn worktree(&self, repository: &Path, name: &str) -> PathBuf {
        let path = self.dir(name);
        let git_dir = repository.join(".git/worktrees").join(name);
        std::fs::create_dir_all(&git_dir).unwrap();
        std::fs::write(git_dir.join("HEAD"), "ref: refs/heads/side\n").unwrap();
        std::fs::write(git_dir.join("commondir"), "../..\n").unwrap();
        std::fs::write(git_dir.join("gitdir"), format!("{}\n", path.join(".git").display())).unwrap();
        std::fs::write(path.join(".git"), format!("gitdir: {}\n", git_dir.display())).unwrap();
        path
    }

    /// The binary in a directory, with nothing of the test's own environment.
    pub(crate) fn portus<S: AsRef<OsStr>>(&self, dir: &Path, args: &[S]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_portus"));
        command.args(args).current_dir(dir).env_clear().stdin(Stdio::null());
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        // Windows starts nothing without it.
        command.envs(std::env::var_os("SYSTEMROOT").map(|root| ("SYSTEMROOT", root)));
        command.env("HOME", self.dir.path()).env("PORTUS_HOME", self.home());
        command
    }

    /// Runs it to its end.
    pub(crate) fn say<S: AsRef<OsStr>>(&self, dir: &Path, args: &[S]) -> Said {
        Said::of(&self.portus(dir, args).output().unwrap())
    }
}

impl Drop for World {
    fn drop(&mut self) {
        drop(self.portus(self.dir.path(), &["daemon", "stop"]).output());
    }
}

/// A process that listens on a port, until it is dropped.
pub(crate) struct Server(Child);

impl Server {
    /// Starts it in a directory and waits until it listens.
    pub(crate) fn start(dir: &Path, port: u16) -> Self {
        const LISTEN: &str = "import socket,sys\ns=socket.create_server(('127.0.0.1',int(sys.argv[1])))\nprint('up',flush=True)\nsys.stdin.read()";
        let mut command = Command::new("python3");
        command.args(["-c", LISTEN, &port.to_string()]).current_dir(dir);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line.trim(), "up");
        Self(child)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.0.id()
    }

    pub(crate) fn is_alive(&mut self) -> bool {
        self.0.try_wait().unwrap().is_none()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

impl Said {
    pub(crate) fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self { code: output.status.code().unwrap_or(-1), out: text(&output.stdout), err: text(&output.stderr) }
    }

    #[track_caller]
    pub(crate) fn ended_with(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self:?}");
        self
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        let value: Value = serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"));
        assert_eq!(value["schema"], "portus/1", "{self:?}");
        value
    }

    /// The one number it printed.
    #[track_caller]
    pub(crate) fn port(&self) -> u16 {
        self.out.strip_suffix('\n').and_then(|line| line.parse().ok()).unwrap_or_else(|| panic!("{self:?}"))
    }
}
