//! What the command gets, and what becomes of its status.

use crate::rig::House;

/// Prints a variable's value, or that there is none.
const SHOW: &str = "for name; do eval \"echo \\\"$name=\\${$name-unset}\\\"\"; done";

fn shown(out: &str) -> Vec<(String, String)> {
    let pairs = out.lines().filter_map(|line| line.split_once('='));
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

#[test]
fn the_environment_names_ports_urls_and_leases() {
    let house = House::new();
    house.write("portus.toml", "[services.db]\n[services.web]\nenv = [\"PORT\", \"WEB_PORT\"]\n");
    let names = "PORT WEB_PORT PORTUS_PORT_WEB PORTUS_URL_WEB PORTUS_PORT_API_V2 PORTUS_PORT_DB PORTUS_LEASE";
    let names: Vec<&str> = names.split(' ').collect();
    let args = [&["run", "-s", "web", "-s", "api-v2", "--", "sh", "-c", SHOW, "sh"], &names[..]].concat();
    let said = house.say(&args).ended_with(0);
    let values: Vec<String> = shown(&said.out).into_iter().map(|(_, value)| value).collect();
    let port = |place: usize| values[place].parse::<u16>().unwrap();
    assert_eq!(port(0), port(1));
    assert_eq!(port(0), port(2));
    assert_eq!(values[3], format!("http://localhost:{}", port(0)));
    assert_ne!(port(4), port(0));
    assert_ne!(port(5), port(0));
    assert_ne!(port(5), port(4));
    let (journal, ids) = values[6].split_once(':').unwrap();
    assert!(!journal.is_empty());
    assert_eq!(ids.split(',').count(), 2, "{ids}");
    // The sibling that was only named has its number for good, and no lease.
    let claims = house.say(&["claims", "--json"]).ended_with(0).json();
    let db = claims["claims"].as_array().unwrap().iter().find(|claim| claim["service"] == "db").unwrap();
    assert_eq!(db["port"], port(5));
    assert!(house.leases().is_empty());
}

#[test]
fn ports_are_filled_into_arguments_and_other_braces_stay() {
    let house = House::new();
    house.write("portus.toml", "[services.api]\n");
    let said = house.say(&[
        "run",
        "-s",
        "web",
        "--",
        "sh",
        "-c",
        "echo $PORT $PORTUS_PORT_API; printf '%s\\n' \"$@\"",
        "sh",
        "{port}",
        "--url=http://localhost:{port}/{id}",
        "{services.api.port}",
        "{{port}}",
        "{\"a\":1}",
        "${x}",
    ]);
    let said = said.ended_with(0);
    let lines: Vec<&str> = said.out.lines().collect();
    let (web, api) = lines[0].split_once(' ').unwrap();
    let url = format!("--url=http://localhost:{web}/{{id}}");
    assert_eq!(lines[1..], [web, &url, api, "{port}", "{\"a\":1}", "${x}"]);
}

#[test]
fn expansion_can_be_switched_off() {
    let house = House::new();
    let said = house.say(&["run", "--no-expand", "-s", "web", "--", "echo", "{port}", "{{port}}"]).ended_with(0);
    assert_eq!(said.out, "{port} {{port}}\n");
}

#[test]
fn an_unknown_service_in_an_argument_is_an_error_before_anything_starts() {
    let house = House::new();
    let said = house.say(&["run", "-s", "web", "--", "echo", "{services.db.port}"]).ended_with(2);
    assert!(said.err.contains("services.db.port") && said.err.contains("web"), "{}", said.err);
    assert!(said.out.is_empty(), "{}", said.out);
    assert!(house.leases().is_empty());
}

#[test]
fn the_status_is_the_commands() {
    let house = House::new();
    house.write("data.txt", "");
    for (script, code) in [("exit 0", 0), ("exit 7", 7), ("kill -TERM $$", 143), ("kill -KILL $$", 137)] {
        house.say(&["run", "-s", "web", "--", "sh", "-c", script]).ended_with(code);
    }
    let said = house.say(&["run", "-s", "web", "--", "no-such-command-at-all"]).ended_with(127);
    assert!(said.err.contains("no-such-command-at-all"), "{}", said.err);
    house.say(&["run", "-s", "web", "--", "./data.txt"]).ended_with(126);
    assert!(house.leases().is_empty());
}

#[test]
fn the_same_service_gets_the_same_number_again() {
    let house = House::new();
    let ports: Vec<String> =
        (0..3).map(|_| house.say(&["run", "-s", "web", "--", "sh", "-c", "echo $PORT"]).ended_with(0).out).collect();
    assert_eq!(ports[0], ports[1]);
    assert_eq!(ports[0], ports[2]);
}

#[test]
fn several_ports_come_as_numbered_services() {
    let house = House::new();
    let script = "echo $PORT $PORTUS_PORT_WEB $PORTUS_PORT_WEB_2 $PORTUS_PORT_WEB_3";
    let said = house.say(&["run", "-s", "web", "--count", "3", "--", "sh", "-c", script]).ended_with(0);
    let ports: Vec<&str> = said.out.split_whitespace().collect();
    assert_eq!(ports.len(), 4, "{}", said.out);
    assert_eq!(ports[0], ports[1]);
    assert!(ports[1] != ports[2] && ports[2] != ports[3] && ports[1] != ports[3], "{ports:?}");
}

#[test]
fn a_port_can_be_asked_for() {
    let house = House::new();
    let free = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = free.local_addr().unwrap().port().to_string();
    // While somebody listens there, another one is given, unless no other will do.
    let echo = ["--", "sh", "-c", "echo $PORT"];
    let said = house.say(&[&["run", "-s", "web", "--port", &port][..], &echo].concat()).ended_with(0);
    assert_ne!(said.out.trim(), port);
    let said = house.say(&[&["run", "-s", "web", "--strict", "--port", &port][..], &echo].concat()).ended_with(4);
    assert!(said.err.contains(&port), "{}", said.err);
    drop(free);
    let said = house.say(&[&["run", "-s", "web", "--strict", "--port", &port][..], &echo].concat()).ended_with(0);
    assert_eq!(said.out.trim(), port);
}

#[test]
fn without_discovery_the_preferred_port_is_given_and_said() {
    let house = House::new();
    let mut command = house.portus(&["run", "-s", "web", "--port", "4321", "--", "sh", "-c", "echo $PORT {port}"]);
    let output = command.env("PORTUS_DISABLED", "1").output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "4321 4321\n");
    assert!(String::from_utf8_lossy(&output.stderr).contains("PORTUS_DISABLED"));
    let mut command = house.portus(&["run", "-s", "web", "--", "sh", "-c", "echo $PORT; exit 3"]);
    let output = command.env("PORTUS_DISABLED", "1").env("SERVICE_PORT", "4322").output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "4322\n");
    assert_eq!(output.status.code(), Some(3));
    assert!(!house.home().exists(), "a daemon was started");
}

#[test]
fn a_tool_that_ignores_port_gets_its_flag_and_that_is_said() {
    let house = House::new();
    let tool = house.write("node_modules/.bin/vite", "#!/bin/sh\necho \"$@\"\n");
    std::process::Command::new("chmod").arg("+x").arg(&tool).status().unwrap();
    let said = house.say(&["run", "-s", "web", "--", "node_modules/.bin/vite", "--host"]).ended_with(0);
    let words: Vec<&str> = said.out.split_whitespace().collect();
    assert_eq!(words[..2], ["--host", "--port"]);
    assert_eq!(words[3..], ["--strictPort"]);
    assert!(said.err.contains("Vite") && said.err.contains("--strictPort"), "{}", said.err);
    let said = house.say(&["run", "-s", "web", "--", "node_modules/.bin/vite", "--port", "{port}"]).ended_with(0);
    assert_eq!(said.out.split_whitespace().count(), 2, "{}", said.out);
}
