//! What is on disk, told from the trace of IO alone, and what may be done because of it.

use std::collections::BTreeSet;

use portus_core::{Broker, Change, Effect, Policy, Port};
use portus_daemon::engine::Performed;
use portus_daemon::engine::toy::Step;

use super::promise::{Findings, Promise};

/// Follows the trace, step by step.
#[derive(Debug, Clone)]
pub struct Shadow {
    /// The ledger as it is written down for good.
    pub written: Broker,
    draft: Vec<Change>,
    /// The highest number of a lease that was ever written down for good.
    highest: u64,
    /// Ports whose guard could not be had, which the ledger does not know yet.
    pub lost: BTreeSet<Port>,
    /// How many commits took hold.
    pub commits: u64,
}

impl Shadow {
    /// An empty disk.
    pub fn empty() -> Self {
        let written = Broker::new(Policy::default());
        Self { written, draft: Vec::new(), highest: 0, lost: BTreeSet::new(), commits: 0 }
    }

    /// The process ended: what was not committed is gone.
    pub fn died(&mut self) {
        self.draft.clear();
        self.lost.clear();
    }

    /// Follows these steps.
    pub fn follow(&mut self, steps: &[Step], found: &mut Findings) {
        for step in steps {
            match step {
                Step::Appended(changes) => self.draft.extend_from_slice(changes),
                Step::Committed => self.commit(found),
                Step::RolledBack => self.draft.clear(),
                Step::SetAside => *self = Self::empty(),
                Step::Performed(effect, performed) => self.performed(effect, *performed, found),
                Step::Undone(effect) => {
                    let still = self.written.standing_effects().contains(effect);
                    found.check(Promise::no_effect_before_its_cause_is_on_disk, !still, || {
                        format!("{effect:?} was undone though the disk still says that it stands")
                    });
                }
                Step::Loaded | Step::Looked(..) | Step::Settled | Step::Struck(_) => {}
            }
        }
    }

    fn commit(&mut self, found: &mut Findings) {
        self.commits += 1;
        for change in std::mem::take(&mut self.draft) {
            if let Change::Granted { lease, .. } = &change {
                let (id, highest) = (lease.id.0, self.highest);
                found.check(Promise::ids_are_never_reused, id > highest, || {
                    format!("lease {id} was granted after lease {highest}")
                });
                self.highest = highest.max(id);
            }
            self.written.evolve(&change);
        }
        no_port_is_leased_twice(&self.written, found);
        let guarded: BTreeSet<Port> =
            self.written.live_leases().filter(|lease| lease.guard.is_some()).map(|lease| lease.port).collect();
        self.lost.retain(|port| guarded.contains(port));
    }

    fn performed(&mut self, effect: &Effect, performed: Performed, found: &mut Findings) {
        let caused = self.written.standing_effects().contains(effect);
        found.check(Promise::no_effect_before_its_cause_is_on_disk, caused, || {
            format!("{effect:?} was performed, and nothing on disk says why")
        });
        // Whoever adds an effect has to say here whether it may end a process: none may.
        let ends_a_process = match effect {
            Effect::Guard { .. } | Effect::Watch { .. } | Effect::Look { .. } => false,
        };
        found.check(Promise::only_the_named_process_is_ever_terminated, !ends_a_process, || format!("{effect:?}"));
        if let (Effect::Guard { port, .. }, Performed::Lost) = (effect, performed) {
            self.lost.insert(*port);
        }
    }
}

/// Whether all live leases have ports and keys of their own.
pub fn no_port_is_leased_twice(broker: &Broker, found: &mut Findings) {
    let ports: BTreeSet<Port> = broker.live_leases().map(|lease| lease.port).collect();
    let keys: BTreeSet<_> = broker.live_leases().map(|lease| &lease.key).collect();
    let count = broker.live_leases().len();
    found.check(Promise::no_port_is_leased_twice, ports.len() == count && keys.len() == count, || {
        format!("{count} live leases on {} ports for {} keys", ports.len(), keys.len())
    });
}
