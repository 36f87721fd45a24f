//! A real daemon, spoken to over its socket as any client would.
#![cfg(unix)]

mod flow;
mod life;
mod limits;
mod line;
mod protocol;
mod rig;
mod servers;
