//! What all clients together were told: who has which port for certain.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A service of one client: the client's number and the service's.
pub type Owner = (usize, u8);

/// A lease that somebody was told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told {
    /// Its number.
    pub id: u64,
    /// Its port.
    pub port: u16,
    /// Whether its port was to be kept in the kernel.
    pub guarded: bool,
}

/// What went wrong, and what went well, over all clients.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// Requests that were answered with a lease.
    pub acknowledged: u64,
    /// Other calls that were answered with yes.
    pub answered: u64,
    /// Servers of `portus run` that came up.
    pub ran: u64,
    /// Calls whose answer was cut off.
    pub cut_off: u64,
    /// Leases that were told, not given back, and not there.
    pub lost: Vec<String>,
    /// Ports that two were told of at once.
    pub doubled: Vec<String>,
    /// Answers that should not be.
    pub odd: Vec<String>,
}

#[derive(Debug, Default)]
struct Pages {
    held: BTreeMap<Owner, Told>,
    by_port: BTreeMap<u16, Owner>,
    counts: Counts,
}

/// One book for all clients.
#[derive(Debug, Default)]
pub struct Book(Mutex<Pages>);

impl Book {
    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Somebody was told that a lease is theirs.
    pub fn told(&self, owner: Owner, told: Told) {
        let mut pages = self.pages();
        pages.counts.acknowledged += 1;
        if let Some(had) = pages.held.get(&owner).filter(|had| had.id != told.id) {
            let line = format!("{owner:?} had lease {} on {} and was told {told:?}", had.id, had.port);
            pages.counts.lost.push(line);
        }
        if let Some(other) = pages.by_port.get(&told.port).filter(|other| **other != owner) {
            let line = format!("port {} is {other:?}'s and {owner:?}'s", told.port);
            pages.counts.doubled.push(line);
        }
        let guarded = told.guarded || pages.held.get(&owner).is_some_and(|had| had.guarded);
        pages.by_port.insert(told.port, owner);
        pages.held.insert(owner, Told { guarded, ..told });
    }

    /// Somebody begins to give a lease back: from here on, nothing about it is certain.
    pub fn gives_up(&self, owner: Owner) {
        let mut pages = self.pages();
        if let Some(told) = pages.held.remove(&owner) {
            pages.by_port.remove(&told.port);
        }
    }

    /// Nobody guards the port any more: its server is up.
    pub fn is_up(&self, owner: Owner) {
        if let Some(told) = self.pages().held.get_mut(&owner) {
            told.guarded = false;
        }
    }

    /// What somebody has for certain.
    pub fn held(&self, owner: Owner) -> Option<Told> {
        self.pages().held.get(&owner).copied()
    }

    /// Everything that somebody has for certain.
    pub fn all(&self) -> BTreeMap<Owner, Told> {
        self.pages().held.clone()
    }

    /// Counts.
    pub fn count(&self, change: impl FnOnce(&mut Counts)) {
        change(&mut self.pages().counts);
    }

    /// The counts so far.
    pub fn counts(&self) -> Counts {
        self.pages().counts.clone()
    }
}
