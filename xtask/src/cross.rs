//! `cargo xtask cross`: does the workspace compile for Windows and macOS?
//!
//! The toolchains are not part of this repository. `PORTUS_CROSS_DIR` names a directory with `win-cargo.sh` and
//! `mac-cargo.sh`, each cargo for its system, and beside them `setup-windows-target.sh` and `setup-macos-target.sh`,
//! which install what those need.

use crate::tools;
use anyhow::Result;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// Whether the toolchains are installed first.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Setup {
    /// They are there, or the check fails.
    AsItIs,
    /// Run the set-up scripts first.
    Install,
}

/// sysexits' "temporary failure": a toolchain could not be installed, so nothing is known about the code.
const NOT_INSTALLED: u8 = 75;

struct Platform {
    name: &'static str,
    cargo: &'static str,
    setup: &'static str,
}

const PLATFORMS: [Platform; 2] = [
    Platform { name: "windows", cargo: "win-cargo.sh", setup: "setup-windows-target.sh" },
    Platform { name: "macos", cargo: "mac-cargo.sh", setup: "setup-macos-target.sh" },
];

/// The rig in `tests/` starts real processes in the ways of one system and is left out.
const CHECK: [&str; 5] = ["check", "--workspace", "--exclude", "portus-tests", "--locked"];

/// Checks each system whose scripts are there, and says which are not. Both are looked at even if the first fails.
pub(crate) fn run(setup: Setup) -> Result<ExitCode> {
    let Some(directory) = std::env::var_os("PORTUS_CROSS_DIR").map(PathBuf::from) else {
        println!("cross: skipped: no cross toolchain (PORTUS_CROSS_DIR is not set)");
        return Ok(ExitCode::SUCCESS);
    };
    let mut broken = Vec::new();
    let mut unknown = Vec::new();
    for platform in PLATFORMS {
        let cargo = directory.join(platform.cargo);
        if !cargo.is_file() {
            println!("cross: {}: skipped: no cross toolchain ({} is not there)", platform.name, cargo.display());
            continue;
        }
        if setup == Setup::Install && !passes(&directory.join(platform.setup), &[]) {
            unknown.push(platform.name);
            continue;
        }
        if passes(&cargo, &CHECK) {
            println!("cross: {}: ok", platform.name);
        } else {
            broken.push(platform.name);
        }
    }
    Ok(verdict(&broken, &unknown))
}

fn verdict(broken: &[&str], unknown: &[&str]) -> ExitCode {
    if !unknown.is_empty() {
        eprintln!("cross: NOT CHECKED, the toolchain could not be installed: {}", unknown.join(", "));
    }
    if !broken.is_empty() {
        eprintln!("cross: does not compile for: {}", broken.join(", "));
        return ExitCode::FAILURE;
    }
    if unknown.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(NOT_INSTALLED) }
}

fn passes(script: &Path, arguments: &[&str]) -> bool {
    let mut command = Command::new(script);
    command.args(arguments).current_dir(tools::root());
    // `cargo xtask` runs under rustup's cargo, whose traces would lead another toolchain astray.
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        if name.starts_with("CARGO") || name.starts_with("RUST") || name == "LD_LIBRARY_PATH" {
            command.env_remove(name);
        }
    }
    println!("cross: {}", script.display());
    match tools::must_run(&mut command) {
        Ok(()) => true,
        Err(error) => {
            eprintln!("cross: {error:#}");
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_that_does_not_compile_outweighs_a_toolchain_that_is_missing() {
        let says = |code: ExitCode| format!("{code:?}");
        assert_eq!(says(verdict(&[], &[])), says(ExitCode::SUCCESS));
        assert_eq!(says(verdict(&[], &["macos"])), says(ExitCode::from(NOT_INSTALLED)));
        assert_eq!(says(verdict(&["windows"], &["macos"])), says(ExitCode::FAILURE));
    }
}
