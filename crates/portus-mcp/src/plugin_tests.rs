//! The Claude Code plugin and the Agent Skill in `plugin/` say what is true of this build.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use crate::install::{Agent, Direction, Places, Plan, Scope};
use crate::tools::ToolName;

fn text(name: &str) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("plugin").join(name);
    std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

fn json(name: &str) -> Value {
    serde_json::from_str(&text(name)).unwrap()
}

#[test]
fn the_plugin_is_of_this_version_and_starts_what_install_starts() {
    assert_eq!(json(".claude-plugin/plugin.json")["version"], env!("CARGO_PKG_VERSION"));
    let nowhere = Path::new("/nowhere").to_owned();
    let places = Places { home: nowhere.clone(), config: nowhere.clone(), desktop: nowhere.clone(), project: nowhere };
    let plan = Plan::settings(Agent::Claude, Scope::Project, &places, Direction::Install).unwrap();
    let installed: Value = serde_json::from_str(plan.snippet()).unwrap();
    assert_eq!(json(".mcp.json"), installed);
}

#[test]
fn its_hooks_are_those_that_are_answered() {
    let hooks = json("hooks/hooks.json");
    let events: BTreeSet<&str> = hooks["hooks"].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(events, BTreeSet::from(["PreToolUse", "SessionEnd", "SessionStart"]));
    for groups in hooks["hooks"].as_object().unwrap().values() {
        assert_eq!(groups[0]["hooks"][0]["command"], "portus hook claude");
    }
}

#[test]
fn the_skill_names_the_tools_there_are_and_no_others() {
    let skill = text("skills/portus/SKILL.md");
    let named: BTreeSet<&str> = skill
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|word| word.ends_with("_port") || word.ends_with("_ports"))
        .collect();
    assert_eq!(named, ToolName::ALL.map(ToolName::word).into_iter().collect());
    let front = skill.split("---").nth(1).unwrap();
    let description = front.lines().find_map(|line| line.strip_prefix("description: ")).unwrap();
    assert!(front.contains("\nname: portus\n") && description.len() <= 1024, "{front}");
}
