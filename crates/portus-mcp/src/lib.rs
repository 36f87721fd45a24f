//! Offers ports to coding agents: an MCP server over stdio, its installation into clients, and hooks.
//!
//! May import portus-core, portus-proto, portus-client, rmcp and tokio. Never opens a socket of its own, holds a rule
//! about ports, or writes to standard output but through rmcp.
//! Start reading at [`serve`] and `tools/`, one file for each tool; [`install`] and [`hook`] stand beside them.
//! Tested over a pipe against a real daemon, with golden answers, and by real clients in `tests/`.
#![forbid(unsafe_code)]

pub mod hook;
pub mod install;
#[cfg(test)]
mod plugin_tests;
mod server;
mod tools;

pub use server::{Connect, ServeError, Setup, serve, serve_stdio};
