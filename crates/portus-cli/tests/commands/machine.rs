//! What goes on at the ports: scan, explain, verify, health, kill.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};

use crate::rig::{Server, World};

#[test]
fn a_port_is_explained() {
    let world = World::new();
    let (shop, other) = (world.shop(), world.repository("other").0);
    let port = world.say(&shop, &["request", "web"]).ended_with(0).port();
    let text = port.to_string();
    let verdict = |dir| world.say(dir, &["explain", &text, "--json"]).ended_with(0).json();
    let leased = verdict(&shop);
    assert_eq!((&leased["verdict"], &leased["mine"], &leased["port"]), (&"leased".into(), &true.into(), &port.into()));
    assert_eq!(verdict(&other)["mine"], false);
    let server = Server::start(&shop, port);
    let mine = verdict(&shop);
    assert_eq!(mine["verdict"], "mine");
    assert_eq!(mine["listeners"][0]["pid"], server.pid());
    assert_eq!(mine["ancestors"][0]["pid"], server.pid());
    assert_eq!(verdict(&other)["verdict"], "other-worktree");
    let told = world.say(&other, &["explain", &text]).ended_with(0).out;
    assert!(told.starts_with(&format!("{port}: another worktree's server listens\n")), "{told}");
    assert!(told.lines().last().unwrap().starts_with("next "), "{told}");
    world.say(&shop, &["explain", "nobody"]).ended_with(3);
}

#[test]
fn only_the_worktrees_own_server_is_verified() {
    let world = World::new();
    let shop = world.shop();
    let port = world.say(&shop, &["request", "web"]).ended_with(0).port();
    let down = world.say(&shop, &["verify", "web", "--json"]).ended_with(8).json();
    assert_eq!((&down["ok"], &down["services"][0]["ok"]), (&false.into(), &false.into()));
    world.say(&shop, &["verify", "web", "--", "sh", "-c", "exit 9"]).ended_with(8);
    let server = Server::start(&shop, port);
    let up = world.say(&shop, &["verify", "web", "--json"]).ended_with(0).json();
    assert_eq!((&up["ok"], &up["services"][0]["evidence"]), (&true.into(), &"worktree".into()));
    world.say(&shop, &["verify", "web", "--", "sh", "-c", "exit 9"]).ended_with(9);
    world.say(&shop, &["verify", "web", "--", "/no/such/program"]).ended_with(127);
    drop(server);
}

#[test]
fn every_listener_is_scanned() {
    let world = World::new();
    let shop = world.shop();
    let port = world.say(&shop, &["request", "web"]).ended_with(0).port();
    assert_eq!(world.say(&shop, &["scan", &port.to_string()]).ended_with(0).err, "note: nobody listens there\n");
    let server = Server::start(&shop, port);
    let found = world.say(&shop, &["scan", &port.to_string(), "--json"]).ended_with(0).json();
    assert_eq!(found["listeners"].as_array().unwrap().len(), 1);
    assert_eq!(found["listeners"][0]["pid"], server.pid());
    assert_eq!(found["listeners"][0]["worktree"], shop.to_str().unwrap());
    let all = world.say(&shop, &["scan"]).ended_with(0).out;
    assert!(all.lines().any(|line| line.starts_with(&port.to_string())), "{all}");
}

#[test]
fn a_server_is_ended_by_its_service_and_a_strangers_only_by_force() {
    let world = World::new();
    let (shop, other) = (world.shop(), world.repository("other").0);
    let port = world.say(&shop, &["request", "web"]).ended_with(0).port().to_string();
    world.say(&shop, &["kill", "web", "--json"]).ended_with(3);
    let mut server = Server::start(&shop, port.parse().unwrap());
    world.say(&shop, &["confirm", "web"]).ended_with(0);
    let refused = world.say(&other, &["kill", &port, "--json"]).ended_with(5).json();
    assert_eq!(refused["error"]["code"], "not_yours");
    let shown = world.say(&shop, &["kill", "web", "--dry-run", "--json"]).ended_with(0).json();
    assert_eq!((&shown["dry_run"], &shown["killed"][0]["pid"]), (&true.into(), &server.pid().into()));
    assert!(server.is_alive());
    let ended = world.say(&shop, &["kill", "web", "--json"]).ended_with(0).json();
    assert_eq!((&ended["dry_run"], &ended["killed"][0]["pid"]), (&false.into(), &server.pid().into()));
    assert!(!server.is_alive());
}

#[test]
fn a_service_is_asked_for_its_health() {
    let world = World::new();
    let shop = world.shop();
    let config = "[services.web]\nhealth = '/well'\n";
    std::fs::write(shop.join("portus.toml"), config).unwrap();
    world.say(&shop, &["health"]).ended_with(3);
    let port = world.say(&shop, &["request", "web"]).ended_with(0).port();
    let down = world.say(&shop, &["health", "web", "--json"]).ended_with(8).json();
    assert_eq!((&down["ok"], &down["services"][0]["health"]), (&false.into(), &"unhealthy".into()));

    let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
    let server = std::thread::spawn(move || {
        for (path, answer) in
            [("/well", "200 OK"), ("/well", "302 Found\r\nlocation: http://example.com/"), ("/well", "500 No")]
        {
            let (mut stream, _) = listener.accept().unwrap();
            answer_one(&mut stream, path, answer);
        }
    });
    // Who listens is this test, which does not run in the worktree.
    world.say(&shop, &["confirm", "web", "--pid", &std::process::id().to_string()]).ended_with(0);
    let up = world.say(&shop, &["health", "web", "--json"]).ended_with(0).json();
    assert_eq!(up["services"][0]["health"], "healthy");
    // A redirect is an answer, and is not followed.
    world.say(&shop, &["health", "web"]).ended_with(0);
    let ill = world.say(&shop, &["health", "web"]).ended_with(8).out;
    assert!(ill.contains("answered 500"), "{ill}");
    server.join().unwrap();
}

#[test]
fn a_strangers_server_does_not_answer_for_a_service() {
    let world = World::new();
    let (shop, other) = (world.shop(), world.repository("other").0);
    let port = world.say(&shop, &["request", "web"]).ended_with(0).port();
    let server = Server::start(&other, port);
    let found = world.say(&shop, &["health", "--json"]).ended_with(8).json();
    assert_eq!((&found["ok"], &found["services"][0]["health"]), (&false.into(), &"unhealthy".into()));
    let why = found["services"][0]["why"].as_str().unwrap();
    assert!(why.contains(&format!("(pid {}, in {})", server.pid(), other.display())), "{why}");
    assert!(why.ends_with(&format!(" listens on port {port}, and is not the tenant")), "{why}");
}

#[test]
fn what_the_daemon_notes_about_a_health_is_told() {
    let world = World::new();
    let shop = world.shop();
    world.say(&shop, &["request", "web"]).ended_with(0);
    let said = world.say(&shop, &["health"]).ended_with(8);
    assert!(said.err.contains("is not kept: nobody is known to serve it just now\n"), "{said:?}");
    let json = world.say(&shop, &["health", "--json"]).ended_with(8).json();
    assert!(json["notes"][0].as_str().unwrap().contains("is not kept"), "{json}");
}

fn answer_one(stream: &mut TcpStream, path: &str, answer: &str) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), format!("GET {path} HTTP/1.1"));
    assert!(lines.any(|line| line.unwrap().is_empty()));
    write!(stream, "HTTP/1.1 {answer}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").unwrap();
}
