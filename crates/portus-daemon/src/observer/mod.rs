//! Everything slow, beside the engine: who listens, whose tree it is, what a dead process left.
//!
//! What is found comes back to the engine as commands. While no lease waits for a listener, nothing
//! here wakes up.

mod gather;
mod looks;
mod patience;
mod schedule;
mod worktrees;

pub(crate) use gather::{Bereaved, Described, Gatherer};
pub(crate) use looks::{Looks, Seen};
pub(crate) use worktrees::{Worktrees, missing_worktrees};
