//! The rules by which Portus decides who may hold which port, and until when.
//!
//! Imports nothing but `thiserror` (and `serde` for vocabulary types, behind a feature).
//! Never does IO, reads a clock, draws random numbers, waits, or logs: whatever it needs to know
//! about the world is handed in, and whatever should happen in the world is handed out as data.
//! Start reading at [`vocabulary`], then [`broker`]. Tested by tables of rules in each module.
#![forbid(unsafe_code)]

pub mod broker;
mod registry;
pub mod vocabulary;

pub use broker::*;
pub use registry::{Bind, PortRegistry, RegistryError};
pub use vocabulary::*;
