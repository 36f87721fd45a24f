//! Starts the daemon so that nothing of the caller clings to it, and hears from it when it is up.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::path::Path;
use std::process::{ChildStdout, Command, Stdio};
use std::time::Instant;

/// The longest line of readiness that is read, in bytes.
const LINE_LEN_MAX: usize = 8 * 1024;

/// The variable by which a started process knows that its line is waited for.
const STARTED_VARIABLE: &str = "PORTUS_STARTED";

/// A process that was started to outlive its caller.
#[derive(Debug)]
pub struct Detached {
    pid: u32,
    output: ChildStdout,
}

/// What a started process said about being ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Readiness {
    /// It said this line (without its end): by convention `ready`, or what went wrong.
    Said(String),
    /// It ended, or closed its output, without a whole line. What it did write is here; its log
    /// may say more.
    Silent(String),
    /// The deadline came first; it may be starting still.
    TimedOut,
}

/// Starts `program` in a session of its own, in the root directory, with nothing to read, its
/// errors going to `log`, and its output coming back as one line of readiness.
///
/// It inherits the environment without what concerns the caller's own leases, and no descriptor
/// but the three standard ones. It stays a child of this process as long as that lives, and is
/// reaped when it ends.
///
/// # Errors
/// When it cannot be started.
pub fn spawn_detached<S: AsRef<OsStr>>(
    program: &Path,
    args: impl IntoIterator<Item = S>,
    log: File,
) -> io::Result<Detached> {
    // The working directory changes before the program is looked up.
    let mut command = Command::new(std::path::absolute(program)?);
    command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log);
    for (name, _) in std::env::vars_os() {
        if concerns_the_caller(&name) {
            command.env_remove(name);
        }
    }
    command.env(STARTED_VARIABLE, "1");
    detach(&mut command);
    let mut child = command.spawn()?;
    let pid = child.id();
    crate::process::keep_out_of_our_tree(pid);
    let output = child.stdout.take().ok_or_else(|| io::Error::other("the child has no output"))?;
    // A caller that lives long (an MCP server) must not keep a dead daemon as a zombie.
    std::thread::Builder::new().name("reap-daemon".to_owned()).spawn(move || child.wait())?;
    Ok(Detached { pid, output })
}

/// Leases and ports that were given to the caller, and sockets and notices that a service
/// manager meant for it.
fn concerns_the_caller(name: &OsStr) -> bool {
    const NAMES: [&str; 6] = ["PORT", "PORTUS_LEASE", "LISTEN_FDS", "LISTEN_FDNAMES", "LISTEN_PID", "NOTIFY_SOCKET"];
    const PREFIXES: [&str; 2] = ["PORTUS_PORT_", "PORTUS_URL_"];
    let name = name.to_string_lossy();
    NAMES.contains(&&*name) || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

#[cfg(unix)]
#[expect(unsafe_code, reason = "a new session is made between fork and exec")]
fn detach(command: &mut Command) {
    use std::os::fd::BorrowedFd;
    use std::os::unix::process::CommandExt as _;

    let inherited = inheritable_descriptors();
    command.current_dir("/");
    // SAFETY: between fork and exec only system calls are made, on memory that exists already.
    unsafe {
        command.pre_exec(move || {
            rustix::process::setsid()?;
            rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
            for &descriptor in &inherited {
                // Closed since the list was made: nothing to do.
                let _ = rustix::io::fcntl_setfd(BorrowedFd::borrow_raw(descriptor), rustix::io::FdFlags::CLOEXEC);
            }
            Ok(())
        });
    }
}

/// Descriptors that this process was given and would pass on, such as a pipe whose reader waits
/// until the last writer is gone.
#[cfg(unix)]
fn inheritable_descriptors() -> Vec<std::os::fd::RawFd> {
    let folder = if cfg!(target_os = "linux") { "/proc/self/fd" } else { "/dev/fd" };
    let names = std::fs::read_dir(folder).into_iter().flatten().flatten();
    names.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).filter(|&descriptor| descriptor > 2).collect()
}

#[cfg(windows)]
#[expect(unsafe_code, reason = "the standard handles must not be inherited")]
fn detach(command: &mut Command) {
    use std::os::windows::process::CommandExt as _;
    use windows_sys::Win32::Foundation::{HANDLE_FLAG_INHERIT, SetHandleInformation};
    use windows_sys::Win32::System::Console::{GetStdHandle, STD_ERROR_HANDLE, STD_INPUT_HANDLE, STD_OUTPUT_HANDLE};
    use windows_sys::Win32::System::Threading::{CREATE_NEW_PROCESS_GROUP, DETACHED_PROCESS};

    for which in [STD_INPUT_HANDLE, STD_OUTPUT_HANDLE, STD_ERROR_HANDLE] {
        // SAFETY: a standard handle, or one that is not valid and is refused.
        unsafe { SetHandleInformation(GetStdHandle(which), HANDLE_FLAG_INHERIT, 0) };
    }
    command.creation_flags(DETACHED_PROCESS | CREATE_NEW_PROCESS_GROUP);
}

impl Detached {
    /// The started process's id, for people.
    #[must_use]
    pub const fn pid(&self) -> u32 {
        self.pid
    }

    /// Waits until it says a line, ends, or `deadline` comes.
    ///
    /// # Errors
    /// When its output cannot be read.
    pub fn wait_ready(self, deadline: Instant) -> io::Result<Readiness> {
        read_line(self.output, deadline)
    }
}

#[cfg(unix)]
fn read_line(mut output: ChildStdout, deadline: Instant) -> io::Result<Readiness> {
    use std::io::Read as _;

    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    use rustix::io::Errno;

    let mut line = Vec::new();
    loop {
        let left = Timespec::try_from(deadline.saturating_duration_since(Instant::now())).map_err(io::Error::other)?;
        match poll(&mut [PollFd::new(&output, PollFlags::IN)], Some(&left)) {
            Ok(0) => return Ok(Readiness::TimedOut),
            Err(Errno::INTR) => continue,
            other => other?,
        };
        let mut chunk = [0; 512];
        let len = output.read(&mut chunk)?;
        if let Some(readiness) = take(&mut line, &chunk[..len]) {
            return Ok(readiness);
        }
    }
}

/// Pipes of Windows cannot be waited for with a deadline, so a thread reads.
#[cfg(windows)]
fn read_line(mut output: ChildStdout, deadline: Instant) -> io::Result<Readiness> {
    use std::io::Read as _;
    use std::sync::mpsc::{RecvTimeoutError, sync_channel};

    let (sender, receiver) = sync_channel(1);
    std::thread::Builder::new().name("read-readiness".to_owned()).spawn(move || {
        let mut line = Vec::new();
        let mut chunk = [0; 512];
        let result = loop {
            match output.read(&mut chunk) {
                Err(error) => break Err(error),
                Ok(len) => {
                    if let Some(readiness) = take(&mut line, &chunk[..len]) {
                        break Ok(readiness);
                    }
                }
            }
        };
        drop(sender.send(result));
    })?;
    match receiver.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
        Ok(result) => result,
        Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => Ok(Readiness::TimedOut),
    }
}

/// Adds what was read to `line`; nothing read is the end of the output.
fn take(line: &mut Vec<u8>, chunk: &[u8]) -> Option<Readiness> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end_matches('\r').to_owned();
    line.extend_from_slice(chunk);
    if let Some(end) = line.iter().position(|&byte| byte == b'\n') {
        return Some(Readiness::Said(text(&line[..end])));
    }
    (chunk.is_empty() || line.len() >= LINE_LEN_MAX).then(|| Readiness::Silent(text(line)))
}

/// Whether this process was started by [`spawn_detached`], so that somebody waits for its line. Who runs it by hand
/// does not.
#[must_use]
pub fn has_starter() -> bool {
    std::env::var_os(STARTED_VARIABLE).is_some()
}

/// The started process's side: says its line to whoever waits for it, and lets go of its output,
/// so that nobody's pipe is held open for as long as it lives.
///
/// # Errors
/// When the output cannot be let go of. That nobody hears the line any more is none.
pub fn announce(line: &str) -> io::Result<()> {
    use std::io::Write as _;

    let mut output = io::stdout().lock();
    // The one who waited may have given up.
    drop(writeln!(output, "{line}").and_then(|()| output.flush()));
    #[cfg(unix)]
    rustix::stdio::dup2_stdout(File::options().write(true).open("/dev/null")?)?;
    #[cfg(windows)]
    redirect_output_to_nothing();
    Ok(())
}

#[cfg(windows)]
#[expect(unsafe_code, reason = "the standard library cannot exchange the standard output")]
fn redirect_output_to_nothing() {
    use windows_sys::Win32::Foundation::CloseHandle;
    use windows_sys::Win32::System::Console::{GetStdHandle, STD_OUTPUT_HANDLE, SetStdHandle};
    // SAFETY: the handle is this process's own output, which nothing uses after it is closed,
    // since the standard library asks for the handle anew at each write.
    unsafe {
        let old = GetStdHandle(STD_OUTPUT_HANDLE);
        SetStdHandle(STD_OUTPUT_HANDLE, std::ptr::null_mut());
        CloseHandle(old);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_callers_own_leases_are_not_handed_on() {
        for name in ["PORT", "PORTUS_LEASE", "PORTUS_PORT_WEB", "PORTUS_URL_WEB", "LISTEN_FDS", "NOTIFY_SOCKET"] {
            assert!(concerns_the_caller(OsStr::new(name)), "{name}");
        }
        for name in ["PORTUS_HOME", "HOME", "PATH", "PORTUS", "SUPPORT"] {
            assert!(!concerns_the_caller(OsStr::new(name)), "{name}");
        }
    }

    #[test]
    fn a_line_may_come_in_pieces_and_must_end_somewhere() {
        let mut line = Vec::new();
        assert_eq!(take(&mut line, b"rea"), None);
        assert_eq!(take(&mut line, b"dy\r\nmore"), Some(Readiness::Said("ready".to_owned())));
        assert_eq!(take(&mut Vec::new(), b""), Some(Readiness::Silent(String::new())));
        assert!(matches!(take(&mut Vec::new(), &[b'x'; LINE_LEN_MAX]), Some(Readiness::Silent(_))));
    }
}
