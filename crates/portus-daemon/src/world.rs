//! The machine as the engine acts on it: guards in the kernel, processes watched, ports looked at.

use std::collections::{BTreeMap, BTreeSet};

use portus_core::{Admit, Effect, Look, Moment, Port, ProcessIdentity, Protocol};
use portus_os::clock;
use portus_os::port::Guard;
use portus_os::process::{ExitWatcher, Watch};

use crate::engine::{Performed, World};
use crate::observer::Looks;

/// The machine, through portus-os.
pub(crate) struct Machine {
    /// The guards that effects keep, with whom each lets past.
    guards: BTreeMap<Port, (Guard, Admit)>,
    /// The binds that looks made since the last [`World::settle`].
    looked: BTreeMap<(Port, Protocol), Guard>,
    watcher: ExitWatcher,
    /// Processes that were gone already when they were to be watched.
    gone: Vec<ProcessIdentity>,
    /// Processes that could not be watched for want of descriptors.
    unwatched: BTreeSet<ProcessIdentity>,
    looks: Looks,
    /// How many guards could not be taken or kept.
    guards_lost: u64,
}

impl Machine {
    /// Nothing is guarded, watched or looked at yet.
    pub(crate) const fn new(watcher: ExitWatcher, looks: Looks) -> Self {
        Self {
            guards: BTreeMap::new(),
            looked: BTreeMap::new(),
            watcher,
            gone: Vec::new(),
            unwatched: BTreeSet::new(),
            looks,
            guards_lost: 0,
        }
    }

    /// Whether a port is kept in the kernel just now.
    pub(crate) fn is_guarded(&self, port: Port) -> bool {
        self.guards.contains_key(&port)
    }

    /// How many ports are kept in the kernel.
    pub(crate) fn guard_count(&self) -> usize {
        self.guards.len()
    }

    /// How many could not be, so far.
    pub(crate) const fn guards_lost(&self) -> u64 {
        self.guards_lost
    }

    /// The processes found gone when they were to be watched, each told once.
    pub(crate) fn take_gone(&mut self) -> Vec<ProcessIdentity> {
        std::mem::take(&mut self.gone)
    }

    /// The looks that go on beside the engine.
    pub(crate) const fn looks(&self) -> &Looks {
        &self.looks
    }

    /// Tries again to watch what could not be watched. Whether some are left.
    pub(crate) fn watch_again(&mut self) -> bool {
        for process in std::mem::take(&mut self.unwatched) {
            self.watch(process);
        }
        !self.unwatched.is_empty()
    }

    /// Whether some processes could not be watched.
    pub(crate) fn has_unwatched(&self) -> bool {
        !self.unwatched.is_empty()
    }

    fn watch(&mut self, process: ProcessIdentity) {
        match self.watcher.watch(process) {
            Ok(Watch::Watching) => {}
            Ok(Watch::AlreadyGone) => self.gone.push(process),
            Err(error) => {
                tracing::warn!(%process, %error, "a process cannot be watched; trying again");
                self.unwatched.insert(process);
            }
        }
    }

    /// Holds a port on the terms of an effect. What is held of it already, by the guard before or by looks, is kept
    /// without a gap.
    fn guard(&mut self, port: Port, protocol: Protocol, admit: Admit) -> Performed {
        let guard = match self.take_held(port) {
            None => Guard::take(port, protocol),
            Some(mut held) => held.change(protocol).map(|()| held),
        };
        let guard = match guard {
            Ok(guard) => guard,
            Err(error) => {
                tracing::warn!(%error, "a guard is lost");
                return Performed::Lost;
            }
        };
        if let Err(error) = guard.admit(admit) {
            tracing::warn!(%port, %error, "a guard cannot change whom it lets past");
            return Performed::Lost;
        }
        self.guards.insert(port, (guard, admit));
        Performed::Done
    }

    /// Everything that is held of a port, as one guard.
    fn take_held(&mut self, port: Port) -> Option<Guard> {
        let guard = self.guards.remove(&port).map(|(guard, _)| guard);
        let looked =
            [Protocol::Tcp, Protocol::Udp, Protocol::Both].map(|protocol| self.looked.remove(&(port, protocol)));
        guard.into_iter().chain(looked.into_iter().flatten()).reduce(|mut held, more| {
            held.join(more);
            held
        })
    }

    /// What of `wanted` is not held already, by a guard or by looks.
    fn missing(&self, port: Port, wanted: Protocol) -> Option<Protocol> {
        let guard = self.guards.get(&port).map(|(guard, _)| guard.protocol());
        let looked = self.looked.range((port, Protocol::Tcp)..=(port, Protocol::Both)).map(|((_, held), _)| *held);
        let held: Vec<Protocol> = looked.chain(guard).collect();
        let tcp = wanted.tcp() && !held.iter().any(|held| held.tcp());
        let udp = wanted.udp() && !held.iter().any(|held| held.udp());
        match (tcp, udp) {
            (true, true) => Some(Protocol::Both),
            (true, false) => Some(Protocol::Tcp),
            (false, true) => Some(Protocol::Udp),
            (false, false) => None,
        }
    }
}

impl World for Machine {
    fn now(&self) -> Moment {
        clock::moment()
    }

    fn look(&mut self, port: Port, protocol: Protocol) -> Look {
        let Some(missing) = self.missing(port, protocol) else { return Look::Free };
        match Guard::take(port, missing) {
            Ok(guard) => {
                self.looked.insert((port, missing), guard);
                Look::Free
            }
            Err(error) => error.look,
        }
    }

    fn perform(&mut self, effect: &Effect) -> Performed {
        match *effect {
            Effect::Guard { port, protocol, admit } => {
                let performed = self.guard(port, protocol, admit);
                self.guards_lost += u64::from(performed == Performed::Lost);
                return performed;
            }
            Effect::Watch { process } => self.watch(process),
            Effect::Look { lease, port, protocol } => self.looks.begin(lease, port, protocol),
        }
        Performed::Done
    }

    fn undo(&mut self, effect: &Effect) {
        match effect {
            Effect::Guard { port, .. } => drop(self.guards.remove(port)),
            Effect::Watch { process } => {
                self.unwatched.remove(process);
                self.watcher.unwatch(process);
            }
            Effect::Look { lease, .. } => self.looks.end(*lease),
        }
    }

    fn settle(&mut self) {
        self.looked.clear();
    }
}

#[cfg(test)]
mod tests;
