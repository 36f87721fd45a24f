//! The daemon's life, and how clients come to have one.

use std::process::{Child, Stdio};

use crate::rig::{Said, World};

#[test]
fn looking_starts_nothing() {
    let world = World::new();
    let shop = world.shop();
    let status = world.say(&shop, &["daemon", "status", "--json"]).ended_with(0).json();
    assert_eq!(status["running"], false);
    assert_eq!(status["home"], world.home().to_str().unwrap());
    assert_eq!(world.say(&shop, &["daemon", "status"]).ended_with(0).out, "not running\n");
    assert_eq!(world.say(&shop, &["daemon", "stop"]).ended_with(0).err, "no daemon is running\n");
    world.say(&shop, &["daemon", "logs"]).ended_with(3);
    world.say(&shop, &["doctor"]).ended_with(0);
    assert!(!world.home().exists());
}

#[test]
fn it_starts_tells_of_itself_and_leaves() {
    let world = World::new();
    let shop = world.shop();
    world.say(&shop, &["daemon", "start"]).ended_with(0);
    let status = world.say(&shop, &["daemon", "status", "--json"]).ended_with(0).json();
    assert_eq!(status["running"], true);
    assert!(status["pid"].as_u64().unwrap() > 0);
    assert_eq!(status["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(status["home"], world.home().to_str().unwrap());
    assert_eq!((&status["leases"], &status["connections"]), (&0.into(), &1.into()));
    assert!(status["uptime_s"].is_u64());
    let second = world.say(&shop, &["daemon", "run"]);
    assert_eq!((second.code, second.out.as_str()), (4, ""), "{second:?}");
    assert_eq!(world.say(&shop, &["daemon", "stop"]).ended_with(0).err, "stopped\n");
    assert_eq!(world.say(&shop, &["daemon", "status", "--json"]).ended_with(0).json()["running"], false);
    assert!(world.say(&shop, &["daemon", "logs"]).ended_with(0).out.contains("serving"));
    let line = world.say(&shop, &["daemon", "logs", "-n", "1", "--json"]).ended_with(0).json();
    assert!(line["line"].is_string(), "{line}");
    let once = world.say(&shop, &["dashboard", "--once", "--json"]).ended_with(0).json();
    assert!(once["frame"].as_str().is_some_and(|frame| frame.contains("HOLDER")), "{once}");
}

#[test]
fn leases_stay_over_a_restart() {
    let world = World::new();
    let shop = world.shop();
    let port = world.say(&shop, &["request", "web"]).ended_with(0).port();
    let before = world.say(&shop, &["daemon", "status", "--json"]).json();
    let after = world.say(&shop, &["daemon", "restart", "--json"]).ended_with(0).json();
    assert_ne!(before["pid"], after["pid"]);
    assert_eq!(after["leases"], 1);
    assert_eq!(world.say(&shop, &["get", "web"]).ended_with(0).port(), port);
}

#[test]
fn a_home_that_is_named_has_the_configuration_that_counts() {
    let world = World::new();
    let shop = world.shop();
    let named = world.dir("named");
    std::fs::write(named.join("config.toml"), "[daemon]\nlog_level = \"chatty\"\n").unwrap();
    std::fs::create_dir_all(world.home()).unwrap();
    std::fs::write(world.home().join("config.toml"), "[daemon]\nlog_level = \"debug\"\n").unwrap();
    let said = world.say(&shop, &["daemon", "run", "--home", named.to_str().unwrap()]).ended_with(2);
    assert!(said.err.contains("named/config.toml:2:"), "{}", said.err);
    assert!(!said.err.contains("home/config.toml"), "{}", said.err);
}

#[test]
fn a_configuration_that_no_daemon_starts_with_is_the_same_mistake_everywhere() {
    let world = World::new();
    let shop = world.shop();
    std::fs::create_dir_all(world.home()).unwrap();
    std::fs::write(world.home().join("config.toml"), "[daemon]\nlog_level = \"chatty\"\n").unwrap();
    for line in [&["daemon", "start", "--json"][..], &["daemon", "restart", "--json"], &["quarantine", "--json"]] {
        let error = &world.say(&shop, line).ended_with(2).json()["error"];
        assert_eq!(error["code"], "invalid_config", "{line:?}");
    }
    std::fs::remove_file(world.home().join("config.toml")).unwrap();
}

#[test]
fn many_clients_at_once_start_one_daemon() {
    let world = World::new();
    let shop = world.shop();
    let clients: Vec<Child> = (0..16)
        .map(|number| {
            let service = format!("s{number}");
            let mut client = world.portus(&shop, &["request", &service]);
            client.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        })
        .collect();
    let said: Vec<Said> = clients.into_iter().map(|client| Said::of(&client.wait_with_output().unwrap())).collect();
    let mut ports: Vec<u16> = said.into_iter().map(|said| said.ended_with(0).port()).collect();
    ports.sort_unstable();
    ports.dedup();
    assert_eq!(ports.len(), 16);
    let log = world.say(&shop, &["daemon", "logs"]).ended_with(0).out;
    assert_eq!(log.matches("serving").count(), 1, "{log}");
}

#[test]
fn a_daemon_that_was_killed_is_followed_by_another() {
    let world = World::new();
    let shop = world.shop();
    let port = world.say(&shop, &["request", "web"]).ended_with(0).port();
    let pid = world.say(&shop, &["daemon", "status", "--json"]).json()["pid"].to_string();
    let killed = std::process::Command::new("kill").args(["-9", &pid]).status().unwrap();
    assert!(killed.success());
    assert_eq!(world.say(&shop, &["get", "web"]).ended_with(0).port(), port);
}

#[cfg(unix)]
#[test]
fn a_daemon_that_hangs_is_named_and_replaced() {
    let world = World::new();
    let shop = world.shop();
    let hang = || {
        let pid = world.say(&shop, &["daemon", "status", "--json"]).ended_with(0).json()["pid"].to_string();
        assert!(std::process::Command::new("kill").args(["-STOP", &pid]).status().unwrap().success());
        pid
    };
    let port = world.say(&shop, &["request", "web"]).ended_with(0).port();
    let pid = hang();
    let said = world.say(&shop, &["list", "--timeout", "50ms"]).ended_with(6);
    assert!(said.err.contains(&format!("the daemon (pid {pid}) could not be reached in time")), "{said:?}");
    assert!(said.err.contains("`portus daemon restart`"), "{said:?}");
    let said = world.say(&shop, &["daemon", "restart"]).ended_with(0);
    assert!(said.err.contains(&format!("the daemon (pid {pid}) did not answer, and was ended")), "{said:?}");
    assert_eq!(world.say(&shop, &["get", "web"]).ended_with(0).port(), port);
    hang();
    world.say(&shop, &["daemon", "stop", "--timeout", "1s"]).ended_with(0);
    assert_eq!(world.say(&shop, &["daemon", "status"]).ended_with(0).out, "not running\n");
}

#[test]
fn a_home_that_cannot_be_used_is_exit_code_6() {
    let world = World::new();
    let shop = world.shop();
    let said = Said::of(&world.portus(&shop, &["request", "--json"]).env("PORTUS_HOME", "here").output().unwrap());
    assert_eq!(said.ended_with(6).json()["error"]["code"], "no_home");
    std::fs::write(world.home(), "in the way").unwrap();
    let said = world.say(&shop, &["request"]).ended_with(6);
    assert!(said.err.contains("hint: "), "{said:?}");
    std::fs::remove_file(world.home()).unwrap();
}

#[cfg(unix)]
#[test]
fn what_is_no_daemon_is_not_talked_to() {
    use std::io::Write as _;
    use std::os::unix::net::UnixListener;

    let world = World::new();
    let shop = world.shop();
    std::fs::create_dir_all(world.home()).unwrap();
    let listener = UnixListener::bind(world.home().join("portus.sock")).unwrap();
    let client = world.portus(&shop, &["request", "--json"]).stdout(Stdio::piped()).spawn().unwrap();
    let (mut stream, _) = listener.accept().unwrap();
    stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
    let said = Said::of(&client.wait_with_output().unwrap());
    assert_eq!(said.ended_with(6).json()["error"]["code"], "not_portus");

    let mute = world.portus(&shop, &["request", "--json", "--timeout", "50ms"]).stdout(Stdio::piped()).spawn().unwrap();
    let held = listener.accept().unwrap();
    let said = Said::of(&mute.wait_with_output().unwrap());
    assert_eq!(said.ended_with(6).json()["error"]["code"], "daemon_timed_out");
    drop(held);
    drop(listener);
    std::fs::remove_file(world.home().join("portus.sock")).unwrap();
}
