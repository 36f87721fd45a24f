//! One file for each command: its arguments, whose comments are its help, and what it does with them.

pub(crate) mod claims;
pub(crate) mod completions;
pub(crate) mod confirm;
pub(crate) mod daemon;
pub(crate) mod doctor;
pub(crate) mod env;
pub(crate) mod explain;
pub(crate) mod forget;
pub(crate) mod get;
pub(crate) mod health;
pub(crate) mod kill;
pub(crate) mod list;
pub(crate) mod man;
pub(crate) mod mcp;
pub(crate) mod pin;
pub(crate) mod prune;
pub(crate) mod quarantine;
pub(crate) mod release;
pub(crate) mod renew;
pub(crate) mod request;
pub(crate) mod revive;
pub(crate) mod scan;
pub(crate) mod unpin;
pub(crate) mod verify;
pub(crate) mod watch;
