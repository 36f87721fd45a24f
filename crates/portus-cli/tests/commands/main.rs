//! The real binary in an environment of its own, one concern a file.
#![expect(clippy::unwrap_used, reason = "tests report by panicking")]

mod bad_config;
mod bad_input;
mod configured;
mod daemon;
mod documents;
mod ledger;
mod machine;
mod moving;
mod rig;
mod steps;
mod switched_off;
mod told;
