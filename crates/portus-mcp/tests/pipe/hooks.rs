//! Hooks with a daemon: real events, and what becomes of them.

use std::io::Cursor;

use portus_client::Client;
use portus_mcp::hook::{Agent, HookAnswer, answer};
use serde_json::{Value, json};

use crate::rig::{Rig, free_port};
use crate::session::{Era, Session};

fn ask(rig: &Rig, agent: Agent, event: &Value) -> HookAnswer {
    let (home, options) = (rig.home().clone(), rig.options());
    answer(agent, Cursor::new(event.to_string()), move |_| Client::connect(&home, options.clone()).ok())
}

fn bash(dir: &std::path::Path, command: &str) -> Value {
    json!({
        "session_id": "s-1", "transcript_path": "/t.jsonl", "cwd": dir, "permission_mode": "default",
        "hook_event_name": "PreToolUse", "tool_name": "Bash",
        "tool_input": {"command": command, "description": "…"}, "tool_use_id": "toolu_1",
    })
}

#[tokio::test]
async fn dangerous_commands_are_denied_and_the_right_one_is_named() {
    let rig = Rig::new();
    let (mine, theirs) = (rig.project("hooked"), rig.project("hooked-other"));
    let mut session = Session::open(rig.setup(&theirs), Era::Old, json!({})).await;
    let taken = free_port();
    let _ = session.good("request_port", json!({"service": "web", "preferred": taken})).await;
    let reason = |command: &str| {
        let answer = ask(&rig, Agent::Claude, &bash(&mine, command));
        assert_eq!(answer.code, 0);
        if answer.stdout.is_empty() {
            return String::new();
        }
        let said: Value = serde_json::from_str(&answer.stdout).unwrap();
        let said = &said["hookSpecificOutput"];
        assert_eq!((&said["hookEventName"], &said["permissionDecision"]), (&json!("PreToolUse"), &json!("deny")));
        said["permissionDecisionReason"].as_str().unwrap().to_owned()
    };
    assert!(reason("lsof -ti:3000 | xargs kill -9").contains("`portus kill 3000`"));
    assert!(reason("npx kill-port 3000").contains("`portus kill 3000`"));
    assert!(reason("pkill -f node").contains("`portus kill SERVICE`"));
    let text = reason(&format!("PORT={taken} npm run dev"));
    assert!(text.contains(&theirs.display().to_string()) && text.contains("portus run -s web"), "{text}");
    let own = format!("cd {} && PORT={taken} npm run dev", theirs.display());
    for command in ["ls", "portus kill web", &own, &format!("PORT={} npm run dev", free_port())] {
        assert_eq!(reason(command), "", "{command}");
    }
    let windsurf = json!({"agent_action_name": "pre_run_command",
        "tool_info": {"command_line": "fuser -k 3000/tcp", "cwd": mine}});
    let answer = ask(&rig, Agent::Windsurf, &windsurf);
    assert!(answer.code == 2 && answer.stderr.contains("`portus kill 3000`"), "{answer:?}");
    session.close().await;
}

#[tokio::test]
async fn a_session_learns_its_ports_and_gives_back_what_it_did_not_use() {
    let rig = Rig::new();
    let project = rig.project("sessions");
    let mut session = Session::open(rig.setup(&project), Era::Old, json!({})).await;
    let lease = session.good("request_port", json!({"service": "web"})).await["leases"][0].clone();
    let start = json!({"hook_event_name": "sessionStart", "conversation_id": "s-1", "workspace_roots": [project]});
    let said: Value = serde_json::from_str(&ask(&rig, Agent::Cursor, &start).stdout).unwrap();
    assert_eq!(said["env"]["PORTUS_PORT_WEB"], lease["port"].to_string());
    let start = json!({"hook_event_name": "SessionStart", "session_id": "s-1", "cwd": project, "source": "startup"});
    let said = ask(&rig, Agent::Gemini, &start).stdout;
    assert!(said.contains("PORTUS_URL_WEB=http://localhost:"), "{said}");

    let end = |session: &str| json!({"hook_event_name": "SessionEnd", "session_id": session, "reason": "exit"});
    assert_eq!(ask(&rig, Agent::Claude, &end("s-2")), HookAnswer::default());
    assert_eq!(session.good("list_ports", json!({})).await["leases"].as_array().unwrap().len(), 1);
    assert_eq!(ask(&rig, Agent::Claude, &end("s-1")), HookAnswer::default());
    assert_eq!(session.good("list_ports", json!({})).await["leases"], json!([]));
    session.close().await;
    let _ = rig.client();
}
