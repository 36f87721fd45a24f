//! The resource, and subscriptions to it in both eras.

use serde_json::json;

use crate::rig::Rig;
use crate::session::{Era, Session};

const URI: &str = "portus://leases";

#[tokio::test]
async fn a_subscriber_hears_of_changes() {
    let rig = Rig::new();
    for (era, name) in [(Era::Old, "subscribed-old"), (Era::New, "subscribed-new")] {
        let mut session = Session::open(rig.setup(&rig.project(name)), era, json!({})).await;
        match era {
            Era::Old => drop(session.request("resources/subscribe", json!({"uri": URI})).await),
            Era::New => {
                let filter = json!({"notifications": {"resourceSubscriptions": [URI]}});
                let _ = session.begin("subscriptions/listen", filter).await;
                assert_eq!(session.receive().await["method"], "notifications/subscriptions/acknowledged");
            }
        }
        // The daemon may not have heard of the subscription yet: changes are made until one is told of.
        while !session.heard.iter().any(|said| said["method"] == "notifications/resources/updated") {
            let _ = session.good("request_port", json!({"service": "web"})).await;
            let _ = session.good("release_port", json!({"service": "web"})).await;
        }
        let lease = session.good("request_port", json!({"service": "web"})).await["leases"][0].clone();
        let read = session.request("resources/read", json!({"uri": URI})).await;
        let text = read["contents"][0]["text"].as_str().unwrap();
        let leases: serde_json::Value = serde_json::from_str(text).unwrap();
        let all = leases["leases"].as_array().unwrap();
        assert!(all.iter().any(|found| found["id"] == lease["id"]), "{text}");
        let unknown = session.request("resources/read", json!({"uri": "portus://nothing"})).await;
        assert!(unknown["code"].is_i64(), "{unknown}");
        session.close().await;
    }
}
