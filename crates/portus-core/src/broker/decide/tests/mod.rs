//! The rules as tables, one file a theme. [`rig`] plays the engine and the world around the broker;
//! [`check`] says what must hold after every command.

mod blocks;
mod boot;
mod check;
mod claims;
mod clean;
mod endings;
mod evidence;
mod groups;
mod history;
mod holders;
mod limits;
mod order;
mod orphans;
mod random;
mod rig;
mod strict;
mod wish;
