//! What the two earlier registries did, row by row, done by Portus: each test is named after its row.
//!
//! Some rows are where their subject is: the order of candidates with strangers on each port, and the expansion after
//! cleaning, in `candidates.rs`; the mirror, and a corrupt one set aside, in `mirror.rs`. Whoever needs the very
//! numbers of those days runs in a network of its own.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test reports by panicking")]

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use portus_client::config::Wish;
use portus_client::{Client, Overrides, ServerPort, ServerPortError, ServerWish, Workspace};
use portus_core::{Bind, Port, PortRegistry, RegistryError};
use portus_os::place::Home;
use portus_proto::{AwaitCall, Call, Reply, RequestCall, Scope, Target};
use portus_tests::network::in_own_network;
use portus_tests::wish::{connect, for_one_port};
use portus_tests::{Piped, Rig, Said};

const HOSTS: &str = "50000-51000";

/// A world, and one directory in it.
struct World {
    rig: Rig,
    dir: PathBuf,
}

impl World {
    fn new() -> Self {
        let rig = Rig::new();
        let dir = rig.directory("app");
        Self { rig, dir }
    }

    fn say(&self, args: &str) -> Said {
        self.rig.say(&self.dir, args.split_whitespace())
    }

    fn say_with(&self, variables: &[(&str, &str)], args: &str) -> Said {
        let mut command = self.rig.portus(&self.dir, args.split_whitespace());
        Said::from(command.envs(variables.iter().copied()).output().unwrap())
    }

    fn start(&self, args: &str) -> Child {
        let mut command = self.rig.portus(&self.dir, args.split_whitespace());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    fn connect(&self) -> Client {
        connect(&Home::at(self.rig.home()))
    }

    fn workspace(&self) -> Workspace {
        Workspace::find(&self.dir, &Overrides::default()).unwrap()
    }

    /// How many live leases there are.
    fn leases(&self) -> usize {
        self.connect().all_leases(Scope::All, false).unwrap().leases.len()
    }
}

/// What a host of HTTP MCP servers wants for one of them.
fn host(service: &str, retries: u32) -> ServerWish {
    let wish = Wish { range: Some(HOSTS.parse().unwrap()), sequential: true, ..Wish::default() };
    ServerWish { service: service.parse().unwrap(), wish, retries }
}

fn bind(port: u16) -> std::io::Result<TcpListener> {
    TcpListener::bind(("127.0.0.1", port))
}

fn wanted(world: &World, number: usize) -> RequestCall {
    let mut call = for_one_port(world.workspace().key(format!("host-{number}").parse().unwrap()));
    call.asks[0].range = Some(HOSTS.parse().unwrap());
    call.asks[0].sequential = true;
    call
}

#[test]
fn in_process_registry_allocates_in_sequence_skips_dead_ports_retries_and_explains_exhaustion() {
    if !in_own_network("in_process_registry_allocates_in_sequence_skips_dead_ports_retries_and_explains_exhaustion") {
        return;
    }
    let mut registry = PortRegistry::new(50000..=51000);
    let strangers = [bind(50000).unwrap(), bind(50001).unwrap()];
    registry.mark_dead(50002);
    let or_next = |port| match bind(port) {
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => Bind::InUse,
        other => Bind::Done(other.unwrap()),
    };
    let (port, own) = registry.bind_with_retry(5, or_next).unwrap();
    assert_eq!((port, own.local_addr().unwrap().port()), (50003, 50003));
    assert_eq!(registry.dead(), [50000, 50001, 50002]);
    drop(strangers);
    assert_eq!(registry.allocate(), Ok(50004), "a dead port stays dead");
    let error = std::iter::from_fn(|| Some(registry.allocate())).find_map(Result::err).unwrap();
    assert_eq!(error, RegistryError::Exhausted { first: 50000, last: 51000, allocated: 998, dead: 3 });
}

#[test]
fn http_mcp_hosts_get_1001_ports_and_the_next_one_is_refused_with_reasons() {
    if !in_own_network("http_mcp_hosts_get_1001_ports_and_the_next_one_is_refused_with_reasons") {
        return;
    }
    portus_os::port::raise_descriptor_limit().unwrap();
    let world = World::new();
    let mut client = world.connect();
    let mut servers = Vec::new();
    for number in 0..1001 {
        let reply = client.request(wanted(&world, number)).unwrap();
        let port = reply.leases[0].port.number();
        assert_eq!(usize::from(port), 50000 + number, "in sequence");
        let server = bind(port);
        // Whether it was only for a moment tells what was in the way.
        servers.push(server.unwrap_or_else(|error| panic!("{port}: {error}; once more: {:?}", bind(port))));
        if number == 0 {
            let notes = reply.notes.join("\n");
            assert!(notes.contains("50000-51000 overlaps the system's ephemeral range"), "{notes}");
        }
    }
    let refused = world.say(&format!("request one-more --range {HOSTS} --sequential")).ended_with(4);
    assert!(refused.stderr.contains(&format!("in {HOSTS}: 1001 leased")), "{}", refused.stderr);
    assert!(refused.stderr.contains("--fallback"), "it says what to do: {}", refused.stderr);

    // One that stops makes room for one.
    let _ = world.say("release host-500").good();
    drop(servers.swap_remove(500));
    let _ = world.say("forget host-500").good();
    assert_eq!(world.say("request host-500 --port 50500 --strict").good().port(), 50500);
}

#[test]
fn a_dead_port_is_skipped_until_it_is_revived() {
    if !in_own_network("a_dead_port_is_skipped_until_it_is_revived") {
        return;
    }
    let world = World::new();
    let ask = |service: &str| world.say(&format!("request {service} --range {HOSTS} --sequential")).good().port();
    let _ = world.say("quarantine 50000 --reason test").good();
    assert_eq!(ask("first"), 50001);
    let _ = world.say("revive 50000").good();
    assert_eq!(ask("second"), 50000);
}

#[test]
fn eaddrinuse_is_retried_on_the_next_port_in_sequence() {
    if !in_own_network("eaddrinuse_is_retried_on_the_next_port_in_sequence") {
        return;
    }
    let world = World::new();
    let mut strangers = Vec::new();
    let mut tried = Vec::new();
    // The stranger comes between the grant and the bind, which no look could have told.
    let faster = |port| {
        tried.push(port);
        if tried.len() <= 2 {
            strangers.push(bind(port).unwrap());
        }
        bind(port)
    };
    let (own, listener) = ServerPort::bind(world.connect(), &world.workspace(), &host("mcp", 5), faster).unwrap();
    assert_eq!(tried, [50000, 50001, 50002]);
    assert_eq!((own.port().number(), listener.local_addr().unwrap().port()), (50002, 50002));
    assert_eq!(world.leases(), 1, "those that could not be bound are over");
}

#[test]
fn retries_are_bounded_and_their_end_is_explained() {
    if !in_own_network("retries_are_bounded_and_their_end_is_explained") {
        return;
    }
    let world = World::new();
    let mut strangers = Vec::new();
    let faster = |port| {
        strangers.push(bind(port).unwrap());
        bind(port)
    };
    let error = ServerPort::bind(world.connect(), &world.workspace(), &host("mcp", 2), faster).unwrap_err();
    let ServerPortError::InUse { tried, .. } = &error else { panic!("{error:?}") };
    assert_eq!(tried.iter().map(|port| port.number()).collect::<Vec<_>>(), [50000, 50001, 50002]);
    assert!(error.to_string().contains("none of 3 ports tried for `mcp`"), "{error}");
    assert!(error.hint().contains("portus explain 50000"), "{}", error.hint());
    assert_eq!(world.leases(), 0, "no lease is left behind");
    let denied = |_| Err::<(), _>(std::io::Error::from(std::io::ErrorKind::PermissionDenied));
    let error = ServerPort::bind(world.connect(), &world.workspace(), &host("mcp", 2), denied).unwrap_err();
    assert!(matches!(error, ServerPortError::Bind { .. }), "{error:?}");
    assert_eq!(world.leases(), 0);
}

#[test]
fn a_port_that_cannot_be_bound_though_nobody_shows_is_kept_dead_if_so_configured() {
    if !in_own_network("a_port_that_cannot_be_bound_though_nobody_shows_is_kept_dead_if_so_configured") {
        return;
    }
    let world = World::new();
    let in_use = || std::io::Error::from(std::io::ErrorKind::AddrInUse);
    for (dead, until) in [("reboot", "reboot"), ("keep", "revived")] {
        std::fs::write(world.dir.join("portus.toml"), format!("[pool]\ndead = \"{dead}\"\n")).unwrap();
        let mut bad = None;
        let unlucky = |port| {
            let is_first = *bad.get_or_insert(port) == port;
            if is_first { Err(in_use()) } else { bind(port) }
        };
        let own = ServerPort::bind(world.connect(), &world.workspace(), &host("mcp", 1), unlucky).unwrap();
        let quarantines = world.connect().quarantines().unwrap();
        let found = quarantines.iter().find(|one| one.port == Port::new(bad.unwrap()).unwrap()).unwrap();
        assert_eq!(found.until.word(), until);
        drop(own);
    }
}

#[test]
fn the_lease_is_given_back_when_the_server_stops() {
    if !in_own_network("the_lease_is_given_back_when_the_server_stops") {
        return;
    }
    let world = World::new();
    let serve = || ServerPort::bind(world.connect(), &world.workspace(), &host("mcp", 0), bind).unwrap();
    let (own, listener) = serve();
    assert_eq!((own.granted().holder.as_ref().unwrap().pid, world.leases()), (std::process::id(), 1));
    drop((listener, own));
    assert_eq!(world.leases(), 0);
    let (own, listener) = serve();
    assert_eq!(own.port().number(), 50000, "and the number is the same the next time");
    drop(listener);
    own.release().unwrap();
    assert_eq!(world.leases(), 0);
    // The same for a program that knows nothing of Portus.
    let _ = world.say(&format!("run -s web --range {HOSTS} -- true")).good();
    assert_eq!(world.leases(), 0);
}

#[test]
fn ten_concurrent_discoveries_give_ten_different_ports() {
    if !in_own_network("ten_concurrent_discoveries_give_ten_different_ports") {
        return;
    }
    let world = World::new();
    let children: Vec<Child> =
        (0..10).map(|number| world.start(&format!("request s{number} --range {HOSTS} --sequential"))).collect();
    let ports = children.into_iter().map(|child| Said::from(child.wait_with_output().unwrap()).good().port());
    assert_eq!(ports.collect::<BTreeSet<_>>(), (50000..50010).collect());
}

#[test]
fn service_registry_preferred_range_and_fallback_of_the_service_table() {
    if !in_own_network("service_registry_preferred_range_and_fallback_of_the_service_table") {
        return;
    }
    let world = World::new();
    let table = [
        ("governance", 8001, "8001-8100", Some(8001)),
        ("http-bridge", 8002, "8001-8100", None),
        ("backend-api", 8000, "8000-8099", None),
        ("websocket", 8080, "8080-8180", None),
    ];
    let services = table.map(|(name, preferred, range, fallback)| {
        let fallback = fallback.map_or_else(String::new, |port: u16| format!("fallback = {port}\n"));
        format!("[services.{name}]\npreferred = {preferred}\nrange = \"{range}\"\n{fallback}")
    });
    std::fs::write(world.dir.join("portus.toml"), services.concat()).unwrap();
    let all = world.say("request governance http-bridge backend-api websocket").good();
    assert_eq!(all.stdout, "8001\n8002\n8000\n8080\n");
    let _ = world.say("release governance http-bridge backend-api websocket").good();

    // Another worktree's services find the preferred ports taken, and get others of their ranges.
    let strangers: Vec<TcpListener> = table.iter().map(|(_, preferred, ..)| bind(*preferred).unwrap()).collect();
    let all = world.say("request governance http-bridge backend-api websocket").good();
    let ports: Vec<u16> = all.stdout.lines().map(|line| line.parse().unwrap()).collect();
    assert_eq!(ports.iter().collect::<BTreeSet<_>>().len(), 4, "{ports:?}");
    for (port, (name, preferred, range, _)) in ports.iter().zip(&table) {
        let (first, last) = range.split_once('-').unwrap();
        assert!((first.parse().unwrap()..=last.parse().unwrap()).contains(port), "{name}: {port}");
        assert_ne!(port, preferred);
        assert!(all.stderr.contains(&format!("`{name}` did not get its preferred port {preferred}")), "{}", all.stderr);
    }
    drop(strangers);
}

#[test]
fn environment_variables_of_the_earlier_registries_are_understood() {
    if !in_own_network("environment_variables_of_the_earlier_registries_are_understood") {
        return;
    }
    let world = World::new();
    let range = [("MCP_PORT_RANGE_START", "8001"), ("MCP_PORT_RANGE_END", "8100")];
    let preferred = [range[0], range[1], ("MCP_PORT_PREFERRED", "8042")];
    assert_eq!(world.say_with(&preferred, "request web").good().port(), 8042);
    let port = world.say_with(&range, "request other").good().port();
    assert!((8001..=8100).contains(&port), "{port}");
}

#[test]
fn discovery_disabled_answers_the_preferred_port_without_a_daemon() {
    let world = World::new();
    let off = [("MCP_PORT_DISCOVERY_DISABLED", "true")];
    let said = world.say_with(&off, "request web --port 8042").good();
    assert_eq!(said.port(), 8042);
    assert!(said.stderr.contains("MCP_PORT_DISCOVERY_DISABLED is set"), "{}", said.stderr);
    assert!(!world.rig.home().join("journal.db").exists() && world.rig.daemon_pid().is_none());
}

#[test]
fn stale_leases_are_cleaned_at_start_and_counted() {
    let world = World::new();
    let mut holder = Piped::start(Command::new("cat"));
    let _ = world.say(&format!("request web --pid {}", holder.pid())).good();
    let waiting = world.say("request waiting").good().port();
    let lease = world.connect().all_leases(Scope::All, false).unwrap().leases[0].id;
    // The daemon goes first, so that it hears of nothing.
    let daemon = world.rig.daemon_pid().unwrap();
    let _ = Command::new("kill").args(["-s", "KILL", &daemon.to_string()]).status().unwrap();
    holder.end();

    let mut client = world.connect();
    let over = client.wait_for(AwaitCall { target: Target::Lease(lease), wait_ms: 20_000 }).unwrap_err();
    assert!(over.to_string().contains("is over (holder_exited)"), "{over}");
    let Reply::Stats(stats) = client.call(Call::Stats).unwrap() else { panic!("no stats") };
    assert_eq!((stats.counters.cleanup_runs, stats.counters.stale_leases_removed), (1, 1));
    let live = client.all_leases(Scope::All, false).unwrap().leases;
    assert_eq!(live.iter().map(|lease| lease.port.number()).collect::<Vec<_>>(), [waiting], "who waits is not stale");
    // What it logs is written beside, and is there when it is gone.
    let _ = world.say("daemon stop").good();
    let log = std::fs::read_to_string(Home::at(world.rig.home()).log()).unwrap();
    assert!(log.contains("recovered: cleaned 1 stale lease"), "{log}");
}
