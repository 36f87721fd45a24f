//! What is told beside the data: of places, holders and siblings, and of what must not be stopped.

use std::process::Stdio;

use crate::rig::{Said, World, free_port};

#[test]
fn a_lease_without_a_holder_shows_none() {
    let world = World::new();
    let shop = world.shop();
    world.say(&shop, &["request", "web"]).ended_with(0);
    let me = std::process::id().to_string();
    world.say(&shop, &["request", "api", "--pid", &me]).ended_with(0);
    let list = world.say(&shop, &["list"]).ended_with(0).out;
    let row = |service: &str| list.lines().find(|line| line.starts_with(service)).unwrap();
    assert!(row("web").ends_with("  -"), "{list}");
    assert!(row("api").ends_with(&format!(" ({me})")), "{list}");
    let json = world.say(&shop, &["list", "--json"]).ended_with(0).json();
    assert!(json["leases"][0]["holder"].is_null());
    assert_eq!(json["leases"][0]["requester"]["pid"], std::process::id());
}

#[test]
fn a_place_that_is_no_project_is_told() {
    let world = World::new();
    let home = world.dir("");
    let note = "is no project, so everything below it counts as this one worktree";
    for (dir, is_told) in [(home.as_path(), true), (std::path::Path::new("/"), true), (&world.dir("plain"), false)] {
        let said = world.say(dir, &["request", "web"]).ended_with(0);
        assert_eq!(said.err.contains(note), is_told, "{}: {said:?}", dir.display());
        let json = world.say(dir, &["request", "web", "--json"]).ended_with(0).json();
        assert_eq!(json["notes"].to_string().contains(note), is_told, "{json}");
        world.say(dir, &["release", "--worktree"]).ended_with(0);
    }
    let named = world.say(&home, &["request", "web", "--worktree", "."]).ended_with(0);
    assert_eq!(named.err, "");
    std::fs::write(home.join("portus.toml"), "").unwrap();
    assert_eq!(world.say(&home, &["request", "web"]).ended_with(0).err, "");
}

#[cfg(unix)]
#[test]
fn a_run_at_home_is_told_as_well() {
    let world = World::new();
    let said = world.say(&world.dir(""), &["run", "--", "true"]).ended_with(0);
    assert!(said.err.contains("is no project"), "{said:?}");
    assert!(said.err.contains("--worktree DIR"), "{said:?}");
}

#[test]
fn only_services_that_count_are_in_the_environment() {
    let world = World::new();
    let shop = world.shop();
    std::fs::write(shop.join("portus.toml"), "[services.web]\n[services.api]\n").unwrap();
    world.say(&shop, &["request", "once"]).ended_with(0);
    world.say(&shop, &["release", "once"]).ended_with(0);
    world.say(&shop, &["request", "live"]).ended_with(0);
    let names = |args: &[&str]| {
        let env = world.say(&shop, args).ended_with(0).json();
        let mut names: Vec<String> = env["env"].as_object().unwrap().keys().cloned().collect();
        names.retain(|name| name.starts_with("PORTUS_PORT_"));
        names
    };
    assert_eq!(names(&["env", "--json"]), ["PORTUS_PORT_API", "PORTUS_PORT_LIVE", "PORTUS_PORT_WEB"]);
    let asked = names(&["env", "once", "--json"]);
    assert_eq!(asked, ["PORTUS_PORT_API", "PORTUS_PORT_LIVE", "PORTUS_PORT_ONCE", "PORTUS_PORT_WEB"]);
}

#[cfg(unix)]
#[test]
fn only_services_that_count_are_in_the_environment_of_a_command() {
    let world = World::new();
    let shop = world.shop();
    std::fs::write(shop.join("portus.toml"), "[services.api]\n").unwrap();
    let once = world.say(&shop, &["request", "once"]).ended_with(0).port();
    world.say(&shop, &["release", "once"]).ended_with(0);
    world.say(&shop, &["request", "live"]).ended_with(0);
    let said = world.say(&shop, &["run", "-s", "web", "--", "env"]).ended_with(0);
    let mut names: Vec<&str> = said.out.lines().filter_map(|line| line.split('=').next()).collect();
    names.retain(|name| name.starts_with("PORTUS_PORT_"));
    names.sort_unstable();
    assert_eq!(names, ["PORTUS_PORT_API", "PORTUS_PORT_LIVE", "PORTUS_PORT_WEB"]);
    // Whoever names a service gets its number.
    let said = world.say(&shop, &["run", "-s", "web", "--", "echo", "{services.once.port}"]).ended_with(0);
    assert_eq!(said.out, format!("{once}\n"));
}

#[test]
fn a_restart_with_a_mistake_in_the_settings_stops_nothing() {
    let world = World::new();
    let shop = world.shop();
    world.say(&shop, &["daemon", "start"]).ended_with(0);
    let before = world.say(&shop, &["daemon", "status", "--json"]).ended_with(0).json();
    std::fs::write(world.home().join("config.toml"), "[daemon]\nlog_level = 'loud'\n").unwrap();
    let said = world.say(&shop, &["daemon", "restart"]).ended_with(2);
    assert!(said.err.contains("config.toml:"), "{said:?}");
    let after = world.say(&shop, &["daemon", "status", "--json"]).ended_with(0).json();
    assert_eq!((&after["running"], &after["pid"]), (&true.into(), &before["pid"]));
}

#[cfg(unix)]
#[test]
fn who_waits_in_line_goes_on_waiting_when_the_daemon_is_killed() {
    let world = World::new();
    let ((shop, _), other) = (world.repository("shop"), world.repository("other").0);
    let port = free_port().to_string();
    // Whoever comes back to the line first, the port may go to the next one at once.
    std::fs::create_dir_all(world.home()).unwrap();
    std::fs::write(world.home().join("config.toml"), "[leases]\ncool_down = '1ms'\n").unwrap();
    world.say(&shop, &["request", "web", "--port", &port, "--strict"]).ended_with(0);
    let mut watch = world.portus(&shop, &["watch", "--json", "-v"]);
    let mut watch = watch.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut told = std::io::BufReader::new(watch.stderr.take().unwrap());
    std::io::BufRead::read_line(&mut told, &mut String::new()).unwrap();
    let wait = world
        .portus(&other, &["request", "web", "--port", &port, "--wait", "60s"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // The line is told of as soon as somebody stands in it.
    let events = std::io::BufRead::lines(std::io::BufReader::new(watch.stdout.take().unwrap()));
    assert!(events.map(Result::unwrap).any(|line| line.contains("\"queued\"")));
    let pid = world.say(&shop, &["daemon", "status", "--json"]).json()["pid"].to_string();
    assert!(std::process::Command::new("kill").args(["-9", &pid]).status().unwrap().success());
    watch.wait().unwrap();
    world.say(&shop, &["release", "web"]).ended_with(0);
    let said = Said::of(&wait.wait_with_output().unwrap()).ended_with(0);
    assert_eq!(said.out, format!("{port}\n"), "{said:?}");
}
