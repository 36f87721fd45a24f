//! The agents, where they keep their settings, and what they want to read there.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::edit::Edit;
use super::json::JsonEntry;
use super::toml::TomlEntry;

/// A coding agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Agent {
    /// Claude Code.
    Claude,
    /// Codex.
    Codex,
    /// Cursor.
    Cursor,
    /// VS Code.
    Vscode,
    /// Copilot CLI.
    Copilot,
    /// Gemini CLI.
    Gemini,
    /// Windsurf.
    Windsurf,
    /// Zed.
    Zed,
    /// OpenCode.
    Opencode,
}

/// Whose settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// The user's, for all projects.
    User,
    /// One project's, which its repository may carry.
    Project,
}

impl Scope {
    /// Its word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Project => "project",
        }
    }
}

/// Where things lie.
#[derive(Debug, Clone)]
pub struct Places {
    /// The user's home directory.
    pub home: PathBuf,
    /// Where programs keep a user's settings, such as `~/.config`.
    pub config: PathBuf,
    /// Where programs with windows keep them, such as `~/Library/Application Support`.
    pub desktop: PathBuf,
    /// The project's directory.
    pub project: PathBuf,
}

impl Places {
    /// The places of this user, with a project.
    #[must_use]
    pub fn of_user(home: PathBuf, project: PathBuf) -> Self {
        let named = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|dir| dir.is_absolute());
        let config = named("XDG_CONFIG_HOME").unwrap_or_else(|| home.join(".config"));
        let desktop = match std::env::consts::OS {
            "macos" => home.join("Library/Application Support"),
            "windows" => named("APPDATA").unwrap_or_else(|| home.join("AppData/Roaming")),
            _ => config.clone(),
        };
        Self { home, config, desktop, project }
    }
}

/// No agent has this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no agent that Portus knows")]
pub struct UnknownAgent(String);

impl std::str::FromStr for Agent {
    type Err = UnknownAgent;

    fn from_str(word: &str) -> Result<Self, UnknownAgent> {
        Self::ALL.into_iter().find(|agent| agent.word() == word).ok_or_else(|| UnknownAgent(word.to_owned()))
    }
}

impl Agent {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Claude,
        Self::Codex,
        Self::Cursor,
        Self::Vscode,
        Self::Copilot,
        Self::Gemini,
        Self::Windsurf,
        Self::Zed,
        Self::Opencode,
    ];

    /// Its name on the command line.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Claude => "claude",
            Self::Codex => "codex",
            Self::Cursor => "cursor",
            Self::Vscode => "vscode",
            Self::Copilot => "copilot",
            Self::Gemini => "gemini",
            Self::Windsurf => "windsurf",
            Self::Zed => "zed",
            Self::Opencode => "opencode",
        }
    }

    /// The scope that is meant when none is named.
    #[must_use]
    pub const fn default_scope(self) -> Scope {
        match self {
            Self::Vscode => Scope::Project,
            _ => Scope::User,
        }
    }

    /// Its settings file; `None` where it has none of this scope.
    #[must_use]
    pub fn file(self, scope: Scope, places: &Places) -> Option<PathBuf> {
        let Places { home, config, desktop, project } = places;
        let file = match (self, scope) {
            (Self::Claude, Scope::User) => home.join(".claude.json"),
            (Self::Claude, Scope::Project) => project.join(".mcp.json"),
            (Self::Codex, Scope::User) => home.join(".codex/config.toml"),
            (Self::Codex, Scope::Project) => project.join(".codex/config.toml"),
            (Self::Cursor, Scope::User) => home.join(".cursor/mcp.json"),
            (Self::Cursor, Scope::Project) => project.join(".cursor/mcp.json"),
            (Self::Vscode, Scope::User) => desktop.join("Code/User/mcp.json"),
            (Self::Vscode, Scope::Project) => project.join(".vscode/mcp.json"),
            (Self::Copilot, Scope::User) => home.join(".copilot/mcp-config.json"),
            (Self::Gemini, Scope::User) => home.join(".gemini/settings.json"),
            (Self::Gemini, Scope::Project) => project.join(".gemini/settings.json"),
            (Self::Windsurf, Scope::User) => home.join(".codeium/windsurf/mcp_config.json"),
            (Self::Zed, Scope::User) => config.join("zed/settings.json"),
            (Self::Zed, Scope::Project) => project.join(".zed/settings.json"),
            (Self::Opencode, Scope::User) => either(&config.join("opencode")),
            (Self::Opencode, Scope::Project) => either(project),
            (Self::Copilot | Self::Windsurf, Scope::Project) => return None,
        };
        Some(file)
    }

    /// The file of instructions that it reads in a project.
    pub(super) const fn rules_file(self) -> &'static str {
        match self {
            Self::Claude => "CLAUDE.md",
            _ => "AGENTS.md",
        }
    }

    /// How the server is entered.
    pub(super) fn edit(self) -> Box<dyn Edit> {
        match self {
            Self::Codex => Box::new(TomlEntry),
            _ => Box::new(JsonEntry { list: self.list(), entry: self.entry() }),
        }
    }

    const fn list(self) -> &'static str {
        match self {
            Self::Vscode => "servers",
            Self::Zed => "context_servers",
            Self::Opencode => "mcp",
            _ => "mcpServers",
        }
    }

    fn entry(self) -> Vec<(&'static str, Value)> {
        let command = ("command", json!("portus"));
        let args = ("args", json!(["mcp"]));
        match self {
            Self::Claude => {
                vec![("type", json!("stdio")), command, args, ("env", json!({})), ("alwaysLoad", json!(true))]
            }
            Self::Vscode => vec![("type", json!("stdio")), command, args],
            Self::Copilot => vec![("type", json!("local")), command, args, ("tools", json!(["*"]))],
            Self::Zed => vec![("source", json!("custom")), command, args, ("env", json!({}))],
            Self::Opencode => {
                vec![("type", json!("local")), ("command", json!(["portus", "mcp"])), ("enabled", json!(true))]
            }
            Self::Codex | Self::Cursor | Self::Gemini | Self::Windsurf => vec![command, args],
        }
    }
}

/// OpenCode reads its settings with and without comments, from files of two names.
fn either(dir: &Path) -> PathBuf {
    let commented = dir.join("opencode.jsonc");
    if commented.is_file() { commented } else { dir.join("opencode.json") }
}
