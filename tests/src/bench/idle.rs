//! What the daemon does when nothing happens.

use std::time::{Duration, Instant};

use super::{Limit, Row};
use crate::Rig;

const SPAN: Duration = Duration::from_secs(30);

/// Goal 13: how often any thread of the daemon wakes up, with a server that runs and nothing pending.
pub(super) fn wakeups() -> Vec<Row> {
    let rig = Rig::new();
    let project = rig.repository("shop");
    let server =
        "import socket,time; s=socket.create_server(('127.0.0.1', {port})); print('up', flush=True); time.sleep(600)";
    let mut running = crate::Running::start(rig.portus(project.path(), ["run", "--", "python3", "-c", server]));
    assert_eq!(running.line(), "up");
    rig.say(project.path(), ["get", "default", "--wait", "30s"]).good();
    let pid = rig.daemon_pid().unwrap();
    // What the look at the new server leaves behind (threads that retire) is not idleness yet.
    pass(Duration::from_secs(20));
    let before = switches(pid);
    pass(SPAN);
    let woken = switches(pid) - before;
    running.signal("TERM");
    drop(running);
    #[expect(clippy::cast_precision_loss, reason = "a small number")]
    let woken = woken as f64;
    vec![Row::new(13, "wake-ups of an idle daemon in 30 s, one lease active", woken, Limit::AtMost(0.0), String::new())]
}

/// Lets time go by: what is measured is what happens in it.
fn pass(span: Duration) {
    let until = Instant::now() + span;
    while let Some(left) = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
        std::thread::park_timeout(left);
    }
}

fn switches(pid: u32) -> u64 {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap().flatten();
    tasks
        .map(|task| {
            let status = std::fs::read_to_string(task.path().join("status")).unwrap_or_default();
            let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
            line.and_then(|count| count.trim().parse::<u64>().ok()).unwrap_or(0)
        })
        .sum()
}
