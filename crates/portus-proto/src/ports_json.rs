//! The file of the earlier port registries, `.ports.json`: what `import` reads, and `export` and the mirror write.
//!
//! Reading takes what the earlier programs wrote: fields that are not known are passed over, all but the ports may be
//! missing, and times without an offset count as UTC. Ports are taken at their word or not at all.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Component, Path};

use portus_core::{Port, PortError};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::WallTime;

/// The version that is written.
pub const VERSION: &str = "1.0";

/// The longest file that is read, in bytes.
pub const LEN_MAX: usize = 1024 * 1024;

/// The longest path of such a file within its worktree, in bytes.
pub const PATH_LEN_MAX: usize = 1_024;

/// A whole file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(expecting = "an object with `allocations`")]
pub struct PortsJson {
    /// The format's version, as the writer calls it.
    #[serde(default, deserialize_with = "version")]
    pub version: Option<String>,
    /// When it was written.
    #[serde(default, deserialize_with = "time")]
    pub updated: Option<WallTime>,
    /// Who has which port, by the name of the service. Other programs' names need not be names of services.
    pub allocations: BTreeMap<String, Allocation>,
}

/// One service's port.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(expecting = "an object with a `port`")]
pub struct Allocation {
    /// The port.
    #[serde(deserialize_with = "port")]
    pub port: Port,
    /// The process that serves there, or holds the port.
    #[serde(default, deserialize_with = "pid")]
    pub pid: Option<u32>,
    /// Since when.
    #[serde(default, deserialize_with = "time")]
    pub started: Option<WallTime>,
    /// The host to reach it by.
    #[serde(default)]
    pub host: Option<String>,
}

/// Why bytes are no such file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PortsJsonError {
    /// More than anybody's services need.
    #[error("the file has {len} bytes: the limit is {LEN_MAX}")]
    TooLong {
        /// Its length in bytes.
        len: usize,
    },
    /// Not JSON.
    #[error("{line}:{column}: this is no JSON: {what}")]
    Syntax {
        /// The line, from 1.
        line: usize,
        /// The column in bytes, from 1.
        column: usize,
        /// What is wrong there.
        what: String,
    },
    /// JSON of another shape.
    #[error("{line}:{column}: this is no list of ports: {what}")]
    Shape {
        /// The line, from 1.
        line: usize,
        /// The column in bytes, from 1.
        column: usize,
        /// What is wrong there.
        what: String,
    },
}

/// Reads a file.
///
/// # Errors
/// Anything but a list of ports, with the place and what was expected there.
pub fn parse(bytes: &[u8]) -> Result<PortsJson, PortsJsonError> {
    if bytes.len() > LEN_MAX {
        return Err(PortsJsonError::TooLong { len: bytes.len() });
    }
    // Editors on Windows put a byte order mark in front.
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    serde_json::from_slice(bytes).map_err(|error| {
        let place = format!(" at line {} column {}", error.line(), error.column());
        // The parser counts columns from 0 at the beginning of a line.
        let (line, column) = (error.line().max(1), error.column().max(1));
        let what = match error.is_eof() {
            true if bytes.trim_ascii().is_empty() => "it is empty".to_owned(),
            true => "it ends too early".to_owned(),
            false => {
                let what = error.to_string();
                what.strip_suffix(&place).unwrap_or(&what).to_owned()
            }
        };
        match error.is_data() {
            true => PortsJsonError::Shape { line, column, what },
            false => PortsJsonError::Syntax { line, column, what },
        }
    })
}

/// Writes a file: the same text for the same content, in the order of the names, with a newline at its end.
#[must_use]
pub fn render(file: &PortsJson) -> String {
    let version = file.version.as_deref().unwrap_or(VERSION);
    let mut out = format!("{{\n  \"version\": {},\n  \"updated\": {},\n", Value::from(version), instant(file.updated));
    out.push_str("  \"allocations\": {");
    for (place, (name, allocation)) in file.allocations.iter().enumerate() {
        let Allocation { port, pid, started, host } = allocation;
        let (name, pid, host) = (Value::from(name.as_str()), Value::from(*pid), Value::from(host.clone()));
        let (comma, started) = (if place == 0 { "" } else { "," }, instant(*started));
        // Writing to a text cannot fail.
        let _ = write!(
            out,
            "{comma}\n    {name}: {{\n      \"port\": {port},\n      \"pid\": {pid},\n      \"started\": {started},\n      \
             \"host\": {host}\n    }}"
        );
    }
    out.push_str(if file.allocations.is_empty() { "}\n}\n" } else { "\n  }\n}\n" });
    out
}

/// Whether a file that a worktree wants kept true may lie there in it: the path comes from a project's file, which may come
/// from anybody.
///
/// # Errors
/// What is wrong with it, in words that follow its name: it stays inside the worktree, and its name says what it is, so
/// that it overwrites nothing else.
pub fn check_path(path: &str) -> Result<(), &'static str> {
    let stays = |part| matches!(part, Component::Normal(_) | Component::CurDir);
    let name = Path::new(path).file_name().and_then(|name| name.to_str());
    if path.len() > PATH_LEN_MAX {
        return Err("has too long a path");
    }
    if path.contains(char::is_control) {
        return Err("holds a control character");
    }
    if Path::new(path).components().any(|part| part.as_os_str().eq_ignore_ascii_case(".git")) {
        return Err("is within git's own directory");
    }
    if path.contains('\\') || !Path::new(path).components().all(stays) {
        return Err("leaves the worktree");
    }
    if !name.is_some_and(|name| name.ends_with("ports.json")) {
        return Err("does not end in `ports.json`");
    }
    Ok(())
}

fn instant(time: Option<WallTime>) -> Value {
    Value::from(time.map(|time| time.to_string()))
}

/// A number, which some write without quotes.
fn version<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text)),
        Value::Number(number) => Ok(Some(number.to_string())),
        other => Err(D::Error::custom(format!("`{other}` is no version"))),
    }
}

fn port<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Port, D::Error> {
    let found = Value::deserialize(deserializer)?;
    let number = found.as_u64().and_then(|number| u16::try_from(number).ok());
    number.and_then(Port::new).ok_or_else(|| D::Error::custom(PortError::NotAPort(found.to_string())))
}

/// Numbers that are no process, such as -1 for "none", count as none.
fn pid<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    let number = Option::<i64>::deserialize(deserializer)?;
    Ok(number.and_then(|number| u32::try_from(number).ok()).filter(|&pid| pid != 0))
}

/// Times only inform, so one that cannot be read counts as none. Without an offset it counts as UTC.
fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<WallTime>, D::Error> {
    let Value::String(text) = Value::deserialize(deserializer)? else { return Ok(None) };
    let utc = |time: jiff::civil::DateTime| time.to_zoned(jiff::tz::TimeZone::UTC).map(|zoned| zoned.timestamp());
    let time = text.parse::<jiff::Timestamp>().or_else(|_| text.parse().and_then(utc));
    Ok(time.ok().and_then(|time| u64::try_from(time.as_millisecond()).ok()).map(WallTime))
}

#[cfg(test)]
mod tests;
