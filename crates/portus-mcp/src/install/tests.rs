//! Real-life settings, put through installing and uninstalling.

use std::fs;
use std::path::PathBuf;

use super::*;

struct Rig {
    dir: tempfile::TempDir,
}

impl Rig {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    fn places(&self) -> Places {
        let root = self.dir.path();
        let (home, project) = (root.join("home"), root.join("project"));
        Places { config: home.join(".config"), desktop: home.join(".config"), home, project }
    }

    /// Puts a text where the agent's settings lie.
    fn with(&self, agent: Agent, text: &str) -> PathBuf {
        let file = agent.file(agent.default_scope(), &self.places()).unwrap();
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, text).unwrap();
        file
    }

    fn go(&self, agent: Agent, direction: Direction) -> Result<bool, InstallError> {
        let plan = Plan::settings(agent, agent.default_scope(), &self.places(), direction)?;
        let is_change = plan.is_change();
        plan.apply()?;
        Ok(is_change)
    }
}

/// Settings as people have them: comments, foreign keys, odd spaces, no last newline, Windows' line ends.
const SETTINGS: &[(Agent, &str)] = &[
    (Agent::Claude, include_str!("samples/claude.json")),
    (Agent::Claude, "{}"),
    (Agent::Claude, "{\"mcpServers\":{}}"),
    (Agent::Claude, "{\"numStartups\":5,\"mcpServers\":{\"other\":{\"command\":\"x\"}}}"),
    (Agent::Claude, ""),
    (Agent::Claude, "\u{feff}{\r\n  \"a\": 1\r\n}\r\n"),
    (Agent::Codex, include_str!("samples/codex.toml")),
    (Agent::Codex, "model = \"o5\""),
    (Agent::Codex, "mcp_servers = { other = { command = \"x\" } }\n"),
    (Agent::Cursor, "{\n\t\"mcpServers\": {\n\t\t\"a\": {\"command\": \"b\"},\n\t},\n}\n"),
    (Agent::Vscode, include_str!("samples/vscode.json")),
    (Agent::Copilot, "{ \"mcpServers\": { } }\n"),
    (Agent::Gemini, include_str!("samples/gemini.json")),
    (Agent::Windsurf, "{\n    \"mcpServers\": {}\n}"),
    (Agent::Zed, include_str!("samples/zed.json")),
    (Agent::Opencode, include_str!("samples/opencode.json")),
];

#[test]
fn what_was_there_comes_back_byte_for_byte() {
    for (agent, text) in SETTINGS {
        let rig = Rig::new();
        let file = rig.with(*agent, text);
        assert!(rig.go(*agent, Direction::Install).unwrap(), "{agent:?}");
        let installed = fs::read_to_string(&file).unwrap();
        assert!(!rig.go(*agent, Direction::Install).unwrap(), "{agent:?}: the second time");
        assert_eq!(fs::read_to_string(&file).unwrap(), installed, "{agent:?}: the second time");
        assert!(rig.go(*agent, Direction::Uninstall).unwrap());
        assert_eq!(fs::read_to_string(&file).unwrap(), *text, "{agent:?}");
        let left: Vec<_> = fs::read_dir(file.parent().unwrap()).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert_eq!(left, [file], "nothing else is left behind");
        assert!(!rig.go(*agent, Direction::Uninstall).unwrap());
    }
}

#[test]
fn what_others_wrote_meanwhile_stays() {
    for (agent, text) in SETTINGS.iter().filter(|(_, text)| text.len() > 100) {
        let rig = Rig::new();
        let file = rig.with(*agent, text);
        rig.go(*agent, Direction::Install).unwrap();
        let comment = if *agent == Agent::Codex { "# later\n" } else { "// later\n" };
        let edited = format!("{comment}{}", fs::read_to_string(&file).unwrap());
        fs::write(&file, edited).unwrap();
        rig.go(*agent, Direction::Uninstall).unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), format!("{comment}{text}"), "{agent:?}");
    }
}

#[test]
fn a_file_that_was_not_there_goes_again() {
    for agent in Agent::ALL {
        let rig = Rig::new();
        let file = agent.file(agent.default_scope(), &rig.places()).unwrap();
        assert!(rig.go(agent, Direction::Install).unwrap());
        let plan = Plan::settings(agent, agent.default_scope(), &rig.places(), Direction::Install).unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), plan.snippet());
        rig.go(agent, Direction::Uninstall).unwrap();
        assert!(!file.exists(), "{agent:?}");
    }
}

#[test]
fn the_entries_are_what_the_agents_read() {
    let rig = Rig::new();
    let all: Vec<String> = Agent::ALL
        .into_iter()
        .map(|agent| {
            let plan = Plan::settings(agent, agent.default_scope(), &rig.places(), Direction::Install).unwrap();
            let file = plan.file().strip_prefix(rig.dir.path()).unwrap().display().to_string();
            format!("== {} {file}\n{}", agent.word(), plan.snippet())
        })
        .collect();
    insta::assert_snapshot!(all.join("\n"));
}

#[test]
fn a_file_that_cannot_be_read_is_left_alone() {
    let broken = [
        (Agent::Claude, "{\"mcpServers\": {"),
        (Agent::Claude, "[]"),
        (Agent::Claude, "{\"mcpServers\": []}"),
        (Agent::Claude, "{'a': 1}"),
        (Agent::Codex, "[mcp_servers\n"),
        (Agent::Codex, "mcp_servers = 1\n"),
    ];
    for (agent, text) in broken {
        let rig = Rig::new();
        let file = rig.with(agent, text);
        let error = rig.go(agent, Direction::Install).unwrap_err();
        assert!(matches!(error, InstallError::Unreadable { .. }), "{text}: {error}");
        assert!(error.to_string().contains("was left alone"), "{error}");
        assert_eq!(fs::read_to_string(&file).unwrap(), text);
    }
}

#[test]
fn an_entry_of_the_users_own_is_kept_if_it_works() {
    let rig = Rig::new();
    let own = "{\"mcpServers\":{\"portus\":{\"type\":\"stdio\",\"command\":\"/opt/portus\",\"args\":[\"mcp\"],\
               \"env\":{\"PORTUS_HOME\":\"/x\"},\"alwaysLoad\":false}}}";
    rig.with(Agent::Claude, own);
    assert!(!rig.go(Agent::Claude, Direction::Install).unwrap());
    let file = rig.with(Agent::Claude, &own.replace("[\"mcp\"]", "[\"old\"]"));
    assert!(rig.go(Agent::Claude, Direction::Install).unwrap());
    let text = fs::read_to_string(file).unwrap();
    assert!(text.contains("/opt/portus") && text.contains("\"PORTUS_HOME\":\"/x\"") && !text.contains("old"), "{text}");
}

#[test]
fn rules_are_put_into_the_projects_instructions_and_out_again() {
    for text in ["# Rules\n", "# Rules", "# Rules\n\nBe nice.\n\n", ""] {
        let rig = Rig::new();
        let places = rig.places();
        fs::create_dir_all(&places.project).unwrap();
        let file = places.project.join("AGENTS.md");
        fs::write(&file, text).unwrap();
        let go = |direction| Plan::rules(Agent::Codex, &places, direction).unwrap().apply().unwrap();
        go(Direction::Install);
        let once = fs::read_to_string(&file).unwrap();
        assert!(once.contains("portus:begin") && once.starts_with(text));
        go(Direction::Install);
        assert_eq!(fs::read_to_string(&file).unwrap(), once);
        // An older text of the block is brought up to date.
        fs::write(&file, once.replace("EADDRINUSE", "Something else")).unwrap();
        go(Direction::Install);
        assert_eq!(fs::read_to_string(&file).unwrap(), once);
        fs::write(&file, format!("{once}More.\n")).unwrap();
        go(Direction::Uninstall);
        assert!(fs::read_to_string(&file).unwrap().ends_with("More.\n"));
    }
}

#[test]
fn a_scope_that_an_agent_does_not_have_is_told() {
    let error = Plan::settings(Agent::Windsurf, Scope::Project, &Rig::new().places(), Direction::Install).unwrap_err();
    assert_eq!(
        (error.to_string(), error.hint()),
        ("windsurf has no settings of one project".into(), "use --scope user".into())
    );
}
