//! Moving over from the earlier registries: `import` and `export`.

use std::path::Path;

use serde_json::{Value, json};

use crate::rig::{Said, Server, World, free_port};

fn services(list: &Value) -> Vec<(&str, u64)> {
    list.as_array()
        .unwrap()
        .iter()
        .map(|one| (one["service"].as_str().unwrap(), one["port"].as_u64().unwrap()))
        .collect()
}

fn write(dir: &Path, name: &str, value: &Value) {
    std::fs::write(dir.join(name), serde_json::to_string_pretty(value).unwrap()).unwrap();
}

#[test]
fn what_runs_becomes_a_lease_and_the_rest_claims() {
    let world = World::new();
    let shop = world.shop();
    let (web, api) = (free_port(), free_port());
    let server = Server::start(&world.dir("elsewhere"), web);
    write(
        &shop,
        ".ports.json",
        &json!({
            "version": "1.0", "updated": "2025-10-02T12:30:00Z",
            "allocations": {
                "web": {"port": web, "pid": server.pid(), "started": "2025-10-02T12:00:00Z", "host": "localhost"},
                "my api": {"port": api, "pid": std::process::id(), "host": "127.0.0.1"},
                "far": {"port": 8003, "pid": 1, "host": "db.example.com"},
            }
        }),
    );
    let planned = world.say(&shop, &["import", ".ports.json", "--dry-run", "--json"]).ended_with(0).json();
    assert_eq!(services(&planned["leases"]), [("web", u64::from(web))]);
    assert_eq!(services(&planned["claims"]), [("my-api", u64::from(api))]);
    assert!(world.say(&shop, &["claims", "--json"]).json()["claims"].as_array().unwrap().is_empty());

    let done = world.say(&shop, &["import", ".ports.json", "--json"]).ended_with(0).json();
    assert_eq!(services(&done["leases"]), [("web", u64::from(web))]);
    assert_eq!(done["leases"][0]["holder"]["pid"], server.pid());
    assert_eq!(services(&done["claims"]), [("my-api", u64::from(api))]);
    let notes = done["notes"].to_string();
    assert!(notes.contains("db.example.com") && notes.contains("`my api` is called `my-api`"), "{notes}");
    world.say(&shop, &["get", "web", "--wait", "30s"]).ended_with(0);
    let explained = world.say(&shop, &["explain", &web.to_string(), "--json"]).ended_with(0).json();
    assert_eq!((&explained["verdict"], &explained["lease"]["evidence"]), (&json!("mine"), &json!("lineage")));
    assert_eq!(world.say(&shop, &["request", "my-api"]).ended_with(0).port(), api);

    let twice = world.say(&shop, &["import", ".ports.json", "--json"]).ended_with(0).json();
    assert_eq!(services(&twice["leases"]), [("web", u64::from(web))]);
    assert_eq!(twice["leases"][0]["id"], done["leases"][0]["id"]);
}

#[test]
fn a_number_that_is_a_services_own_stays_unless_it_is_not_to() {
    let world = World::new();
    let shop = world.shop();
    let (own, other) = (free_port(), free_port());
    world.say(&shop, &["request", "web", "--port", &own.to_string(), "--strict"]).ended_with(0);
    world.say(&shop, &["release", "web"]).ended_with(0);
    write(&shop, "old.json", &json!({"allocations": {"web": {"port": other}}}));
    let said = world.say(&shop, &["import", "old.json"]).ended_with(0);
    assert_eq!(
        said.err,
        format!("note: `web` keeps its own number {own}, and the imported file says {other}: --force takes it over\n")
    );
    let forced = world.say(&shop, &["import", "old.json", "--force", "--json"]).ended_with(0).json();
    assert_eq!(services(&forced["claims"]), [("web", u64::from(other))]);
    assert_eq!(forced["claims"][0]["pinned"], false);
}

#[test]
fn a_number_that_is_another_worktrees_is_refused_and_the_rest_goes_on() {
    let world = World::new();
    let (shop, books) = (world.repository("shop").0, world.repository("books").0);
    let (taken, free) = (free_port(), free_port());
    world.say(&books, &["request", "web", "--port", &taken.to_string(), "--strict"]).ended_with(0);
    write(&shop, "old.json", &json!({"allocations": {"a": {"port": taken}, "b": {"port": free}}}));
    let done = world.say(&shop, &["import", "old.json", "--json"]).ended_with(0).json();
    assert_eq!(services(&done["claims"]), [("b", u64::from(free))]);
    assert!(done["notes"].to_string().contains(&format!("`a` does not get {taken}")), "{done}");
}

#[test]
fn a_corrupt_file_is_named_with_its_place_and_left_alone() {
    let world = World::new();
    let shop = world.shop();
    for (name, text, wanted) in [
        (".ports.json", "{\n  \"allocations\": {\n", ":3:1: this is no JSON: it ends too early"),
        (".ports.json", "", ":1:1: this is no JSON: it is empty"),
        (".ports.json", "{}", ":1:2: this is no list of ports: missing field `allocations`"),
        (
            ".ports.json.backup",
            "{\"allocations\":\n{\"web\": {\"port\": 70000}}}",
            ":2:23: this is no list of ports: `70000` is not a port: ports are whole numbers from 1 to 65535",
        ),
        ("port.yaml", "port: [", ":1:7: this is no YAML: unclosed bracket '['"),
        ("port.yaml", "ports:\n  web: 1\n", ":1:1: there is no `port:` section"),
        ("port.yaml", "port: 8001\n", ":1:7: `port` must be a section with keys of its own"),
        (
            "port.yml",
            "port:\n  preferred: http\n",
            ":2:14: `port.preferred`: `http` is not a port: ports are whole numbers from 1 to 65535",
        ),
        (
            "port.yml",
            "port:\n  range_start: 8100\n  range_end: 8001\n",
            ":2:16: `port.range_start`: the range 8100-8001 runs backwards: did you mean 8001-8100?",
        ),
        (
            "port.yml",
            "port:\n  service_name: a/b\n",
            ":2:17: `port.service_name`: `a/b` is no service name: '/' may not stand there (letters, digits, `.`, `_`, `-`; first a letter or digit)",
        ),
        ("port.yml", "port:\n  preferred: ${PORT\n", ":2:14: `port.preferred`: `${PORT` has no end"),
        ("notes.txt", "8001", ": is neither a `.ports.json` nor YAML: its name ends in none of json, yaml, yml"),
    ] {
        std::fs::write(shop.join(name), text).unwrap();
        let said = world.say(&shop, &["import", name]).ended_with(2);
        let hint = "hint: nothing was changed; correct the file, or import another\n";
        assert_eq!(said.err, format!("error: {name}{wanted}\n{hint}"), "{text}");
        assert_eq!(std::fs::read_to_string(shop.join(name)).unwrap(), text);
    }
    let said = world.say(&shop, &["import", "missing.json"]).ended_with(3);
    assert!(said.err.contains("hint: name an earlier registry's"), "{said:?}");
    world.say(&shop, &["import", "."]).ended_with(2);
    assert!(!shop.join("portus.toml").exists());
}

const YAML: &str = "\
app:
  debug: true
port:
  service_name: governance
  preferred: ${SERVICE_PORT:-8001}
  range_start: 8001
  range_end: ${RANGE_END}
  fallback: 8001
  discovery:
    enabled: true
  registry_file: .ports.json
  cleanup_stale: true
  retry_attempts: 5
  retry_delay: 0.5
  colour: blue
";

fn import(world: &World, shop: &Path, args: &[&str]) -> Said {
    let mut command = world.portus(shop, &[&["import", "service.yaml"], args].concat());
    Said::of(&command.env("RANGE_END", "8100").output().unwrap())
}

#[test]
fn the_port_section_is_written_into_the_projects_file() {
    let world = World::new();
    let shop = world.shop();
    std::fs::write(shop.join("service.yaml"), YAML).unwrap();
    let before = "# Ours.\n[project]\nname = \"shop\" # not the directory's\n";
    std::fs::write(shop.join("portus.toml"), before).unwrap();

    let planned = import(&world, &shop, &["--dry-run"]).ended_with(0);
    let added = "[services.governance]\npreferred = 8001\nrange = \"8001-8100\"\nfallback = 8001\n";
    let mirror = "[mirror]\nports_json = \".ports.json\"\n";
    for line in added.lines().chain(mirror.lines()) {
        assert!(planned.out.contains(&format!("\n+{line}\n")), "{line}: {planned:?}");
    }
    assert_eq!(std::fs::read_to_string(shop.join("portus.toml")).unwrap(), before);

    let done = import(&world, &shop, &["--json"]).ended_with(0).json();
    let after = std::fs::read_to_string(shop.join("portus.toml")).unwrap();
    assert_eq!(after, format!("{before}\n{added}\n{mirror}"));
    assert_eq!(done["diff"].as_str().unwrap().lines().filter(|line| line.starts_with('-')).count(), 1);
    let notes = done["notes"].to_string();
    for wanted in ["portus run --retry 5", "`port.retry_delay` is left out", "`port.colour` is not known"] {
        assert!(notes.contains(wanted), "{notes}");
    }
    let again = import(&world, &shop, &[]).ended_with(0);
    assert!(again.out.is_empty() && again.err.contains("portus.toml stays as it is"), "{again:?}");
}

#[test]
fn other_values_of_the_projects_file_are_not_overwritten_silently() {
    let world = World::new();
    let shop = world.shop();
    std::fs::write(shop.join("service.yaml"), YAML).unwrap();
    let before = "[services.governance]\npreferred = 9001 # moved\nrange = \"8001-8100\"\nfallback = 8001\n[mirror]\nports_json = \".ports.json\"\n";
    std::fs::write(shop.join("portus.toml"), before).unwrap();
    let said = import(&world, &shop, &[]).ended_with(0);
    assert!(
        said.err.contains("`services.governance.preferred` stays 9001, and the imported file says 8001"),
        "{said:?}"
    );
    assert_eq!(std::fs::read_to_string(shop.join("portus.toml")).unwrap(), before);
    let said = import(&world, &shop, &["--force"]).ended_with(0);
    assert!(said.out.contains("-preferred = 9001 # moved\n+preferred = 8001 # moved\n"), "{said:?}");
    let after = std::fs::read_to_string(shop.join("portus.toml")).unwrap();
    assert_eq!(after, before.replace("9001", "8001"));
}

#[test]
fn a_variable_that_is_not_set_and_a_registry_elsewhere_are_left_out() {
    let world = World::new();
    let shop = world.shop();
    let text = "port:\n  preferred: ${GOVERNANCE_PORT}\n  registry_file: /var/lib/mcp/ports.json\n  fallback: 8001\n  discovery.enabled: false\n";
    std::fs::write(shop.join("service.yaml"), text).unwrap();
    let done = import(&world, &shop, &["--json"]).ended_with(0).json();
    let notes = done["notes"].to_string();
    for wanted in ["the variable GOVERNANCE_PORT is not set", "leaves the worktree", "set PORTUS_DISABLED=1"] {
        assert!(notes.contains(wanted), "{notes}");
    }
    let after = std::fs::read_to_string(shop.join("portus.toml")).unwrap();
    assert_eq!(after, "[services.default]\nfallback = 8001\n");
}

#[cfg(unix)]
#[test]
fn a_projects_file_that_is_a_link_is_not_written() {
    let world = World::new();
    let shop = world.shop();
    let elsewhere = world.dir("elsewhere").join("portus.toml");
    std::fs::write(&elsewhere, "").unwrap();
    std::os::unix::fs::symlink(&elsewhere, shop.join("portus.toml")).unwrap();
    std::fs::write(shop.join("service.yaml"), YAML).unwrap();
    let said = import(&world, &shop, &["--json"]).ended_with(2).json();
    assert_eq!(said["error"]["code"], "unwritable");
    assert_eq!(std::fs::read_to_string(&elsewhere).unwrap(), "");
}

#[test]
fn what_is_exported_can_be_imported() {
    let world = World::new();
    let shop = world.shop();
    let web = world.say(&shop, &["request", "web", "--pid", &std::process::id().to_string()]).ended_with(0).port();
    let api = world.say(&shop, &["request", "api"]).ended_with(0).port();
    world.say(&shop, &["release", "api"]).ended_with(0);
    let exported = world.say(&shop, &["export"]).ended_with(0).out;
    let file: Value = serde_json::from_str(&exported).unwrap();
    let allocation = |port: u16, pid: Value, started: &Value| json!({"port": port, "pid": pid, "started": started, "host": "localhost"});
    let started = &file["allocations"]["web"]["started"];
    assert!(started.is_string() && file["updated"].is_string());
    assert_eq!(file["allocations"]["web"], allocation(web, std::process::id().into(), started));
    assert_eq!(file["allocations"]["api"], allocation(api, Value::Null, &Value::Null));
    let all: Value = serde_json::from_str(&world.say(&shop, &["export", "--all"]).ended_with(0).out).unwrap();
    assert_eq!(all["allocations"][format!("{}:web", shop.display())]["port"], web);

    let books = World::new();
    let there = books.shop();
    std::fs::write(there.join("exported.json"), exported).unwrap();
    let done = books.say(&there, &["import", "exported.json", "--json"]).ended_with(0).json();
    assert_eq!(services(&done["claims"]), [("api", u64::from(api)), ("web", u64::from(web))]);
}
