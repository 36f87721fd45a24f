//! A client of another kind: `portus run` with a real server, started and ended again and again through any number of
//! daemons.

use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::mpsc::Sender;
use std::sync::{Condvar, Mutex, PoisonError};

use super::book::{Owner, Told};
use super::client::Work;
use crate::sim::bytes::bytes_of;
use crate::{Rig, Running};

/// The numbers of runners, as owners, begin here: those of other clients are below.
pub const FIRST: usize = 10_000;

/// The service that a runner runs.
pub const SERVICE: &str = "s0";

/// How often the daemon was killed, to wait for it.
#[derive(Debug, Default)]
pub struct Kills {
    count: Mutex<u32>,
    one_more: Condvar,
}

impl Kills {
    /// One more; or none will follow.
    pub fn tell(&self) {
        *self.count.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.one_more.notify_all();
    }

    /// Waits for so many more, or the end of all.
    fn wait_for(&self, more: u32, work: &Work<'_>) {
        let count = self.count.lock().unwrap_or_else(PoisonError::into_inner);
        let target = *count + more;
        let waits = |count: &mut u32| *count < target && !work.over.load(Ordering::Relaxed);
        drop(self.one_more.wait_while(count, waits).unwrap_or_else(PoisonError::into_inner));
    }
}

/// What a runner runs in and with.
#[derive(Debug)]
pub struct Setting<'a> {
    /// The world.
    pub rig: &'a Rig,
    /// The server (`tests/native/listener.c`).
    pub server: &'a Path,
    /// The kills so far.
    pub kills: &'a Kills,
}

/// A server that is up, under its `portus run`.
#[derive(Debug)]
pub struct Up {
    /// The command.
    pub running: Running,
    /// The server's own process.
    pub server: u32,
    /// Its port.
    pub port: u16,
    /// Its lease.
    pub lease: u64,
}

/// The worktree of a runner.
pub fn worktree_of(rig: &Rig, number: usize) -> PathBuf {
    rig.work().join(format!("run{number}"))
}

/// Runs a server again and again, each through a few kills of the daemon. Gives the one that is up when all is over.
pub fn run(work: &Work<'_>, setting: &Setting<'_>, number: usize, answered: &Sender<()>) -> Option<Up> {
    let owner: Owner = (number, 0);
    let draws = bytes_of(number as u64 + 1, 1 << 10);
    let mut draws = draws.iter().copied().cycle();
    loop {
        // The last kill may hit a start. Then one more is left, which nobody disturbs.
        let is_last = work.over.load(Ordering::Relaxed);
        match start(work, setting, owner) {
            None if is_last => return None,
            None => continue,
            Some(up) => {
                let _ = answered.send(());
                let draw = draws.next().unwrap_or(0);
                setting.kills.wait_for(u32::from(draw % 4), work);
                if work.over.load(Ordering::Relaxed) {
                    return Some(up);
                }
                work.book.gives_up(owner);
                end(work, up, draw >= 128);
            }
        }
    }
}

/// Starts it, and waits until it says that it listens.
fn start(work: &Work<'_>, setting: &Setting<'_>, owner: Owner) -> Option<Up> {
    let dir = worktree_of(setting.rig, owner.0);
    std::fs::create_dir_all(&dir).unwrap();
    let mut command = setting.rig.portus(&dir, ["run", "--timeout", "20s", "-s", SERVICE, "--"]);
    command.arg(setting.server);
    let mut running = Running::start(command);
    let line = running.line();
    let Some((port, lease, server)) = parse(&line) else {
        let said = running.wait();
        work.book.count(|counts| match &said.stderr {
            stderr if was_cut_off(stderr) => counts.cut_off += 1,
            stderr => counts.odd.push(format!("run {owner:?} said `{line}`, and ended with {}: {stderr}", said.code)),
        });
        return None;
    };
    work.book.told(owner, Told { id: lease, port, guarded: false });
    work.book.count(|counts| counts.ran += 1);
    Some(Up { running, server, port, lease })
}

/// What the server says of itself: port, lease, process.
fn parse(line: &str) -> Option<(u16, u64, u32)> {
    let mut words = line.split(' ');
    let (port, lease, server) = (words.next()?, words.next()?, words.next()?);
    Some((port.parse().ok()?, lease.split_once(':')?.1.parse().ok()?, server.parse().ok()?))
}

/// Whether a `portus run` failed because its daemon was killed in the middle of a call.
fn was_cut_off(stderr: &str) -> bool {
    ["the daemon ended the connection", "ended without a word", "lost"].iter().any(|words| stderr.contains(words))
}

/// Ends it: from outside, as Ctrl-C does, or the server ends by itself.
fn end(work: &Work<'_>, up: Up, by_itself: bool) {
    let code = if by_itself && TcpStream::connect(("127.0.0.1", up.port)).is_ok() {
        0
    } else {
        up.running.signal("TERM");
        128 + 15
    };
    let said = up.running.wait();
    work.book.count(|counts| {
        counts.answered += 1;
        if said.code != code {
            counts.odd.push(format!("run ended with {} instead of {code}: {}", said.code, said.stderr));
        }
    });
}
