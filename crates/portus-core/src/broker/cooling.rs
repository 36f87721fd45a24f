//! Freed ports that are kept from other keys for a while, and which of them are due to be let go.

use std::collections::{BTreeMap, BTreeSet};

use crate::vocabulary::{LeaseId, Port, Timestamp};

/// Each freed port: the remembered lease that was there last, and until when (awake clock) only its key may have it.
#[derive(Debug, Clone, Default)]
pub(super) struct Cooling {
    ports: BTreeMap<Port, (LeaseId, Timestamp)>,
    /// The same by when it ends, so that nobody walks all of them.
    ends: BTreeSet<(Timestamp, Port)>,
}

impl Cooling {
    pub(super) fn get(&self, port: Port) -> Option<(LeaseId, Timestamp)> {
        self.ports.get(&port).copied()
    }

    pub(super) fn insert(&mut self, port: Port, lease: LeaseId, until: Timestamp) {
        self.remove(port);
        self.ports.insert(port, (lease, until));
        self.ends.insert((until, port));
    }

    pub(super) fn remove(&mut self, port: Port) {
        if let Some((_, until)) = self.ports.remove(&port) {
            self.ends.remove(&(until, port));
        }
    }

    /// Lets go of a port if this lease was there last.
    pub(super) fn remove_of(&mut self, port: Port, lease: LeaseId) {
        if self.get(port).is_some_and(|(of, _)| of == lease) {
            self.remove(port);
        }
    }

    /// Lets go of all that have cooled down.
    pub(super) fn expire(&mut self, now: Timestamp) {
        while let Some((until, port)) = self.ends.first().copied().filter(|(until, _)| *until <= now) {
            self.ends.remove(&(until, port));
            self.ports.remove(&port);
        }
    }

    pub(super) fn clear(&mut self) {
        self.ports.clear();
        self.ends.clear();
    }

    #[cfg(test)]
    pub(super) fn ports(&self) -> impl ExactSizeIterator<Item = Port> + use<'_> {
        self.ports.keys().copied()
    }
}
