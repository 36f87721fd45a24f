//! What makes no sense is refused with exit code 2, in words and in JSON, and no daemon is started for it.

use crate::rig::World;

/// Command lines, and what is said about each.
const SENSELESS: &[(&str, &str)] = &[
    ("request --port 0", "`0` is not a port"),
    ("request --port 70000", "`70000` is not a port"),
    ("request --port -1", "unexpected argument"),
    ("request --port 80x", "`80x` is not a port"),
    ("request --range 3099-3000", "did you mean 3000-3099?"),
    ("request --range 3000-", "`` is not a port"),
    ("request --fallback 0", "`0` is not a port"),
    ("request --count 0", "0 is not in 1..=64"),
    ("request --count 65", "65 is not in 1..=64"),
    ("request --contiguous", "--count"),
    ("request --strict", "--port"),
    ("request --wait 30s", "--port"),
    ("request --protocol tpc", "[possible values: tcp, udp, both]"),
    ("request --ttl 5", "no length of time"),
    ("request --ttl 5x", "no length of time"),
    ("request --ttl 0s", "no time at all"),
    ("request --ttl -5m", "unexpected argument"),
    ("request --pid 0", "0 is not in 1.."),
    ("request ../etc", "no service name"),
    ("request a/b", "no service name"),
    ("request .hidden", "no service name"),
    ("request 3000", "all digits"),
    ("request web web", "asked for twice"),
    ("request web api --port 3000", "--port names one port"),
    ("request --prot 3000", "unexpected argument '--prot'"),
    ("request --timeout 0", "no time at all"),
    ("reqest web", "unrecognized subcommand 'reqest'"),
    ("release", "nothing is named"),
    ("release --worktree web", "services are named too"),
    ("release lease:x", "names no lease"),
    ("release 0", "not a port"),
    ("confirm", "required"),
    ("get web --wait soon", "no length of time"),
    ("quarantine x", "not a port"),
    ("revive", "required"),
    ("env --format csh", "csh"),
    ("scan 9-1", "did you mean 1-9?"),
    ("completions tcsh", "tcsh"),
    ("daemon", "subcommand"),
    ("daemon launch", "unrecognized subcommand 'launch'"),
    ("--json", "subcommand"),
];

#[test]
fn senseless_arguments_are_refused() {
    let world = World::new();
    let shop = world.shop();
    let long = "x".repeat(300);
    for (line, about) in SENSELESS {
        let said = world.say(&shop, &line.split(' ').collect::<Vec<_>>());
        let text = if *line == "--json" { &said.out } else { &said.err };
        assert_eq!(said.code, 2, "{line}: {said:?}");
        assert!(text.contains(about), "{line}: {said:?}");
        let in_json: Vec<&str> = line.split(' ').chain(["--json"]).collect();
        let json = world.say(&shop, &in_json).ended_with(2).json();
        assert!(json["error"]["message"].as_str().is_some_and(|message| !message.is_empty()), "{line}: {json}");
        assert!(json["error"]["code"].is_string() && json["error"]["hint"].is_string(), "{line}: {json}");
    }
    for name in ["", &long, "a b", "ä", "web\n"] {
        let said = world.say(&shop, &["request", name]).ended_with(2);
        assert!(said.err.contains("service name"), "{name:?}: {said:?}");
        assert!(!said.err.contains("panicked"));
    }
    assert!(!world.home().join("portus.sock").exists(), "no daemon is needed to say that");
}

#[test]
fn an_error_has_a_hint_on_a_line_of_its_own() {
    let world = World::new();
    let shop = world.shop();
    let said = world.say(&shop, &["release"]).ended_with(2);
    let lines: Vec<&str> = said.err.lines().collect();
    assert_eq!(lines.len(), 2);
    assert!(lines[0].starts_with("error: ") && lines[1].starts_with("hint: "), "{said:?}");
    assert_eq!(said.out, "");
    let json = world.say(&shop, &["release", "--json"]).ended_with(2);
    assert_eq!(json.err, "");
    assert_eq!(json.json()["error"]["next"], "portus release --worktree");
}

#[test]
fn a_directory_that_is_not_there_is_named() {
    let world = World::new();
    let shop = world.shop();
    let said = world.say(&shop, &["request", "web", "--worktree", "nowhere"]).ended_with(2);
    assert!(said.err.contains("nowhere"), "{said:?}");
    for name in ["", "  ", "a\nb", &"x".repeat(201)] {
        world.say(&shop, &["request", "web", "--project", name]).ended_with(2);
    }
}

#[cfg(unix)]
#[test]
fn arguments_that_are_not_text_are_refused() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;

    let world = World::new();
    let shop = world.shop();
    let strange = OsStr::from_bytes(b"w\xffb");
    for line in [vec![OsStr::new("request"), strange], vec![strange], vec![OsStr::new("release"), strange]] {
        let said = world.say(&shop, &line).ended_with(2);
        assert!(!said.err.contains("panicked"), "{said:?}");
        let mut in_json = line.clone();
        in_json.push(OsStr::new("--json"));
        world.say(&shop, &in_json).ended_with(2).json();
    }
    let dir = world.dir("plain").join(strange);
    std::fs::create_dir(&dir).unwrap();
    let said = world.say(&dir, &["request", "web"]).ended_with(2);
    assert!(said.err.contains("not UTF-8"), "{said:?}");
}
