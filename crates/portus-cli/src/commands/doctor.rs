//! `portus doctor`

mod checks;
mod figures;

use portus_client::config::Effective;
use serde::Serialize;

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};
use crate::text;

/// Check the daemon, its directory, the configuration and the ranges, and say what to do
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {}

/// How a check turned out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    /// As it should be.
    Ok,
    /// It works, and something should be known.
    Warn,
    /// It does not work.
    Fail,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Check {
    /// What.
    name: &'static str,
    /// How it is.
    status: Verdict,
    /// In words.
    message: String,
    /// What to do; empty when nothing is.
    hint: String,
}

impl Check {
    fn ok(name: &'static str, message: impl Into<String>) -> Self {
        Self { name, status: Verdict::Ok, message: message.into(), hint: String::new() }
    }

    fn warn(name: &'static str, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { name, status: Verdict::Warn, message: message.into(), hint: hint.into() }
    }

    fn fail(name: &'static str, failure: &Failure) -> Self {
        Self { name, status: Verdict::Fail, message: failure.message.clone(), hint: failure.hint.clone() }
    }
}

/// The whole answer.
#[derive(Debug, Serialize)]
struct Diagnosis {
    ok: bool,
    checks: Vec<Check>,
    config: Vec<ConfigLine>,
}

/// One value that counts, and where it was said.
#[derive(Debug, Serialize)]
struct ConfigLine {
    name: String,
    value: String,
    source: String,
}

impl From<Effective> for ConfigLine {
    fn from(line: Effective) -> Self {
        Self { name: line.name, value: line.value, source: line.source }
    }
}

pub(crate) fn run(_args: Args, context: &Context) -> Outcome {
    let (checks, config) = checks::all(context);
    let ok = checks.iter().all(|check| check.status != Verdict::Fail);
    let diagnosis = Diagnosis { ok, checks, config: config.into_iter().map(ConfigLine::from).collect() };
    if context.output.json {
        context.output.reply(diagnosis)?;
    } else {
        context.output.styled(&told(&diagnosis))?;
    }
    Ok(if ok { Exit::DONE } else { Exit::FAILED })
}

fn told(diagnosis: &Diagnosis) -> String {
    let mut lines = String::new();
    for check in &diagnosis.checks {
        let (word, color) = match check.status {
            Verdict::Ok => ("ok  ", anstyle::AnsiColor::Green),
            Verdict::Warn => ("warn", anstyle::AnsiColor::Yellow),
            Verdict::Fail => ("fail", anstyle::AnsiColor::Red),
        };
        let style = color.on_default();
        lines.push_str(&format!("{style}{word}{style:#}  {:<9}  {}\n", check.name, check.message));
        if !check.hint.is_empty() {
            lines.push_str(&format!("                 {}\n", check.hint));
        }
    }
    if !diagnosis.config.is_empty() {
        let row = |line: &ConfigLine| [line.name.clone(), line.value.clone(), line.source.clone()];
        let rows: Vec<_> = diagnosis.config.iter().map(row).collect();
        lines.push('\n');
        lines.push_str(&text::table(["SETTING", "VALUE", "SOURCE"], &rows));
    }
    lines
}
