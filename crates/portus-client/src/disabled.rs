//! Portus switched off: programs get the port they would have taken anyway, and no daemon is asked.

use std::env;

use portus_core::{Port, PortError};

/// The variables that switch it off.
const SWITCHES: [&str; 2] = ["PORTUS_DISABLED", "MCP_PORT_DISCOVERY_DISABLED"];

/// The variable that names the port of the one service there is.
const PORT_VARIABLE: &str = "SERVICE_PORT";

/// The variable that switches Portus off for this process, if one does.
#[must_use]
pub fn disabled_by() -> Option<&'static str> {
    SWITCHES.into_iter().find(|name| env::var(name).is_ok_and(|value| is_on(&value)))
}

fn is_on(value: &str) -> bool {
    !matches!(value.to_ascii_lowercase().as_str(), "" | "0" | "false" | "no" | "off")
}

/// The port of a service while Portus is switched off: the preferred one, or what `SERVICE_PORT` says.
///
/// # Errors
/// [`PortError`] when `SERVICE_PORT` holds something else than a port.
pub fn disabled_port(preferred: Option<Port>) -> Result<Option<Port>, PortError> {
    match (preferred, env::var(PORT_VARIABLE)) {
        (Some(port), _) => Ok(Some(port)),
        (None, Ok(text)) if !text.is_empty() => text.parse().map(Some),
        (None, _) => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::is_on;

    #[test]
    fn only_a_yes_switches_off() {
        assert!(["1", "true", "yes", "on", "anything"].into_iter().all(is_on));
        assert!(!["", "0", "false", "FALSE", "no", "off"].into_iter().any(is_on));
    }
}
