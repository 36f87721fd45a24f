//! What the earlier port registries were told: their YAML, and their variables, which count as the environment's words:
//! after flags, before files.

mod expand;
mod section;

use std::path::{Path, PathBuf};

use portus_core::{Port, PortRange};

use super::project::mirror_path;
use super::settings::{port, read};
use super::{ConfigError, Source, Sourced, Variables, Wish};

pub use section::EarlierSection;

const PREFERRED: &str = "MCP_PORT_PREFERRED";
const RANGE_START: &str = "MCP_PORT_RANGE_START";
const RANGE_END: &str = "MCP_PORT_RANGE_END";
const REGISTRY: &str = "MCP_PORT_REGISTRY";

/// What the environment wishes for the services that are asked for. The earlier registries knew one service for each
/// environment, so it is the first that prefers the port.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EnvironmentWish {
    /// The port that the first service likes best.
    pub preferred: Option<Sourced<Port>>,
    /// Where to look for the ports of all of them.
    pub range: Option<Sourced<PortRange>>,
}

impl EnvironmentWish {
    pub(super) fn read(variable: Variables<'_>) -> Result<Self, ConfigError> {
        let start = read(variable, RANGE_START, port)?;
        let end = read(variable, RANGE_END, port)?;
        let range = match (start, end) {
            (None, None) => None,
            (Some(start), Some(end)) => Some(between(&start, &end)?),
            (Some(set), None) => return Err(alone(set, RANGE_END)),
            (None, Some(set)) => return Err(alone(set, RANGE_START)),
        };
        Ok(Self { preferred: read(variable, PREFERRED, port)?, range })
    }

    /// The caller's own words about the service in this place among those asked for, and the environment's where they
    /// are silent.
    #[must_use]
    pub fn below(&self, own: Wish, place: usize) -> Wish {
        let preferred = self.preferred.as_ref().filter(|_| place == 0).map(|port| port.value);
        // The caller's own range is nearer than a port of the environment's that lies elsewhere.
        let preferred = preferred.filter(|port| own.range.is_none_or(|range| range.contains(*port)));
        Wish {
            preferred: own.preferred.or(preferred),
            range: own.range.or(self.range.as_ref().map(|range| range.value)),
            ..own
        }
    }
}

fn between(start: &Sourced<Port>, end: &Sourced<Port>) -> Result<Sourced<PortRange>, ConfigError> {
    let value = PortRange::new(start.value, end.value).map_err(|error| {
        ConfigError::new(start.source.clone(), error.to_string(), "correct the variables, or unset them")
    })?;
    Ok(Sourced { value, source: Source::Environment(format!("{RANGE_START} and ${RANGE_END}")) })
}

fn alone(set: Sourced<Port>, other: &str) -> ConfigError {
    let message = format!("starts or ends a range at {}, and {other} is not set", set.value);
    ConfigError::new(set.source, message, format!("set {other} as well, or neither"))
}

/// The mirror that the environment names: in the worktree, like that of a project's file, but it may be said in full.
pub(super) fn registry(worktree: &Path, variable: Variables<'_>) -> Result<Option<Sourced<PathBuf>>, ConfigError> {
    let within = |text: &str| {
        let inside = Path::new(text).strip_prefix(worktree).ok().and_then(Path::to_str);
        mirror_path(inside.unwrap_or(text))
    };
    read(variable, REGISTRY, within)
}
