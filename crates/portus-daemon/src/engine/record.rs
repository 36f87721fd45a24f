//! Somebody may write along what the engine decides: [`crate::trace`] in the daemon, a simulation in tests.

use std::fmt::Debug;

use portus_core::{Broker, Command, Decision, Moment};

/// Hears of every decision. Has no say in any: what it cannot write, it leaves out.
pub trait Recorder: Debug {
    /// This was decided, and nothing of it is written down yet.
    fn decided(&mut self, now: Moment, command: &Command, decision: &Decision);

    /// What became of all that was decided since the last conclusion, and the ledger after it.
    fn concluded(&mut self, outcome: Outcome, broker: &Broker);
}

/// What became of the decisions of one transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// They changed nothing, so there was nothing to write down.
    Unchanged,
    /// They are written down.
    Committed,
    /// They could not be written down, and are undone.
    RolledBack,
    /// Nobody knows whether they were written down. Nothing follows.
    InDoubt,
}
