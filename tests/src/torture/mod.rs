//! The real daemon, killed at random moments while many clients work; and then the books are compared.
//!
//! Each run has a home of its own and kills nobody but the daemon of that home. Start reading at [`kill_often`].

pub mod book;
pub mod client;
pub mod compare;
pub mod kernel;
pub mod ledger;
pub mod load;
pub mod runner;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use portus_core::{Port, PortRange};
use portus_os::place::{HOME_VARIABLE, Home, StartLock};
use portus_os::process::{Signal, command_line, environment, identity_of, signal};

use crate::sim::bytes::bytes_of;
use crate::{Pool, Rig, native, pool, portus_binary};
pub use book::{Book, Counts, Told};
use client::{Work, work};
use runner::{Kills, Setting};

/// The longest that a daemon may take to answer anybody after a kill.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a run is made of.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// How often the daemon is killed.
    pub kills: u32,
    /// How many clients call.
    pub clients: usize,
    /// How many run a server with `portus run`.
    pub runners: usize,
    /// Which moments are drawn.
    pub seed: u64,
    /// When to stop killing at the latest.
    pub until: Option<Instant>,
}

/// What a run came to.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// How often the daemon was killed.
    pub kills: u32,
    /// What clients were told.
    pub counts: Counts,
    /// How many leases were certain at the end, and compared with the journal's file and with a new daemon.
    pub compared: usize,
    /// How many of those were to be kept in the kernel, and are.
    pub guarded: usize,
    /// How many servers listened under a lease at the end, by the kernel's tables.
    pub listening: usize,
    /// How many ports without a lease were tried, and are free for servers.
    pub free: usize,
    /// How long it took.
    pub took: Duration,
}

/// Lets clients work and kills the daemon, each time after a few more answers.
pub fn kill_often(plan: Plan) -> Outcome {
    kill_and_spoil(plan, &|_| {})
}

/// The same, with something done to the home of the dead daemon before the books are compared: to see that it shows.
pub fn kill_and_spoil(plan: Plan, spoil: &dyn Fn(&Home)) -> Outcome {
    let started = Instant::now();
    let rig = Rig::with(Pool::take(pool::TORTURE));
    let (first, last) = rig.pool();
    let pool = PortRange::new(Port::new(first).unwrap(), Port::new(last).unwrap()).unwrap();
    let (home, program) = (Home::at(rig.home()), portus_binary());
    let server = native::program(&rig.work(), "listener.c");
    let (book, over, kills) = (Book::default(), AtomicBool::new(false), Kills::default());
    let (tell, told) = channel();
    let on = Work { home: &home, program: &program, pool, book: &book, over: &over };
    let setting = Setting { rig: &rig, server: &server, kills: &kills };
    let (killed, up) = std::thread::scope(|scope| {
        let (on, setting) = (&on, &setting);
        for number in 0..plan.clients {
            let tell = tell.clone();
            scope.spawn(move || work(on, number, &tell));
        }
        let runners: Vec<_> = (runner::FIRST..runner::FIRST + plan.runners)
            .map(|number| {
                let tell = tell.clone();
                scope.spawn(move || runner::run(on, setting, number, &tell))
            })
            .collect();
        drop(tell);
        let killed = kill(&home, &told, &plan, &book, &kills);
        over.store(true, Ordering::Relaxed);
        kills.tell();
        let up: Vec<_> = runners.into_iter().filter_map(|runner| runner.join().unwrap()).collect();
        (killed, up)
    });
    let mut outcome = Outcome { kills: killed, counts: book.counts(), ..Outcome::default() };
    kill_daemon(&home);
    let gone = StartLock::wait(&home.lock(), Instant::now() + PATIENCE);
    assert!(gone.is_ok(), "the killed daemon does not go away");
    drop(gone);
    spoil(&home);
    compare::compare(&on, &setting, &up, &mut outcome);
    outcome.took = started.elapsed();
    outcome
}

/// Kills again and again, a few answers apart.
fn kill(home: &Home, told: &Receiver<()>, plan: &Plan, book: &Book, kills: &Kills) -> u32 {
    let draws = bytes_of(plan.seed, 1 << 12);
    let mut draws = draws.chunks(2).cycle();
    let mut killed = 0;
    while killed < plan.kills {
        let Some([answers, pause]) = draws.next() else { break };
        let (answers, pause_us) = (u32::from(*answers) + 1, u64::from(*pause) * 8);
        let end = Instant::now() + PATIENCE;
        for _ in 0..answers {
            if told.recv_timeout(end.saturating_duration_since(Instant::now())).is_err() {
                book.count(|counts| counts.odd.push(format!("no answers within {} s", PATIENCE.as_secs())));
                return killed;
            }
        }
        // And then at any moment of whatever is done next.
        let moment = Instant::now() + Duration::from_micros(pause_us);
        while let Ok(()) | Err(RecvTimeoutError::Timeout) =
            told.recv_timeout(moment.saturating_duration_since(Instant::now()))
        {
            if Instant::now() >= moment {
                break;
            }
        }
        killed += u32::from(kill_daemon(home));
        kills.tell();
        if plan.until.is_some_and(|until| Instant::now() >= until) {
            break;
        }
    }
    killed
}

/// Kills the daemon of this home, and nobody else: the process that its lock names, if its command line or its
/// environment names the home. Whether it was killed.
pub fn kill_daemon(home: &Home) -> bool {
    let pid = std::fs::read_to_string(home.lock()).ok().and_then(|text| text.trim().parse::<u32>().ok());
    let Some(Ok(Some(process))) = pid.map(identity_of) else { return false };
    let words = command_line(process.pid);
    let is_daemon = words.get(1).is_some_and(|word| word == "daemon");
    let ours = words.iter().any(|word| word == home.dir().as_os_str())
        || environment(process.pid, HOME_VARIABLE).is_some_and(|named| named == home.dir().as_os_str());
    is_daemon && ours && signal(&process, Signal::Kill).is_ok()
}

impl Outcome {
    /// The figures, for people.
    pub fn figures(&self) -> String {
        let counts = &self.counts;
        format!(
            "SIGKILL {} times in {:.1} s; leases acknowledged {}, servers of `portus run` that came up {}, other calls \
             answered {}, cut off {}; compared with journal and daemon at the end {}, of those guarded in the kernel {}; \
             listeners under a lease {}, ports without a lease that are free {}; lost {}, doubled {}, odd answers {}",
            self.kills,
            self.took.as_secs_f64(),
            counts.acknowledged,
            counts.ran,
            counts.answered,
            counts.cut_off,
            self.compared,
            self.guarded,
            self.listening,
            self.free,
            counts.lost.len(),
            counts.doubled.len(),
            counts.odd.len()
        )
    }

    /// What this run has not shown at all: a run that never killed, or never saw a lease, proves nothing.
    pub fn unshown(&self, plan: &Plan) -> Vec<&'static str> {
        let shown = [
            (self.kills > 0, "the daemon was never killed"),
            (self.counts.acknowledged > 0, "no lease was ever acknowledged"),
            (self.compared > 0, "no lease was compared at the end"),
            (self.counts.ran > 0 || plan.runners == 0, "no server of `portus run` ever came up"),
            (self.listening > 0 || plan.runners == 0, "no server listened at the end"),
        ];
        shown.into_iter().filter_map(|(is_shown, what)| (!is_shown).then_some(what)).collect()
    }

    /// What must not be.
    pub fn wrongs(&self) -> Vec<&String> {
        self.counts.lost.iter().chain(&self.counts.doubled).chain(&self.counts.odd).collect()
    }
}
