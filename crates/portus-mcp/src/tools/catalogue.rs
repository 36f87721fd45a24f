//! The five tools as clients see them: names, descriptions, schemas, annotations.
//!
//! The schemas are written out, and keep to what every client understands: one type for each argument, no `format`, no
//! `$schema`, no references.

use std::fmt;
use std::sync::Arc;

use rmcp::model::{JsonObject, Tool, ToolAnnotations};
use serde_json::{Value, json};

/// What the model is told before anything else.
pub(crate) const INSTRUCTIONS: &str = include_str!("instructions.md");

/// The tools.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ToolName {
    RequestPort,
    ReleasePort,
    ListPorts,
    CheckPort,
    FreePort,
}

impl ToolName {
    pub(crate) const ALL: [Self; 5] =
        [Self::RequestPort, Self::ReleasePort, Self::ListPorts, Self::CheckPort, Self::FreePort];

    /// The tool of this name.
    pub(crate) fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|tool| tool.word() == name)
    }

    /// Its name.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::RequestPort => "request_port",
            Self::ReleasePort => "release_port",
            Self::ListPorts => "list_ports",
            Self::CheckPort => "check_port",
            Self::FreePort => "free_port",
        }
    }

    /// The names of its arguments.
    pub(crate) fn arguments(self) -> Vec<&'static str> {
        let own: &[&'static str] = match self {
            Self::RequestPort => &["service", "services", "preferred", "strict", "range", "protocol", "count"],
            Self::ReleasePort => &["service", "port", "lease"],
            Self::ListPorts => &["scope", "detail", "listeners", "limit"],
            Self::CheckPort => &["service", "port"],
            Self::FreePort => &["service", "port", "force", "confirm"],
        };
        own.iter().copied().chain(["worktree"]).collect()
    }

    const fn title(self) -> &'static str {
        match self {
            Self::RequestPort => "Request a port",
            Self::ReleasePort => "Release a port",
            Self::ListPorts => "List ports",
            Self::CheckPort => "Check a port",
            Self::FreePort => "Free a port",
        }
    }

    const fn description(self) -> &'static str {
        match self {
            Self::RequestPort => {
                "Call this before starting anything that listens. Leases a port for a service of this worktree (or \
                 several, all or none) and answers the number to bind, exactly. Asking again gives the same lease \
                 (`reused`). A preferred port that is taken gives another one, unless `strict`. The lease becomes \
                 active when your server listens, and ends by itself when it is gone."
            }
            Self::ReleasePort => {
                "Gives leases of this worktree back: one by service, port or lease number, or all of the worktree when \
                 none is named. Ends no process. The number stays this service's own for the next time."
            }
            Self::ListPorts => {
                "Lists the leases of this worktree, its project, or all worktrees of the user, and with `listeners` \
                 also what really listens on the machine. Use it instead of lsof, ss or netstat."
            }
            Self::CheckPort => {
                "Call this after starting a server, before testing against one, and for every EADDRINUSE. Says whose \
                 port it is, who listens there (process, directory, worktree), whether it is your own server \
                 (`verified`), and what to do next. Confirms a pending lease whose server is up."
            }
            Self::FreePort => {
                "Ends the server that listens on a port of this worktree: the only right way to kill by port. Without \
                 confirmation it ends nothing and answers what it would end. Another worktree's server, or one that \
                 nobody leased, is refused without `force`: use that only when the user asked for it."
            }
        }
    }

    fn annotations(self) -> ToolAnnotations {
        let reads = matches!(self, Self::ListPorts);
        ToolAnnotations::new()
            .read_only(reads)
            .destructive(matches!(self, Self::FreePort))
            .idempotent(!matches!(self, Self::FreePort))
            .open_world(false)
    }
}

impl fmt::Display for ToolName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.word())
    }
}

/// The tools for `tools/list`.
pub(crate) fn all() -> Vec<Tool> {
    let tools = ToolName::ALL.into_iter().map(|name| {
        let properties: JsonObject =
            name.arguments().into_iter().map(|argument| (argument.to_owned(), schema_of(name, argument))).collect();
        let input = json!({"type": "object", "properties": properties, "additionalProperties": false});
        let tool = Tool::new(name.word(), name.description(), object(input)).with_title(name.title());
        tool.with_annotations(name.annotations()).with_raw_output_schema(object(output_of(name)))
    });
    tools.collect()
}

fn schema_of(tool: ToolName, argument: &str) -> Value {
    let port = |what: &str| json!({"type": "integer", "minimum": 1, "maximum": 65_535, "description": what});
    let text = |what: &str| json!({"type": "string", "description": what});
    let flag = |what: &str| json!({"type": "boolean", "description": what});
    match (tool, argument) {
        (ToolName::RequestPort, "service") => text(
            "What the port is for, such as web, api or db. Default: the package's directory, `default` at the root",
        ),
        (_, "service") => text("A service of this worktree, such as web"),
        (_, "services") => json!({
            "type": "array", "items": {"type": "string"}, "maxItems": 64,
            "description": "Several services at once, instead of `service`",
        }),
        (_, "preferred") => port("The port to get if it is free, such as the framework's default"),
        (_, "strict") => flag("Only the preferred port will do"),
        (_, "range") => text("Where to look, such as 3000-3999"),
        (_, "protocol") => {
            json!({"type": "string", "enum": ["tcp", "udp", "both"], "description": "Default: tcp"})
        }
        (_, "count") => json!({
            "type": "integer", "minimum": 1, "maximum": 64,
            "description": "So many ports for the service: web, web.2, web.3",
        }),
        (_, "port") => port("A port number"),
        (_, "lease") => json!({"type": "integer", "minimum": 0, "description": "A lease's number (`id`)"}),
        (_, "scope") => json!({
            "type": "string", "enum": ["worktree", "project", "all"], "description": "Default: worktree",
        }),
        (_, "detail") => json!({
            "type": "string", "enum": ["concise", "full"], "description": "Default: concise",
        }),
        (_, "listeners") => flag("Also list who really listens"),
        (_, "limit") => json!({
            "type": "integer", "minimum": 1, "maximum": 500, "description": "The most of each list. Default: 50",
        }),
        (_, "force") => flag("Also end what is not this worktree's. Only when the user asked for it"),
        (_, "confirm") => flag("The user agreed to end what a call without this named"),
        _ => text("Absolute path of the checkout. Default: the one this session works in"),
    }
}

fn output_of(tool: ToolName) -> Value {
    let list = json!({"type": "array", "items": {"type": "object"}});
    let (mut properties, mut required) = (JsonObject::new(), vec!["next"]);
    let fields: &[(&'static str, Value)] = match tool {
        ToolName::RequestPort => &[("leases", list), ("notes", json!({"type": "array", "items": {"type": "string"}}))],
        ToolName::ReleasePort => &[("leases", list)],
        ToolName::ListPorts => &[("leases", list.clone()), ("listeners", list)],
        ToolName::CheckPort => &[
            ("port", json!({"type": "integer"})),
            ("verdict", json!({"type": "string"})),
            ("mine", json!({"type": "boolean"})),
            ("verified", json!({"type": "boolean"})),
            ("listeners", list.clone()),
            ("ancestors", list),
        ],
        ToolName::FreePort => {
            &[("port", json!({"type": "integer"})), ("killed", list), ("dry_run", json!({"type": "boolean"}))]
        }
    };
    for (name, schema) in fields {
        properties.insert((*name).to_owned(), schema.clone());
        required.push(name);
    }
    properties.insert("next".to_owned(), json!({"type": "string", "description": "What to do next"}));
    json!({"type": "object", "properties": properties, "required": required})
}

fn object(value: Value) -> Arc<JsonObject> {
    match value {
        Value::Object(object) => Arc::new(object),
        _ => Arc::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The most that all tools together may weigh in a model's context, in bytes of JSON.
    const ALL_TOOLS_LEN_MAX: usize = 8 * 1024;
    /// The most for one description, and for the instructions, in bytes.
    const TEXT_LEN_MAX: usize = 2 * 1024;

    #[test]
    fn they_do_not_crowd_the_models_context() {
        let all = serde_json::to_string(&all()).unwrap();
        assert!(all.len() < ALL_TOOLS_LEN_MAX, "{} bytes", all.len());
        assert!(INSTRUCTIONS.len() < TEXT_LEN_MAX, "{} bytes", INSTRUCTIONS.len());
        assert!(ToolName::ALL.iter().all(|tool| tool.description().len() < TEXT_LEN_MAX));
    }

    #[test]
    fn schemas_are_portable() {
        let all = serde_json::to_string(&all()).unwrap();
        for word in ["$schema", "$ref", "\"format\"", "\"type\":[", "anyOf", "oneOf", "nullable"] {
            assert!(!all.contains(word), "{word}");
        }
    }

    #[test]
    fn every_tool_has_all_four_annotations() {
        for tool in all() {
            let hints = tool.annotations.unwrap();
            let all = [hints.read_only_hint, hints.destructive_hint, hints.idempotent_hint, hints.open_world_hint];
            assert!(all.iter().all(Option::is_some), "{}", tool.name);
        }
    }
}
