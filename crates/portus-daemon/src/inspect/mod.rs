//! Questions about the machine as a whole: who listens, whose port it is, what may be ended.
//!
//! Each has two halves. The look is slow and runs beside the engine; the judgement is quick, and is
//! made with the ledger as it stands when the look is there.

mod container;
mod explain;
mod free;
mod kill;
mod look;
mod seen;
mod verify;

pub(crate) use container::{Container, name as name_containers};
pub(crate) use explain::explain;
pub(crate) use kill::{Plan, needs_force, plan, stuck, with_processes};
pub(crate) use look::{Detail, end, look, spared, trees};
pub(crate) use seen::Seen;
pub(crate) use verify::verify;
