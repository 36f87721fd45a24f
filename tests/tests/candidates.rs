//! In which order ports are tried, end to end: real listeners on each of them in turn.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test reports by panicking")]

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use portus_tests::{Rig, Running, Said};

/// A world with one directory, and the start of the ports that nobody else's test uses.
struct World {
    rig: Rig,
    dir: PathBuf,
    first: u16,
}

impl World {
    fn new() -> Self {
        let rig = Rig::new();
        let (dir, (first, _)) = (rig.directory("app"), rig.pool());
        Self { rig, dir, first }
    }

    fn port(&self, steps: u16) -> u16 {
        self.first + steps
    }

    fn range(&self, first: u16, last: u16) -> String {
        format!("{}-{}", self.port(first), self.port(last))
    }

    fn configure(&self, text: &str) {
        std::fs::write(self.dir.join("portus.toml"), text).unwrap();
    }

    fn say(&self, args: &str) -> Said {
        self.rig.say(&self.dir, args.split_whitespace())
    }

    /// A stranger on a port, until dropped.
    fn stranger(&self, steps: u16) -> TcpListener {
        TcpListener::bind(("127.0.0.1", self.port(steps))).unwrap()
    }

    fn serve(&self, port: u16) -> Running {
        serve(&self.dir, port)
    }
}

/// A server that a person started by hand in a directory, up when this returns.
fn serve(dir: &Path, port: u16) -> Running {
    let mut command = Command::new("python3");
    command.args(["-u", "-m", "http.server", "--bind", "127.0.0.1", &port.to_string()]).current_dir(dir);
    let mut server = Running::start(command);
    assert!(server.line().starts_with("Serving"));
    server
}

/// Ends a server and waits for it.
fn end(server: Running) {
    server.signal("KILL");
    let _ = server.wait();
}

#[test]
fn lease_preferred_previous_range_fallback_refusal_in_this_order() {
    let world = World::new();
    let (preferred, previous, fallback) = (world.port(10), world.port(1), world.port(20));
    let range = world.range(0, 2);
    let ask = format!("request web --port {preferred} --range {range} --fallback {fallback}");
    // A pinned number stays the previous one whatever is granted meanwhile.
    let _ = world.say(&format!("pin web --port {previous}")).good();
    let obtain = || {
        let port = world.say(&ask).good().port();
        let _ = world.say("release web").good();
        port
    };

    assert_eq!(obtain(), preferred);
    let mut strangers = vec![world.stranger(10)];
    assert_eq!(obtain(), previous);
    strangers.push(world.stranger(1));
    let of_range = obtain();
    assert!([world.port(0), world.port(2)].contains(&of_range), "{of_range}");
    strangers.push(world.stranger(of_range - world.first));
    let last = world.port(0) + world.port(2) - of_range;
    assert_eq!(obtain(), last);

    // A live lease is the answer even when its port is no longer the best.
    let leased = world.say(&ask).good().port();
    drop(strangers.remove(0));
    let again = world.say(&ask).good();
    assert_eq!((again.port(), leased), (last, last));
    assert!(again.stderr.contains("keeps the port it has"), "{}", again.stderr);
    let _ = world.say("release web").good();
    strangers.push(world.stranger(10));

    strangers.push(world.stranger(last - world.first));
    let fell_back = world.say(&ask).good();
    assert_eq!(fell_back.port(), fallback);
    assert!(fell_back.stderr.contains(&format!("recovered: `web` fell back to {fallback}")), "{}", fell_back.stderr);
    let _ = world.say("release web").good();

    strangers.push(world.stranger(20));
    let refused = world.say(&ask).ended_with(4);
    let own = std::process::id();
    assert!(refused.stderr.contains("4 taken by other programs"), "{}", refused.stderr);
    for port in [world.port(0), world.port(1), world.port(2), fallback] {
        assert!(refused.stderr.contains(&format!("{port} by pid {own}")), "{}", refused.stderr);
    }
    assert_eq!(refused.stdout, "");

    // Whoever comes back to a port that has come free gets it, the fallback last.
    drop(strangers);
    assert_eq!(obtain(), preferred);
}

#[test]
fn a_refusal_counts_each_reason_and_names_the_few_that_are_taken() {
    let world = World::new();
    world.configure(&format!("[pool]\nexclude = [{}]\n", world.port(3)));
    let _ = world.say(&format!("request other --port {} --strict", world.port(0))).good();
    let _ = world.say(&format!("pin third --port {}", world.port(1))).good();
    let _ = world.say(&format!("quarantine {} --reason test", world.port(2))).good();
    let _stranger = world.stranger(4);
    let range = world.range(0, 4);
    let refused = world.say(&format!("request web --range {range} --json")).ended_with(4).json();
    let error = &refused["error"];
    assert_eq!(error["code"], "no_port_available");
    let message = error["message"].as_str().unwrap();
    let counted = "1 leased, 1 number of another service, 1 in quarantine, 1 excluded, 1 taken by other programs";
    assert!(message.contains(&format!("in {range}: {counted}; taken: {} by pid", world.port(4))), "{message}");
    assert!(error["hint"].as_str().unwrap().contains("--fallback"), "{error}");
}

#[test]
fn a_full_range_expands_and_takes_no_port_whose_server_may_come_back() {
    let world = World::new();
    world.configure(&format!(
        "[pool]\nrange = \"{}\"\non_exhausted = \"expand\"\nexpand_range = \"{}\"\n",
        world.range(0, 1),
        world.range(50, 59),
    ));
    let servers: Vec<Running> = ["a", "b"]
        .map(|service| {
            let port = world.say(&format!("request {service}")).good().port();
            let server = world.serve(port);
            assert_eq!(world.say(&format!("get {service} --wait 20s")).good().port(), port);
            server
        })
        .into();
    let kept = world.say("request c").good();
    assert!((world.port(50)..=world.port(59)).contains(&kept.port()), "nothing is stale: it expands at once");
    let expanded = format!("recovered: expanded to {}", world.range(50, 59));
    assert!(kept.stderr.contains(&expanded) && !kept.stderr.contains("cleaned"), "{}", kept.stderr);

    servers.into_iter().for_each(end);
    let beside = world.say("request d").good();
    assert!((world.port(50)..=world.port(59)).contains(&beside.port()), "a server that restarts finds its port");
    assert!(!beside.stderr.contains("cleaned"), "{}", beside.stderr);
}

#[test]
fn prune_ends_no_lease_whose_server_may_come_back() {
    let world = World::new();
    let port = world.say("request web").good().port();
    let server = world.serve(port);
    let _ = world.say("get web --wait 20s").good();
    let nothing = world.say("prune").good();
    assert!(nothing.stderr.contains("no lease is stale"), "{}", nothing.stderr);
    end(server);
    let pruned = world.say("prune --json").good().json();
    assert_eq!((&pruned["schema"], &pruned["claims"]), (&"portus/1".into(), &serde_json::json!([])));
    assert_eq!(pruned["leases"], serde_json::json!([]));
    assert_eq!(world.rig.json(&world.dir, ["list", "--json"])["leases"][0]["port"], port);
}

#[test]
fn a_range_that_overlaps_the_ephemeral_one_is_told_of_once() {
    let world = World::new();
    let ephemeral = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap();
    let first: u16 = ephemeral.split_whitespace().next().unwrap().parse().unwrap();
    let (low, high) = (first + 5, first + 104);
    world.configure(&format!("[services.a]\nrange = \"{low}-{high}\"\n[services.b]\nrange = \"{low}-{high}\"\n"));
    for args in ["request a b --json".to_owned(), format!("request c --range {low}-{high} --json")] {
        let notes = world.say(&args).good().json()["notes"].to_string();
        assert_eq!(notes.matches("overlaps the system's ephemeral range").count(), 1, "{notes}");
        assert!(notes.contains("ip_local_reserved_ports=") && notes.contains(&format!("{low}-{high}`")), "{notes}");
    }
    let doctor = world.say("doctor");
    assert_eq!(doctor.stdout.matches(&format!("{low}-{high} overlaps")).count(), 1, "{}", doctor.stdout);
    assert!(doctor.stdout.contains("ip_local_reserved_ports"), "{}", doctor.stdout);
}
