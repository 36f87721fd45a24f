//! The coding agent around this process, as far as the environment names one.

use std::env;

/// A coding agent. Recorded beside the requester; it never decides who owns a port.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Agent {
    /// Which program, such as `claude-code`.
    pub client: Option<String>,
    /// Its session.
    pub session: Option<String>,
}

/// Programs, the variables that show them, and those that name their session.
const AGENTS: [(&str, &[&str], &[&str]); 6] = [
    ("claude-code", &["CLAUDECODE"], &["CLAUDE_CODE_SESSION_ID"]),
    ("codex", &["CODEX_SANDBOX", "CODEX_SANDBOX_NETWORK_DISABLED"], &["CODEX_THREAD_ID"]),
    ("gemini", &["GEMINI_CLI"], &[]),
    ("cursor", &["CURSOR_AGENT"], &["CURSOR_TRACE_ID"]),
    ("copilot", &["COPILOT_CLI"], &["COPILOT_AGENT_SESSION_ID"]),
    ("opencode", &["OPENCODE"], &["OPENCODE_SESSION_ID"]),
];

/// The longest session that is recorded, in characters.
const SESSION_LEN_MAX: usize = 128;

impl Agent {
    /// The agent that this process's environment names, if it does.
    #[must_use]
    pub fn of_environment() -> Self {
        Self::find(|name| env::var(name).ok())
    }

    fn find(variable: impl Fn(&str) -> Option<String>) -> Self {
        let value = |name: &&str| variable(name).filter(|value| !value.is_empty());
        for (client, signs, sessions) in AGENTS {
            let session = sessions.iter().find_map(value);
            if session.is_some() || signs.iter().any(|name| value(name).is_some()) {
                let session = session.map(|text| {
                    text.chars().filter(|character| !character.is_control()).take(SESSION_LEN_MAX).collect()
                });
                return Self { client: Some(client.to_owned()), session };
            }
        }
        Self::default()
    }
}

/// Whether the environment says that a sandbox keeps this process from the network and from sockets.
#[must_use]
pub fn sandboxed() -> bool {
    const SIGNS: [&str; 4] =
        ["CODEX_SANDBOX_NETWORK_DISABLED", "CODEX_SANDBOX", "SANDBOX_RUNTIME", "SANDBOX_PROXY_PORT"];
    SIGNS.iter().any(|name| env::var_os(name).is_some_and(|value| !value.is_empty() && value != "0"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agents_are_known_by_their_variables() {
        let agent = |variables: &[(&str, &str)]| {
            let found = Agent::find(|name| {
                variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
            });
            (found.client.unwrap_or_default(), found.session.unwrap_or_default())
        };
        let said = |client: &str, session: &str| (client.to_owned(), session.to_owned());
        assert_eq!(agent(&[]), said("", ""));
        assert_eq!(agent(&[("CLAUDECODE", "1"), ("CLAUDE_CODE_SESSION_ID", "abc")]), said("claude-code", "abc"));
        assert_eq!(agent(&[("CLAUDECODE", "1")]), said("claude-code", ""));
        assert_eq!(agent(&[("CODEX_THREAD_ID", "t\n1")]), said("codex", "t1"));
        assert_eq!(agent(&[("GEMINI_CLI", "1")]), said("gemini", ""));
        assert_eq!(agent(&[("CURSOR_TRACE_ID", "")]), said("", ""));
    }
}
