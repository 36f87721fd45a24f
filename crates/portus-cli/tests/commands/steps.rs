//! The first steps: ask, look, give back.

use crate::rig::{Said, Server, World, free_port};

#[test]
fn a_request_prints_just_the_number_and_the_same_one_again() {
    let world = World::new();
    let (shop, project) = world.repository("shop");
    let first = world.say(&shop, &["request", "web"]).ended_with(0);
    assert_eq!(first.err, "");
    assert!((20_000..=29_999).contains(&first.port()));
    let again = world.say(&shop, &["request", "web", "--json"]).ended_with(0).json();
    assert_eq!(again["leases"][0]["port"], first.port());
    assert_eq!(again["leases"][0]["reused"], true);
    assert_eq!(again["leases"][0]["project"], project.as_str());
    assert_eq!(again["leases"][0]["worktree"], shop.to_str().unwrap());
    assert_eq!(again["leases"][0]["requester"]["pid"], std::process::id());
    assert_eq!(again["notes"], serde_json::json!([]));
}

#[test]
fn several_services_get_a_number_each_one_a_line() {
    let world = World::new();
    let shop = world.shop();
    let said = world.say(&shop, &["request", "web", "api", "db"]).ended_with(0);
    let mut ports: Vec<u16> = said.out.lines().map(|line| line.parse().unwrap()).collect();
    assert_eq!(ports.len(), 3);
    ports.dedup();
    assert_eq!(ports.len(), 3);
    let said = world.say(&shop, &["request", "row", "--count", "3", "--contiguous"]).ended_with(0);
    let row: Vec<u16> = said.out.lines().map(|line| line.parse().unwrap()).collect();
    assert_eq!(row, [row[0], row[0] + 1, row[0] + 2]);
    let names = world.say(&shop, &["list", "--json"]).ended_with(0).json();
    let names: Vec<&str> =
        names["leases"].as_array().unwrap().iter().map(|lease| lease["service"].as_str().unwrap()).collect();
    assert_eq!(names, ["web", "api", "db", "row", "row.2", "row.3"]);
}

#[test]
fn worktrees_of_one_project_have_ports_of_their_own() {
    let world = World::new();
    let (shop, project) = world.repository("shop");
    let wish = free_port();
    let text = &wish.to_string();
    let side = world.worktree(&shop, "side");
    let here = world.say(&shop, &["request", "web", "--port", text]).ended_with(0).port();
    let there = world.say(&side, &["request", "web", "--port", text]).ended_with(0).port();
    assert_eq!(here, wish);
    assert_ne!(here, there);
    let all = world.say(&side, &["list", "--project", "--json"]).ended_with(0).json();
    assert_eq!(all["leases"].as_array().unwrap().len(), 2);
    assert!(all["leases"].as_array().unwrap().iter().all(|lease| lease["project"] == project.as_str()));
    let refused = world.say(&side, &["request", "web", "--port", text, "--strict", "--json"]).ended_with(4).json();
    assert_eq!(refused["error"]["code"], "port_unavailable");
}

#[test]
fn a_list_without_leases_says_how_many_there_are_elsewhere() {
    let world = World::new();
    let ((shop, project), other) = (world.repository("shop"), world.repository("other").0);
    world.say(&shop, &["request", "web"]).ended_with(0);
    let said = world.say(&other, &["list"]).ended_with(0);
    assert_eq!(said.out, "");
    assert_eq!(said.err, "note: no live leases in this worktree, one elsewhere (`portus list --all`)\n");
    let said = world.say(&other, &["list", "--all"]).ended_with(0);
    assert!(said.out.starts_with("PROJECT "), "{said:?}");
    assert_eq!(said.out.lines().count(), 2);
    let said = world.say(&other, &["list", &format!("--project={project}"), "--json"]).ended_with(0).json();
    assert_eq!(said["leases"].as_array().unwrap().len(), 1);
    assert_eq!(world.say(&other, &["list", "--quiet"]).ended_with(0).err, "");
}

#[test]
fn what_is_released_is_over_and_keeps_its_number() {
    let world = World::new();
    let (shop, project) = world.repository("shop");
    let port = world.say(&shop, &["request", "web"]).ended_with(0).port();
    world.say(&shop, &["request", "api", "db"]).ended_with(0);
    let said = world.say(&shop, &["release", "web"]).ended_with(0);
    assert_eq!((said.out.as_str(), said.err), ("", format!("released web of {project} (port {port})\n")));
    assert_eq!(world.say(&shop, &["release", "--worktree", "--json"]).json()["leases"].as_array().unwrap().len(), 2);
    let ended = world.say(&shop, &["list", "--ended", "--json"]).ended_with(0).json();
    assert_eq!(ended["leases"].as_array().unwrap().len(), 3);
    assert!(ended["leases"].as_array().unwrap().iter().all(|lease| lease["ended"]["reason"] == "released"));
    assert_eq!(world.say(&shop, &["release", "web", "--json"]).ended_with(3).json()["error"]["code"], "no_such_lease");
    assert_eq!(world.say(&shop, &["request", "web"]).ended_with(0).port(), port);
}

#[test]
fn another_worktrees_lease_is_not_released_without_force() {
    let world = World::new();
    let (shop, other) = (world.shop(), world.repository("other").0);
    let port = world.say(&shop, &["request", "web"]).ended_with(0).port().to_string();
    let refused = world.say(&other, &["release", &port, "--json"]).ended_with(5).json();
    assert_eq!(refused["error"]["code"], "not_yours");
    world.say(&other, &["release", &port, "--force"]).ended_with(0);
    world.say(&shop, &["get", "web"]).ended_with(3);
}

#[test]
fn a_service_without_a_name_is_the_package() {
    let world = World::new();
    let (shop, project) = world.repository("shop");
    let package = world.dir(&format!("{project}/apps/web"));
    std::fs::write(package.join("package.json"), "{}").unwrap();
    std::fs::write(shop.join("package.json"), "{}").unwrap();
    let service = |said: Said| said.ended_with(0).json()["leases"][0]["service"].as_str().unwrap().to_owned();
    assert_eq!(service(world.say(&package, &["request", "--json"])), "apps-web");
    assert_eq!(service(world.say(&shop, &["request", "--json"])), "default");
    let named = world.portus(&shop, &["request", "--json"]).env("PORTUS_SERVICE", "front").output().unwrap();
    assert_eq!(service(Said::of(&named)), "front");
    assert_eq!(
        service(world.say(world.home().parent().unwrap(), &["request", "--worktree", &project, "--json"])),
        "default"
    );
}

#[test]
fn a_service_can_be_got_waited_for_and_confirmed() {
    let world = World::new();
    let shop = world.shop();
    assert_eq!(world.say(&shop, &["get", "web", "--json"]).ended_with(3).json()["error"]["code"], "no_such_lease");
    let port = world.say(&shop, &["request", "web"]).ended_with(0).port();
    assert_eq!(world.say(&shop, &["get", "web"]).ended_with(0).port(), port);
    assert_eq!(world.say(&shop, &["get", "web", "--url"]).ended_with(0).out, format!("http://localhost:{port}\n"));
    world.say(&shop, &["get", "web", "--wait", "1ms"]).ended_with(7);
    assert_eq!(world.say(&shop, &["confirm", "web", "--json"]).ended_with(3).json()["error"]["code"], "no_listener");
    // A listener of this very process belongs to another worktree, provably.
    let stranger = std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();
    let refused = world.say(&shop, &["confirm", "web", "--json"]).ended_with(5).json();
    assert_eq!(refused["error"]["code"], "foreign_listener");
    drop(stranger);
    let server = Server::start(&shop, port);
    let confirmed = world.say(&shop, &["confirm", "web", "--json"]).ended_with(0).json();
    assert_eq!(confirmed["leases"][0]["state"], "active");
    assert_eq!(world.say(&shop, &["get", "web", "--wait", "30s"]).ended_with(0).port(), port);
    drop(server);
}

#[test]
fn a_lease_that_is_still_to_come_is_waited_for() {
    use std::process::Stdio;

    let world = World::new();
    let shop = world.shop();
    assert_eq!(
        world.say(&shop, &["get", "web", "--wait", "1ms", "--json"]).ended_with(7).json()["error"]["code"],
        "timed_out"
    );
    // Once before the lease, as far as a test can tell, and once for certain after it.
    let waiting = world.portus(&shop, &["get", "web", "--wait", "60s"]).stdout(Stdio::piped()).spawn().unwrap();
    let port = world.say(&shop, &["request", "web"]).ended_with(0).port();
    let server = Server::start(&shop, port);
    assert_eq!(Said::of(&waiting.wait_with_output().unwrap()).ended_with(0).port(), port);
    drop(server);
}

#[test]
fn a_time_to_live_is_set_and_renewed() {
    let world = World::new();
    let shop = world.shop();
    let granted = world.say(&shop, &["request", "web", "--ttl", "5m", "--json"]).ended_with(0).json();
    assert!(granted["leases"][0]["expires_at"].is_string());
    let renewed = world.say(&shop, &["renew", "web", "--ttl", "1h", "--json"]).ended_with(0).json();
    assert_ne!(granted["leases"][0]["expires_at"], renewed["leases"][0]["expires_at"]);
    world.say(&shop, &["request", "api", "--ttl", "25h"]).ended_with(2);
    world.say(&shop, &["renew", "web", "--ttl", "2d"]).ended_with(2);
}

#[test]
fn events_are_told_as_they_happen() {
    use std::io::{BufRead, BufReader};
    use std::process::Stdio;

    let world = World::new();
    let shop = world.shop();
    let mut watch = world.portus(&shop, &["watch", "--json", "-v"]);
    let mut watch = watch.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut ready = String::new();
    BufReader::new(watch.stderr.take().unwrap()).read_line(&mut ready).unwrap();
    assert_eq!(ready, "note: watching\n");
    world.say(&shop, &["request", "web"]).ended_with(0);
    let lines = BufReader::new(watch.stdout.take().unwrap()).lines();
    let mut events = lines.map(|line| serde_json::from_str::<serde_json::Value>(&line.unwrap()).unwrap());
    let granted = events.find(|event| event["event"] == "granted").unwrap();
    assert_eq!(granted["schema"], "portus/1");
    assert_eq!(granted["lease"]["service"], "web");
    world.say(&shop, &["daemon", "restart"]).ended_with(0);
    let missed = events.find(|event| event["event"] == "missed").unwrap();
    assert_eq!(missed["missed"], 1);
    assert!(missed["at"].as_str().is_some_and(|at| at > "2020"), "{missed}");
    world.say(&shop, &["request", "api"]).ended_with(0);
    let granted = events.find(|event| event["event"] == "granted").unwrap();
    assert_eq!(granted["lease"]["service"], "api");
    watch.kill().unwrap();
    watch.wait().unwrap();
}
