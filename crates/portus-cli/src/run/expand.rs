//! Replacing `{port}` and `{services.NAME.port}` in texts, and leaving every other brace alone.

use std::collections::BTreeMap;
use std::fmt;

use portus_core::{Port, ServiceName};

/// The ports that texts may name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ports {
    /// What `{port}` stands for.
    pub(crate) own: Port,
    /// What `{services.NAME.port}` stands for.
    pub(crate) services: BTreeMap<ServiceName, Port>,
}

/// A text names a service without a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UnknownService {
    /// The name.
    pub(crate) name: String,
    /// Those that have one, for people.
    pub(crate) known: String,
}

impl fmt::Display for UnknownService {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, known } = self;
        write!(out, "`{{services.{name}.port}}` names a service without a port; known here: {known}")
    }
}

impl std::error::Error for UnknownService {}

/// A text with its ports filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Expanded {
    /// The text.
    pub(crate) text: String,
    /// Whether it said `{port}`: then its author has seen to the port.
    pub(crate) says_port: bool,
}

/// Fills the ports into a text. `{{port}}` becomes `{port}`, and so for services; braces around anything
/// else stay as they are, for JSON has its own use for them, and so do those behind a `$`, a shell's.
///
/// # Errors
/// [`UnknownService`] when a service is named that has no port.
pub(crate) fn expand(text: &str, ports: &Ports) -> Result<Expanded, UnknownService> {
    let mut expanded = Expanded { text: String::with_capacity(text.len()), says_port: false };
    let mut rest = text;
    while let Some(at) = rest.find('{') {
        let (before, from) = rest.split_at(at);
        expanded.text.push_str(before);
        if before.ends_with('$') {
            expanded.text.push('{');
            rest = &from[1..];
            continue;
        }
        let literal =
            from.strip_prefix('{').and_then(placeholder).filter(|found| from[1 + found.len..].starts_with('}'));
        let taken = if let Some(found) = literal {
            expanded.text.push_str(&from[1..=found.len]);
            found.len + 2
        } else if let Some(found) = placeholder(from) {
            expanded.says_port |= found.service.is_none();
            expanded.text.push_str(&ports.of(&found)?.to_string());
            found.len
        } else {
            expanded.text.push('{');
            1
        };
        rest = &from[taken..];
    }
    expanded.text.push_str(rest);
    Ok(expanded)
}

/// What stands between a pair of braces, if it is ours to replace.
struct Placeholder<'a> {
    /// Its length in bytes, braces included.
    len: usize,
    /// The service; `None` for `{port}`.
    service: Option<&'a str>,
}

/// The placeholder at the start of a text.
fn placeholder(text: &str) -> Option<Placeholder<'_>> {
    let inner = text.strip_prefix('{')?;
    let inner = &inner[..inner.find('}')?];
    let len = inner.len() + 2;
    if inner == "port" {
        return Some(Placeholder { len, service: None });
    }
    let service = inner.strip_prefix("services.")?.strip_suffix(".port")?;
    // What cannot be a service's name was not meant for us.
    service.parse::<ServiceName>().ok()?;
    Some(Placeholder { len, service: Some(service) })
}

impl Ports {
    fn of(&self, found: &Placeholder<'_>) -> Result<Port, UnknownService> {
        let Some(name) = found.service else { return Ok(self.own) };
        self.services.iter().find(|(service, _)| service.as_str() == name).map(|(_, port)| *port).ok_or_else(|| {
            let known: Vec<&str> = self.services.keys().map(ServiceName::as_str).collect();
            UnknownService { name: name.to_owned(), known: known.join(", ") }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ports() -> Ports {
        let services = [("web", 20_001), ("web.2", 20_002), ("api", 20_003)];
        let services = services.map(|(name, port)| (name.parse().unwrap(), Port::new(port).unwrap()));
        Ports { own: Port::new(20_001).unwrap(), services: services.into() }
    }

    #[test]
    fn ports_are_filled_in_and_other_braces_stay() {
        for (text, wanted) in [
            ("", ""),
            ("plain", "plain"),
            ("{port}", "20001"),
            ("--port={port}", "--port=20001"),
            ("{port}{port}", "2000120001"),
            ("http://localhost:{port}/{id}", "http://localhost:20001/{id}"),
            ("{services.api.port}", "20003"),
            ("{services.web.2.port}", "20002"),
            ("{{port}}", "{port}"),
            ("{{services.api.port}}", "{services.api.port}"),
            ("{{services.nobody.port}}", "{services.nobody.port}"),
            ("{\"a\":{port}}", "{\"a\":20001}"),
            ("{\"port\":{port}}", "{\"port\":20001}"),
            ("{{port}", "{20001"),
            ("{{{port}}}", "{{port}}"),
            ("{Port}", "{Port}"),
            ("{ port }", "{ port }"),
            ("${PORT}", "${PORT}"),
            ("${port}", "${port}"),
            ("${PORT:-{port}}", "${PORT:-20001}"),
            ("{}", "{}"),
            ("{", "{"),
            ("}", "}"),
            ("{port", "{port"),
            ("{services..port}", "{services..port}"),
            ("{services.a b.port}", "{services.a b.port}"),
            ("{services.port}", "{services.port}"),
            ("ä{port}ü", "ä20001ü"),
            ("a{x{port}", "a{x20001"),
        ] {
            assert_eq!(expand(text, &ports()).map(|expanded| expanded.text), Ok(wanted.to_owned()), "{text}");
        }
    }

    #[test]
    fn only_the_own_port_counts_as_said() {
        for (text, wanted) in [("{port}", true), ("{{port}}", false), ("{services.web.port}", false), ("x", false)] {
            assert_eq!(expand(text, &ports()).map(|expanded| expanded.says_port), Ok(wanted), "{text}");
        }
    }

    #[test]
    fn a_service_without_a_port_is_named_with_those_that_have_one() {
        let error = expand("a{services.db.port}", &ports()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`{services.db.port}` names a service without a port; known here: api, web, web.2"
        );
    }
}
