//! The variables by which programs learn their ports, for `run`, for `env` and for hooks alike.

use std::collections::BTreeMap;

use portus_core::{Port, Protocol, ServiceName};

use crate::config::Config;

/// A service that has a port, by lease or by claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assigned {
    /// The service.
    pub service: ServiceName,
    /// Its port.
    pub port: Port,
    /// What for.
    pub protocol: Protocol,
}

/// Two services that programs would know under one name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the services `{first}` and `{second}` would both be {variable}")]
pub struct EnvironmentError {
    /// The one.
    pub first: ServiceName,
    /// The other.
    pub second: ServiceName,
    /// The variable.
    pub variable: String,
}

/// A service's part of a variable's name: upper case, and `_` for whatever is neither letter nor digit.
#[must_use]
pub fn variable_part(service: &ServiceName) -> String {
    let letter = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    service.as_str().chars().map(letter).collect()
}

/// The environment of services: `PORT` for the main one, `PORTUS_PORT_<SERVICE>` and, where it is TCP,
/// `PORTUS_URL_<SERVICE>` for each, and the names that the configuration gives. `PORT` comes first, the rest in the
/// order of the services.
///
/// # Errors
/// [`EnvironmentError`] when two services would share a variable.
pub fn environment(
    assigned: &[Assigned],
    main: Option<&ServiceName>,
    config: &Config,
) -> Result<Vec<(String, String)>, EnvironmentError> {
    let mut variables: Vec<(String, String)> = Vec::new();
    let mut owners: BTreeMap<String, ServiceName> = BTreeMap::new();
    let mut add = |service: &ServiceName, name: String, value: String| {
        match owners.insert(name.clone(), service.clone()) {
            None => variables.push((name, value)),
            Some(first) if first == *service => {}
            Some(first) => return Err(EnvironmentError { first, second: service.clone(), variable: name }),
        }
        Ok(())
    };
    if let Some(own) = assigned.iter().find(|assigned| Some(&assigned.service) == main) {
        add(&own.service, "PORT".to_owned(), own.port.to_string())?;
    }
    for Assigned { service, port, protocol } in assigned {
        let part = variable_part(service);
        add(service, format!("PORTUS_PORT_{part}"), port.to_string())?;
        if protocol.tcp() {
            add(service, format!("PORTUS_URL_{part}"), format!("http://localhost:{port}"))?;
        }
        // `PORT` is always the program's own, whatever other services call theirs.
        let names = config.services.get(service).map_or(&[][..], |declared| &declared.env[..]);
        for name in names.iter().filter(|name| name.value != "PORT") {
            add(service, name.value.clone(), port.to_string())?;
        }
    }
    Ok(variables)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assigned(service: &str, port: u16, protocol: Protocol) -> Assigned {
        Assigned { service: service.parse().unwrap(), port: Port::new(port).unwrap(), protocol }
    }

    #[test]
    fn each_service_is_named_and_the_main_one_is_port() {
        let services = [assigned("web", 3000, Protocol::Tcp), assigned("apps-my.api", 3001, Protocol::Udp)];
        let main: ServiceName = "web".parse().unwrap();
        let found = environment(&services, Some(&main), &Config::default()).unwrap();
        let wanted = [
            ("PORT", "3000"),
            ("PORTUS_PORT_WEB", "3000"),
            ("PORTUS_URL_WEB", "http://localhost:3000"),
            ("PORTUS_PORT_APPS_MY_API", "3001"),
        ];
        assert_eq!(found, wanted.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }

    #[test]
    fn two_services_cannot_share_a_name() {
        let services = [assigned("my-web", 3000, Protocol::Tcp), assigned("my.web", 3001, Protocol::Tcp)];
        let error = environment(&services, None, &Config::default()).unwrap_err();
        assert_eq!(error.variable, "PORTUS_PORT_MY_WEB");
    }
}
