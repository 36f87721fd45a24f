//! After the storm: what clients were told, the journal's file, a new daemon and the kernel, against each other.

use std::collections::{BTreeMap, BTreeSet};

use portus_client::Client;
use portus_proto::{Caller, Lease, ReleaseCall, Scope, Target};

use super::book::{Counts, Owner};
use super::client::{self, Work};
use super::kernel;
use super::ledger::{self, Ledger};
use super::runner::{self, Setting, Up};
use super::{Outcome, kill_daemon};

/// Compares all of them, and ends what is left.
pub fn compare(work: &Work<'_>, setting: &Setting<'_>, up: &[Up], outcome: &mut Outcome) {
    let journal = ledger::read(&work.home.journal()).unwrap_or_else(|error| {
        outcome.counts.odd.push(error);
        Ledger::default()
    });
    outcome.counts.doubled.extend(journal.doubled.iter().cloned());
    let mut daemon = client::connect(work.home, work.program).unwrap();
    let listing = daemon.all_leases(Scope::All, false).unwrap().leases;
    told(work, setting, &journal, &listing, outcome);
    books(&journal, &listing, &mut outcome.counts);
    listeners(&daemon.welcome().journal, up, &listing, outcome);
    guards(&mut daemon, &listing, outcome);
    free_ports(work, &listing, outcome);
    clear(work, setting, outcome);
}

fn key_of(setting: &Setting<'_>, (number, service): Owner) -> (String, String) {
    let worktree = if number >= runner::FIRST {
        runner::worktree_of(setting.rig, number).display().to_string()
    } else {
        client::worktree_of(number)
    };
    (worktree, format!("s{service}"))
}

/// What was acknowledged and not given back lives: in the file, and for the new daemon.
fn told(work: &Work<'_>, setting: &Setting<'_>, journal: &Ledger, listing: &[Lease], outcome: &mut Outcome) {
    let listed: BTreeMap<u64, &Lease> = listing.iter().map(|lease| (lease.id.0, lease)).collect();
    for (owner, told) in work.book.all() {
        outcome.compared += 1;
        let key = key_of(setting, owner);
        let row = journal.live.get(&told.id);
        if row.is_none_or(|row| row.key != key || row.port != told.port) {
            outcome.counts.lost.push(format!("{owner:?} was told {told:?}; the journal's file says {row:?}"));
        }
        let lease = listed.get(&told.id);
        let is_it = |lease: &&Lease| {
            (&lease.worktree, lease.service.as_str(), lease.port.number()) == (&key.0, &*key.1, told.port)
        };
        if !lease.is_some_and(is_it) {
            outcome.counts.lost.push(format!("{owner:?} was told {told:?}; the new daemon says {lease:?}"));
        } else if told.guarded {
            // Whoever binds as servers do is kept out.
            if kernel::is_free(told.port) {
                outcome.counts.odd.push(format!("port {} is not guarded", told.port));
            } else {
                outcome.guarded += 1;
            }
        }
    }
}

/// The new daemon believes what the file says, and no port or key twice.
fn books(journal: &Ledger, listing: &[Lease], counts: &mut Counts) {
    let (mut ports, mut keys) = (BTreeSet::new(), BTreeSet::new());
    for lease in listing {
        if !ports.insert(lease.port) || !keys.insert((&lease.worktree, &lease.service)) {
            counts.doubled.push(format!("port or key has two live leases: {lease:?}"));
        }
        let row = journal.live.get(&lease.id.0);
        if row.is_none_or(|row| row.port != lease.port.number() || row.key.0 != lease.worktree) {
            counts.odd.push(format!("the daemon lists lease {}; the journal's file says {row:?}", lease.id));
        }
    }
}

/// Every server that listens under a lease has it still, and every one that was left up listens.
fn listeners(journal: &str, up: &[Up], listing: &[Lease], outcome: &mut Outcome) {
    let leases: BTreeMap<u64, u16> = listing.iter().map(|lease| (lease.id.0, lease.port.number())).collect();
    let tenants = kernel::tenants(journal);
    for tenant in &tenants {
        outcome.listening += tenant.ports.len();
        let of_leases: BTreeSet<u16> = tenant.leases.iter().filter_map(|id| leases.get(id).copied()).collect();
        if !tenant.ports.is_subset(&of_leases) {
            outcome.counts.lost.push(format!("{tenant:?} listens, and the live leases are {of_leases:?}"));
        }
    }
    for up in up {
        let listens = |tenant: &&kernel::Tenant| tenant.pid == up.server && tenant.ports.contains(&up.port);
        if !tenants.iter().any(|tenant| listens(&tenant)) {
            outcome.counts.odd.push(format!("a server does not listen: {up:?}"));
        }
    }
}

/// The daemon holds as many guards as its leases say.
fn guards(daemon: &mut Client, listing: &[Lease], outcome: &mut Outcome) {
    let guarded = listing.iter().filter(|lease| lease.guarded).count();
    let held = daemon.status().unwrap().guards as usize;
    if guarded != held {
        outcome.counts.odd.push(format!("{guarded} leases are guarded, and the daemon holds {held} guards"));
    }
}

/// No port without a lease is kept from servers by us.
fn free_ports(work: &Work<'_>, listing: &[Lease], outcome: &mut Outcome) {
    let (first, last) = (work.pool.first().number(), work.pool.last().number());
    let leased: BTreeSet<u16> = listing.iter().map(|lease| lease.port.number()).collect();
    let (free, taken): (Vec<u16>, Vec<u16>) =
        (first..=last).filter(|port| !leased.contains(port)).partition(|port| kernel::is_free(*port));
    outcome.free = free.len();
    if taken.is_empty() {
        return;
    }
    // A stranger, or a guard that should not be? Guards go with the daemon.
    kill_daemon(work.home);
    drop(portus_client::wait_until_gone(work.home, std::time::Instant::now() + super::PATIENCE));
    for port in taken.into_iter().filter(|port| kernel::is_free(*port)) {
        outcome.counts.odd.push(format!("port {port} was guarded without a lease"));
    }
}

/// Gives everything back but what servers listen under: then the daemon's process holds no socket that guards.
fn clear(work: &Work<'_>, setting: &Setting<'_>, outcome: &mut Outcome) {
    let mut daemon = client::connect(work.home, work.program).unwrap();
    for lease in daemon.all_leases(Scope::All, false).unwrap().leases {
        if lease.worktree.starts_with(&*setting.rig.work().to_string_lossy()) {
            continue;
        }
        let caller = Caller { worktree: lease.worktree.clone(), force: false };
        daemon.release(ReleaseCall { targets: vec![Target::Lease(lease.id)], caller }).unwrap();
    }
    let left = kernel::unlisted_sockets(daemon.welcome().pid);
    if left > 0 {
        outcome.counts.odd.push(format!("nothing is to be guarded, and the daemon holds {left} sockets that guard"));
    }
}
