//! Tests that need more than a user has: mounts that only they see, or the rights of root.

use std::io::Write as _;
use std::process::Command;

/// Set in the test program that runs inside.
const INSIDE: &str = "PORTUS_TEST_INSIDE";

/// Whether this is the test inside. From outside, the test of this name is run once more, in mounts of its own, and
/// must pass there.
///
/// Where the system does not let this user have them, that is said, and nothing is shown; in CI it fails.
pub fn in_own_mounts(test: &str) -> bool {
    if std::env::var_os(INSIDE).is_some() {
        return true;
    }
    let is_root = portus_os::place::user().uid == 0;
    let options: &[&str] = if is_root { &["--mount"] } else { &["--mount", "--user", "--map-root-user"] };
    let possible = Command::new("unshare").args(options).arg("true").output();
    if !possible.as_ref().is_ok_and(|output| output.status.success()) {
        return skipped(test, &format!("this user gets no mounts of their own ({possible:?})"));
    }
    let mut again = Command::new("unshare");
    again.args(options).arg(std::env::current_exe().unwrap()).args(["--exact", test, "--nocapture"]);
    let output = again.env(INSIDE, "1").env("PORTUS_BIN", crate::portus_binary()).output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && said.contains("1 passed"), "inside:\n{said}");
    false
}

/// Whether this is root, who alone can pretend to be another user.
///
/// If not, that is said, and nothing is shown; in CI it fails.
pub fn as_root(test: &str) -> bool {
    portus_os::place::user().uid == 0 || skipped(test, "only root can pretend to be another user")
}

/// Says so past the test harness, which shows nothing of tests that pass.
fn skipped(test: &str, why: &str) -> bool {
    assert!(std::env::var_os("CI").is_none(), "{test}: {why}");
    let _ = writeln!(std::io::stderr(), "SKIPPED, nothing shown: {test}: {why}");
    false
}
