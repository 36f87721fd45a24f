//! The server over a pipe within one process, against a real daemon with a home of its own.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "tests report by panicking")]

mod answers;
mod confirm;
mod health;
mod hooks;
mod place;
mod resource;
mod rig;
mod session;
