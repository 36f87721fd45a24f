//! The dashboard: shows leases and listeners live in a terminal, and acts on them with a key.
//!
//! May import portus-core, portus-proto, portus-client, ratatui and crossterm. Never opens a socket of its own, never
//! holds a rule about ports: it shows what the daemon says and asks it to act.
//! Start reading at `model` (what is known), `update` (how it changes), `view` (how it looks); only `io` touches the world.
//! Tested by tables of messages, by snapshots of frames, and by the real binary in a terminal in `tests/`.
#![forbid(unsafe_code)]

mod cut;
mod io;
mod keys;
mod layout;
mod message;
mod model;
mod theme;
mod update;
mod view;
mod words;

#[cfg(test)]
mod sample;

pub use io::{Connect, DashboardError, Notice, Setup, check_terminal, once, run};
pub use model::{Here, Tab};
pub use theme::Theme;
