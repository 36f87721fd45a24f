//! `cargo xtask sim` and its like: programs of the package portus-tests that try to break Portus for a while.

use std::process::ExitCode;

use anyhow::{Context, Result};

use crate::tools;

/// Builds and runs one of them. It prints its own figures; a failure of its is a failure of the chore.
pub(crate) fn run(program: &str, arguments: &[&str]) -> Result<ExitCode> {
    let mut command = tools::cargo(&["run", "--quiet", "--package", "portus-tests", "--bin", program, "--"]);
    let status = command.args(arguments).status().with_context(|| format!("`{program}` cannot start"))?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
