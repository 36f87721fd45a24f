use super::*;

fn read(text: &str) -> PortsJson {
    parse(text.as_bytes()).expect("it reads")
}

fn refused(text: &str) -> String {
    parse(text.as_bytes()).expect_err("it is refused").to_string()
}

#[test]
fn a_file_of_an_earlier_registry_is_read_and_written_again() {
    let text = r#"{
  "version": "1.0",
  "updated": "2025-10-02T12:30:00.250Z",
  "allocations": {
    "backend api": {
      "port": 8000,
      "pid": null,
      "started": null,
      "host": null
    },
    "governance": {
      "port": 8001,
      "pid": 4242,
      "started": "2025-10-02T12:00:00.000Z",
      "host": "localhost"
    }
  }
}
"#;
    let file = read(text);
    let governance = &file.allocations["governance"];
    assert_eq!((governance.port.number(), governance.pid), (8001, Some(4242)));
    assert_eq!(render(&file), text);
}

#[test]
fn nobody_has_a_port() {
    let file = PortsJson { version: None, updated: None, allocations: BTreeMap::new() };
    assert_eq!(render(&file), "{\n  \"version\": \"1.0\",\n  \"updated\": null,\n  \"allocations\": {}\n}\n");
    assert_eq!(read(&render(&file)).allocations, file.allocations);
}

#[test]
fn what_is_missing_unknown_or_written_otherwise_is_taken() {
    let file = read("\u{feff}{\"allocations\":{\"web\":{\"port\":3000}}}");
    let web = Allocation { port: Port::new(3000).expect("a port"), pid: None, started: None, host: None };
    assert_eq!(file.allocations["web"], web);
    let file =
        read(r#"{"version":2,"by":{"x":[1]},"updated":7,"allocations":{"web":{"port":3000,"pid":-1,"zone":1}}}"#);
    assert_eq!((file.version.as_deref(), file.updated), (Some("2"), None));
    assert_eq!(file.allocations["web"], web);
}

#[test]
fn a_time_without_an_offset_is_utc_and_one_that_is_none_counts_as_none() {
    for (text, expected) in [
        ("2025-10-02T12:30:00.250123", Some("2025-10-02T12:30:00.250Z")),
        ("2025-10-02 12:30:00+02:00", Some("2025-10-02T10:30:00.000Z")),
        ("yesterday", None),
        ("1960-01-01T00:00:00Z", None),
    ] {
        let file = read(&format!(r#"{{"updated":"{text}","allocations":{{}}}}"#));
        assert_eq!(file.updated.map(|time| time.to_string()).as_deref(), expected, "{text}");
    }
}

#[test]
fn what_is_no_list_of_ports_is_refused_with_its_place() {
    let ports = "ports are whole numbers from 1 to 65535";
    for (text, expected) in [
        ("", "1:1: this is no JSON: it is empty".to_owned()),
        ("{\n  \"allocations\": {\n", "3:1: this is no JSON: it ends too early".to_owned()),
        ("{}", "1:2: this is no list of ports: missing field `allocations`".to_owned()),
        ("[]", "1:2: this is no list of ports: invalid length 2, expected an object with `allocations`".to_owned()),
        (
            r#"{"allocations":{"web":3000}}"#,
            "1:26: this is no list of ports: invalid type: integer `3000`, expected an object with a `port`".to_owned(),
        ),
        (
            "{\"allocations\":\n{\"web\": {\"port\": 70000}}}",
            format!("2:23: this is no list of ports: `70000` is not a port: {ports}"),
        ),
        (
            r#"{"allocations":{"web":{"port":0}}}"#,
            format!("1:32: this is no list of ports: `0` is not a port: {ports}"),
        ),
        (
            r#"{"allocations":{"web":{"port":"80"}}}"#,
            format!("1:35: this is no list of ports: `\"80\"` is not a port: {ports}"),
        ),
        (r#"{"allocations":{"web":{}}}"#, "1:24: this is no list of ports: missing field `port`".to_owned()),
    ] {
        assert_eq!(refused(text), expected, "{text}");
    }
    let long = " ".repeat(LEN_MAX + 1);
    assert_eq!(refused(&long), "the file has 1048577 bytes: the limit is 1048576");
}

#[test]
fn a_path_stays_in_its_worktree_and_says_what_it_is() {
    for path in [".ports.json", "ports.json", "./sub/my-ports.json"] {
        assert_eq!(check_path(path), Ok(()), "{path}");
    }
    let long = format!("{}ports.json", "x/".repeat(PATH_LEN_MAX));
    for (path, why) in [
        ("", "does not end in `ports.json`"),
        (".", "does not end in `ports.json`"),
        (".bashrc", "does not end in `ports.json`"),
        (".git/ports.json", "is within git's own directory"),
        ("sub/.GIT/x/ports.json", "is within git's own directory"),
        ("../ports.json", "leaves the worktree"),
        ("a/../../ports.json", "leaves the worktree"),
        ("/etc/ports.json", "leaves the worktree"),
        ("a\\ports.json", "leaves the worktree"),
        ("\u{1b}ports.json", "holds a control character"),
        (&long, "has too long a path"),
    ] {
        assert_eq!(check_path(path), Err(why), "{path}");
    }
}
