//! The real daemon, killed at random moments while many clients work; and then the books are compared.
//!
//! Each run has a home of its own and kills nobody but the daemon of that home. Start reading at [`kill_often`].

pub mod book;
pub mod client;
pub mod load;

use std::collections::{BTreeMap, BTreeSet};
use std::net::TcpListener;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use portus_os::place::Home;
use portus_os::process::{Signal, command_line, identity_of, signal};
use portus_proto::Scope;

use crate::sim::bytes::bytes_of;
use crate::{Rig, portus_binary};
pub use book::{Book, Counts, Told};
use client::{Work, work, worktree_of};

/// The longest that a daemon may take to answer anybody after a kill.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a run came to.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// How often the daemon was killed.
    pub kills: u32,
    /// What clients were told.
    pub counts: Counts,
    /// How many leases were certain at the end, and compared with the ledger.
    pub compared: usize,
    /// How many of those were to be kept in the kernel, and are.
    pub guarded: usize,
    /// How long it took.
    pub took: Duration,
}

/// Lets clients work and kills the daemon `kills` times, each time after a few more answers.
pub fn kill_often(kills: u32, clients: usize, seed: u64, until: Option<Instant>) -> Outcome {
    kill_and_spoil(kills, clients, seed, until, &|_| {})
}

/// The same, with something done to the home of the dead daemon before the books are compared: to see that it shows.
pub fn kill_and_spoil(kills: u32, clients: usize, seed: u64, until: Option<Instant>, spoil: &dyn Fn(&Home)) -> Outcome {
    let started = Instant::now();
    let rig = Rig::new();
    let (home, program) = (Home::at(rig.home()), portus_binary());
    let (book, over) = (Book::default(), AtomicBool::new(false));
    let (tell, told) = channel();
    let on = Work { home: &home, program: &program, book: &book, over: &over };
    let killed = std::thread::scope(|scope| {
        let on = &on;
        for number in 0..clients {
            let tell = tell.clone();
            scope.spawn(move || work(on, number, &tell));
        }
        drop(tell);
        let killed = kill(&home, &told, kills, seed, until, &book);
        over.store(true, Ordering::Relaxed);
        killed
    });
    let mut outcome = Outcome { kills: killed, counts: book.counts(), ..Outcome::default() };
    kill_daemon(&home);
    spoil(&home);
    compare(&home, &program, &book, &mut outcome);
    outcome.took = started.elapsed();
    outcome
}

/// Kills again and again, a few answers apart.
fn kill(home: &Home, told: &Receiver<()>, kills: u32, seed: u64, until: Option<Instant>, book: &Book) -> u32 {
    let draws = bytes_of(seed, 1 << 12);
    let mut draws = draws.chunks(2).cycle();
    let mut killed = 0;
    while killed < kills {
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
        if until.is_some_and(|until| Instant::now() >= until) {
            break;
        }
    }
    killed
}

/// Kills the daemon of this home, and nobody else: the process that its lock names, if its command line names the
/// home. Whether it was killed.
fn kill_daemon(home: &Home) -> bool {
    let pid = std::fs::read_to_string(home.lock()).ok().and_then(|text| text.trim().parse::<u32>().ok());
    let Some(Ok(Some(process))) = pid.map(identity_of) else { return false };
    let ours = command_line(process.pid).iter().any(|word| word == home.dir().as_os_str());
    ours && signal(&process, Signal::Kill).is_ok()
}

/// Compares what clients were told with what a new daemon says, and with the kernel.
fn compare(home: &Home, program: &Path, book: &Book, outcome: &mut Outcome) {
    let mut client = client::connect(home, program).unwrap();
    let listing = client.all_leases(Scope::All, false).unwrap();
    let listed: BTreeMap<(String, String), (u64, u16)> = listing
        .leases
        .iter()
        .map(|lease| ((lease.worktree.clone(), lease.service.to_string()), (lease.id.0, lease.port.number())))
        .collect();
    let ports: BTreeSet<u16> = listing.leases.iter().map(|lease| lease.port.number()).collect();
    if ports.len() != listing.leases.len() {
        outcome.counts.doubled.push("two live leases have one port".to_owned());
    }
    for ((number, service), told) in book.all() {
        outcome.compared += 1;
        let found = listed.get(&(worktree_of(number), format!("s{service}")));
        if found != Some(&(told.id, told.port)) {
            outcome.counts.lost.push(format!("({number}, {service}) was told {told:?}; the ledger says {found:?}"));
        } else if told.guarded {
            // Whoever binds as servers do is kept out.
            match TcpListener::bind(("0.0.0.0", told.port)) {
                Ok(_) => outcome.counts.odd.push(format!("port {} is not guarded", told.port)),
                Err(_) => outcome.guarded += 1,
            }
        }
    }
}

impl Outcome {
    /// The figures, for people.
    pub fn figures(&self) -> String {
        let counts = &self.counts;
        format!(
            "SIGKILL {} times in {:.1} s; leases acknowledged {}, other calls answered {}, cut off {}; compared at the \
             end {}, of those guarded in the kernel {}; lost {}, doubled {}, odd answers {}",
            self.kills,
            self.took.as_secs_f64(),
            counts.acknowledged,
            counts.answered,
            counts.cut_off,
            self.compared,
            self.guarded,
            counts.lost.len(),
            counts.doubled.len(),
            counts.odd.len()
        )
    }

    /// What must not be.
    pub fn wrongs(&self) -> Vec<&String> {
        self.counts.lost.iter().chain(&self.counts.doubled).chain(&self.counts.odd).collect()
    }
}
