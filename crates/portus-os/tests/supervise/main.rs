//! Supervision, with real commands, signals and terminals.
//!
//! A supervisor owns its process: the signal handlers, the main thread, every child. So this program
//! plays both parts: started with a role it supervises, otherwise it runs the tests, which start it anew.
#![cfg_attr(unix, expect(clippy::unwrap_used, reason = "a test fails by panicking"))]

#[cfg(unix)]
mod plain;
#[cfg(unix)]
mod rig;
#[cfg(unix)]
mod role;
#[cfg(unix)]
mod terminal;

#[cfg(unix)]
fn main() -> std::process::ExitCode {
    let args: Vec<std::ffi::OsString> = std::env::args_os().skip(1).collect();
    match args.split_first() {
        Some((first, rest)) if first == role::ARGUMENT => role::play(rest),
        _ => rig::run_tests(&args, &[plain::TESTS, terminal::TESTS]),
    }
}

#[cfg(not(unix))]
fn main() {}
