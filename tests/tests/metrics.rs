//! Figures and alerts of the real daemon: counted, shown, scraped, and quiet when nothing happens.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "tests report by panicking")]

#[path = "metrics/scraping.rs"]
mod scraping;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use portus_tests::{Piped, Rig, Running};
use serde_json::Value;

#[cfg(target_os = "linux")]
use scraping::{ANY_PORT, get, served};

/// Nothing here takes longer unless it hangs.
const PATIENCE: Duration = Duration::from_secs(20);

/// A rig whose daemon has more in its settings.
fn rig(settings: &str) -> Rig {
    let rig = Rig::new();
    configure(&rig, settings);
    rig
}

/// Puts more into a rig's settings.
fn configure(rig: &Rig, settings: &str) {
    let file = rig.home().join("config.toml");
    let own = fs::read_to_string(&file).unwrap();
    fs::write(&file, format!("{own}\n{settings}")).unwrap();
}

fn stats(rig: &Rig) -> Value {
    rig.json(&rig.work(), ["stats", "--json"])
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("no number: {value}"))
}

fn alerts(stats: &Value) -> Vec<&str> {
    stats["alerts"].as_array().unwrap().iter().map(|alert| alert["code"].as_str().unwrap()).collect()
}

/// Ten ports that no other rig has: the end of the rig's own pool.
fn ten_ports(rig: &Rig) -> (u16, String) {
    let settings = fs::read_to_string(rig.home().join("config.toml")).unwrap();
    let last: u16 = settings.split('-').nth(1).unwrap().split('"').next().unwrap().parse().unwrap();
    (last - 9, format!("{}-{last}", last - 9))
}

/// The next event of `portus watch --json` that is an alert.
fn next_alert(watch: &mut Running) -> (String, Value) {
    loop {
        let line = watch.line();
        let event: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"));
        if event["event"] == "alert" {
            return (event["state"].as_str().unwrap().to_owned(), event["alert"].clone());
        }
    }
}

fn watch(rig: &Rig) -> Running {
    let mut watch = Running::start(rig.portus(&rig.work(), ["watch", "--json", "-v"]));
    assert!(watch.error_line().contains("watching"));
    watch
}

#[test]
fn refusals_are_counted_by_reason_and_requests_by_outcome() {
    let rig = Rig::new();
    let (mine, other) = (rig.directory("mine"), rig.directory("other"));
    let port = rig.say(&mine, ["request", "web"]).good().port();
    rig.say(&mine, ["request", "web"]).good();
    let strict = port.to_string();
    rig.say(&other, ["request", "web", "--port", &strict, "--strict"]).ended_with(4);
    rig.say(&other, ["request", "api", "--range", &format!("{port}-{port}")]).ended_with(4);
    rig.say(&other, ["release", "lease:1"]).ended_with(5);
    rig.say(&mine, ["renew", "nothing"]).ended_with(3);
    rig.say(&mine, ["confirm", "web"]).ended_with(3);
    rig.say(&mine, ["revive", "2999"]).ended_with(3);
    rig.say(&other, ["request", "web", "--port", &strict, "--strict", "--wait", "1ms"]).ended_with(7);
    rig.say(&mine, ["release", "web"]).good();

    let stats = stats(&rig);
    let counters = &stats["counters"];
    let refusals = counters["refusals"].as_object().unwrap();
    let counted: Vec<(&str, u64)> =
        refusals.iter().map(|(code, count)| (code.as_str(), number(count))).filter(|(_, count)| *count > 0).collect();
    let wanted = [
        ("no_listener", 1),
        ("no_port_available", 1),
        ("no_such_lease", 1),
        ("not_quarantined", 1),
        ("not_yours", 1),
        ("port_unavailable", 1),
        ("timed_out", 1),
    ];
    assert_eq!(counted, wanted);
    assert_eq!(counters["requests"], serde_json::json!({"granted": 1, "reused": 1, "refused": 3, "abandoned": 0}));
    assert_eq!((number(&counters["allocations"]), number(&counters["ended"]["released"])), (1, 1));
    assert_eq!(number(&counters["calls"]["request"]), 5);
    assert_eq!(number(&stats["request_duration"]["count"]), 4, "the one that waited is not among them");
    assert!(number(&stats["commit_duration"]["count"]) >= 2);
    assert!(number(&counters["connections"]) >= 10);
    assert!(number(&counters["cleanup_runs"]) >= 1, "the start is one");
    assert_eq!(stats["metrics_address"], Value::Null);
    let page = rig.say(&mine, ["stats"]).good().stdout;
    assert!(page.contains("alerts       none\n") && page.contains("1 no_port_available"), "{page}");
}

#[test]
fn a_lease_whose_holder_died_is_counted_as_stale() {
    let rig = Rig::new();
    let dir = rig.directory("app");
    let mut holder = Command::new("cat");
    holder.stdout(Stdio::null());
    let mut holder = Piped::start(holder);
    rig.say(&dir, ["request", "web", "--pid", &holder.pid().to_string()]).good();
    let mut watch = watch(&rig);
    holder.end();
    let mut line = watch.line();
    while !line.contains("\"event\":\"ended\"") {
        line = watch.line();
    }
    assert!(line.contains("holder_exited"), "{line}");
    let stats = stats(&rig);
    assert_eq!(number(&stats["counters"]["ended"]["holder_exited"]), 1);
    assert_eq!(number(&stats["counters"]["stale_leases_removed"]), 1);
    assert!(number(&stats["counters"]["events"]) >= 1);
    assert_eq!(number(&stats["gauges"]["subscribers"]), 1);
}

#[test]
fn a_range_that_fills_up_raises_an_alert_and_clears_it_when_ports_are_given_back() {
    let rig = Rig::new();
    let dir = rig.directory("app");
    rig.say(&dir, ["daemon", "start"]).good();
    let mut watch = watch(&rig);
    let (_, range) = ten_ports(&rig);
    let ask = |service: &str| rig.json(&dir, ["request", service, "--range", &range, "--json"]);
    (1..=8).for_each(|nth| drop(ask(&format!("s{nth}"))));
    assert_eq!(alerts(&stats(&rig)), [""; 0], "eight of ten are not yet much");
    ask("s9");
    let (state, alert) = next_alert(&mut watch);
    assert_eq!(
        (state.as_str(), &alert["code"], &alert["subject"]),
        ("raised", &"pool_nearly_full".into(), &range.as_str().into())
    );
    assert_eq!(alert["severity"], "warning");
    assert!(alert["message"].as_str().unwrap().contains("9 of the 10"), "{alert}");
    assert_eq!(alerts(&stats(&rig)), ["pool_nearly_full"]);
    // Whoever gets the last one hears of it, and it is not told again.
    let notes = ask("s10")["notes"].to_string();
    assert!(notes.contains("9 of the 10 usable ports"), "{notes}");
    let shown = rig.say(&dir, ["stats"]).good().stdout;
    assert!(shown.contains("! warning") && shown.contains("10 of the 10"), "{shown}");
    let doctor = rig.say(&dir, ["doctor"]).good().stdout;
    assert!(doctor.contains("pool_nearly_full"), "{doctor}");
    let metrics = rig.say(&dir, ["metrics"]).good().stdout;
    assert!(metrics.contains("portus_alerts{code=\"pool_nearly_full\"} 1\n"), "{metrics}");
    assert!(metrics.contains(&format!("portus_pool_ports_in_use{{range=\"{range}\"}} 10\n")), "{metrics}");
    for (service, is_up) in [("s10", true), ("s9", false)] {
        rig.say(&dir, ["release", service]).good();
        assert_eq!(alerts(&stats(&rig)).contains(&"pool_nearly_full"), is_up, "{service}");
    }
    assert_eq!(next_alert(&mut watch).0, "cleared");
    let log = rig.say(&dir, ["daemon", "logs"]).good().stdout;
    assert_eq!(log.matches("alert: ").count(), 1, "{log}");
    assert_eq!(log.matches("no longer nearly full: ").count(), 1, "{log}");
}

#[test]
fn the_threshold_of_the_pool_is_the_users() {
    let rig = rig("[alerts]\npool_percent = 20\n");
    let dir = rig.directory("app");
    let (_, range) = ten_ports(&rig);
    rig.say(&dir, ["request", "s1", "--range", &range]).good();
    assert_eq!(alerts(&stats(&rig)), [""; 0]);
    let said = rig.say(&dir, ["request", "s2", "--range", &range]).good();
    assert_eq!(said.stderr, "", "nothing is said to be without effect");
    assert_eq!(alerts(&stats(&rig)), ["pool_nearly_full"]);
}

#[test]
fn one_refusal_after_the_other_is_an_alert_that_is_logged_once() {
    let rig = Rig::new();
    let (mine, other) = (rig.directory("mine"), rig.directory("other"));
    let port = rig.say(&mine, ["request", "web"]).good().port().to_string();
    for _ in 0..4 {
        rig.say(&other, ["request", "web", "--port", &port, "--strict"]).ended_with(4);
    }
    assert_eq!(alerts(&stats(&rig)), [""; 0]);
    for _ in 0..4 {
        rig.say(&other, ["request", "web", "--port", &port, "--strict"]).ended_with(4);
        assert_eq!(alerts(&stats(&rig)), ["repeated_failures"]);
    }
    let log = rig.say(&mine, ["daemon", "logs"]).good().stdout;
    assert_eq!(log.matches("alert: ").count(), 1, "{log}");
}

/// Holds the journal's lock, as a program that has it open would, until its standard input ends.
const LOCKING: &str = "import sqlite3, sys
journal = sqlite3.connect(sys.argv[1], isolation_level=None)
journal.execute('BEGIN IMMEDIATE')
print('locked', flush=True)
sys.stdin.read()
journal.execute('ROLLBACK')";

#[test]
fn a_journal_that_cannot_be_written_is_an_alert_until_it_can() {
    let rig = Rig::new();
    let dir = rig.directory("app");
    rig.say(&dir, ["request", "web"]).good();
    let mut watch = watch(&rig);
    let mut locking = Command::new("python3");
    locking.args(["-c", LOCKING]).arg(rig.home().join("journal.db"));
    let mut locking = Piped::start(locking);
    assert_eq!(locking.line(), "locked");
    rig.say(&dir, ["request", "api"]).ended_with(1);
    let (state, alert) = next_alert(&mut watch);
    assert_eq!((state.as_str(), &alert["code"]), ("raised", &"journal_not_writable".into()));
    assert_eq!(alert["severity"], "critical");
    assert!(alert["message"].as_str().unwrap().contains("journal.db"), "{alert}");
    let before = stats(&rig);
    assert_eq!(alerts(&before)[0], "journal_not_writable", "{before}");
    assert!(number(&before["counters"]["journal_failures"]) >= 1);
    assert_eq!(number(&before["counters"]["refusals"]["journal_failed"]), 1);
    rig.say(&dir, ["doctor"]).ended_with(1);
    locking.end();
    rig.say(&dir, ["request", "api"]).good();
    assert_eq!(next_alert(&mut watch).0, "cleared");
    assert!(!alerts(&stats(&rig)).contains(&"journal_not_writable"));
}

/// How often the daemon's threads have slept and been woken so far.
#[cfg(target_os = "linux")]
fn wake_ups(pid: u32) -> u64 {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let count = |task: &Path| -> u64 {
        let status = fs::read_to_string(task.join("status")).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:")).unwrap();
        line.trim().parse().unwrap()
    };
    tasks.map(|task| count(&task.unwrap().path())).sum()
}

/// With figures served, an alert raised and a lease active: a daemon to which nothing happens does nothing.
#[cfg(target_os = "linux")]
#[test]
fn nothing_wakes_a_daemon_to_which_nothing_happens() {
    let rig = rig(&format!("{ANY_PORT}[alerts]\npool_percent = 5\n"));
    let dir = rig.directory("app");
    let (_, range) = ten_ports(&rig);
    let port = rig.say(&dir, ["request", "web", "--range", &range]).good().port();
    let mut server = Command::new("python3");
    server.args(["-u", "-m", "http.server", "--bind", "127.0.0.1", &port.to_string()]).current_dir(&dir);
    let mut server = Running::start(server);
    assert!(server.line().starts_with("Serving"));
    rig.say(&dir, ["get", "web", "--wait", "20s"]).good();
    let address = served(&rig);
    assert!(get(&address, "/metrics", &address).starts_with("HTTP/1.1 200 "));
    assert_eq!(alerts(&stats(&rig)), ["pool_nearly_full"]);
    let pid = rig.daemon_pid().unwrap();
    // How often it is woken while another program lasts that long.
    let woken_within = |seconds: &str| {
        let before = wake_ups(pid);
        let mut clock = Command::new("timeout").args([seconds, "cat"]).stdin(Stdio::piped()).spawn().unwrap();
        let open = clock.stdin.take();
        clock.wait().unwrap();
        drop(open);
        wake_ups(pid) - before
    };
    // The first second may still see the end of what was begun before.
    let woken = (woken_within("1"), woken_within("2"));
    assert_eq!(woken.1, 0, "{woken:?}");
}
