//! Every bad configuration: exit code 2, and golden words with file, line, column and the nearest valid name.

use std::fmt::Write as _;
use std::path::Path;

use crate::rig::{Said, World};

/// Where the bad word stands.
#[derive(Clone, Copy)]
enum In {
    /// `portus.toml` at the worktree's root.
    Project,
    /// `config.toml` of the user.
    User,
    /// The environment, as `NAME=value` lines.
    Environment,
}

const TABLE: &[(In, &str)] = &[
    (In::Project, "[services.web\n"),
    (In::Project, "name = shop\n"),
    (In::Project, "[services.web]\npreferred = 3000\npreferred = 3001\n"),
    (In::Project, "services = 1\n"),
    (In::Project, "[servces.web]\n"),
    (In::Project, "[leases]\npending = '5m'\n"),
    (In::Project, "[project]\nnam = 'shop'\n"),
    (In::Project, "[project]\nname = ''\n"),
    (In::Project, "[project]\nname = 3\n"),
    (In::Project, "[project]\nname = \"a\\u0007b\"\n"),
    (In::Project, "[pool]\nrnage = '20000-20999'\n"),
    (In::Project, "[pool]\nrange = 20000\n"),
    (In::Project, "[pool]\nrange = '20999-20000'\n"),
    (In::Project, "[pool]\nrange = '0-10'\n"),
    (In::Project, "[pool]\nexclude = ['x']\n"),
    (In::Project, "[pool]\nexclude = [true]\n"),
    (In::Project, "[pool]\non_exhausted = 'expend'\n"),
    (In::Project, "[pool]\non_exhausted = 'expand'\n"),
    (In::Project, "[pool]\nexpand_range = '70000-70010'\n"),
    (In::Project, "[pool]\ndead = 'kep'\n"),
    (In::Project, "[services]\nweb = 1\n"),
    (In::Project, "[services.'a/b']\n"),
    (In::Project, "[services.3000]\n"),
    (In::Project, "[services.web]\nprefered = 3000\n"),
    (In::Project, "[services.web]\nport = 3000\n"),
    (In::Project, "[services.web]\npreferred = 0\n"),
    (In::Project, "[services.web]\npreferred = 65536\n"),
    (In::Project, "[services.web]\npreferred = 30.5\n"),
    (In::Project, "[services.web]\nrange = '3000..3099'\n"),
    (In::Project, "[services.web]\nfallback = [3999]\n"),
    (In::Project, "[services.web]\nprotocol = 'tpc'\n"),
    (In::Project, "[services.web]\nenv = ['PATH']\n"),
    (In::Project, "[services.web]\nenv = ['1PORT']\n"),
    (In::Project, "[services.web]\nenv = ['LD_PRELOAD']\n"),
    (In::Project, "[services.web]\nenv = ['NODE_OPTIONS']\n"),
    (In::Project, "[services.web]\nenv = ['PYTHONSTARTUP']\n"),
    (In::Project, "[services.web]\nenv = ['BASH_ENV']\n"),
    (In::Project, "[services.web]\nenv = ['PORTUS_HOME']\n"),
    (In::Project, "[services.web]\ncommand_env = { IFS = 'x' }\n"),
    (In::Project, "[services.web]\ncommand_env = { DYLD_INSERT_LIBRARIES = 'x' }\n"),
    (In::Project, "[services.web]\ncommand_env = 'A=1'\n"),
    (In::Project, "[services.web]\nhealth = 'http://example.com/health'\n"),
    (In::Project, "[services.web]\nhealth = 'http://localhost@example.com/'\n"),
    (In::Project, "[services.web]\nhealth = 'http://localhost:80@example.com/'\n"),
    (In::Project, "[services.web]\nhealth = 'https://localhost/'\n"),
    (In::Project, "[services.web]\nhealth = 'sh -c reboot'\n"),
    (In::Project, "[services.my-web]\n[services.'my.web']\n"),
    (In::Project, "[services.api]\nenv = 'X_PORT'\n[services.web]\nenv = 'X_PORT'\n"),
    (In::Project, "[mirror]\nportsjson = '.ports.json'\n"),
    (In::Project, "[mirror]\nports_json = '../.ports.json'\n"),
    (In::Project, "[mirror]\nports_json = '/tmp/ports.json'\n"),
    (In::Project, "[mirror]\nports_json = 'package.json'\n"),
    (In::Project, "[mirror]\nports_json = ''\n"),
    (In::Project, "[mirror]\nports_json = '.git/ports.json'\n"),
    (In::Project, "[daemon]\nidle_exit = '5m'\n"),
    (In::User, "[demon]\nidle_exit = '5m'\n"),
    (In::User, "[services.web]\npreferred = 3000\n"),
    (In::User, "[pool]\nrange = 'all'\n"),
    (In::User, "[leases]\npendng = '5m'\n"),
    (In::User, "[leases]\npending = '5'\n"),
    (In::User, "[leases]\nlapsing = 30\n"),
    (In::User, "[leases]\nttl_max = '200y'\n"),
    (In::User, "[leases]\ncool_down = '-1s'\n"),
    (In::User, "[claims]\nunused = 'never'\n"),
    (In::User, "[claims]\nmissing = ''\n"),
    (In::User, "[daemon]\nidle_exit = 'nevr'\n"),
    (In::User, "[daemon]\nidle_exit = '0s'\n"),
    (In::User, "[daemon]\nlog_level = 'inof'\n"),
    (In::User, "[metrics]\naddress = '0.0.0.0:9464'\n"),
    (In::User, "[metrics]\naddress = 'localhost'\n"),
    (In::User, "[alerts]\npool_percent = 0\n"),
    (In::User, "[alerts]\npool_percent = '91%'\n"),
    (In::Environment, "PORTUS_POOL_RANGE=29999-20000"),
    (In::Environment, "PORTUS_POOL_EXCLUDE=20000,x"),
    (In::Environment, "PORTUS_POOL_ON_EXHAUSTED=wait"),
    (In::Environment, "PORTUS_LEASES_PENDING=soon"),
    (In::Environment, "PORTUS_DAEMON_LOG_LEVEL=loud"),
    (In::Environment, "PORTUS_METRICS_ADDRESS=192.0.2.1:9464"),
    (In::Environment, "PORTUS_ALERTS_POOL_PERCENT=101"),
    (In::Environment, "PORTUS_SERVICE=a/b"),
    (In::Environment, "PORTUS_DISABLED=ja"),
    (In::Environment, "MCP_PORT_DISCOVERY_DISABLED=maybe"),
    (In::Environment, "MCP_PORT_PREFERRED=http"),
    (In::Environment, "MCP_PORT_RANGE_START=8001"),
    (In::Environment, "MCP_PORT_RANGE_START=8100\nMCP_PORT_RANGE_END=8001"),
    (In::Environment, "MCP_PORT_RANGE_START=x\nMCP_PORT_RANGE_END=8100"),
    (In::Environment, "MCP_PORT_REGISTRY=/etc/ports.json"),
    (In::Environment, "MCP_PORT_REGISTRY=registry.yaml"),
];

/// What `portus request` says, with the directories of this run taken out.
fn said(world: &World, shop: &Path, place: In, text: &str) -> Said {
    let (project, user) = (shop.join("portus.toml"), world.home().join("config.toml"));
    let mut command = world.portus(shop, &["request"]);
    let (of_project, of_user) = match place {
        In::Project => (text, ""),
        In::User => ("", text),
        In::Environment => {
            command.envs(text.lines().filter_map(|line| line.split_once('=')));
            ("", "")
        }
    };
    std::fs::write(&project, of_project).unwrap();
    std::fs::write(&user, of_user).unwrap();
    let mut said = Said::of(&command.output().unwrap());
    for (path, name) in [(project, "portus.toml"), (user, "config.toml")] {
        said.err = said.err.replace(&path.display().to_string(), name);
    }
    said
}

#[test]
fn every_bad_configuration_is_exit_code_2_and_its_golden_message() {
    let world = World::new();
    let shop = world.shop();
    std::fs::create_dir_all(world.home()).unwrap();
    let mut golden = String::new();
    for (place, text) in TABLE {
        let said = said(&world, &shop, *place, text);
        assert_eq!((said.code, said.out.as_str()), (2, ""), "{text}: {said:?}");
        let place = match place {
            In::Project => "portus.toml",
            In::User => "config.toml",
            In::Environment => "environment",
        };
        writeln!(golden, "== {place}\n{}\n--\n{}", text.trim_end(), said.err).unwrap();
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/bad_config.txt");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &golden).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    for (now, before) in golden.split("== ").zip(written.split("== ")) {
        assert_eq!(now, before, "UPDATE_GOLDEN=1 cargo test -p portus-cli writes the words anew");
    }
    assert_eq!(golden.len(), written.len());
    assert!(!world.home().join("daemon.sock").exists(), "a daemon was started");
}

#[test]
fn the_same_mistake_is_told_in_json() {
    let world = World::new();
    let shop = world.shop();
    let file = shop.join("portus.toml");
    std::fs::write(&file, "[services.web]\nprefered = 3000\n").unwrap();
    for command in [["request", "--json"], ["list", "--json"], ["env", "--json"], ["get", "--json"]] {
        let error = &world.say(&shop, &command).ended_with(2).json()["error"];
        assert_eq!(error["code"], "invalid_config", "{command:?}");
        let place = format!("{}:2:1: unknown key `prefered` in [services.web]", file.display());
        assert_eq!(
            (error["message"].as_str(), error["hint"].as_str()),
            (Some(&*place), Some("did you mean `preferred`?"))
        );
    }
    let run = world.say(&shop, &["run", "--json", "--", "true"]).ended_with(2).json();
    assert_eq!(run["error"]["code"], "invalid_config");
}
