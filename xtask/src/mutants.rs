//! `cargo xtask mutants`: changes the code in one place at a time, and sees whether the tests of that crate notice.
//!
//! Needs `cargo install cargo-mutants`, works on a copy of the tree, and takes hours for everything. No part of CI: what
//! it finds is for people to look at, and docs/testing.md says what was found.

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};

use crate::tools;

/// What is changed, and which tests must notice.
struct Part {
    name: &'static str,
    package: &'static str,
    files: &'static [&'static str],
    tests: &'static [&'static str],
}

const PARTS: [Part; 3] = [
    Part { name: "core", package: "portus-core", files: &["crates/portus-core/src/**"], tests: &["--lib", "--tests"] },
    Part {
        name: "codec",
        package: "portus-proto",
        files: &[
            "crates/portus-proto/src/codec/**",
            "crates/portus-proto/src/frame.rs",
            "crates/portus-proto/src/greet.rs",
        ],
        tests: &["--lib", "--tests"],
    },
    Part {
        name: "engine",
        package: "portus-daemon",
        files: &["crates/portus-daemon/src/engine/**", "crates/portus-daemon/src/trace/**"],
        tests: &["--lib", "--", "engine", "trace"],
    },
];

/// The toys are what the engine is tested with.
const NOT: &str = "crates/portus-daemon/src/engine/toy.rs";

/// Changes these parts, or all, one place after the other.
pub(crate) fn run(names: &[&str]) -> Result<ExitCode> {
    if let Some(name) = names.iter().find(|name| !PARTS.iter().any(|part| part.name == **name)) {
        bail!("no part `{name}`: core, codec or engine");
    }
    let parts = PARTS.iter().filter(|part| names.is_empty() || names.contains(&part.name));
    let mut code = ExitCode::SUCCESS;
    for part in parts {
        let found = part.run()?;
        println!("{}: {found}", part.name);
        if found.missed > 0 {
            code = ExitCode::FAILURE;
        }
    }
    Ok(code)
}

impl Part {
    fn run(&self) -> Result<Found> {
        let out = tools::target_dir().join("mutants").join(self.name);
        fs::create_dir_all(&out).with_context(|| format!("cannot make {}", out.display()))?;
        let mut command = tools::cargo(&["mutants", "--package", self.package, "--exclude", NOT, "--output"]);
        command.arg(&out).args(["--timeout", "90", "--build-timeout", "600"]);
        command.args(self.files.iter().flat_map(|files| ["--file", files]));
        command.arg("--").args(self.tests).env("CARGO_PROFILE_DEV_DEBUG", "0").env("CARGO_PROFILE_TEST_DEBUG", "0");
        let spelled = tools::spelled(&command);
        let status = command.status().with_context(|| format!("cannot start `{spelled}`"))?;
        // 2 says that some were missed, and 3 that some took too long.
        if !matches!(status.code(), Some(0 | 2 | 3)) {
            bail!("`{spelled}` ended with {status} (is it there? `cargo install cargo-mutants`)");
        }
        Found::read(&out.join("mutants.out"))
    }
}

/// How many mutants came to what.
struct Found {
    caught: usize,
    missed: usize,
    timeout: usize,
    unviable: usize,
}

impl Found {
    fn read(dir: &Path) -> Result<Self> {
        let count = |name: &str| -> Result<usize> {
            let path = dir.join(name);
            let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
            Ok(text.lines().count())
        };
        Ok(Self {
            caught: count("caught.txt")?,
            missed: count("missed.txt")?,
            timeout: count("timeout.txt")?,
            unviable: count("unviable.txt")?,
        })
    }
}

impl std::fmt::Display for Found {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { caught, missed, timeout, unviable } = self;
        let all = caught + missed + timeout + unviable;
        write!(
            out,
            "{all} mutants: {caught} caught, {timeout} caught by never ending, {unviable} do not compile, {missed} missed"
        )
    }
}
