//! The rig for tests with the real binary: a home of its own, real repositories, real servers.
//!
//! May import the crates of the product and what tests need. Never touches the user's own daemon:
//! every rig has its own `PORTUS_HOME`. Start reading at [`Rig`]. Tested by being used.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test rig reports by panicking")]

pub mod alone;
pub mod bench;
mod binary;
pub mod fuzz;
pub mod native;
pub mod net;
pub mod network;
mod piped;
pub mod pool;
mod project;
mod running;
pub mod sim;
pub mod torture;
pub mod wire;
pub mod wish;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

pub use binary::portus_binary;
pub use piped::Piped;
pub use pool::Pool;
pub use project::Project;
pub use running::Running;

/// A world of its own for one test. When it is dropped its daemon is stopped and its files go.
#[derive(Debug)]
pub struct Rig {
    dir: TempDir,
    pool: Pool,
}

/// What a command printed and how it ended.
#[derive(Debug)]
pub struct Said {
    /// Its exit code; 128 + the signal that ended it.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Rig {
    /// An empty world.
    pub fn new() -> Self {
        Self::with(Pool::take(pool::RIGS))
    }

    /// An empty world whose daemon hands out these ports.
    pub fn with(pool: Pool) -> Self {
        // Directly below the system's temporary directory: a socket's path must stay short.
        let dir = tempfile::Builder::new().prefix("portus-rig-").tempdir().unwrap();
        std::fs::create_dir(dir.path().join("work")).unwrap();
        let rig = Self { dir, pool };
        std::fs::create_dir(rig.home()).unwrap();
        let (first, last) = rig.pool();
        std::fs::write(rig.home().join("config.toml"), format!("[pool]\nrange = \"{first}-{last}\"\n")).unwrap();
        rig
    }

    /// Where its daemon lives.
    pub fn home(&self) -> PathBuf {
        self.dir.path().join("home")
    }

    /// The range that its daemon hands out unless another is named: first and last port.
    pub const fn pool(&self) -> (u16, u16) {
        self.pool.ports()
    }

    /// Where its projects lie.
    pub fn work(&self) -> PathBuf {
        self.dir.path().join("work").canonicalize().unwrap()
    }

    /// A directory with nothing in it.
    pub fn directory(&self, name: &str) -> PathBuf {
        let path = self.work().join(name);
        std::fs::create_dir_all(&path).unwrap();
        path
    }

    /// A repository with one commit.
    pub fn repository(&self, name: &str) -> Project {
        Project::init(&self.work().join(name))
    }

    /// The binary, in a directory, with nothing of the test's own environment.
    pub fn portus<S: AsRef<std::ffi::OsStr>>(&self, dir: &Path, args: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new(portus_binary());
        command.args(args).current_dir(dir).env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("HOME", self.dir.path()).env("PORTUS_HOME", self.home());
        command
    }

    /// Runs it to its end. How that must be is said by what follows, such as [`Said::good`].
    #[must_use]
    pub fn say<S: AsRef<std::ffi::OsStr>>(&self, dir: &Path, args: impl IntoIterator<Item = S>) -> Said {
        Said::from(self.portus(dir, args).output().unwrap())
    }

    /// Runs it to its end, which must be a good one, and reads its JSON.
    pub fn json<S: AsRef<std::ffi::OsStr>>(&self, dir: &Path, args: impl IntoIterator<Item = S>) -> Value {
        self.say(dir, args).good().json()
    }

    /// The daemon's process, from `daemon status`.
    pub fn daemon_pid(&self) -> Option<u32> {
        let status = self.json(&self.work(), ["daemon", "status", "--json"]);
        status["pid"].as_u64().and_then(|pid| u32::try_from(pid).ok())
    }
}

impl Default for Rig {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        let _ = self.portus(self.dir.path(), ["daemon", "stop", "--quiet"]).output();
    }
}

impl Said {
    /// Itself, if the command ended with 0.
    #[track_caller]
    pub fn good(self) -> Self {
        self.ended_with(0)
    }

    /// Itself, if the command ended with this code.
    #[track_caller]
    pub fn ended_with(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// What stands on standard output, as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        let parsed = serde_json::from_str(&self.stdout);
        parsed.unwrap_or_else(|error| panic!("no JSON ({error}): {:?}\nstderr:\n{}", self.stdout, self.stderr))
    }

    /// The one port that stands on standard output.
    #[track_caller]
    pub fn port(&self) -> u16 {
        self.stdout.trim().parse().unwrap_or_else(|_| panic!("no port: {:?}\nstderr:\n{}", self.stdout, self.stderr))
    }
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        use std::os::unix::process::ExitStatusExt;
        let code = output.status.code().or_else(|| output.status.signal().map(|signal| 128 + signal));
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Self { code: code.unwrap_or(-1), stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}
