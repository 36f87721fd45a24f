//! The three ways in which `free_port` asks.

use serde_json::{Value, json};

use crate::rig::{Rig, Server};
use crate::session::{Era, Session};

async fn serving(rig: &Rig, name: &str, era: Era, capabilities: Value) -> (Session, Server, u64) {
    let project = rig.project(name);
    let mut session = Session::open(rig.setup(&project), era, capabilities).await;
    let port = session.good("request_port", json!({"service": "web"})).await["leases"][0]["port"].as_u64().unwrap();
    let server = Server::start(&project, port);
    let _ = session.good("check_port", json!({"service": "web"})).await;
    (session, server, port)
}

fn lives(server: &mut Server) -> bool {
    server.child.try_wait().unwrap().is_none()
}

#[tokio::test]
async fn an_older_client_that_can_ask_is_asked() {
    let rig = Rig::new();
    let (mut session, mut server, port) = serving(&rig, "elicited", Era::Old, json!({"elicitation": {}})).await;
    for (reply, code) in [
        (json!({"action": "decline"}), "declined"),
        (json!({"action": "cancel"}), "declined"),
        (json!({"action": "accept", "content": {"confirm": false}}), "declined"),
    ] {
        session.replies.insert("elicitation/create", reply);
        // Somebody can be asked, so that the model's word alone does not count.
        let text = session.bad("free_port", json!({"service": "web", "confirm": true})).await;
        assert!(text.starts_with(&format!("{code}: ")), "{text}");
    }
    assert!(lives(&mut server));
    session.replies.insert("elicitation/create", json!({"action": "accept", "content": {"confirm": true}}));
    let answer = session.good("free_port", json!({"service": "web"})).await;
    assert_eq!((&answer["killed"][0]["pid"], &answer["dry_run"]), (&json!(server.child.id()), &json!(false)));
    let question = session.asked[0]["message"].as_str().unwrap();
    assert!(question.contains(&port.to_string()) && question.contains(&server.child.id().to_string()), "{question}");
    session.close().await;
}

#[tokio::test]
async fn a_newer_client_is_answered_with_the_question() {
    let rig = Rig::new();
    let (mut session, mut server, _) = serving(&rig, "required", Era::New, json!({"elicitation": {}})).await;
    let call = json!({"name": "free_port", "arguments": {"service": "web"}});
    let question = session.request("tools/call", call.clone()).await;
    assert_eq!(question["resultType"], "input_required");
    assert_eq!(question["inputRequests"]["confirm"]["method"], "elicitation/create");
    let again = |reply: Value, state: &Value| {
        let mut call = call.clone();
        call["inputResponses"] = json!({"confirm": reply});
        call["requestState"] = state.clone();
        call
    };
    let accept = json!({"action": "accept", "content": {"confirm": true}});
    // An agreement to something else is none: the question comes again.
    let other = session.request("tools/call", again(accept.clone(), &json!("port=1;pids=1;force=false"))).await;
    assert_eq!(other["resultType"], "input_required");
    let declined = session.request("tools/call", again(json!({"action": "decline"}), &question["requestState"])).await;
    assert_eq!(declined["isError"], true);
    assert!(lives(&mut server));
    let freed = session.request("tools/call", again(accept, &question["requestState"])).await;
    assert_eq!(freed["structuredContent"]["killed"][0]["pid"], server.child.id());
    session.close().await;
}

#[tokio::test]
async fn where_nobody_can_be_asked_the_model_must_have_asked() {
    let rig = Rig::new();
    let (mut session, mut server, _) = serving(&rig, "argued", Era::New, json!({})).await;
    let text = session.bad("free_port", json!({"service": "web"})).await;
    assert!(text.starts_with("confirmation_required: ") && text.contains(&server.child.id().to_string()), "{text}");
    assert!(lives(&mut server));
    let answer = session.good("free_port", json!({"service": "web", "confirm": true})).await;
    assert_eq!(answer["killed"][0]["pid"], server.child.id());
    session.close().await;
}

#[tokio::test]
async fn whoever_is_asked_about_another_worktrees_server_is_told_so() {
    let rig = Rig::new();
    let (theirs, mut server, port) = serving(&rig, "forced-theirs", Era::Old, json!({})).await;
    let mine = rig.project("forced-mine");
    let mut session = Session::open(rig.setup(&mine), Era::Old, json!({"elicitation": {}})).await;
    let text = session.bad("free_port", json!({"port": port})).await;
    assert!(text.starts_with("not_yours: ") && session.asked.is_empty(), "{text}");
    session.replies.insert("elicitation/create", json!({"action": "accept"}));
    assert!(lives(&mut server));
    let answer = session.good("free_port", json!({"port": port, "force": true})).await;
    assert_eq!(answer["killed"][0]["pid"], server.child.id());
    let question = session.asked[0]["message"].as_str().unwrap();
    assert!(question.contains("Beware") && question.contains("forced-theirs"), "{question}");
    session.close().await;
    theirs.close().await;
}
