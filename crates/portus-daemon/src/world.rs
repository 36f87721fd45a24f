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

    /// Holds a port on the terms of an effect. A bind that a look made is taken over.
    fn guard(&mut self, port: Port, protocol: Protocol, admit: Admit) -> Performed {
        let kept = match self.guards.remove(&port) {
            Some((guard, _)) if guard.protocol() == protocol => Some(guard),
            other => {
                drop(other);
                self.looked.remove(&(port, protocol))
            }
        };
        let guard = match kept {
            Some(guard) => guard,
            None => {
                // Binds of ours for another protocol of the port would stand in the way.
                self.looked.retain(|(looked, _), _| *looked != port);
                match Guard::take(port, protocol) {
                    Ok(guard) => guard,
                    Err(error) => {
                        tracing::warn!(%error, "a guard is lost");
                        return Performed::Lost;
                    }
                }
            }
        };
        if let Err(error) = guard.admit(admit) {
            tracing::warn!(%port, %error, "a guard cannot change whom it lets past");
            return Performed::Lost;
        }
        self.guards.insert(port, (guard, admit));
        Performed::Done
    }
}

impl World for Machine {
    fn now(&self) -> Moment {
        clock::moment()
    }

    fn look(&mut self, port: Port, protocol: Protocol) -> Look {
        let guarded = self.guards.get(&port).is_some_and(|(guard, _)| guard.protocol().covers(protocol));
        let looked = self.looked.iter().any(|((looked, held), _)| *looked == port && held.covers(protocol));
        if guarded || looked {
            return Look::Free;
        }
        self.looked.retain(|(looked, _), _| *looked != port);
        match Guard::take(port, missing(protocol, self.guards.get(&port).map(|(guard, _)| guard.protocol()))) {
            Ok(guard) => {
                self.looked.insert((port, guard.protocol()), guard);
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

/// What of `wanted` a guard for `held` does not keep already.
const fn missing(wanted: Protocol, held: Option<Protocol>) -> Protocol {
    match (wanted, held) {
        (Protocol::Both, Some(Protocol::Tcp)) => Protocol::Udp,
        (Protocol::Both, Some(Protocol::Udp)) => Protocol::Tcp,
        _ => wanted,
    }
}

#[cfg(test)]
mod tests;
