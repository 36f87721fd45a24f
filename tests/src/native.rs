//! Small programs and libraries in C, built where a test needs them: what can be put between a program and its system.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Builds `source` (a file of `tests/native`) as a program in `dir`.
pub fn program(dir: &Path, source: &str) -> PathBuf {
    compile(dir, source, &[])
}

/// Builds `source` as a library that `LD_PRELOAD` can name.
pub fn library(dir: &Path, source: &str) -> PathBuf {
    compile(dir, source, &["-shared", "-fPIC"])
}

/// The compiler is there wherever Portus was built: SQLite is C.
fn compile(dir: &Path, source: &str, options: &[&str]) -> PathBuf {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("native").join(source);
    let built = dir.join(source).with_extension("built");
    let mut cc = Command::new("cc");
    cc.args(["-O1", "-Wall", "-Werror"]).args(options).arg("-o").arg(&built).arg(from).arg("-ldl");
    let output = cc.output().unwrap();
    assert!(output.status.success(), "{source} does not build:\n{}", String::from_utf8_lossy(&output.stderr));
    built
}
