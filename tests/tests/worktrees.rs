//! Two worktrees of one repository at once: the reason why Portus exists.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "tests report by panicking")]

use portus_tests::{Rig, Running, net};
use serde_json::Value;

const NODE_SERVER: &str = "require('http').createServer((_, res) => res.end('from node')).listen(process.env.PORT)";

#[test]
fn two_worktrees_run_at_once_each_on_its_own_port_and_get_it_back() {
    let rig = Rig::new();
    let repository = rig.repository("shop");
    let (main, feature) = (repository.path().to_owned(), repository.worktree("feature"));
    std::fs::write(main.join("index.html"), "from python").unwrap();
    let wish = net::free_port().to_string();
    let python = ["run", "-s", "web", "--port", &wish, "--", "python3", "-m", "http.server", "{port}"];
    let node = ["run", "-s", "web", "--port", &wish, "--", "node", "-e", NODE_SERVER];

    let mut former: Option<(u16, u16)> = None;
    for _ in 0..2 {
        let one = Running::start(rig.portus(&main, python));
        let other = Running::start(rig.portus(&feature, node));
        let ports = (
            rig.say(&main, ["get", "web", "--wait", "20s"]).good().port(),
            rig.say(&feature, ["get", "web", "--wait", "20s"]).good().port(),
        );
        assert_ne!(ports.0, ports.1);
        assert!(wish == ports.0.to_string() || wish == ports.1.to_string(), "nobody got the wish");
        assert_eq!(net::http_body(ports.0, "/"), "from python");
        assert_eq!(net::http_body(ports.1, "/"), "from node");
        assert_eq!(former.get_or_insert(ports), &ports, "each gets its own number back");

        let all = rig.json(&main, ["list", "--all", "--json"]);
        let listed = |worktree: &std::path::Path| find(&all, worktree, "web");
        assert_eq!(listed(&main)["port"], ports.0);
        assert_eq!(listed(&feature)["port"], ports.1);
        assert_eq!(listed(&main)["state"], "active");
        assert_eq!(listed(&feature)["evidence"], "lineage");

        one.signal("TERM");
        other.signal("INT");
        let _ = (one.wait(), other.wait());
        assert_eq!(rig.json(&main, ["list", "--all", "--json"])["leases"], Value::Array(Vec::new()));
    }
}

#[test]
fn packages_of_a_monorepo_need_no_names() {
    let rig = Rig::new();
    let repository = rig.repository("mono");
    let package = |name: &str| {
        let dir = repository.path().join("apps").join(name);
        std::fs::create_dir_all(&dir).unwrap();
        std::fs::write(dir.join("package.json"), "{}").unwrap();
        dir
    };
    let (web, api) = (package("web"), package("api"));
    let server = ["run", "--", "python3", "-m", "http.server", "{port}"];
    let _web = Running::start(rig.portus(&web, server));
    let _api = Running::start(rig.portus(&api, server));
    let port = rig.say(&web, ["get", "apps-web", "--wait", "20s"]).good().port();
    assert_ne!(port, rig.say(&web, ["get", "apps-api", "--wait", "20s"]).good().port());

    let again = rig.say(&web, server).ended_with(4);
    assert!(again.stderr.contains("already running") && again.stderr.contains(&port.to_string()), "{}", again.stderr);
    let again = rig.say(&web, ["run", "--json", "--", "true"]).ended_with(4);
    assert_eq!(again.json()["error"]["code"], "already_running");
}

fn find<'a>(list: &'a Value, worktree: &std::path::Path, service: &str) -> &'a Value {
    let wanted = |lease: &&Value| lease["worktree"] == worktree.to_str().unwrap() && lease["service"] == service;
    list["leases"].as_array().unwrap().iter().find(wanted).unwrap_or_else(|| panic!("not listed: {list}"))
}
