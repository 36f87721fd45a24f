//! What coding agents start: hooks on real events, the server of two worktrees at once, settings put in and out.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "tests report by panicking")]

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use portus_tests::{Rig, Said, net};
use serde_json::{Value, json};

/// `portus hook claude` on an event.
fn hook(rig: &Rig, dir: &Path, event: &str, variables: &[(&str, &Path)]) -> Said {
    let mut command = rig.portus(dir, ["hook", "claude"]);
    command.envs(variables.iter().copied()).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(event.as_bytes()).unwrap();
    Said::from(child.wait_with_output().unwrap())
}

fn bash(dir: &Path, command: &str) -> String {
    json!({"session_id": "s", "cwd": dir, "hook_event_name": "PreToolUse", "tool_name": "Bash",
        "tool_input": {"command": command}})
    .to_string()
}

#[test]
fn a_hook_denies_what_hits_others_and_is_silent_otherwise() {
    let rig = Rig::new();
    let dir = rig.directory("hooks-app");
    let silent = |said: Said| {
        let said = said.good();
        assert_eq!((said.stdout.as_str(), said.stderr.as_str()), ("", ""));
    };
    silent(hook(&rig, &dir, &bash(&dir, "lsof -ti:3000 | xargs kill -9"), &[]));
    assert_eq!(rig.daemon_pid(), None, "a hook starts no daemon");

    let port = rig.say(&dir, ["request", "web"]).good().port();
    for command in ["lsof -ti:3000 | xargs kill -9", "npx kill-port 3000", "pkill -f node"] {
        let said = hook(&rig, &dir, &bash(&dir, command), &[]).good().json();
        assert_eq!(said["hookSpecificOutput"]["permissionDecision"], "deny", "{command}");
        assert!(said["hookSpecificOutput"]["permissionDecisionReason"].as_str().unwrap().contains("portus kill"));
    }
    for command in ["ls", "portus kill web", &format!("PORT={port} npm run dev")] {
        silent(hook(&rig, &dir, &bash(&dir, command), &[]));
    }
    for garbage in ["", "garbage", "{}", "{\"hook_event_name\":\"PreToolUse\"}"] {
        silent(hook(&rig, &dir, garbage, &[]));
    }

    let file = rig.work().join("session-env");
    std::fs::write(&file, "export KEPT=1\n").unwrap();
    let start =
        json!({"session_id": "s", "cwd": dir, "hook_event_name": "SessionStart", "source": "startup"}).to_string();
    silent(hook(&rig, &dir, &start, &[("CLAUDE_ENV_FILE", &file)]));
    let exported = std::fs::read_to_string(&file).unwrap();
    let wanted =
        format!("export KEPT=1\nexport PORTUS_PORT_WEB={port}\nexport PORTUS_URL_WEB=http://localhost:{port}\n");
    assert_eq!(exported, wanted);
}

/// `portus mcp`, spoken to as a client of the older era does.
struct Server {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

impl Server {
    fn start(rig: &Rig, dir: &Path) -> Self {
        let mut command = rig.portus(dir, ["mcp"]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (stdin, stdout) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        let mut server = Self { child, stdin, stdout };
        let hello =
            json!({"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}});
        server.send(&json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": hello}));
        assert_eq!(server.receive()["result"]["serverInfo"]["name"], "portus");
        server.send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
        server
    }

    fn send(&mut self, message: &Value) {
        self.stdin.write_all(format!("{message}\n").as_bytes()).unwrap();
    }

    fn receive(&mut self) -> Value {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    }

    fn close(mut self) {
        drop(self.stdin);
        assert!(self.child.wait().unwrap().success());
    }
}

#[test]
fn two_agents_in_two_worktrees_ask_at_once_for_the_same_port() {
    let rig = Rig::new();
    let repository = rig.repository("mcp-twice");
    let worktrees = [repository.path().to_owned(), repository.worktree("mcp-feature")];
    let mut servers = worktrees.each_ref().map(|dir| Server::start(&rig, dir));
    let wish = net::free_port();
    let arguments = json!({"service": "web", "preferred": wish});
    let call = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": {"name": "request_port", "arguments": arguments}});
    for server in &mut servers {
        server.send(&call);
    }
    let answers = servers.each_mut().map(Server::receive);
    let ports = answers.each_ref().map(|answer| answer["result"]["structuredContent"]["leases"][0]["port"].clone());
    assert_ne!(ports[0], ports[1]);
    assert!(ports.contains(&json!(wish)));
    for (answer, port) in answers.iter().zip(&ports) {
        let next = answer["result"]["structuredContent"]["next"].as_str().unwrap();
        assert!(next.contains(&port.to_string()) && next.contains("check_port"), "{next}");
    }
    servers.into_iter().for_each(Server::close);
}

#[test]
fn settings_are_written_once_and_given_back() {
    let rig = Rig::new();
    let dir = rig.repository("installed").path().to_owned();
    let file = dir.join(".mcp.json");
    let original = "{\n  // mine\n  \"mcpServers\": { \"other\": { \"command\": \"x\" } }\n}";
    std::fs::write(&file, original).unwrap();
    let install = ["install", "--client", "claude", "--scope", "project"];
    let print = rig.say(&dir, install.iter().chain(&["--print"])).good();
    assert!(print.stdout.contains("\"args\": [\"mcp\"]"), "{}", print.stdout);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), original);

    let said = rig.json(&dir, install.iter().chain(&["--instructions", "--json"]));
    assert_eq!((&said["files"][0]["changed"], &said["files"][1]["changed"]), (&json!(true), &json!(true)));
    let installed = std::fs::read_to_string(&file).unwrap();
    assert!(installed.contains("// mine") && installed.contains("\"portus\""), "{installed}");
    assert!(std::fs::read_to_string(dir.join("CLAUDE.md")).unwrap().contains("request_port"));
    let said = rig.json(&dir, install.iter().chain(&["--instructions", "--json"]));
    assert_eq!((&said["files"][0]["changed"], &said["files"][1]["changed"]), (&json!(false), &json!(false)));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), installed);

    let _ = rig.say(&dir, install.iter().chain(&["--instructions", "--uninstall"])).good();
    assert_eq!(std::fs::read_to_string(&file).unwrap(), original);
    assert!(!dir.join("CLAUDE.md").exists());

    std::fs::write(&file, "{ broken").unwrap();
    let said = rig.say(&dir, install).ended_with(1);
    assert!(said.stderr.contains("was left alone"), "{}", said.stderr);
    let _ = rig.say(&dir, ["install", "--client", "windsurf", "--scope", "project"]).ended_with(2);
}
