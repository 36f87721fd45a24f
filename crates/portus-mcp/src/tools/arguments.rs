//! What a model passed to a tool, read with patience and refused with reasons.

use portus_core::{Port, PortRange, Protocol, ServiceName};
use serde_json::{Map, Value};

use super::{ToolError, ToolName};

/// The arguments of one call. Only what the tool's schema names gets in.
#[derive(Debug, Clone)]
pub(crate) struct Arguments {
    tool: ToolName,
    given: Map<String, Value>,
}

impl Arguments {
    /// Takes arguments in, if the tool knows them all. `null` is the same as nothing.
    pub(crate) fn new(tool: ToolName, given: Option<Map<String, Value>>) -> Result<Self, ToolError> {
        let mut given = given.unwrap_or_default();
        given.retain(|_, value| !value.is_null());
        let known = tool.arguments();
        if let Some(stranger) = given.keys().find(|name| !known.contains(&name.as_str())) {
            let near = nearest(stranger, &known).map(|name| format!(" Did you mean `{name}`?")).unwrap_or_default();
            let takes = known.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
            let what = format!("{tool} takes no argument `{stranger}`.{near}");
            return Err(ToolError::new("bad_argument", what, format!("Call it again with: {takes}")));
        }
        Ok(Self { tool, given })
    }

    /// Text, with nothing around it.
    pub(crate) fn text(&self, name: &str) -> Result<Option<&str>, ToolError> {
        match self.given.get(name) {
            None => Ok(None),
            Some(Value::String(text)) if !text.trim().is_empty() => Ok(Some(text.trim())),
            Some(other) => Err(self.wrong(name, other, "a text that is not empty")),
        }
    }

    /// Yes or no; no when absent.
    pub(crate) fn flag(&self, name: &str) -> Result<bool, ToolError> {
        match self.given.get(name) {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(other) => match other.as_str() {
                Some("true") => Ok(true),
                Some("false") => Ok(false),
                _ => Err(self.wrong(name, other, "true or false")),
            },
        }
    }

    /// A whole number within bounds. Models write numbers as text at times.
    pub(crate) fn number(&self, name: &str, bounds: std::ops::RangeInclusive<u64>) -> Result<Option<u64>, ToolError> {
        let Some(given) = self.given.get(name) else { return Ok(None) };
        let number = given.as_u64().or_else(|| given.as_str().and_then(|text| text.trim().parse().ok()));
        match number.filter(|number| bounds.contains(number)) {
            Some(number) => Ok(Some(number)),
            None => {
                Err(self.wrong(name, given, &format!("a whole number from {} to {}", bounds.start(), bounds.end())))
            }
        }
    }

    /// A port.
    pub(crate) fn port(&self, name: &str) -> Result<Option<Port>, ToolError> {
        let number = self.number(name, 1..=65_535)?;
        Ok(number.and_then(|number| u16::try_from(number).ok()).and_then(Port::new))
    }

    /// A range such as `3000-3999`.
    pub(crate) fn range(&self, name: &str) -> Result<Option<PortRange>, ToolError> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        let range = text.parse().map_err(|_| self.wrong(name, &Value::from(text), "a range such as \"3000-3999\""))?;
        Ok(Some(range))
    }

    /// `tcp`, `udp` or `both`.
    pub(crate) fn protocol(&self, name: &str) -> Result<Option<Protocol>, ToolError> {
        match self.choice(name, &["tcp", "udp", "both"])? {
            None => Ok(None),
            Some("udp") => Ok(Some(Protocol::Udp)),
            Some("both") => Ok(Some(Protocol::Both)),
            Some(_) => Ok(Some(Protocol::Tcp)),
        }
    }

    /// One of some words.
    pub(crate) fn choice<'a>(&self, name: &str, words: &[&'a str]) -> Result<Option<&'a str>, ToolError> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        match words.iter().find(|word| **word == text) {
            Some(word) => Ok(Some(word)),
            None => Err(self.wrong(name, &Value::from(text), &format!("one of {}", words.join(", ")))),
        }
    }

    /// A service's name.
    pub(crate) fn service(&self, name: &str) -> Result<Option<ServiceName>, ToolError> {
        self.text(name)?.map(|text| self.service_name(name, text)).transpose()
    }

    /// Several services' names. One text is a list of one.
    pub(crate) fn services(&self, name: &str) -> Result<Vec<ServiceName>, ToolError> {
        match self.given.get(name) {
            None => Ok(Vec::new()),
            Some(Value::String(text)) => Ok(vec![self.service_name(name, text)?]),
            Some(Value::Array(list)) => list
                .iter()
                .map(|item| match item {
                    Value::String(text) => self.service_name(name, text),
                    other => Err(self.wrong(name, other, "a list of services' names")),
                })
                .collect(),
            Some(other) => Err(self.wrong(name, other, "a list of services' names")),
        }
    }

    fn service_name(&self, name: &str, text: &str) -> Result<ServiceName, ToolError> {
        let tool = self.tool;
        text.parse().map_err(|error: portus_core::ServiceNameError| {
            ToolError::new(
                "bad_argument",
                format!("`{name}` of {tool}: {error}"),
                "Use a short name such as \"web\", \"api\" or \"db\"",
            )
        })
    }

    fn wrong(&self, name: &str, given: &Value, wanted: &str) -> ToolError {
        let given: String = given.to_string().chars().take(80).collect();
        let what = format!("`{name}` of {} is {given}, and must be {wanted}", self.tool);
        ToolError::new("bad_argument", what, "Correct it and call the tool again")
    }
}

/// The known name that is most like a strange one, if any is.
fn nearest<'a>(stranger: &str, known: &[&'a str]) -> Option<&'a str> {
    let shared = |name: &str| name.starts_with(stranger) || stranger.starts_with(name);
    let measured = known.iter().map(|name| (if shared(name) { 1 } else { distance(stranger, name) }, *name));
    measured.min().filter(|(steps, _)| *steps <= 2).map(|(_, name)| name)
}

/// How many letters must be put in, left out or changed to get from one word to the other.
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (line, letter) in from.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], line + 1);
        for (column, other) in to.iter().enumerate() {
            let changed = diagonal + usize::from(letter != *other);
            diagonal = row[column + 1];
            row[column + 1] = changed.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn arguments(tool: ToolName, given: Value) -> Result<Arguments, ToolError> {
        Arguments::new(tool, given.as_object().cloned())
    }

    #[test]
    fn a_strange_argument_is_answered_with_the_right_one() {
        let error = arguments(ToolName::RequestPort, json!({"prefered": 3000})).unwrap_err();
        assert_eq!(
            error.text(),
            "bad_argument: request_port takes no argument `prefered`. Did you mean `preferred`? Call it again with: \
             `service`, `services`, `preferred`, `strict`, `range`, `protocol`, `count`, `worktree`."
        );
        let error = arguments(ToolName::CheckPort, json!({"colour": 1})).unwrap_err();
        assert!(!error.text().contains("Did you mean"), "{}", error.text());
    }

    #[test]
    fn numbers_and_lists_may_come_as_text() {
        let given = arguments(ToolName::RequestPort, json!({"preferred": "3000", "services": "web", "strict": "true"}));
        let given = given.unwrap();
        assert_eq!(given.port("preferred").unwrap(), Port::new(3000));
        assert_eq!(given.services("services").unwrap(), ["web".parse().unwrap()]);
        assert!(given.flag("strict").unwrap());
    }

    #[test]
    fn what_cannot_be_is_told() {
        let given = arguments(ToolName::RequestPort, json!({"preferred": 70_000, "range": "9-1", "protocol": "sctp"}));
        let given = given.unwrap();
        assert!(given.port("preferred").unwrap_err().text().contains("from 1 to 65535"));
        assert!(given.range("range").unwrap_err().text().contains("3000-3999"));
        assert!(given.protocol("protocol").unwrap_err().text().contains("one of tcp, udp, both"));
    }
}
