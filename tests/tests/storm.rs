//! Many at once, and crashes in the middle.
#![cfg(unix)]

use std::collections::{BTreeMap, BTreeSet};
use std::process::{Command, Stdio};

use portus_tests::Rig;

#[test]
fn sixty_four_at_once_without_a_daemon_start_one_and_get_different_ports() {
    let rig = Rig::new();
    let dir = rig.directory("app");
    let children: Vec<_> = (0..64)
        .map(|n| {
            let mut command = rig.portus(&dir, ["request", &format!("svc-{n}"), "--json"]);
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        })
        .collect();
    let mut ports = BTreeSet::new();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(answer["schema"], "portus/1");
        ports.insert(answer["leases"][0]["port"].as_u64().unwrap());
    }
    assert_eq!(ports.len(), 64);
    let log = std::fs::read_to_string(rig.home().join("daemon.log")).unwrap();
    assert_eq!(log.matches("serving").count(), 1, "more than one daemon served:\n{log}");
}

#[test]
fn a_killed_daemon_loses_no_acknowledged_lease_and_doubles_none() {
    let rig = Rig::new();
    let dir = rig.directory("app");
    let mut acknowledged: BTreeMap<String, u64> = BTreeMap::new();
    for round in 0..8 {
        let children: Vec<_> = (0..8)
            .map(|n| {
                let service = format!("r{round}-{n}");
                let mut command = rig.portus(&dir, ["request", &service, "--json", "--timeout", "20s"]);
                (service, command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
            })
            .collect();
        if let Some(pid) = rig.daemon_pid() {
            Command::new("kill").args(["-s", "KILL", &pid.to_string()]).status().unwrap();
        }
        for (service, child) in children {
            let output = child.wait_with_output().unwrap();
            // A request that was cut off may fail; one that was answered must hold.
            if output.status.success() {
                let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
                acknowledged.insert(service, answer["leases"][0]["port"].as_u64().unwrap());
            }
        }
    }
    assert!(!acknowledged.is_empty());
    let list = rig.json(&dir, ["list", "--json"]);
    let leases = list["leases"].as_array().unwrap();
    let listed: BTreeMap<_, _> =
        leases.iter().map(|lease| (lease["service"].as_str().unwrap(), &lease["port"])).collect();
    for (service, port) in &acknowledged {
        assert_eq!(listed.get(service.as_str()).and_then(|port| port.as_u64()), Some(*port), "{service} was lost");
    }
    let ports: BTreeSet<_> = leases.iter().map(|lease| lease["port"].as_u64().unwrap()).collect();
    assert_eq!(ports.len(), leases.len(), "a port was leased twice");
}

#[test]
fn a_daemon_whose_socket_was_tidied_away_is_replaced_and_loses_nothing() {
    let rig = Rig::new();
    let dir = rig.directory("app");
    let port = rig.say(&dir, ["request", "web"]).good().port();
    let unreachable = rig.daemon_pid().unwrap();
    std::fs::remove_file(rig.home().join("portus.sock")).unwrap();
    assert_eq!(rig.json(&dir, ["list", "--json"])["leases"][0]["port"], port);
    assert_ne!(rig.daemon_pid().unwrap(), unreachable);
}
