//! A real daemon, spoken to over its socket as any client would.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a helper that cannot go on ends its test")]

mod containers;
mod flow;
mod health;
mod life;
mod limits;
mod line;
mod protocol;
mod recovery;
mod rig;
mod servers;
