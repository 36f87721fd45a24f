//! Portus switched off: programs get the port they would have taken anyway, and no daemon is asked.

use std::env;

use portus_core::{Port, PortError, ServiceName};

use crate::config::{ConfigError, Source, Variables};
use crate::environment::variable_part;

/// The variables that switch it off.
const SWITCHES: [&str; 2] = ["PORTUS_DISABLED", "MCP_PORT_DISCOVERY_DISABLED"];

/// The variable that names the port where there is one service only.
const PORT_VARIABLE: &str = "SERVICE_PORT";

/// The variable that switches Portus off for this process, if one does. One that says neither yes nor no does not:
/// [`crate::config::Config::load`] refuses it.
#[must_use]
pub fn disabled_by() -> Option<&'static str> {
    SWITCHES.into_iter().find(|name| env::var(name).is_ok_and(|value| is_on(&value) == Some(true)))
}

/// The same, of these variables.
///
/// # Errors
/// A switch that says neither yes nor no.
pub(crate) fn switched_off(variable: Variables<'_>) -> Result<Option<&'static str>, ConfigError> {
    let mut by = None;
    for name in SWITCHES {
        let Some(value) = variable(name) else { continue };
        match is_on(&value) {
            Some(true) => by = by.or(Some(name)),
            Some(false) => {}
            None => {
                let message =
                    format!("`{}` is neither yes (1, true, yes, on) nor no (0, false, no, off)", value.escape_debug());
                let at = Source::Environment(name.to_owned());
                return Err(ConfigError { at, message, hint: "correct the variable, or unset it".to_owned() });
            }
        }
    }
    Ok(by)
}

fn is_on(value: &str) -> Option<bool> {
    match value.to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" | "on" => Some(true),
        "" | "0" | "false" | "no" | "off" => Some(false),
        _ => None,
    }
}

/// A variable that is to name a port, and does not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{variable}: {error}")]
pub struct DisabledPortError {
    /// The variable.
    pub variable: String,
    /// What is wrong with it.
    pub error: PortError,
}

/// The port of a service while Portus is switched off: the preferred one, or what `<SERVICE>_PORT` says, or, where it is
/// the only service asked for, `SERVICE_PORT`.
///
/// # Errors
/// [`DisabledPortError`] when that variable holds something else than a port.
pub fn disabled_port(
    service: &ServiceName,
    preferred: Option<Port>,
    is_only: bool,
) -> Result<Option<Port>, DisabledPortError> {
    port_of(service, preferred, is_only, &|name| env::var(name).ok())
}

fn port_of(
    service: &ServiceName,
    preferred: Option<Port>,
    is_only: bool,
    variable: Variables<'_>,
) -> Result<Option<Port>, DisabledPortError> {
    if preferred.is_some() {
        return Ok(preferred);
    }
    let own = format!("{}_PORT", variable_part(service));
    for name in [Some(own.as_str()), is_only.then_some(PORT_VARIABLE)].into_iter().flatten() {
        if let Some(text) = variable(name).filter(|text| !text.is_empty()) {
            let port = text.parse().map_err(|error| DisabledPortError { variable: name.to_owned(), error })?;
            return Ok(Some(port));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_yes_switches_off() {
        let by = |name: &'static str, value: &'static str| {
            switched_off(&move |asked: &str| (asked == name).then(|| value.to_owned()))
        };
        for value in ["1", "true", "YES", "on"] {
            assert_eq!(by("PORTUS_DISABLED", value), Ok(Some("PORTUS_DISABLED")), "{value}");
        }
        for value in ["", "0", "false", "FALSE", "no", "off"] {
            assert_eq!(by("MCP_PORT_DISCOVERY_DISABLED", value), Ok(None), "{value}");
        }
        let error = by("MCP_PORT_DISCOVERY_DISABLED", "maybe").unwrap_err();
        assert_eq!(error.at.to_string(), "$MCP_PORT_DISCOVERY_DISABLED");
    }

    #[test]
    fn the_preferred_port_goes_before_the_services_own_variable_and_that_before_the_common_one() {
        let variables = |name: &str| match name {
            "MY_WEB_PORT" => Some("3001".to_owned()),
            "SERVICE_PORT" => Some("3002".to_owned()),
            "BAD_PORT" => Some("x".to_owned()),
            _ => None,
        };
        let port = |service: &str, preferred: Option<u16>, is_only: bool| {
            let found = port_of(&service.parse().unwrap(), preferred.and_then(Port::new), is_only, &variables);
            found.map(|port| port.map(Port::number)).map_err(|error| error.variable)
        };
        assert_eq!(port("my-web", Some(3000), true), Ok(Some(3000)));
        assert_eq!(port("my-web", None, true), Ok(Some(3001)));
        assert_eq!(port("api", None, true), Ok(Some(3002)));
        assert_eq!(port("api", None, false), Ok(None));
        assert_eq!(port("bad", None, true), Err("BAD_PORT".to_owned()));
    }
}
