//! Tests that need all of a machine's ports for themselves: once more, in a network that only they see.

use std::process::Command;

/// Set in the test program that runs inside.
const INSIDE: &str = "PORTUS_TEST_NETWORK";

/// The ways to a network of one's own: as a user who becomes root in a namespace, and as root.
const WAYS: [&[&str]; 2] = [&["--user", "--map-root-user", "--net"], &["--net"]];

/// Whether this is the test inside, where only the loopback interface is. From outside, the test of this name is run
/// once more, in a network of its own, and must pass there. A system that gives none fails the test.
pub fn in_own_network(test: &str) -> bool {
    if std::env::var_os(INSIDE).is_some() {
        return true;
    }
    let tried = WAYS.map(|way| (way, Command::new("unshare").args(way).arg("true").output()));
    let works = |tried: &std::io::Result<std::process::Output>| tried.as_ref().is_ok_and(|out| out.status.success());
    let way = tried.iter().find(|(_, tried)| works(tried)).map(|(way, _)| *way);
    let way = way.unwrap_or_else(|| panic!("this system gives no network of one's own: {tried:?}"));
    let mut again = Command::new("unshare");
    let up = "ip link set lo up 2>/dev/null || ifconfig lo up || exit 99; exec \"$@\"";
    again.args(way).args(["sh", "-c", up, "sh"]).arg(std::env::current_exe().unwrap());
    let home = tempfile::tempdir().unwrap();
    again.args(["--exact", test, "--nocapture"]).env(INSIDE, "1").env("PORTUS_BIN", crate::portus_binary());
    // What the user of this machine has configured is none of the test's.
    again.env("HOME", home.path()).env("PORTUS_HOME", home.path().join("portus"));
    let output = again.output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && said.contains("1 passed"), "inside:\n{said}");
    false
}
