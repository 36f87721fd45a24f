//! What portus.toml says, end to end.

use std::process::Command;

use crate::rig::{World, free_port};

/// A project's file, with the port that web prefers.
fn shop_file() -> (String, u16) {
    let web = free_port();
    (SHOP.replace("WEB", &web.to_string()), web)
}

const SHOP: &str = r#"
[project]
name = "the-shop"
[services.web]
preferred = WEB
env = ["PORT", "VITE_PORT"]
[services.api]
range = "20000-20999"
env = ["API_PORT"]
command_env = { API_URL = "http://localhost:{services.api.port}/it's" }
"#;

#[test]
fn the_first_use_gives_every_declared_service_its_number() {
    let world = World::new();
    let shop = world.shop();
    let (file, port) = shop_file();
    std::fs::write(shop.join("portus.toml"), file).unwrap();
    let asked = world.say(&shop, &["request", "web", "--json"]).ended_with(0).json();
    assert_eq!(asked["leases"].as_array().unwrap().len(), 1);
    assert_eq!(asked["leases"][0]["port"], port);
    assert_eq!(asked["leases"][0]["project"], "the-shop");
    let claims = world.say(&shop, &["claims", "--json"]).ended_with(0).json();
    let services: Vec<_> = claims["claims"].as_array().unwrap().iter().map(|claim| &claim["service"]).collect();
    assert_eq!(services, ["api", "web"]);
    let api = world.say(&shop, &["request", "api"]).ended_with(0).port();
    assert!((20_000..=20_999).contains(&api));
    assert_eq!(claims["claims"][0]["port"], api);
}

#[test]
fn the_environment_is_what_shells_read() {
    let world = World::new();
    let shop = world.shop();
    let (file, port) = shop_file();
    std::fs::write(shop.join("portus.toml"), file).unwrap();
    let by_name = world.say(&shop, &["env", "web", "--json"]).ended_with(0).json();
    let variables = by_name["env"].as_object().unwrap().clone();
    assert_eq!(variables["PORT"], port.to_string());
    assert_eq!(variables["VITE_PORT"], port.to_string());
    assert_eq!(variables["PORTUS_URL_WEB"], format!("http://localhost:{port}"));
    assert_eq!(variables["PORTUS_PORT_API"], variables["API_PORT"]);
    assert_eq!(variables["API_URL"], format!("http://localhost:{}/it's", variables["API_PORT"].as_str().unwrap()));

    let script = world.say(&shop, &["env", "web"]).ended_with(0).out;
    let seen = Command::new("sh").env_clear().args(["-c", &format!("{script} env")]).output().unwrap();
    let seen = String::from_utf8(seen.stdout).unwrap();
    for (name, value) in &variables {
        let line = format!("{name}={}", value.as_str().unwrap());
        assert!(seen.lines().any(|found| found == line), "{line} is not in {seen}");
    }
    let plain = world.say(&shop, &["env", "web", "--format", "json"]).ended_with(0).out;
    assert_eq!(serde_json::from_str::<serde_json::Value>(&plain).unwrap(), serde_json::Value::Object(variables));
    let written = |format| world.say(&shop, &["env", "--format", format]).ended_with(0).out;
    assert!(written("dotenv").contains(&format!("\nPORTUS_PORT_WEB={port}\n")));
    assert!(written("fish").contains(&format!("set -gx VITE_PORT '{port}'\n")));
    let words = world.say(&shop, &["env", "--format", "powershell"]).ended_with(0).out;
    assert!(words.contains("$env:API_URL = ") || !words.contains("API_URL"), "{words}");
    world.say(&shop, &["env", "nobody"]).ended_with(3);
}

#[test]
fn a_mistake_in_a_file_is_exit_code_2_with_its_place() {
    let world = World::new();
    let shop = world.shop();
    std::fs::write(shop.join("portus.toml"), "[services.web]\nprefered = 1\n").unwrap();
    let said = world.say(&shop, &["request", "web"]).ended_with(2);
    let place =
        format!("error: {}:2:1: unknown key `prefered` in [services.web]\n", shop.join("portus.toml").display());
    assert_eq!(said.err, place + "hint: did you mean `preferred`?\n");
    let json = world.say(&shop, &["list", "--json"]).ended_with(2).json();
    assert_eq!(json["error"]["code"], "invalid_config");
    let doctor = world.say(&shop, &["doctor", "--json"]).ended_with(1).json();
    let failed = doctor["checks"].as_array().unwrap().iter().find(|check| check["status"] == "fail").unwrap();
    assert_eq!(failed["name"], "config");

    std::fs::write(shop.join("portus.toml"), "").unwrap();
    std::fs::create_dir_all(world.home()).unwrap();
    std::fs::write(world.home().join("config.toml"), "[pool]\nrange = 'x'\n").unwrap();
    let said = world.say(&shop, &["request", "web"]).ended_with(2);
    assert!(said.err.contains("config.toml:2:9"), "{said:?}");
}

#[test]
fn the_users_pool_is_where_ports_come_from() {
    let world = World::new();
    let shop = world.shop();
    std::fs::create_dir_all(world.home()).unwrap();
    let port = free_port();
    let (range, exclude) = (format!("{port}-{}", port + 9), format!("{}-{}", port + 1, port + 9));
    let file = format!("[pool]\nrange = '{range}'\nexclude = ['{exclude}']\n");
    std::fs::write(world.home().join("config.toml"), file).unwrap();
    assert_eq!(world.say(&shop, &["request", "web"]).ended_with(0).port(), port);
    let refused = world.say(&shop, &["request", "api", "--json"]).ended_with(4).json();
    assert_eq!(refused["error"]["code"], "no_port_available");
    let status = world.say(&shop, &["daemon", "status", "--json"]).ended_with(0).json();
    assert_eq!(status["pool"], serde_json::json!([port, port + 9]));
    let doctor = world.say(&shop, &["doctor", "--json"]).ended_with(0).json();
    let found = doctor["config"].as_array().unwrap().iter().find(|line| line["name"] == "pool.range").unwrap();
    assert_eq!(found["value"], range);
    assert!(found["source"].as_str().unwrap().ends_with("config.toml:2"));
}
