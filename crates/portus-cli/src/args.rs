//! Arguments that several commands share.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use portus_client::config::Wish;
use portus_client::{Overrides, Workspace, parse_duration};
use portus_core::{LeaseId, Port, PortRange, Protocol, ServiceName};
use portus_proto::{Scope, Target};

use crate::context::Context;
use crate::failure::Failure;

/// What every command takes.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// Answer in JSON, errors included
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Say nothing but data and errors
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
    /// Say more
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    /// When to use colours (NO_COLOR is honoured)
    #[arg(long, global = true, value_name = "auto|always|never", value_enum, default_value_t = Color::Auto, hide_default_value = true, hide_possible_values = true)]
    pub(crate) color: Color,
    /// How long to wait for the daemon, such as 5s or 2m; waits add to it [default: 10s]
    #[arg(long, global = true, value_name = "DURATION", value_parser = positive_duration)]
    pub(crate) timeout: Option<Duration>,
}

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// Who asks, where that is not to be found out.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Place {
    /// The project's name, instead of the repository's [env: PORTUS_PROJECT]
    #[arg(long, value_name = "NAME")]
    pub(crate) project: Option<String>,
    /// A directory of the worktree, instead of the current one
    #[arg(long, value_name = "DIR")]
    pub(crate) worktree: Option<PathBuf>,
}

impl From<Place> for Overrides {
    fn from(place: Place) -> Self {
        Self { project: place.project, worktree: place.worktree }
    }
}

/// Which part of the ledger is meant.
#[derive(Debug, Clone, Args)]
pub(crate) struct ScopeArgs {
    /// The whole project, or the one named: --project=NAME
    #[arg(long, value_name = "NAME", num_args = 0..=1, require_equals = true, conflicts_with = "all")]
    #[expect(clippy::option_option, reason = "the option, and its value, may be absent")]
    project: Option<Option<String>>,
    /// All projects of this user
    #[arg(long)]
    all: bool,
    /// A directory of the worktree, instead of the current one
    #[arg(long, value_name = "DIR")]
    worktree: Option<PathBuf>,
}

impl ScopeArgs {
    /// The same on the wire.
    pub(crate) fn scope(&self, context: &Context) -> Result<Scope, Failure> {
        if self.all {
            return Ok(Scope::All);
        }
        if let Some(Some(name)) = &self.project {
            return Ok(Scope::Project(name.clone()));
        }
        let workspace = context.workspace(Overrides { project: None, worktree: self.worktree.clone() })?;
        Ok(if self.project.is_some() { workspace.project_scope() } else { workspace.scope() })
    }
}

/// Which port is wanted.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct WishArgs {
    /// The port liked best
    #[arg(long, value_name = "PORT")]
    pub(crate) port: Option<Port>,
    /// That port or none; takes over a number that is only claimed
    #[arg(long, requires = "port")]
    pub(crate) strict: bool,
    /// Where to look
    #[arg(long, value_name = "A-B")]
    pub(crate) range: Option<PortRange>,
    /// Where to look when the range is full: a port or a range
    #[arg(long, value_name = "N|A-B")]
    pub(crate) fallback: Option<PortRange>,
    /// What the port is for [default: tcp]
    #[arg(long, value_enum, value_name = "tcp|udp|both", hide_possible_values = true)]
    pub(crate) protocol: Option<ProtocolWord>,
    /// So many ports for each service: web, web.2, web.3, …
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(crate) count: Option<u16>,
}

/// `tcp`, `udp` or `both`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ProtocolWord {
    /// TCP
    Tcp,
    /// UDP
    Udp,
    /// One number for both
    Both,
}

impl From<ProtocolWord> for Protocol {
    fn from(word: ProtocolWord) -> Self {
        match word {
            ProtocolWord::Tcp => Self::Tcp,
            ProtocolWord::Udp => Self::Udp,
            ProtocolWord::Both => Self::Both,
        }
    }
}

impl WishArgs {
    /// The wish for the first port; the others of a group prefer nothing.
    pub(crate) fn wish(&self) -> Wish {
        Wish {
            preferred: self.port,
            strict: self.strict,
            range: self.range,
            fallback: self.fallback,
            protocol: self.protocol.map(Protocol::from),
            sequential: false,
        }
    }
}

/// The names of a group: `web`, `web.2`, `web.3`, …
pub(crate) fn group(service: &ServiceName, count: u16) -> Result<Vec<ServiceName>, Failure> {
    let mut names = vec![service.clone()];
    for number in 2..=count {
        let name = format!("{service}.{number}");
        names.push(name.parse().map_err(|error: portus_core::ServiceNameError| Failure::usage(error.to_string(), ""))?);
    }
    Ok(names)
}

/// What a person means by SERVICE|PORT|LEASE: digits are a port, `lease:42` a lease, else a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Named {
    /// A service of this worktree.
    Service(ServiceName),
    /// A port.
    Port(Port),
    /// A lease.
    Lease(LeaseId),
}

impl std::str::FromStr for Named {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(number) = text.strip_prefix("lease:") {
            let id = number.parse().map_err(|_| format!("`{text}` names no lease: write lease:42"))?;
            return Ok(Self::Lease(LeaseId(id)));
        }
        if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
            return text.parse().map(Self::Port).map_err(|error: portus_core::PortError| error.to_string());
        }
        text.parse().map(Self::Service).map_err(|error: portus_core::ServiceNameError| error.to_string())
    }
}

impl Named {
    /// The same on the wire.
    pub(crate) fn target(&self, workspace: &Workspace) -> Target {
        match self {
            Self::Service(service) => Target::Key(workspace.key(service.clone())),
            Self::Port(port) => Target::Port(*port),
            Self::Lease(id) => Target::Lease(*id),
        }
    }
}

/// Reads a length of time that is not zero.
pub(crate) fn positive_duration(text: &str) -> Result<Duration, String> {
    match parse_duration(text) {
        Ok(duration) if duration.is_zero() => Err(format!("`{text}` is no time at all")),
        other => other.map_err(|error| error.to_string()),
    }
}

/// Milliseconds, for the wire.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_a_port_and_letters_a_service() {
        assert_eq!("3000".parse(), Ok(Named::Port(Port::new(3000).unwrap())));
        assert_eq!("lease:42".parse(), Ok(Named::Lease(LeaseId(42))));
        assert_eq!("web".parse(), Ok(Named::Service("web".parse().unwrap())));
        for text in ["", "0", "70000", "99999999999", "lease:", "lease:x", "lease:-1", "../x", "a/b", "-x", "a b"] {
            assert!(text.parse::<Named>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_group_is_numbered_from_two() {
        let names = group(&"web".parse().unwrap(), 3).unwrap();
        assert_eq!(names.iter().map(ServiceName::as_str).collect::<Vec<_>>(), ["web", "web.2", "web.3"]);
        assert!(group(&"w".repeat(64).parse().unwrap(), 2).is_err());
    }
}
