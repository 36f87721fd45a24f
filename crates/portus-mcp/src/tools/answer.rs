//! What the model reads: an answer whose text and structure are each complete, or an error in one block of text.

use portus_client::{CallError, ConnectError, WorkspaceError};
use portus_proto::{Code, Refusal};
use rmcp::model::{CallToolResult, ContentBlock};
use serde_json::{Map, Value};

/// A good answer: fields, and the sentence that says what to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) next: String,
    pub(crate) fields: Map<String, Value>,
}

impl Answer {
    pub(crate) fn new(next: impl Into<String>) -> Self {
        Self { next: next.into(), fields: Map::new() }
    }

    /// Adds a field.
    pub(crate) fn with(mut self, name: &str, value: impl serde::Serialize) -> Result<Self, ToolError> {
        let value = serde_json::to_value(value).map_err(|error| ToolError::internal(&error.to_string()))?;
        self.fields.insert(name.to_owned(), value);
        Ok(self)
    }
}

impl From<Answer> for CallToolResult {
    /// Some clients show the model only the text, others only the structure: each holds everything.
    fn from(answer: Answer) -> Self {
        let mut structure = answer.fields;
        let text = format!("{}\n{}", answer.next, Value::Object(structure.clone()));
        structure.insert("next".to_owned(), Value::String(answer.next));
        let mut result = Self::success(vec![ContentBlock::text(text)]);
        result.structured_content = Some(Value::Object(structure));
        result
    }
}

/// A bad answer: a stable word, what happened, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ToolError {
    pub(crate) code: String,
    pub(crate) what: String,
    pub(crate) todo: String,
}

impl ToolError {
    pub(crate) fn new(code: &str, what: impl Into<String>, todo: impl Into<String>) -> Self {
        Self { code: code.to_owned(), what: what.into(), todo: todo.into() }
    }

    pub(crate) fn internal(what: &str) -> Self {
        Self::new("internal", what, "Tell the user: this is a mistake in Portus")
    }

    pub(crate) fn is(&self, code: Code) -> bool {
        self.code == code.word()
    }

    /// The same error with other advice.
    pub(crate) fn advising(mut self, todo: impl Into<String>) -> Self {
        self.todo = todo.into();
        self
    }

    /// `code: what happened. What to do.`
    pub(crate) fn text(&self) -> String {
        let mut text = format!("{}: {}", self.code, sentence(&self.what));
        if !self.todo.is_empty() {
            text.push(' ');
            text.push_str(&capitalised(&sentence(&self.todo)));
        }
        text
    }
}

fn sentence(text: &str) -> String {
    let text = text.trim_end();
    if text.ends_with(['.', '!', '?']) { text.to_owned() } else { format!("{text}.") }
}

/// Begins a sentence, unless it begins with something to be typed.
fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

impl From<ToolError> for CallToolResult {
    /// No structured content: clients that hold it against a schema would fail, and the model would see nothing.
    fn from(error: ToolError) -> Self {
        Self::error(vec![ContentBlock::text(error.text())])
    }
}

impl From<Refusal> for ToolError {
    fn from(refusal: Refusal) -> Self {
        let todo = match refusal.code {
            Code::NoPortAvailable => "Ask again without `range`, or release ports that nobody uses with release_port",
            Code::PortUnavailable => {
                "Ask again without `strict` to get another port, or call check_port with this port to see whose it is"
            }
            Code::AlreadyRunning => "Use the server that runs: call check_port for its address",
            Code::NoSuchLease => "Call list_ports to see what is leased, or request_port to get a port",
            Code::NoListener => "Nothing has to be ended: start your server, or call request_port for a port",
            Code::ForeignListener => "Call request_port for another port, and leave that server alone",
            _ => refusal.hint.as_str(),
        };
        Self::new(refusal.code.word(), refusal.message.clone(), todo)
    }
}

impl From<ConnectError> for ToolError {
    fn from(error: ConnectError) -> Self {
        let todo = match error {
            ConnectError::Sandboxed { .. } | ConnectError::Forbidden { .. } => {
                "Tell the user: the MCP server itself runs in a sandbox and must be allowed to reach this socket"
                    .to_owned()
            }
            _ => format!("Tell the user: {}", error.hint()),
        };
        Self::new(error.code(), error.to_string(), todo)
    }
}

impl From<CallError> for ToolError {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Refused(refusal) => refusal.into(),
            CallError::Connect(error) => error.into(),
            CallError::TimedOut => Self::new("timed_out", error.to_string(), "Call list_ports to see how things stand"),
            CallError::Lost { .. } => Self::new("connection_lost", error.to_string(), "Call the tool again"),
            CallError::Senseless { .. } => Self::new("malformed", error.to_string(), error.hint()),
        }
    }
}

impl From<WorkspaceError> for ToolError {
    fn from(error: WorkspaceError) -> Self {
        let (code, todo) = match &error {
            WorkspaceError::Config(_) => ("invalid_config", error.hint()),
            WorkspaceError::NoDirectory { .. } => {
                ("no_directory", "Pass `worktree`: the absolute path of the checkout you work in".to_owned())
            }
            _ => ("bad_place", error.hint()),
        };
        Self::new(code, error.to_string(), todo)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_a_word_and_two_sentences() {
        let error = ToolError::new("port_unavailable", "port 3000 is taken", "ask for another");
        assert_eq!(error.text(), "port_unavailable: port 3000 is taken. Ask for another.");
        assert_eq!(ToolError::new("x", "It is.", "").text(), "x: It is.");
        let result = CallToolResult::from(error);
        assert_eq!((result.is_error, result.content.len(), result.structured_content), (Some(true), 1, None));
    }

    #[test]
    fn text_and_structure_say_the_same() {
        let answer = Answer::new("Do that.").with("leases", [1, 2]).unwrap();
        let result = CallToolResult::from(answer);
        let text = serde_json::to_value(&result.content).unwrap();
        assert_eq!(text[0]["text"], "Do that.\n{\"leases\":[1,2]}");
        assert_eq!(result.structured_content.unwrap(), serde_json::json!({"leases": [1, 2], "next": "Do that."}));
    }
}
