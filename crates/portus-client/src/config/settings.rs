//! The user's settings: where ports come from, and what the daemon goes by.
//!
//! Each can be set in the user's file as `[section] key`, and in the environment as `PORTUS_SECTION_KEY`.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use portus_core::{Port, PortRange};

use super::error::{ConfigError, Source, Sourced, nearest};
use super::read::{Document, Section};
use super::{Variables, keys};
use crate::duration::parse_duration;

/// What happens when no candidate is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnExhausted {
    /// The request is refused.
    Fail,
    /// Stale leases are cleaned, then another range is looked at.
    Expand,
}

/// How long a port is avoided whose bind failed though nobody shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnboundPorts {
    /// Until the machine is started anew.
    Reboot,
    /// Until somebody revives it.
    Keep,
}

/// Where ports come from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pool {
    /// The range, unless a service has its own.
    pub range: Option<Sourced<PortRange>>,
    /// Ports nobody gets.
    pub exclude: Vec<Sourced<PortRange>>,
    /// What happens when no candidate is left.
    pub on_exhausted: Option<Sourced<OnExhausted>>,
    /// Where to look then.
    pub expand_range: Option<Sourced<PortRange>>,
    /// How long a port is avoided whose bind failed though nobody shows.
    pub dead: Option<Sourced<UnboundPorts>>,
}

impl Pool {
    /// Whether a port whose bind failed though nobody shows is avoided until somebody revives it.
    #[must_use]
    pub fn keeps_dead(&self) -> bool {
        self.dead.as_ref().is_some_and(|dead| dead.value == UnboundPorts::Keep)
    }

    /// These wishes, and others where these are silent. Exclusions add up: a project cannot make usable what its
    /// user keeps for something else.
    pub(super) fn over(mut self, others: Self) -> Self {
        self.exclude.extend(others.exclude);
        Self {
            range: self.range.or(others.range),
            exclude: self.exclude,
            on_exhausted: self.on_exhausted.or(others.on_exhausted),
            expand_range: self.expand_range.or(others.expand_range),
            dead: self.dead.or(others.dead),
        }
    }
}

/// What the user set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// Where ports come from.
    pub pool: Pool,
    /// How long a lease without a holder may wait for its listener.
    pub pending: Option<Sourced<Duration>>,
    /// How long such a lease outlives its listener.
    pub lapsing: Option<Sourced<Duration>>,
    /// The longest time to live that may be asked for.
    pub ttl_max: Option<Sourced<Duration>>,
    /// How long a freed port is kept from others.
    pub cool_down: Option<Sourced<Duration>>,
    /// After how long without use a claim ends.
    pub claim_unused: Option<Sourced<Duration>>,
    /// How long a worktree must be gone until its claims end.
    pub claim_missing: Option<Sourced<Duration>>,
    /// After how long without leases and clients the daemon leaves; zero for never.
    pub idle_exit: Option<Sourced<Duration>>,
    /// How much is written to the log.
    pub log_level: Option<Sourced<String>>,
    /// Where figures are served.
    pub metrics_address: Option<Sourced<SocketAddr>>,
    /// From how much of the pool in use an alert is raised, in percent.
    pub alert_pool_percent: Option<Sourced<u8>>,
}

/// Reads the user's file.
pub(super) fn parse(path: &Path, text: &str) -> Result<Settings, ConfigError> {
    let document = Document { path, text };
    let table = document.parse()?;
    let root = Section::whole(document, table.get_ref());
    root.knows_tables(keys::USER_FILE)?;
    let mut settings = Settings::default();
    if let Some(section) = root.known_table(&keys::POOL)? {
        settings.pool = pool(&section)?;
    }
    if let Some(section) = root.known_table(&keys::LEASES)? {
        settings.pending = section.text("pending", duration)?;
        settings.lapsing = section.text("lapsing", duration)?;
        settings.ttl_max = section.text("ttl_max", duration)?;
        settings.cool_down = section.text("cool_down", duration)?;
    }
    if let Some(section) = root.known_table(&keys::CLAIMS)? {
        settings.claim_unused = section.text("unused", duration)?;
        settings.claim_missing = section.text("missing", duration)?;
    }
    if let Some(section) = root.known_table(&keys::DAEMON)? {
        settings.idle_exit = section.text("idle_exit", idle_exit)?;
        settings.log_level = section.text("log_level", log_level)?;
    }
    if let Some(section) = root.known_table(&keys::METRICS)? {
        settings.metrics_address = section.text("address", loopback)?;
    }
    if let Some(section) = root.known_table(&keys::ALERTS)? {
        settings.alert_pool_percent = section.scalar("pool_percent", percent)?;
    }
    Ok(settings)
}

/// The wishes of a `[pool]`, in either file.
pub(super) fn pool(section: &Section<'_>) -> Result<Pool, ConfigError> {
    let pool = Pool {
        range: section.text("range", range)?,
        exclude: section.scalars("exclude", range)?,
        on_exhausted: section.text("on_exhausted", on_exhausted)?,
        expand_range: section.text("expand_range", range)?,
        dead: section.text("dead", dead)?,
    };
    match &pool.on_exhausted {
        Some(wish) if wish.value == OnExhausted::Expand && pool.expand_range.is_none() => Err(ConfigError::new(
            wish.source.clone(),
            "`pool.on_exhausted` is \"expand\", but there is no `pool.expand_range`",
            "add expand_range = \"30000-30999\", or the like",
        )),
        _ => Ok(pool),
    }
}

/// What the environment says about the pool.
pub(super) fn pool_of_environment(variable: Variables<'_>) -> Result<Pool, ConfigError> {
    let exclude = read(variable, "PORTUS_POOL_EXCLUDE", |text| {
        text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(range).collect::<Result<Vec<_>, _>>()
    })?;
    let exclude = exclude.map_or_else(Vec::new, |list| {
        list.value.into_iter().map(|value| Sourced { value, source: list.source.clone() }).collect()
    });
    Ok(Pool {
        range: read(variable, "PORTUS_POOL_RANGE", range)?,
        exclude,
        on_exhausted: read(variable, "PORTUS_POOL_ON_EXHAUSTED", on_exhausted)?,
        expand_range: read(variable, "PORTUS_POOL_EXPAND_RANGE", range)?,
        dead: read(variable, "PORTUS_POOL_DEAD", dead)?,
    })
}

impl Settings {
    /// Lets the environment's words go before the file's. Its pool goes before the project's as well, and is read
    /// apart.
    pub(super) fn take_environment(&mut self, variable: Variables<'_>) -> Result<(), ConfigError> {
        fn take<T>(
            setting: &mut Option<Sourced<T>>,
            variable: Variables<'_>,
            name: &str,
            parse: fn(&str) -> Result<T, String>,
        ) -> Result<(), ConfigError> {
            if let Some(value) = read(variable, name, parse)? {
                *setting = Some(value);
            }
            Ok(())
        }
        take(&mut self.pending, variable, "PORTUS_LEASES_PENDING", duration)?;
        take(&mut self.lapsing, variable, "PORTUS_LEASES_LAPSING", duration)?;
        take(&mut self.ttl_max, variable, "PORTUS_LEASES_TTL_MAX", duration)?;
        take(&mut self.cool_down, variable, "PORTUS_LEASES_COOL_DOWN", duration)?;
        take(&mut self.claim_unused, variable, "PORTUS_CLAIMS_UNUSED", duration)?;
        take(&mut self.claim_missing, variable, "PORTUS_CLAIMS_MISSING", duration)?;
        take(&mut self.idle_exit, variable, "PORTUS_DAEMON_IDLE_EXIT", idle_exit)?;
        take(&mut self.log_level, variable, "PORTUS_DAEMON_LOG_LEVEL", log_level)?;
        take(&mut self.metrics_address, variable, "PORTUS_METRICS_ADDRESS", loopback)?;
        take(&mut self.alert_pool_percent, variable, "PORTUS_ALERTS_POOL_PERCENT", percent)
    }
}

/// A variable's value; an empty one counts as unset.
pub(super) fn read<T>(
    variable: Variables<'_>,
    name: &str,
    parse: impl Fn(&str) -> Result<T, String>,
) -> Result<Option<Sourced<T>>, ConfigError> {
    let Some(text) = variable(name).filter(|text| !text.is_empty()) else { return Ok(None) };
    let source = Source::Environment(name.to_owned());
    match parse(&text) {
        Ok(value) => Ok(Some(Sourced { value, source })),
        Err(why) => Err(ConfigError::new(source, why, "correct the variable, or unset it")),
    }
}

pub(super) fn port(text: &str) -> Result<Port, String> {
    text.parse().map_err(|error: portus_core::PortError| error.to_string())
}

fn range(text: &str) -> Result<PortRange, String> {
    text.parse().map_err(|error: portus_core::PortError| error.to_string())
}

fn duration(text: &str) -> Result<Duration, String> {
    parse_duration(text).map_err(|error| error.to_string())
}

fn idle_exit(text: &str) -> Result<Duration, String> {
    match duration(text) {
        _ if text == "never" => Ok(Duration::ZERO),
        Ok(Duration::ZERO) => Err(format!("`{text}` is no time to be idle: at least 1s, or \"never\"")),
        other => other,
    }
}

fn on_exhausted(text: &str) -> Result<OnExhausted, String> {
    one_of(text, &[("fail", OnExhausted::Fail), ("expand", OnExhausted::Expand)])
}

fn dead(text: &str) -> Result<UnboundPorts, String> {
    one_of(text, &[("reboot", UnboundPorts::Reboot), ("keep", UnboundPorts::Keep)])
}

fn log_level(text: &str) -> Result<String, String> {
    let levels: Vec<_> = keys::DAEMON.words("log_level").iter().map(|level| (*level, (*level).to_owned())).collect();
    one_of(text, &levels)
}

fn one_of<T: Clone>(text: &str, words: &[(&str, T)]) -> Result<T, String> {
    words.iter().find(|(word, _)| *word == text).map(|(_, value)| value.clone()).ok_or_else(|| {
        let names: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        let near = nearest(text, &names).map(|near| format!(" (did you mean `{near}`?)")).unwrap_or_default();
        format!("`{}` is none of {}{near}", text.escape_debug(), names.join(", "))
    })
}

/// Figures tell what runs on this machine, so they are not for others.
fn loopback(text: &str) -> Result<SocketAddr, String> {
    let address: SocketAddr =
        text.parse().map_err(|_| format!("`{}` is no address like 127.0.0.1:9464", text.escape_debug()))?;
    if address.ip().is_loopback() { Ok(address) } else { Err(format!("{address} is not on the loopback interface")) }
}

fn percent(text: &str) -> Result<u8, String> {
    let number = text.parse::<u8>().ok().filter(|number| (1..=100).contains(number));
    number.ok_or_else(|| format!("`{}` is no percentage from 1 to 100", text.escape_debug()))
}
