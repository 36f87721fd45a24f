//! Servers that the project says how to ask.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;

use serde_json::json;

use crate::rig::{Rig, Server};
use crate::session::{Era, Session};

/// Answers as many questions as there are statuses, and then is gone.
fn answer(statuses: &'static [u16]) -> (u16, std::thread::JoinHandle<()>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let thread = std::thread::spawn(move || {
        for status in statuses {
            let (mut stream, _) = listener.accept().unwrap();
            let mut lines = BufReader::new(&stream).lines();
            while lines.next().is_some_and(|line| !line.unwrap().is_empty()) {}
            write!(stream, "HTTP/1.1 {status} X\r\n\r\n").unwrap();
            stream.shutdown(std::net::Shutdown::Write).unwrap();
            drop(stream.read_to_end(&mut Vec::new()));
        }
    });
    (port, thread)
}

#[tokio::test]
async fn check_port_asks_and_tells() {
    let rig = Rig::new();
    let project = rig.project("health");
    // The server of the lease only listens; what it answers for is elsewhere on this machine.
    let (port, answering) = answer(&[503, 200]);
    let file = format!("[services.web]\nhealth = 'http://127.0.0.1:{port}/health'\n");
    std::fs::write(project.join("portus.toml"), file).unwrap();
    let mut session = Session::open(rig.setup(&project), Era::New, json!({})).await;
    let leased = session.good("request_port", json!({"service": "web"})).await;
    let own = leased["leases"][0]["port"].as_u64().unwrap();

    let early = session.good("check_port", json!({"service": "web"})).await;
    assert!(early.get("health").is_none(), "nobody listens, so nobody is asked: {early}");
    let _server = Server::start(&project, own);
    let ill = session.good("check_port", json!({"service": "web"})).await;
    assert_eq!((&ill["health"], &ill["lease"]["health"]), (&json!("unhealthy"), &json!("unhealthy")));
    assert_eq!(ill["health_detail"], format!("http://127.0.0.1:{port}/health answered 503"));
    assert!(ill["next"].as_str().unwrap().contains("is not healthy"), "{ill}");
    let well = session.good("check_port", json!({"service": "web"})).await;
    assert_eq!((&well["health"], &well["lease"]["health"]), (&json!("healthy"), &json!("healthy")));
    assert!(well["next"].as_str().unwrap().starts_with("Your server `web` answers"), "{well}");
    answering.join().unwrap();
    let listed = session.good("list_ports", json!({"detail": "full"})).await;
    assert_eq!(listed["leases"][0]["health"], "healthy");
    session.close().await;
}

#[tokio::test]
async fn a_strangers_server_does_not_answer_for_a_service() {
    let rig = Rig::new();
    let (project, other) = (rig.project("tenant"), rig.project("stranger"));
    let mut session = Session::open(rig.setup(&project), Era::New, json!({})).await;
    let leased = session.good("request_port", json!({"service": "web"})).await;
    let _server = Server::start(&other, leased["leases"][0]["port"].as_u64().unwrap());
    let ill = session.good("check_port", json!({"service": "web"})).await;
    assert_eq!((&ill["verdict"], &ill["health"]), (&json!("contested"), &json!("unhealthy")));
    assert!(ill["health_detail"].as_str().unwrap().ends_with("and is not the tenant"), "{ill}");
    assert!(ill["next"].as_str().unwrap().contains("Do not test against it"), "{ill}");
    session.close().await;
}
