//! The goals of speed and size, each as a ratio within one run.
//!
//! Absolute times on a shared machine drift by tens of per cent; what is compared is therefore taken in
//! turn, and only the ratio counts. Nothing here is a test: a busy machine fails no build.

mod calls;
mod commands;
mod echo;
mod idle;
mod looks;
mod many;
mod neighbours;
mod samples;

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{Rig, portus_binary};

pub use echo::serve as serve_echo;
pub use looks::stand_by;
use samples::Samples;

/// Measures some goals.
type Part = fn() -> Vec<Row>;

/// One line of the table.
#[derive(Debug)]
pub struct Row {
    /// The goal's number in `docs/performance.md`.
    pub goal: u8,
    /// What was measured.
    pub what: String,
    /// What came of it; `None` where it could not be measured, and then `how` says why.
    pub value: Option<f64>,
    /// What it is to be at most, or at least.
    pub limit: Limit,
    /// The figures behind it.
    pub how: String,
}

/// What a value must keep to.
#[derive(Debug, Clone, Copy)]
pub enum Limit {
    /// At most this.
    AtMost(f64),
    /// At least this.
    AtLeast(f64),
}

impl Row {
    /// A measured one.
    pub fn new(goal: u8, what: &str, value: f64, limit: Limit, how: String) -> Self {
        Self { goal, what: what.to_owned(), value: Some(value), limit, how }
    }

    /// One that cannot be measured here.
    pub fn missing(goal: u8, what: &str, limit: Limit, why: &str) -> Self {
        Self { goal, what: what.to_owned(), value: None, limit, how: format!("not measured: {why}") }
    }

    /// Whether the goal is reached.
    pub fn is_met(&self) -> Option<bool> {
        self.value.map(|value| match self.limit {
            Limit::AtMost(limit) => value <= limit,
            Limit::AtLeast(limit) => value >= limit,
        })
    }
}

impl std::fmt::Display for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let word = match self.is_met() {
            Some(true) => "met",
            Some(false) => "MISSED",
            None => "-",
        };
        let value = self.value.map_or_else(|| "-".to_owned(), |value| format!("{value:.3}"));
        let limit = match self.limit {
            Limit::AtMost(limit) => format!("<= {limit}"),
            Limit::AtLeast(limit) => format!(">= {limit}"),
        };
        write!(f, "{:>2}  {:<58} {value:>9}  {limit:<9} {word:<7} {}", self.goal, self.what, self.how)
    }
}

/// Measures the goals of these numbers, in their order, and tells each line as it is known.
pub fn measure(goals: &[u8], mut tell: impl FnMut(&Row)) -> Vec<Row> {
    let parts: [(&[u8], Part); 9] = [
        (&[1, 2], calls::leases),
        (&[3], calls::throughput),
        (&[4, 11], commands::warm),
        (&[5], commands::storm),
        (&[6], commands::first),
        (&[7, 8], looks::scans),
        (&[9, 10, 12], many::leases),
        (&[13], idle::wakeups),
        (&[14], many::journal),
    ];
    let mut rows = Vec::new();
    for (numbers, part) in parts {
        if numbers.iter().any(|number| goals.contains(number)) {
            let found = part();
            found.iter().for_each(&mut tell);
            rows.extend(found);
        }
    }
    rows
}

/// A world whose pool is this range: the default one is too small for some goals.
fn rig_with_pool(range: &str) -> Rig {
    let rig = Rig::new();
    std::fs::write(rig.home().join("config.toml"), format!("[pool]\nrange = \"{range}\"\n")).unwrap();
    rig
}

/// A program found on `PATH`.
fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|dir| dir.join(name)).find(|file| file.is_file())
}

/// This program itself, to play another part.
fn myself(part: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.arg(part);
    command
}

/// A program that starts and exits, built here: the least that any command costs.
fn hello(dir: &Path, linked_statically: bool) -> PathBuf {
    let source = dir.join("hello.rs");
    std::fs::write(&source, "fn main() { println!(\"20000\"); }\n").unwrap();
    let program = dir.join(if linked_statically { "hello-static" } else { "hello-dynamic" });
    let mut rustc = Command::new("rustc");
    rustc.args(["--edition=2024", "-Copt-level=3", "-Cpanic=abort", "-o"]).arg(&program).arg(&source);
    if linked_statically {
        rustc.arg("-Ctarget-feature=+crt-static");
    }
    assert!(rustc.status().unwrap().success(), "rustc builds {}", program.display());
    program
}

/// The processor time that a process has used, in microseconds.
fn processor_us(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // Behind the name, which may hold anything: the 14th and the 15th field of all, in hundredths of a second.
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace().skip(11).take(2);
    fields.filter_map(|field| field.parse::<f64>().ok()).sum::<f64>() * 1e4
}

/// What is measured, for the table's head.
pub fn subject() -> String {
    let binary = portus_binary();
    let version = Command::new(&binary).arg("--version").output().unwrap();
    format!("{} ({})", binary.display(), String::from_utf8_lossy(&version.stdout).lines().next().unwrap_or_default())
}
