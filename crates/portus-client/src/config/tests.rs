use std::path::PathBuf;

use portus_core::{Port, Protocol};
use portus_proto::Key;

use super::*;

/// A worktree with files, and a user's file, of one test's own.
struct Files(tempfile::TempDir);

impl Files {
    fn new(files: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = dir.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        Self(dir)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn load(&self, dir: &str, variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let variable =
            |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        let user = self.path("user.toml");
        Config::load_from(&self.path("tree"), &self.path("tree").join(dir), Some(&user), &variable)
    }
}

/// What is said about a project file, with the file's own directory taken out.
fn said(text: &str) -> String {
    let files = Files::new(&[("tree/portus.toml", text)]);
    complaint(&files, &[])
}

fn said_of_user(text: &str) -> String {
    let files = Files::new(&[("user.toml", text), ("tree/x", "")]);
    complaint(&files, &[])
}

fn complaint(files: &Files, variables: &[(&str, &str)]) -> String {
    let error = files.load("", variables).unwrap_err();
    let text = format!("{error} | {}", error.hint).replace(&format!("{}/", files.0.path().display()), "");
    text.trim_end_matches(" | ").to_owned()
}

/// Project files with one mistake each, and what is said about it.
const MISTAKES: &[(&str, &str)] = &[
    ("[servces.web]\n", "tree/portus.toml:1:2: unknown key `servces` | did you mean `services`?"),
    ("[project]\nnam = 'x'\n", "tree/portus.toml:2:1: unknown key `nam` in [project] | did you mean `name`?"),
    (
        "[services.web]\n  prefered = 3000\n",
        "tree/portus.toml:2:3: unknown key `prefered` in [services.web] | did you mean `preferred`?",
    ),
    (
        "[services.web]\nport = 3000\n",
        "tree/portus.toml:2:1: unknown key `port` in [services.web] | known are preferred, range, fallback, env, \
             health, protocol, command_env",
    ),
    (
        "[services.web]\npreferred = 0\n",
        "tree/portus.toml:2:13: `services.web.preferred`: `0` is not a port: ports \
             are whole numbers from 1 to 65535",
    ),
    (
        "[services.web]\npreferred = 70000\n",
        "tree/portus.toml:2:13: `services.web.preferred`: `70000` is not a port: \
             ports are whole numbers from 1 to 65535",
    ),
    (
        "[services.web]\npreferred = true\n",
        "tree/portus.toml:2:13: `services.web.preferred` must be a number or a \
             text, not a boolean",
    ),
    (
        "[services.web]\nrange = '3099-3000'\n",
        "tree/portus.toml:2:9: `services.web.range`: the range 3099-3000 runs \
             backwards: did you mean 3000-3099?",
    ),
    (
        "[services.web]\nprotocol = 'tpc'\n",
        "tree/portus.toml:2:12: `services.web.protocol`: `tpc` is no protocol: \
             tcp, udp or both (did you mean `tcp`?)",
    ),
    (
        "[services.'a/b']\n",
        "tree/portus.toml:1:11: `a/b` is no service name: '/' may not stand there (letters, \
             digits, `.`, `_`, `-`; first a letter or digit)",
    ),
    ("[services.1]\n", "tree/portus.toml:1:11: `1` is all digits, which names a port, not a service"),
    ("[services]\nweb = 1\n", "tree/portus.toml:2:7: `services.web` must be a table, not an integer"),
    (
        "[services.web]\nenv = ['PATH']\n",
        "tree/portus.toml:2:8: `services.web.env`: a project's file may not set \
             `PATH`: programs take orders from it",
    ),
    (
        "[services.web]\nenv = ['A-B']\n",
        "tree/portus.toml:2:8: `services.web.env`: `A-B` is no name for a variable \
             (letters, digits and `_`; no digit in front)",
    ),
    (
        "[services.web]\ncommand_env = { LD_PRELOAD = 'x' }\n",
        "tree/portus.toml:2:17: a project's file may not set \
             `LD_PRELOAD`: programs take orders from it",
    ),
    (
        "[services.web]\nhealth = 'http://example.com/'\n",
        "tree/portus.toml:2:10: `services.web.health`: \
             `http://example.com/` is neither a path (`/health`), nor `tcp`, nor an http URL on localhost",
    ),
    (
        "[mirror]\nports_json = '../ports.json'\n",
        "tree/portus.toml:2:14: `mirror.ports_json`: `../ports.json` leaves \
             the worktree",
    ),
    (
        "[mirror]\nports_json = '/etc/ports.json'\n",
        "tree/portus.toml:2:14: `mirror.ports_json`: `/etc/ports.json` \
             leaves the worktree",
    ),
    (
        "[mirror]\nports_json = '.bashrc'\n",
        "tree/portus.toml:2:14: `mirror.ports_json`: `.bashrc` does not end in \
             `ports.json`",
    ),
    (
        "[pool]\non_exhausted = 'expend'\n",
        "tree/portus.toml:2:16: `pool.on_exhausted`: `expend` is none of fail, \
             expand (did you mean `expand`?)",
    ),
    (
        "[pool]\non_exhausted = 'expand'\n",
        "tree/portus.toml:2:16: `pool.on_exhausted` is \"expand\", but there is no \
             `pool.expand_range` | add expand_range = \"30000-30999\", or the like",
    ),
    ("[project]\nname = ''\n", "tree/portus.toml:2:8: `project.name`: a project's name is not empty"),
    (
        "[services.my-web]\n[services.'my.web']\n",
        "tree/portus.toml:2:11: the services `my-web` and `my.web` would \
             both be PORTUS_PORT_MY_WEB | rename one of them",
    ),
    (
        "[services.a]\nenv = 'X'\n[services.b]\nenv = 'X'\n",
        "tree/portus.toml:4:7: the services `a` and `b` both set \
             `X` | give one of them another variable",
    ),
];

#[test]
fn every_mistake_is_named_with_its_place_and_the_nearest_name() {
    for (text, wanted) in MISTAKES {
        assert_eq!(said(text), *wanted, "{text}");
    }
    assert!(said("[services.web\n").starts_with("tree/portus.toml:1:14: is not TOML: "));
}

#[test]
fn the_users_file_is_read_as_strictly() {
    for (text, wanted) in [
        ("[demon]\n", "user.toml:1:2: unknown key `demon` | did you mean `daemon`?"),
        ("[leases]\npending = 5\n", "user.toml:2:11: `leases.pending` must be a text in quotes, not an integer"),
        (
            "[leases]\npending = '5'\n",
            "user.toml:2:11: `leases.pending`: `5` is no length of time: write it like 500ms, \
             30s, 5m, 1h30m or 7d",
        ),
        (
            "[daemon]\nlog_level = 'inof'\n",
            "user.toml:2:13: `daemon.log_level`: `inof` is none of off, error, warn, \
             info, debug, trace (did you mean `info`?)",
        ),
        (
            "[metrics]\naddress = '0.0.0.0:9464'\n",
            "user.toml:2:11: `metrics.address`: 0.0.0.0:9464 is not on the \
             loopback interface",
        ),
        (
            "[alerts]\npool_percent = 101\n",
            "user.toml:2:16: `alerts.pool_percent`: `101` is no percentage from 1 to 100",
        ),
    ] {
        assert_eq!(said_of_user(text), wanted, "{text}");
    }
}

#[test]
fn a_variable_with_a_mistake_is_named() {
    let files = Files::new(&[("tree/x", "")]);
    let complaint = complaint(&files, &[("PORTUS_POOL_RANGE", "5-1")]);
    assert_eq!(
        complaint,
        "$PORTUS_POOL_RANGE: the range 5-1 runs backwards: did you mean 1-5? | correct the variable, or unset it"
    );
}

#[test]
fn nearer_words_go_before_farther_ones() {
    let files = Files::new(&[
        ("user.toml", "[pool]\nrange = '21000-21999'\nexclude = [21500]\n[daemon]\nidle_exit = 'never'\n"),
        ("tree/portus.toml", "[project]\nname = 'shop'\n[pool]\nrange = '22000-22999'\nexclude = ['22000-22010']\n"),
    ]);
    let range = |config: &Config| config.pool.range.as_ref().map(|range| range.value.to_string());
    let config = files.load("", &[]).unwrap();
    assert_eq!(range(&config).as_deref(), Some("22000-22999"));
    assert_eq!(config.pool.exclude.len(), 2, "a project cannot undo its user's exclusions");
    assert_eq!(config.project_name.as_ref().map(|name| name.value.as_str()), Some("shop"));
    assert_eq!(config.settings.idle_exit.as_ref().map(|idle| idle.value.is_zero()), Some(true));

    let config = files.load("", &[("PORTUS_POOL_RANGE", "23000-23999"), ("PORTUS_POOL_EXCLUDE", "1, 2-3")]).unwrap();
    assert_eq!(range(&config).as_deref(), Some("23000-23999"));
    assert_eq!(config.pool.exclude.len(), 4);
    let found = config.effective().into_iter().find(|line| line.name == "pool.range").unwrap();
    assert_eq!((found.value.as_str(), found.source.as_str()), ("23000-23999", "$PORTUS_POOL_RANGE"));
}

#[test]
fn a_packages_file_adds_to_that_of_the_root() {
    let files = Files::new(&[
        ("tree/portus.toml", "[services.web]\npreferred = 3000\n[services.api]\nprotocol = 'udp'\n"),
        ("tree/apps/web/portus.toml", "[project]\nname = 'no'\n[services.web]\npreferred = 4000\n"),
        ("tree/apps/web/src/x", ""),
        ("portus.toml", "this is above the worktree, and not read"),
    ]);
    let preferred =
        |config: &Config| config.services[&"web".parse().unwrap()].preferred.as_ref().map(|port| port.value);
    let outer = files.load("apps", &[]).unwrap();
    assert_eq!(preferred(&outer), Port::new(3000));
    let inner = files.load("apps/web/src", &[]).unwrap();
    assert_eq!(preferred(&inner), Port::new(4000));
    assert_eq!(inner.services.len(), 2);
    assert_eq!(inner.project_name, None);
    assert_eq!(inner.notes.len(), 1, "{:?}", inner.notes);
}

#[test]
fn the_callers_words_go_before_the_projects() {
    let files = Files::new(&[(
        "tree/portus.toml",
        "[services.web]\npreferred = 3000\nrange = '3000-3099'\nfallback = 3999\nprotocol = 'both'\n",
    )]);
    let config = files.load("", &[]).unwrap();
    let key = Key { project: "p".to_owned(), worktree: "/w".to_owned(), service: "web".parse().unwrap() };
    let ask = config.ask(key.clone(), &Wish::default(), Some("feature"));
    assert_eq!(ask.preferred, Port::new(3000));
    assert_eq!(ask.range.map(|range| range.to_string()).as_deref(), Some("3000-3099"));
    assert_eq!(ask.fallback.map(|range| range.to_string()).as_deref(), Some("3999"));
    assert_eq!(ask.protocol, Protocol::Both);
    assert_eq!(ask.linked.as_deref(), Some("feature"));
    let wish = Wish { preferred: Port::new(5000), protocol: Some(Protocol::Udp), ..Wish::default() };
    let ask = config.ask(key, &wish, None);
    assert_eq!((ask.preferred, ask.protocol), (Port::new(5000), Protocol::Udp));
}

#[test]
fn what_is_no_file_is_not_waited_for() {
    let files = Files::new(&[("tree/portus.toml/x", "")]);
    let error = files.load("", &[]).unwrap_err();
    assert_eq!(error.message, "is no file");
}

#[test]
fn dead_ports_are_kept_if_the_environment_says_so() {
    let files = Files::new(&[]);
    assert!(!files.load("", &[]).unwrap().pool.keeps_dead());
    assert!(files.load("", &[("PORTUS_POOL_DEAD", "keep")]).unwrap().pool.keeps_dead());
}

#[test]
fn the_earlier_registries_variables_are_the_environments_words() {
    let files = Files::new(&[("tree/portus.toml", "[services.web]\npreferred = 3000\nrange = '3000-3099'\n")]);
    let variables = [
        ("MCP_PORT_PREFERRED", "8001"),
        ("MCP_PORT_RANGE_START", "8001"),
        ("MCP_PORT_RANGE_END", "8100"),
        ("MCP_PORT_REGISTRY", ".ports.json"),
        ("MCP_PORT_DISCOVERY_DISABLED", "true"),
    ];
    let config = files.load("", &variables).unwrap();
    let key =
        |service: &str| Key { project: "p".to_owned(), worktree: "/w".to_owned(), service: service.parse().unwrap() };
    let ask = |wish: Wish, place| config.ask(key("web"), &config.environment.below(wish, place), None);
    let shown = |ask: portus_proto::Ask| {
        (ask.preferred.map(Port::number), ask.range.map(|range| range.to_string()).unwrap_or_default())
    };
    assert_eq!(shown(ask(Wish::default(), 0)), (Some(8001), "8001-8100".to_owned()));
    let second = shown(ask(Wish::default(), 1));
    assert_eq!(second, (None, "8001-8100".to_owned()), "3000 is farther than the range, and outside of it");
    let flag = Wish { preferred: Port::new(5000), ..Wish::default() };
    assert_eq!(shown(ask(flag, 0)).0, Some(5000));
    let flag = Wish { range: "6000-6010".parse().ok(), ..Wish::default() };
    assert_eq!(shown(ask(flag, 0)), (None, "6000-6010".to_owned()));
    assert_eq!(config.mirror.as_ref().map(|mirror| mirror.value.clone()), Some(PathBuf::from(".ports.json")));
    assert_eq!(config.disabled_by, Some("MCP_PORT_DISCOVERY_DISABLED"));
    let lines: Vec<String> =
        config.effective().iter().map(|line| format!("{} {} {}", line.name, line.value, line.source)).collect();
    for wanted in [
        "disabled yes $MCP_PORT_DISCOVERY_DISABLED",
        "request.preferred 8001 $MCP_PORT_PREFERRED",
        "request.range 8001-8100 $MCP_PORT_RANGE_START and $MCP_PORT_RANGE_END",
        "mirror.ports_json .ports.json $MCP_PORT_REGISTRY",
    ] {
        assert!(lines.iter().any(|line| line == wanted), "{wanted}: {lines:#?}");
    }
    let full = files.path("tree/run/my.ports.json").display().to_string();
    let mirror = files.load("", &[("MCP_PORT_REGISTRY", &full)]).unwrap().mirror.unwrap();
    assert_eq!(mirror.value, PathBuf::from("run/my.ports.json"));
}

#[test]
fn every_bad_variable_is_named() {
    let files = Files::new(&[("tree/x", "")]);
    let corrected = "correct the variable, or unset it";
    for (variables, wanted) in [
        (
            &[("MCP_PORT_PREFERRED", "http")][..],
            format!("$MCP_PORT_PREFERRED: `http` is not a port: ports are whole numbers from 1 to 65535 | {corrected}"),
        ),
        (
            &[("MCP_PORT_RANGE_START", "0")],
            format!("$MCP_PORT_RANGE_START: `0` is not a port: ports are whole numbers from 1 to 65535 | {corrected}"),
        ),
        (
            &[("MCP_PORT_RANGE_END", "8100")],
            "$MCP_PORT_RANGE_END: starts or ends a range at 8100, and MCP_PORT_RANGE_START is not set | set \
             MCP_PORT_RANGE_START as well, or neither"
                .to_owned(),
        ),
        (
            &[("MCP_PORT_RANGE_START", "8100"), ("MCP_PORT_RANGE_END", "8001")],
            "$MCP_PORT_RANGE_START: the range 8100-8001 runs backwards: did you mean 8001-8100? | correct the \
             variables, or unset them"
                .to_owned(),
        ),
        (
            &[("MCP_PORT_REGISTRY", "/etc/ports.json")],
            format!("$MCP_PORT_REGISTRY: `/etc/ports.json` leaves the worktree | {corrected}"),
        ),
        (
            &[("MCP_PORT_REGISTRY", "x.yaml")],
            format!("$MCP_PORT_REGISTRY: `x.yaml` does not end in `ports.json` | {corrected}"),
        ),
        (
            &[("MCP_PORT_DISCOVERY_DISABLED", "perhaps")],
            format!(
                "$MCP_PORT_DISCOVERY_DISABLED: `perhaps` is neither yes (1, true, yes, on) nor no (0, false, no, off) | {corrected}"
            ),
        ),
        (
            &[("PORTUS_DISABLED", "2")],
            format!("$PORTUS_DISABLED: `2` is neither yes (1, true, yes, on) nor no (0, false, no, off) | {corrected}"),
        ),
    ] {
        assert_eq!(complaint(&files, variables), wanted);
    }
}

/// Each key of the table is read: no text at all that no value may be leaves the reader content.
#[test]
fn every_key_of_the_table_is_read_in_the_file_and_in_the_environment() {
    for table in keys::PROJECT_FILE {
        let name = if table.name == "services" { "services.web" } else { table.name };
        for key in table.keys {
            let said = said(&format!("[{name}]\n{} = 1.5\n", key.name));
            assert!(said.contains(&format!("`{name}.{}` must be ", key.name)), "{said}");
        }
    }
    for table in keys::USER_FILE {
        for key in table.keys {
            let said = said_of_user(&format!("[{}]\n{} = 1.5\n", table.name, key.name));
            assert!(said.contains(&format!("`{}.{}` must be ", table.name, key.name)), "{said}");
            let variable = format!("PORTUS_{}_{}", table.name, key.name).to_uppercase();
            let files = Files::new(&[("tree/x", "")]);
            let said = complaint(&files, &[(&variable, "?")]);
            assert!(said.starts_with(&format!("${variable}: `?` ")), "{said}");
        }
    }
}
