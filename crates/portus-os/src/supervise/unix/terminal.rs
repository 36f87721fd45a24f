//! Who has the terminal's foreground: whom the keyboard, and Ctrl-C, reach.

use rustix::process::Pid;
use rustix::stdio::stdin;
use rustix::termios::{tcgetpgrp, tcsetpgrp};

/// Whether standard input is our terminal, and its foreground is our process group.
pub(super) fn is_ours() -> bool {
    own_group().is_some_and(belongs_to)
}

/// Whether standard input is our terminal, and its foreground is this process group.
pub(super) fn belongs_to(group: Pid) -> bool {
    tcgetpgrp(stdin()).is_ok_and(|foreground| foreground == group)
}

/// Puts a process group into the foreground. `SIGTTOU` is blocked (by the trap, or while spawning), so that
/// this works from the background as well and does not stop us. `false` when the terminal is gone.
pub(super) fn give_to(group: Pid) -> bool {
    tcsetpgrp(stdin(), group).is_ok()
}

/// Puts our own process group into the foreground.
pub(super) fn take_back() -> bool {
    own_group().is_some_and(give_to)
}

/// Our own process group. One that was begun outside of our pid namespace, as a container's may be, has no number here.
#[expect(unsafe_code, reason = "rustix takes it for granted that the group has a number")]
fn own_group() -> Option<Pid> {
    // SAFETY: it takes nothing, and only tells a number.
    Pid::from_raw(unsafe { libc::getpgrp() })
}
