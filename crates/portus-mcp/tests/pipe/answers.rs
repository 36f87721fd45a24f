//! Every answer and refusal, as golden texts.

use serde_json::{Value, json};

use crate::rig::{Rig, Server, free_port};
use crate::session::{Era, Session};

/// What differs from run to run, by a name.
struct Redactions(Vec<(String, &'static str)>);

impl Redactions {
    fn shown(&self, answer: &Value) -> String {
        let mut answer = answer.clone();
        tidy(&mut answer);
        let mut text = serde_json::to_string_pretty(&answer).unwrap();
        for (found, name) in &self.0 {
            text = text.replace(found, name);
        }
        text
    }

    fn text(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (found, name)| text.replace(found, name))
    }
}

/// Times are told apart from none; of the ancestors only the server itself is always the same.
fn tidy(value: &mut Value) {
    match value {
        Value::Array(list) => list.iter_mut().for_each(tidy),
        Value::Object(fields) => {
            for (name, field) in fields {
                match name.as_str() {
                    "granted_at" | "expires_at" | "at" if !field.is_null() => *field = json!("[time]"),
                    "pid" if !field.is_null() => *field = json!("[pid]"),
                    "command" if field.as_str().is_some_and(|text| text.contains("server.py")) => {
                        *field = json!("[server]");
                    }
                    "ancestors" => {
                        field.as_array_mut().unwrap().truncate(1);
                        tidy(field);
                    }
                    _ => tidy(field),
                }
            }
        }
        _ => {}
    }
}

#[tokio::test]
async fn tools_and_instructions() {
    let rig = Rig::new();
    let mut session = Session::open(rig.setup(&rig.project("catalogue")), Era::New, json!({})).await;
    let tools = session.request("tools/list", json!({})).await;
    let length = tools["tools"].to_string().len();
    assert!(length < 8 * 1024, "{length} bytes");
    insta::assert_snapshot!("tools_list", serde_json::to_string_pretty(&tools["tools"]).unwrap());
    let hello = session.request("server/discover", json!({})).await;
    assert!(hello["instructions"].as_str().unwrap().len() < 2 * 1024);
    insta::assert_snapshot!("instructions", hello["instructions"].as_str().unwrap());
    session.close().await;
}

#[tokio::test]
async fn every_answer() {
    let rig = Rig::new();
    let project = rig.project("answers");
    let mut session = Session::open(rig.setup(&project), Era::Old, json!({})).await;
    let wish = free_port();
    let mut said = Vec::new();
    let redactions = Redactions(vec![(rig.root().display().to_string(), "[root]"), (wish.to_string(), "[port]")]);
    let mut show = |what: &str, answer: &Value| said.push(format!("== {what}\n{}", redactions.shown(answer)));

    let answer = session.good("request_port", json!({"service": "web", "preferred": wish})).await;
    show("request_port", &answer);
    assert_eq!(answer["leases"][0]["port"], wish);
    show("request_port again", &session.good("request_port", json!({"service": "web"})).await);
    show("check_port, pending", &session.good("check_port", json!({"service": "web"})).await);
    show("list_ports", &session.good("list_ports", json!({})).await);
    let server = Server::start(&project, wish);
    let answer = session.good("check_port", json!({"port": wish})).await;
    show("check_port, up", &answer);
    assert_eq!((&answer["verified"], &answer["lease"]["state"]), (&json!(true), &json!("active")));
    show("request_port, running", &session.good("request_port", json!({"service": "web"})).await);
    show(
        "list_ports, full, with listeners",
        &session.good("list_ports", json!({"detail": "full", "listeners": true})).await,
    );
    drop(server);
    show("release_port", &session.good("release_port", json!({"service": "web"})).await);
    show("release_port, all of none", &session.good("release_port", json!({})).await);
    show("list_ports, none", &session.good("list_ports", json!({"scope": "all"})).await);
    show("check_port, free", &session.good("check_port", json!({"port": free_port()})).await["verdict"]);
    insta::assert_snapshot!("answers", said.join("\n\n"));
    session.close().await;
}

#[tokio::test]
async fn every_refusal() {
    let rig = Rig::new();
    let (project, other) = (rig.project("refusals"), rig.project("another"));
    let mut theirs = Session::open(rig.setup(&other), Era::Old, json!({})).await;
    let taken = free_port();
    let _ = theirs.good("request_port", json!({"service": "web", "preferred": taken})).await;
    let server = Server::start(&other, taken);
    let up = theirs.good("check_port", json!({"service": "web"})).await;

    let mut session = Session::open(rig.setup(&project), Era::Old, json!({})).await;
    let redactions = Redactions(vec![
        (up["listeners"][0]["command"].as_str().unwrap().to_owned(), "[server]"),
        (rig.root().display().to_string(), "[root]"),
        (taken.to_string(), "[port]"),
        (server.child.id().to_string(), "[pid]"),
    ]);
    let calls = [
        ("request_port", json!({"prefered": 3000})),
        ("request_port", json!({"service": "a/b"})),
        ("request_port", json!({"preferred": "many"})),
        ("request_port", json!({"strict": true})),
        ("request_port", json!({"service": "a", "services": ["b"]})),
        ("request_port", json!({"services": ["b", "b"]})),
        ("request_port", json!({"worktree": "sub/dir"})),
        ("request_port", json!({"worktree": "/no/such/place"})),
        ("request_port", json!({"service": "web", "preferred": taken, "strict": true})),
        ("release_port", json!({"port": taken})),
        ("release_port", json!({"service": "web", "port": 1})),
        ("release_port", json!({"lease": 4711})),
        ("list_ports", json!({"scope": "everything"})),
        ("check_port", json!({"service": "nope"})),
        ("free_port", json!({"port": taken})),
        ("free_port", json!({"port": taken, "confirm": true})),
        ("free_port", json!({"port": taken, "force": true})),
        ("free_port", json!({"port": 1})),
    ];
    let mut said = Vec::new();
    for (tool, arguments) in calls {
        let text = session.bad(tool, arguments.clone()).await;
        said.push(redactions.text(&format!("{tool} {arguments}\n  {text}")));
    }
    insta::assert_snapshot!("refusals", said.join("\n"));
    let answer = session.good("check_port", json!({"port": taken})).await;
    assert_eq!((&answer["verdict"], &answer["mine"]), (&json!("other-worktree"), &json!(false)));
    let unknown = session.request("tools/call", json!({"name": "kill_all", "arguments": {}})).await;
    assert_eq!(unknown["code"], -32602);
    session.close().await;
    theirs.close().await;
}

#[tokio::test]
async fn two_agents_at_once_get_different_ports() {
    let rig = Rig::new();
    let (one, other) = (rig.project("agents-one"), rig.project("agents-other"));
    let wish = free_port();
    let mut first = Session::open(rig.setup(&one), Era::Old, json!({})).await;
    let mut second = Session::open(rig.setup(&other), Era::New, json!({})).await;
    let arguments = json!({"name": "request_port", "arguments": {"service": "web", "preferred": wish}});
    let ids = (first.begin("tools/call", arguments.clone()).await, second.begin("tools/call", arguments).await);
    let answers = [first.finish(ids.0).await, second.finish(ids.1).await];
    let ports = answers.each_ref().map(|answer| answer["structuredContent"]["leases"][0]["port"].as_u64().unwrap());
    assert_ne!(ports[0], ports[1]);
    assert!(ports.contains(&wish));
    for answer in &answers {
        assert!(answer["structuredContent"]["next"].as_str().unwrap().contains("check_port"), "{answer}");
    }
    first.close().await;
    second.close().await;
}
