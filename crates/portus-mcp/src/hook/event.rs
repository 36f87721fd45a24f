//! The events of each agent's hooks, and the answers each understands.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::HookAnswer;

/// An agent with hooks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Agent {
    /// Claude Code: `PreToolUse`, `SessionStart`, `SessionEnd`.
    Claude,
    /// Codex: `PreToolUse`, `SessionStart`.
    Codex,
    /// Cursor: `beforeShellExecution`, `preToolUse`, `sessionStart`, `sessionEnd`.
    Cursor,
    /// Gemini CLI: `BeforeTool`, `SessionStart`, `SessionEnd`.
    Gemini,
    /// Windsurf: `pre_run_command`.
    Windsurf,
}

/// What an agent is about to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum What {
    /// Run a script in a shell.
    Command(String),
    /// Begin a session.
    SessionStart,
    /// End one.
    SessionEnd,
}

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Event {
    pub(super) what: What,
    /// The event's own name.
    pub(super) name: String,
    /// Where.
    pub(super) dir: Option<PathBuf>,
    /// In which session.
    pub(super) session: Option<String>,
}

impl Event {
    /// Reads an event; `None` for those that concern nobody here.
    pub(super) fn read(agent: Agent, event: &Value) -> Option<Self> {
        let text = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        let first = |names: &[&str]| names.iter().find_map(|name| text(&event[*name]));
        let name = first(&["hook_event_name", "agent_action_name"])?;
        let script = |names: &[&str]| {
            let tool = event["tool_name"].as_str().unwrap_or_default();
            names.contains(&tool).then(|| script_of(&event["tool_input"]["command"])).flatten()
        };
        let what = match (agent, name.as_str()) {
            (Agent::Claude | Agent::Codex, "PreToolUse") => {
                What::Command(script(&["Bash", "PowerShell", "shell", "local_shell", "exec_command"])?)
            }
            (Agent::Cursor, "beforeShellExecution") => What::Command(text(&event["command"])?),
            (Agent::Cursor, "preToolUse") => What::Command(script(&["Shell", "Bash"])?),
            (Agent::Gemini, "BeforeTool") => What::Command(script(&["run_shell_command"])?),
            (Agent::Windsurf, "pre_run_command") => What::Command(text(&event["tool_info"]["command_line"])?),
            (_, "SessionStart" | "sessionStart") => What::SessionStart,
            (_, "SessionEnd" | "sessionEnd") => What::SessionEnd,
            _ => return None,
        };
        let dir =
            [&event["tool_input"]["workdir"], &event["tool_info"]["cwd"], &event["cwd"], &event["workspace_roots"][0]];
        Some(Self {
            what,
            name,
            dir: dir.into_iter().find_map(text).map(PathBuf::from),
            session: first(&["session_id", "conversation_id", "trajectory_id"]),
        })
    }
}

/// A script, or the words of one: `["bash", "-lc", "ls"]`.
fn script_of(command: &Value) -> Option<String> {
    match command {
        Value::String(text) => Some(text.clone()),
        Value::Array(words) => {
            let words: Vec<&str> = words.iter().filter_map(Value::as_str).collect();
            let script = words.iter().position(|word| word.starts_with('-') && word.ends_with('c'));
            let script = script.and_then(|flag| words.get(flag + 1)).map(|script| (*script).to_owned());
            script.or_else(|| Some(words.join(" "))).filter(|script| !script.is_empty())
        }
        _ => None,
    }
}

/// The command shall not be run, for this reason.
pub(super) fn denial(agent: Agent, event: &Event, reason: &str) -> HookAnswer {
    match agent {
        Agent::Claude | Agent::Codex => said(&json!({"hookSpecificOutput": {
            "hookEventName": event.name, "permissionDecision": "deny", "permissionDecisionReason": reason,
        }})),
        Agent::Cursor => said(&json!({
            "permission": "deny", "user_message": format!("Portus: {reason}"), "agent_message": reason,
        })),
        Agent::Gemini => said(&json!({"decision": "deny", "reason": reason})),
        Agent::Windsurf => HookAnswer { stderr: format!("{reason}\n"), code: 2, ..HookAnswer::default() },
    }
}

/// Nothing is to be said. Cursor takes an empty answer for a broken hook.
pub(super) fn silence(agent: Agent) -> HookAnswer {
    match agent {
        Agent::Cursor => said(&json!({})),
        Agent::Claude | Agent::Codex | Agent::Gemini | Agent::Windsurf => HookAnswer::default(),
    }
}

/// An answer in JSON.
pub(super) fn said(answer: &Value) -> HookAnswer {
    HookAnswer { stdout: format!("{answer}\n"), ..HookAnswer::default() }
}
