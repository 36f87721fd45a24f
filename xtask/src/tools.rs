//! Where the workspace is, and how a chore calls another program.

use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The workspace's root: the parent of this package.
pub(crate) fn root() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package).to_path_buf()
}

/// Where cargo puts what it builds.
pub(crate) fn target_dir() -> PathBuf {
    let root = root();
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |named| root.join(named))
}

/// How the file of a program is called here.
pub(crate) fn executable(name: &str) -> String {
    format!("{name}{}", std::env::consts::EXE_SUFFIX)
}

/// Cargo, the one that runs this chore, called in the workspace's root.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).current_dir(root());
    command
}

/// How a command reads when a person types it.
pub(crate) fn spelled(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let environment = command
        .get_envs()
        .filter_map(|(name, value)| Some(format!("{}={:?} ", name.to_string_lossy(), value?.to_string_lossy())));
    let arguments = command.get_args().map(|argument| format!(" {}", argument.to_string_lossy()));
    environment.chain([program.to_string_lossy().into_owned()]).chain(arguments).collect()
}

/// Runs a command on this chore's own terminal.
pub(crate) fn must_run(command: &mut Command) -> Result<()> {
    let spelled = spelled(command);
    let status = command.status().with_context(|| format!("cannot start `{spelled}`"))?;
    if !status.success() {
        bail!("`{spelled}` ended with {status}");
    }
    Ok(())
}

/// Runs a command and gives back what it printed on standard output.
pub(crate) fn output_of(command: &mut Command) -> Result<Vec<u8>> {
    let spelled = spelled(command);
    let output = command.output().with_context(|| format!("cannot start `{spelled}`"))?;
    if !output.status.success() {
        bail!("`{spelled}` ended with {}: {}", output.status, String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(output.stdout)
}

/// As [`output_of`], as text without the last line break.
pub(crate) fn text_of(command: &mut Command) -> Result<String> {
    Ok(String::from_utf8_lossy(&output_of(command)?).trim_end().to_owned())
}
