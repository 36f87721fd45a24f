//! The daemon that there is, seen from outside: who it is, and its end where it does not answer.

use std::time::{Duration, Instant};

use portus_core::ProcessIdentity;
use portus_os::place::{Home, InstanceLock};
use portus_os::process::{self, Signal};

use crate::connect::wait_until_gone;

/// How long a daemon that does not answer has to leave when it is told to by a signal.
const GRACE: Duration = Duration::from_secs(2);

/// The process that is this home's daemon: it holds the lock, is called as a daemon is, and belongs to this user.
#[must_use]
pub fn incumbent(home: &Home) -> Option<ProcessIdentity> {
    let pid = InstanceLock::holder(&home.lock())?;
    let identity = process::identity_of(pid).ok().flatten()?;
    let words = process::command_line(pid);
    let is_daemon = words.windows(2).any(|pair| pair[0] == "daemon" && pair[1] == "run");
    (is_daemon && process::is_own_user(pid)).then_some(identity)
}

/// Ends a daemon that does not answer: TERM, some time to obey, then KILL, which is a supported way to stop it. Its
/// leases stay in the journal. Whom it ended; nobody where none is to be identified, or it does not end.
#[must_use]
pub fn end_incumbent(home: &Home) -> Option<ProcessIdentity> {
    let daemon = incumbent(home)?;
    let tell = |signal| {
        // Whether it helped, the lock tells.
        let _ = process::signal(&daemon, signal);
    };
    tell(Signal::Terminate);
    // One that was stopped would not get to see the request before it is woken.
    tell(Signal::Continue);
    if wait_until_gone(home, Instant::now() + GRACE).is_err() {
        tell(Signal::Kill);
        wait_until_gone(home, Instant::now() + GRACE).ok()?;
    }
    Some(daemon)
}
