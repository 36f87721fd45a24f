//! Portus switched off: the preferred port, no daemon, and a word about it. And what is said in containers.

use crate::rig::{Said, World};

/// What a command says with these variables.
fn with(world: &World, args: &[&str], variables: &[(&str, &str)]) -> Said {
    let mut command = world.portus(&world.shop(), args);
    Said::of(&command.envs(variables.iter().copied()).output().unwrap())
}

fn off(world: &World, args: &[&str], variables: &[(&str, &str)]) -> Said {
    with(world, args, &[&[("PORTUS_DISABLED", "1")], variables].concat())
}

#[test]
fn the_preferred_port_is_answered_without_a_daemon() {
    let world = World::new();
    let said = off(&world, &["request", "web", "--port", "3000"], &[]).ended_with(0);
    assert_eq!(said.port(), 3000);
    assert!(said.err.starts_with("note: PORTUS_DISABLED is set"), "{said:?}");
    let json = off(&world, &["request", "web", "--port", "3000", "--json"], &[]).ended_with(0).json();
    assert_eq!((&json["leases"][0]["port"], json["notes"].as_array().unwrap().len()), (&3000.into(), 1));
    for (args, variables, port) in [
        (&["request", "web"][..], &[("SERVICE_PORT", "4000")][..], 4000),
        (&["request", "web"], &[("WEB_PORT", "4001"), ("SERVICE_PORT", "4000")], 4001),
        (&["request", "web", "--port", "3000"], &[("WEB_PORT", "4001")], 3000),
        (&["request", "web"], &[("MCP_PORT_PREFERRED", "8001")], 8001),
        (&["get", "web"], &[("WEB_PORT", "4001")], 4001),
    ] {
        let said = off(&world, args, variables).ended_with(0);
        assert_eq!(said.port(), port, "{args:?} {variables:?}");
        assert!(said.err.contains("is only what `web` prefers"), "{said:?}");
    }
    let earlier = with(&world, &["request", "web", "--port", "3000"], &[("MCP_PORT_DISCOVERY_DISABLED", "true")]);
    assert!(earlier.ended_with(0).err.starts_with("note: MCP_PORT_DISCOVERY_DISABLED is set"));
    let refused = off(&world, &["request", "web"], &[]).ended_with(4);
    assert!(refused.err.contains("in WEB_PORT or SERVICE_PORT; or unset PORTUS_DISABLED"), "{refused:?}");
    off(&world, &["request", "web"], &[("SERVICE_PORT", "x")]).ended_with(2);
    let refused = off(&world, &["request", "web"], &[("WEB_PORT", "x")]).ended_with(2);
    assert!(refused.err.contains("error: WEB_PORT: `x` is not a port"), "{refused:?}");
    off(&world, &["request", "web", "api"], &[("SERVICE_PORT", "4000")]).ended_with(4);
    let both = off(&world, &["request", "web", "api"], &[("WEB_PORT", "4001"), ("API_PORT", "4002")]).ended_with(0);
    assert_eq!(both.out, "4001\n4002\n");
    assert!(!world.home().exists(), "a daemon was started");
    with(&world, &["request", "web"], &[("PORTUS_DISABLED", "0")]).ended_with(0);
}

#[test]
fn who_waits_for_a_service_is_not_told_that_it_is_up_when_nobody_listens() {
    let world = World::new();
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let wait = |time| off(&world, &["get", "web", "--wait", time], &[("WEB_PORT", &port)]);
    assert_eq!(wait("30s").ended_with(0).out, format!("{port}\n"));
    drop(listener);
    let said = wait("10ms").ended_with(7);
    assert!(said.err.contains(&format!("nobody listens on port {port}")), "{said:?}");
    let json = off(&world, &["request", "web", "--json"], &[("WEB_PORT", &port)]).ended_with(0).json();
    let lease = &json["leases"][0];
    assert_eq!(
        (&lease["id"], &lease["state"], &lease["ended"]),
        (&0.into(), &"pending".into(), &serde_json::Value::Null)
    );
}

#[test]
fn what_the_project_prefers_counts_and_its_siblings_are_known() {
    let world = World::new();
    let file =
        "[services.web]\npreferred = 3000\nenv = ['VITE_PORT']\n[services.api]\n[services.db]\nprotocol = 'udp'\n";
    std::fs::write(world.shop().join("portus.toml"), file).unwrap();
    let variables = [("API_PORT", "4002")];
    assert_eq!(off(&world, &["request", "web", "api"], &variables).ended_with(0).out, "3000\n4002\n");
    assert_eq!(off(&world, &["get", "web", "--url"], &variables).ended_with(0).out, "http://localhost:3000\n");
    let env = off(&world, &["env", "--json"], &variables).ended_with(0).json();
    assert_eq!(env["env"]["VITE_PORT"], "3000");
    assert_eq!(env["env"]["PORTUS_PORT_API"], "4002");
    assert_eq!(env["env"]["PORTUS_PORT_DB"], serde_json::Value::Null);
    assert!(env["notes"][0].as_str().unwrap().starts_with("PORTUS_DISABLED is set"), "{env}");
    #[cfg(unix)]
    {
        let echo = "echo $PORT $VITE_PORT $PORTUS_PORT_API";
        let ran = off(&world, &["run", "-s", "web", "--", "sh", "-c", echo], &variables).ended_with(0);
        assert_eq!(ran.out, "3000 3000 4002\n");
        assert!(ran.err.contains("switched off by PORTUS_DISABLED: web gets port 3000, unchecked"), "{ran:?}");
    }
    assert!(!world.home().exists(), "a daemon was started");
}

#[test]
fn doctor_says_that_it_is_switched_off_and_by_whom() {
    let world = World::new();
    let variables = [
        ("MCP_PORT_DISCOVERY_DISABLED", "on"),
        ("MCP_PORT_PREFERRED", "8001"),
        ("MCP_PORT_RANGE_START", "8001"),
        ("MCP_PORT_RANGE_END", "8100"),
        ("MCP_PORT_REGISTRY", ".ports.json"),
        ("PORTUS_SERVICE", "governance"),
    ];
    std::fs::write(world.shop().join("portus.toml"), "[services.governance]\nfallback = 8001\n").unwrap();
    let doctor = with(&world, &["doctor", "--json"], &variables).ended_with(0).json();
    let disabled = doctor["checks"].as_array().unwrap().iter().find(|check| check["name"] == "disabled").unwrap();
    assert_eq!(disabled["status"], "warn");
    let lines: Vec<String> = doctor["config"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| ["name", "value", "source"].map(|field| line[field].as_str().unwrap()).join(" "))
        .collect();
    for wanted in [
        "service governance $PORTUS_SERVICE",
        "disabled yes $MCP_PORT_DISCOVERY_DISABLED",
        "request.preferred 8001 $MCP_PORT_PREFERRED",
        "request.range 8001-8100 $MCP_PORT_RANGE_START and $MCP_PORT_RANGE_END",
        "mirror.ports_json .ports.json $MCP_PORT_REGISTRY",
        "pool.on_exhausted fail default",
        "services.governance.preferred none default",
        &format!("services.governance.fallback 8001 {}:2", world.shop().join("portus.toml").display()),
        "services.governance.protocol tcp default",
    ] {
        assert!(lines.iter().any(|line| line == wanted), "{wanted}: {lines:#?}");
    }
}

#[test]
fn the_earlier_registries_variables_are_heeded() {
    let world = World::new();
    let first = crate::rig::free_port();
    let (start, end) = (first.to_string(), (first + 1).to_string());
    let variables = [
        ("MCP_PORT_PREFERRED", end.as_str()),
        ("MCP_PORT_RANGE_START", start.as_str()),
        ("MCP_PORT_RANGE_END", end.as_str()),
    ];
    let given = with(&world, &["request", "web", "api", "--sequential"], &variables).ended_with(0).out;
    assert_eq!(given, format!("{end}\n{start}\n"), "the first one prefers the port, both are of the range");
}

#[test]
fn doctor_looks_at_the_environments_range_as_at_any_other() {
    let world = World::new();
    let Ok(text) = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range") else { return };
    let first: u16 = text.split_whitespace().next().unwrap().parse().unwrap();
    let (start, end) = (first.to_string(), (first + 9).to_string());
    let variables = [("MCP_PORT_RANGE_START", start.as_str()), ("MCP_PORT_RANGE_END", end.as_str())];
    let doctor = with(&world, &["doctor", "--json"], &variables).ended_with(0).json();
    let checks = doctor["checks"].as_array().unwrap();
    let is_told = checks.iter().any(|check| {
        let message = check["message"].as_str().unwrap();
        check["status"] == "warn" && message.starts_with(&format!("request.range: {start}-{end} overlaps"))
    });
    assert!(is_told, "{doctor}");
}

#[test]
fn in_a_pod_whoever_asks_is_told_whose_the_ports_are() {
    let world = World::new();
    let pod = [("KUBERNETES_SERVICE_HOST", "10.0.0.1")];
    let said = with(&world, &["request", "web"], &pod).ended_with(0);
    assert!(said.err.contains("KUBERNETES_SERVICE_HOST is set") && said.err.contains("PORTUS_DISABLED=1"), "{said:?}");
    let json = with(&world, &["request", "web", "--json"], &pod).ended_with(0).json();
    assert!(json["notes"].to_string().contains("KUBERNETES_SERVICE_HOST is set"), "{json}");
    let doctor = with(&world, &["doctor", "--json"], &pod).ended_with(0).json();
    assert!(doctor["checks"].as_array().unwrap().iter().any(|check| check["name"] == "container"), "{doctor}");
    assert!(!with(&world, &["request", "web"], &[]).ended_with(0).err.contains("KUBERNETES"));
    let quiet = off(&world, &["request", "web", "--port", "3000"], &pod).ended_with(0);
    assert!(!quiet.err.contains("KUBERNETES"), "who has switched it off knows: {quiet:?}");
}
