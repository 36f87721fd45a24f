//! In which worktree a call is meant.

use serde_json::{Value, json};

use crate::rig::Rig;
use crate::session::{Era, Session};

async fn worktree(session: &mut Session) -> Value {
    session.good("request_port", json!({"service": "web"})).await["leases"][0]["worktree"].clone()
}

#[tokio::test]
async fn home_and_what_is_no_project_are_not_taken_for_one() {
    let rig = Rig::new();
    let plain = rig.root().join("plain");
    std::fs::create_dir(&plain).unwrap();
    for dir in [rig.root(), "/".into(), plain.clone()] {
        let mut session = Session::open(rig.setup(&dir), Era::Old, json!({})).await;
        let text = session.bad("request_port", json!({"service": "web"})).await;
        assert!(text.starts_with("worktree_required: ") && text.contains("absolute path"), "{dir:?} {text}");
        // A directory that is named is meant, whatever it is.
        let answer = session.good("request_port", json!({"service": "web", "worktree": plain})).await;
        assert_eq!(answer["leases"][0]["worktree"], json!(plain));
        let text = session.bad("request_port", json!({"worktree": rig.root()})).await;
        assert!(text.starts_with("worktree_required: "), "{text}");
        session.close().await;
    }
}

#[tokio::test]
async fn roots_go_before_the_environment_and_that_before_the_current_directory() {
    let rig = Rig::new();
    let [current, named, root] = ["place-current", "place-named", "place-root"].map(|name| rig.project(name));
    let mut setup = rig.setup(&current);
    let mut session = Session::open(setup.clone(), Era::Old, json!({})).await;
    assert_eq!(worktree(&mut session).await, json!(current));
    session.close().await;

    setup.project_dir = Some(named.clone());
    let mut session = Session::open(setup.clone(), Era::New, json!({})).await;
    assert_eq!(worktree(&mut session).await, json!(named));
    session.close().await;

    let roots = json!({"roots": [{"uri": format!("file://{}", root.display())}]});
    let mut session = Session::open(setup.clone(), Era::Old, json!({"roots": {}})).await;
    session.replies.insert("roots/list", roots.clone());
    assert_eq!(worktree(&mut session).await, json!(root));
    assert_eq!(worktree(&mut session).await, json!(root));
    assert_eq!(session.asked.len(), 1, "asked once");
    session.close().await;

    let mut session = Session::open(setup, Era::New, json!({"roots": {}})).await;
    let call = json!({"name": "request_port", "arguments": {"service": "web"}});
    let question = session.request("tools/call", call.clone()).await;
    assert_eq!(question["inputRequests"]["roots"]["method"], "roots/list");
    let mut again = call;
    again["inputResponses"] = json!({"roots": roots});
    let answer = session.request("tools/call", again).await;
    assert_eq!(answer["structuredContent"]["leases"][0]["worktree"], json!(root));
    assert_eq!(worktree(&mut session).await, json!(root));
    session.close().await;
}

#[tokio::test]
async fn of_several_folders_the_one_the_server_was_started_in_is_meant() {
    let rig = Rig::new();
    let (one, other) = (rig.project("folders-one"), rig.project("folders-other"));
    let uris = [&one, &other].map(|dir| json!({"uri": format!("file://{}", dir.display())}));
    for (dir, wanted) in [(&other, Some(&other)), (&rig.root(), None)] {
        let mut session = Session::open(rig.setup(dir), Era::Old, json!({"roots": {}})).await;
        session.replies.insert("roots/list", json!({"roots": uris}));
        match wanted {
            Some(wanted) => assert_eq!(worktree(&mut session).await, json!(wanted)),
            None => {
                let text = session.bad("request_port", json!({})).await;
                assert!(text.starts_with("worktree_required: ") && text.contains("folders-one"), "{text}");
            }
        }
        session.close().await;
    }
}

#[tokio::test]
async fn session_and_client_are_recorded() {
    let rig = Rig::new();
    for (era, name) in [(Era::Old, "recorded-old"), (Era::New, "recorded-new")] {
        let mut session = Session::open(rig.setup(&rig.project(name)), era, json!({})).await;
        let answer = session.good("request_port", json!({"service": "web"})).await;
        let requester = &answer["leases"][0]["requester"];
        assert_eq!((&requester["client"], &requester["session"]), (&json!("piper"), &json!("s-1")));
        session.close().await;
    }
}
