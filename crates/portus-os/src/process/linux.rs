//! Processes as `/proc` shows them.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use portus_core::ProcessIdentity;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::Timespec;
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, pidfd_open, pidfd_send_signal};

use super::signal::check_before_sending;
use super::{Row, Signal, SignalError};

/// Process groups and sessions are named after the process that leads them.
pub(super) const LEADERS: bool = true;
/// No command line or environment is read beyond this many bytes.
const TEXT_LEN_MAX: u64 = 4 << 20;

/// Who has this number, and whether it is a zombie.
pub(super) fn identity(pid: u32) -> io::Result<Option<(ProcessIdentity, bool)>> {
    Ok(row(pid)?.map(|row| (row.identity, row.zombie)))
}

/// The process of this number, a zombie too.
pub(super) fn row(pid: u32) -> io::Result<Option<Row>> {
    let mut buffer = [0_u8; 1024];
    match read_some(&format!("/proc/{pid}/stat"), &mut buffer) {
        Ok(stat) => Ok(parse_stat(stat, pid)),
        Err(error) if is_gone(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Every process there is, zombies too, in no particular order. Fails when there are no means left to look at all of
/// them.
pub(super) fn rows() -> io::Result<Vec<Row>> {
    let mut rows = Vec::new();
    for pid in pids()? {
        match row(pid) {
            Ok(found) => rows.extend(found),
            Err(error) if wants_means(&error) => return Err(error),
            // It is kept from us, as far as it concerns us at all.
            Err(_) => {}
        }
    }
    Ok(rows)
}

fn pids() -> io::Result<Vec<u32>> {
    let mut pids = Vec::new();
    for entry in fs::read_dir("/proc")? {
        pids.extend(entry?.file_name().to_str().and_then(|name| name.parse::<u32>().ok()));
    }
    Ok(pids)
}

/// Whether it failed for want of descriptors or memory, which says nothing about what was looked at.
fn wants_means(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE | libc::ENOMEM))
}

/// The real user of a process.
pub(super) fn uid(pid: u32) -> Option<u32> {
    // The directory's owner is a cheap answer, but reads as root for whoever forbids dumps.
    let owner = fs::metadata(format!("/proc/{pid}")).ok()?.uid();
    if owner != 0 {
        return Some(owner);
    }
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("Uid:")?.split_ascii_whitespace().next()?.parse().ok())
}

/// The real user of this process.
pub(super) fn own_uid() -> u32 {
    rustix::process::getuid().as_raw()
}

/// The arguments a process shows; empty for kernel threads.
pub(super) fn arguments(pid: u32) -> Vec<OsString> {
    let mut text = read_bounded(pid, "cmdline").ok().unwrap_or_default();
    while text.last() == Some(&0) {
        text.pop();
    }
    if text.is_empty() {
        return Vec::new();
    }
    text.split(|&byte| byte == 0).map(|part| OsString::from_vec(part.to_vec())).collect()
}

/// A process's working directory.
pub(super) fn cwd(pid: u32) -> Option<PathBuf> {
    let path = fs::read_link(format!("/proc/{pid}/cwd")).ok()?;
    // The kernel marks a directory that was removed; the path without the mark is what it was called.
    match path.as_os_str().as_bytes().strip_suffix(b" (deleted)") {
        Some(bare) if !path.exists() => Some(PathBuf::from(OsStr::from_bytes(bare))),
        _ => Some(path),
    }
}

/// One variable of the environment that a process was started with; none of a process that is kept from us. Fails
/// when there are no means left to look.
pub(super) fn environment(pid: u32, name: &str) -> io::Result<Option<OsString>> {
    let text = match read_bounded(pid, "environ") {
        Ok(text) => text,
        Err(error) if wants_means(&error) => return Err(error),
        Err(_) => return Ok(None),
    };
    Ok(text.split(|&byte| byte == 0).find_map(|entry| {
        let value = entry.strip_prefix(name.as_bytes())?.strip_prefix(b"=")?;
        Some(OsString::from_vec(value.to_vec()))
    }))
}

fn read_bounded(pid: u32, file: &str) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    File::open(format!("/proc/{pid}/{file}"))?.take(TEXT_LEN_MAX).read_to_end(&mut text)?;
    Ok(text)
}

fn read_some<'a>(path: &str, buffer: &'a mut [u8]) -> io::Result<&'a [u8]> {
    let length = File::open(path)?.read(buffer)?;
    Ok(&buffer[..length])
}

fn is_gone(error: &io::Error) -> bool {
    // ESRCH: it ended between opening the file and reading it.
    error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(libc::ESRCH)
}

/// proc(5), `/proc/pid/stat`. The name may hold blanks and parentheses, so fields count from the last `)`.
fn parse_stat(stat: &[u8], pid: u32) -> Option<Row> {
    let name_start = stat.iter().position(|&byte| byte == b'(')?;
    let name_end = stat.iter().rposition(|&byte| byte == b')')?;
    let name = String::from_utf8_lossy(stat.get(name_start + 1..name_end)?).into_owned();
    let fields: Vec<&str> = std::str::from_utf8(stat.get(name_end + 1..)?).ok()?.split_ascii_whitespace().collect();
    // Field numbers as in the manual page; the first after the name is field 3.
    let field = |number: usize| fields.get(number - 3).copied();
    let number = |at: usize| field(at)?.parse::<i64>().ok();
    let positive = |at: usize| u32::try_from(number(at)?).ok();
    // A main thread that ended while others go on also reads Z: such a process still runs.
    let zombie = matches!(field(3)?, "Z" | "X" | "x") && number(20)? <= 1;
    Some(Row {
        identity: ProcessIdentity { pid, birth: field(22)?.parse().ok()?, boot: super::boot() },
        parent: positive(4)?,
        group: positive(5).unwrap_or(0),
        session: positive(6).unwrap_or(0),
        zombie,
        name,
        tty: tty_name(number(7)?),
    })
}

/// The terminal's name below `/dev`, from its device number.
fn tty_name(device: i64) -> Option<String> {
    let device = u32::try_from(device).ok().filter(|&device| device != 0)?;
    let (major, minor) = ((device >> 8) & 0xfff, (device & 0xff) | ((device >> 12) & 0xfff00));
    Some(match major {
        4 if minor < 64 => format!("tty{minor}"),
        4 => format!("ttyS{}", minor - 64),
        136..=143 => format!("pts/{}", (major - 136) * 256 + minor),
        _ => format!("{major}:{minor}"),
    })
}

/// Sends a signal through a pidfd, which means one process for as long as it is open.
pub(super) fn send(process: &ProcessIdentity, signal: Signal) -> Result<(), SignalError> {
    let os = |error: Errno| match error {
        Errno::SRCH => SignalError::Gone(*process),
        error => SignalError::Os { process: *process, source: error.into() },
    };
    let pid = i32::try_from(process.pid).ok().and_then(Pid::from_raw).ok_or(SignalError::Gone(*process))?;
    let pidfd = pidfd_open(pid, PidfdFlags::empty()).map_err(os)?;
    check_before_sending(process)?;
    pidfd_send_signal(&pidfd, signal.into_system()).map_err(os)
}

/// Returns when one of these processes ends, or when the time is up.
pub(super) fn wait_for_an_end(processes: &[ProcessIdentity], time: Duration) {
    let deadline = Instant::now() + time;
    let open = |process: &ProcessIdentity| {
        let pid = i32::try_from(process.pid).ok().and_then(Pid::from_raw)?;
        pidfd_open(pid, PidfdFlags::empty()).ok()
    };
    let pidfds: Vec<OwnedFd> = processes.iter().filter_map(open).collect();
    if pidfds.len() < processes.len() {
        return;
    }
    let mut waited: Vec<PollFd<'_>> = pidfds.iter().map(|pidfd| PollFd::new(pidfd, PollFlags::IN)).collect();
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        match poll(&mut waited, Timespec::try_from(left).ok().as_ref()) {
            Err(Errno::INTR) => {}
            _ => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_parentheses_and_blanks_does_not_shift_the_fields() {
        let stat = b"7 (a) b (c) S 1 7 6 34816 7 0 0 0 0 0 0 0 0 0 20 0 3 0 4711 0 0";
        let row = parse_stat(stat, 7).unwrap();
        assert_eq!((row.name.as_str(), row.parent, row.group, row.session), ("a) b (c", 1, 7, 6));
        assert_eq!((row.identity.birth, row.zombie), (4711, false));
        assert_eq!(row.tty.as_deref(), Some("pts/0"));
    }

    #[test]
    fn a_dead_main_thread_is_no_zombie_while_others_run() {
        let stat = |threads: &str| format!("7 (x) Z 1 7 6 0 -1 0 0 0 0 0 0 0 0 0 20 0 {threads} 0 4711 0 0");
        // Fields: the one before `threads` is nice.
        assert!(!parse_stat(stat("2").as_bytes(), 7).unwrap().zombie);
        assert!(parse_stat(stat("1").as_bytes(), 7).unwrap().zombie);
    }
}
