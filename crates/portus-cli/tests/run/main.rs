//! `portus run`, by the real binary, with real commands and real servers.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "tests report by panicking")]

mod command;
mod daemon;
mod health;
mod retry;
mod rig;
mod serving;
mod terminal;
mod vite;
