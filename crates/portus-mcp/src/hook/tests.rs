//! Events as the agents send them, where no daemon runs. With one: `tests/` of the workspace.

use std::io;

use super::event::denial;
use super::*;

fn quiet(agent: Agent, input: &str) -> HookAnswer {
    answer(agent, io::Cursor::new(input.to_owned()), |_| None)
}

#[test]
fn garbage_is_answered_with_nothing() {
    for agent in [Agent::Claude, Agent::Codex, Agent::Cursor, Agent::Gemini, Agent::Windsurf] {
        for input in ["", "garbage", "[]", "null", "{\"hook_event_name\":1}", "{", "\u{0}"] {
            assert_eq!(quiet(agent, input), HookAnswer::default(), "{agent:?} {input}");
        }
    }
}

#[test]
fn without_a_daemon_nothing_is_denied() {
    let event = r#"{"hook_event_name":"PreToolUse","tool_name":"Bash","tool_input":{"command":"npx kill-port 3000"}}"#;
    assert_eq!(quiet(Agent::Claude, event), HookAnswer::default());
    let event = r#"{"hook_event_name":"beforeShellExecution","command":"npx kill-port 3000"}"#;
    assert_eq!(quiet(Agent::Cursor, event).stdout, "{}\n", "Cursor wants an object");
}

#[test]
fn one_who_never_finishes_the_input_is_not_waited_for() {
    struct Endless(mpsc::Receiver<()>);
    impl Read for Endless {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            // Until the test is over.
            let _ = self.0.recv();
            Ok(0)
        }
    }
    let (_open, endless) = mpsc::channel();
    assert_eq!(answer(Agent::Claude, Endless(endless), |_| None), HookAnswer::default());
}

#[test]
fn events_are_read_as_each_agent_sends_them() {
    let table = [
        (
            Agent::Claude,
            r#"{"session_id":"s","cwd":"/w","hook_event_name":"PreToolUse","tool_name":"Bash","tool_input":{"command":"ls","description":"x"}}"#,
        ),
        (
            Agent::Codex,
            r#"{"session_id":"s","cwd":"/x","hook_event_name":"PreToolUse","tool_name":"shell","tool_input":{"command":["bash","-lc","ls"],"workdir":"/w"}}"#,
        ),
        (
            Agent::Cursor,
            r#"{"conversation_id":"s","hook_event_name":"beforeShellExecution","command":"ls","cwd":"","workspace_roots":["/w"]}"#,
        ),
        (
            Agent::Gemini,
            r#"{"session_id":"s","cwd":"/w","hook_event_name":"BeforeTool","tool_name":"run_shell_command","tool_input":{"command":"ls"}}"#,
        ),
        (
            Agent::Windsurf,
            r#"{"agent_action_name":"pre_run_command","trajectory_id":"s","tool_info":{"command_line":"ls","cwd":"/w"}}"#,
        ),
    ];
    for (agent, text) in table {
        let event = Event::read(agent, &serde_json::from_str(text).unwrap()).unwrap();
        let wanted = (What::Command("ls".to_owned()), Some("/w".into()), Some("s".to_owned()));
        assert_eq!((event.what, event.dir, event.session), wanted, "{agent:?}");
    }
    let other = r#"{"hook_event_name":"PreToolUse","tool_name":"Write","tool_input":{"command":"pkill node"}}"#;
    assert_eq!(Event::read(Agent::Claude, &serde_json::from_str(other).unwrap()), None);
}

#[test]
fn denials_are_written_as_each_agent_reads_them() {
    let event = Event { what: What::SessionStart, name: "PreToolUse".to_owned(), dir: None, session: None };
    let said = |agent| {
        let answer = denial(agent, &event, "because");
        format!("{} {} {}", answer.stdout.trim(), answer.stderr.trim(), answer.code)
    };
    assert_eq!(
        said(Agent::Claude),
        r#"{"hookSpecificOutput":{"hookEventName":"PreToolUse","permissionDecision":"deny","permissionDecisionReason":"because"}}  0"#
    );
    assert_eq!(
        said(Agent::Cursor),
        r#"{"agent_message":"because","permission":"deny","user_message":"Portus: because"}  0"#
    );
    assert_eq!(said(Agent::Gemini), r#"{"decision":"deny","reason":"because"}  0"#);
    assert_eq!(said(Agent::Windsurf), " because 2");
}
