//! The simulator: the real engine on a toy disk and a toy machine, where everything that can go wrong does.
//!
//! A run is drawn from bytes, one possible event after the other, and then repeated once for each point of IO and each
//! way in which that point can go wrong: the daemon dies there, or the disk is full, or nobody knows. Each time it
//! comes back, and the promises of [`Promise`] are checked after every step, against the trace of IO ([`shadow`]) and
//! against a naive second opinion ([`oracle`]). Start reading at [`campaign`].

pub mod bytes;
pub mod campaign;
mod commands;
pub mod draw;
pub mod event;
pub mod oracle;
pub mod promise;
pub mod recorded;
pub mod run;
pub mod shadow;
pub mod story;
pub mod subject;
pub mod town;
pub mod trace;

pub use promise::{Findings, Promise};
pub use run::Run;
pub use subject::Bug;
