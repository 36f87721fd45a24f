//! One file for each command: its arguments, whose comments are its help, and what it does with them.

pub(crate) mod daemon;
pub(crate) mod list;
pub(crate) mod release;
pub(crate) mod request;
