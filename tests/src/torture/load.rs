//! Many clients at once: most only connected, some asking without a pause; and what that does to the daemon's memory.

use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use portus_os::place::Home;
use portus_proto::{RenewCall, Target};

use super::client;
use crate::{Rig, portus_binary};

/// What a load came to.
#[derive(Debug, Clone, Default)]
pub struct Loaded {
    /// Clients connected.
    pub connected: usize,
    /// Of those, how many asked all the time.
    pub asking: usize,
    /// Calls answered.
    pub answered: u64,
    /// What went wrong.
    pub errors: Vec<String>,
    /// The daemon's resident memory when all were connected and had asked once, and at the end, in KiB.
    pub resident_kib: (u64, u64),
    /// The most it ever was.
    pub peak_kib: u64,
    /// The longest that anybody waited for an answer.
    pub slowest: Duration,
    /// How long it took.
    pub took: Duration,
}

/// What is allowed to a daemon that was asked a lot: buffers that grow to their size once.
pub const GROWTH_MAX_KIB: u64 = 16 * 1_024;

/// Connects `connected` clients, of which `asking` ask for `span`.
pub fn load(connected: usize, asking: usize, span: Duration) -> Loaded {
    let rig = Rig::new();
    let (home, program) = (Home::at(rig.home()), portus_binary());
    let mut loaded = Loaded { connected, asking, ..Loaded::default() };
    let first = client::connect(&home, &program).unwrap();
    let pid = first.welcome().pid;
    let idle: Vec<_> = (1..connected - asking).map(|_| client::connect(&home, &program)).collect();
    loaded.errors.extend(idle.iter().filter_map(|client| client.as_ref().err().cloned()));
    let (ready, answered) = (Barrier::new(asking + 1), AtomicU64::new(0));
    let started = Instant::now();
    let outcomes: Vec<(Duration, Option<String>)> = std::thread::scope(|scope| {
        let (ready, answered, home, program) = (&ready, &answered, &home, &program);
        let asking: Vec<_> = (0..asking)
            .map(|number| scope.spawn(move || asks(home, program, number, span, (ready, answered))))
            .collect();
        ready.wait();
        loaded.resident_kib.0 = resident_kib(pid);
        let outcomes = asking.into_iter().map(|asking| asking.join().unwrap()).collect();
        loaded.resident_kib.1 = resident_kib(pid);
        loaded.peak_kib = kib(pid, "VmHWM:");
        outcomes
    });
    loaded.took = started.elapsed();
    loaded.answered = answered.into_inner();
    loaded.slowest = outcomes.iter().map(|(slowest, _)| *slowest).max().unwrap_or_default();
    loaded.errors.extend(outcomes.into_iter().filter_map(|(_, error)| error));
    drop((first, idle));
    loaded
}

/// One client that asks all the time: the longest it waited, and what went wrong.
fn asks(
    home: &Home,
    program: &std::path::Path,
    number: usize,
    span: Duration,
    (ready, answered): (&Barrier, &AtomicU64),
) -> (Duration, Option<String>) {
    let connected = client::connect(home, program);
    let owner = (number, 0);
    let mut slowest = Duration::ZERO;
    let mut once = |call: &mut dyn FnMut() -> Result<u64, String>| {
        let begun = Instant::now();
        let answer = call();
        slowest = slowest.max(begun.elapsed());
        answered.fetch_add(u64::from(answer.is_ok()), Ordering::Relaxed);
        answer
    };
    let asked = connected.and_then(|mut client| {
        let id = once(&mut || client::ask(&mut client, owner))?;
        Ok((client, id))
    });
    ready.wait();
    let until = Instant::now() + span;
    let outcome = asked.and_then(|(mut client, id)| {
        while Instant::now() < until {
            once(&mut || client::ask(&mut client, owner))?;
            let caller = portus_proto::Caller { worktree: client::worktree_of(number), force: false };
            let renew = RenewCall { target: Target::Lease(portus_core::LeaseId(id)), caller, ttl_ms: None };
            once(&mut || client.renew(renew.clone()).map(|_| id).map_err(|error| error.to_string()))?;
        }
        Ok(())
    });
    (slowest, outcome.err())
}

/// A process's resident memory, as the system tells it.
pub fn resident_kib(pid: u32) -> u64 {
    kib(pid, "VmRSS:")
}

fn kib(pid: u32, name: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

impl Loaded {
    /// What must not be.
    pub fn wrongs(&self) -> Vec<String> {
        let mut wrongs = self.errors.clone();
        let (before, after) = self.resident_kib;
        if before == 0 || after > before + GROWTH_MAX_KIB {
            wrongs.push(format!("its memory grew from {before} KiB to {after} KiB"));
        }
        if self.answered < self.asking as u64 {
            wrongs.push(format!("{} calls were answered in all", self.answered));
        }
        wrongs
    }

    /// The figures, for people.
    pub fn figures(&self) -> String {
        format!(
            "{} clients connected, {} of them asking for {:.1} s: {} calls answered, {} errors, slowest answer {:.0} ms; \
             resident memory {} KiB before, {} KiB after, {} KiB at most",
            self.connected,
            self.asking,
            self.took.as_secs_f64(),
            self.answered,
            self.errors.len(),
            self.slowest.as_secs_f64() * 1_000.0,
            self.resident_kib.0,
            self.resident_kib.1,
            self.peak_kib
        )
    }
}
