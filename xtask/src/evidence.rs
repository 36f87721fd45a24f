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

/// Builds the product and the measuring program for release, and measures. Of another binary with `PORTUS_BIN`.
pub(crate) fn bench(goals: &[&str]) -> Result<ExitCode> {
    let mut command =
        tools::cargo(&["run", "--quiet", "--release", "--package", "portus-tests", "--bin", "bench", "--"]);
    if std::env::var_os("PORTUS_BIN").is_none() {
        tools::must_run(&mut tools::cargo(&["build", "--quiet", "--release", "--locked", "--package", "portus-cli"]))?;
        command.env("PORTUS_BIN", tools::target_dir().join("release").join(tools::executable("portus")));
    }
    let status = command.args(goals).status().context("`bench` cannot start")?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
