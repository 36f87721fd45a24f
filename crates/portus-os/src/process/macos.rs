//! Processes as libproc and sysctl show them.

use std::ffi::{CStr, OsStr, OsString};
use std::io;
use std::mem::{MaybeUninit, size_of};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;
use std::time::Duration;

use libc::{c_char, c_int, c_void};
use portus_core::ProcessIdentity;
use rustix::process::{Pid, getsid, kill_process};

use super::signal::check_before_sending;
use super::watch::exit_queue::ExitQueue;
use super::{Row, Signal, SignalError};

/// Process groups and sessions are named after the process that leads them.
pub(super) const LEADERS: bool = true;
/// Arguments and environment together are never longer (`kern.argmax`).
const TEXT_LEN_MAX: usize = 1 << 20;
/// The driver of pseudo-terminals.
const PTY_MAJOR: u32 = 16;

/// Who has this number, and whether it is a zombie.
pub(super) fn identity(pid: u32) -> io::Result<Option<(ProcessIdentity, bool)>> {
    Ok(row(pid)?.map(|row| (row.identity, row.zombie)))
}

/// The process of this number, a zombie too.
pub(super) fn row(pid: u32) -> io::Result<Option<Row>> {
    let info = match bsd_info(pid) {
        Ok(info) => info,
        Err(error) if error.raw_os_error() == Some(libc::ESRCH) => return Ok(None),
        Err(error) => return Err(error),
    };
    let raw = i32::try_from(pid).ok().and_then(Pid::from_raw);
    let session = raw.and_then(|pid| getsid(Some(pid)).ok()).map_or(0, |session| session.as_raw_nonzero().get());
    Ok(Some(Row {
        identity: ProcessIdentity {
            pid,
            birth: info.pbi_start_tvsec * 1_000_000 + info.pbi_start_tvusec,
            boot: super::boot(),
        },
        parent: info.pbi_ppid,
        group: info.pbi_pgid,
        session: session.cast_unsigned(),
        zombie: info.pbi_status == libc::SZOMB,
        name: text(&info.pbi_comm),
        tty: tty_name(info.e_tdev),
    }))
}

/// Every process there is, in no particular order. Fails when the system names none.
pub(super) fn rows() -> io::Result<Vec<Row>> {
    let pids = pids();
    if pids.is_empty() {
        return Err(io::Error::last_os_error());
    }
    Ok(pids.into_iter().filter_map(|pid| row(pid).ok().flatten()).collect())
}

#[expect(unsafe_code, reason = "libproc fills a buffer")]
fn pids() -> Vec<u32> {
    // SAFETY: no buffer, so that it only counts.
    let count = unsafe { libc::proc_listallpids(std::ptr::null_mut(), 0) };
    // Room for those that start meanwhile.
    let mut pids = vec![0_u32; usize::try_from(count).unwrap_or(0) + 64];
    let bytes = c_int::try_from(pids.len() * size_of::<u32>()).unwrap_or(c_int::MAX);
    // SAFETY: the buffer is writable for that many bytes.
    let filled = unsafe { libc::proc_listallpids(pids.as_mut_ptr().cast::<c_void>(), bytes) };
    pids.truncate(usize::try_from(filled).unwrap_or(0));
    pids
}

/// The real user of a process.
pub(super) fn uid(pid: u32) -> Option<u32> {
    bsd_info(pid).ok().map(|info| info.pbi_ruid)
}

/// The real user of this process.
pub(super) fn own_uid() -> u32 {
    rustix::process::getuid().as_raw()
}

/// The arguments a process shows; empty for those of other users.
pub(super) fn arguments(pid: u32) -> Vec<OsString> {
    let Some((count, block)) = argument_block(pid) else { return Vec::new() };
    strings(&block).take(count).map(|part| OsString::from_vec(part.to_vec())).collect()
}

/// One variable of the environment that a process was started with.
#[expect(clippy::unnecessary_wraps, reason = "the same shape as Linux's")]
pub(super) fn environment(pid: u32, name: &str) -> io::Result<Option<OsString>> {
    let Some((count, block)) = argument_block(pid) else { return Ok(None) };
    Ok(strings(&block).skip(count).take_while(|entry| !entry.is_empty()).find_map(|entry| {
        let value = entry.strip_prefix(name.as_bytes())?.strip_prefix(b"=")?;
        Some(OsString::from_vec(value.to_vec()))
    }))
}

fn strings(block: &[u8]) -> impl Iterator<Item = &[u8]> {
    block.split(|&byte| byte == 0)
}

/// How many arguments there are, and the arguments and then the environment, each ended by a zero.
#[expect(unsafe_code, reason = "rustix has no sysctl")]
fn argument_block(pid: u32) -> Option<(usize, Vec<u8>)> {
    let mut query = [libc::CTL_KERN, libc::KERN_PROCARGS2, c_int::try_from(pid).ok()?];
    let mut block = vec![0_u8; TEXT_LEN_MAX];
    let mut length = block.len();
    // SAFETY: three numbers of query, a buffer writable for `length` bytes, nothing to set.
    let code = unsafe {
        libc::sysctl(query.as_mut_ptr(), 3, block.as_mut_ptr().cast(), &raw mut length, std::ptr::null_mut(), 0)
    };
    if code != 0 {
        return None;
    }
    block.truncate(length);
    // The number of arguments, the program's path, zeros to align, then the arguments.
    let count = usize::try_from(i32::from_ne_bytes(block.get(..4)?.try_into().ok()?)).ok()?;
    let path_end = 4 + block.get(4..)?.iter().position(|&byte| byte == 0)?;
    let start = path_end + block.get(path_end..)?.iter().position(|&byte| byte != 0)?;
    block.drain(..start);
    Some((count, block))
}

/// A process's working directory.
pub(super) fn cwd(pid: u32) -> Option<PathBuf> {
    let info: libc::proc_vnodepathinfo = pid_info(pid, libc::PROC_PIDVNODEPATHINFO, 0).ok()?;
    let bytes = info.pvi_cdir.vip_path.as_flattened().iter().map(|&byte| byte.cast_unsigned());
    let path: Vec<u8> = bytes.take_while(|&byte| byte != 0).collect();
    (!path.is_empty()).then(|| PathBuf::from(OsStr::from_bytes(&path)))
}

/// Sends a signal. Between the check and the sending lies an instant that this system gives no means to close.
pub(super) fn send(process: &ProcessIdentity, signal: Signal) -> Result<(), SignalError> {
    let pid = i32::try_from(process.pid).ok().and_then(Pid::from_raw).ok_or(SignalError::Gone(*process))?;
    check_before_sending(process)?;
    kill_process(pid, signal.into_system()).map_err(|error| match error {
        rustix::io::Errno::SRCH => SignalError::Gone(*process),
        error => SignalError::Os { process: *process, source: error.into() },
    })
}

/// Returns when one of these processes ends, or when the time is up.
pub(super) fn wait_for_an_end(processes: &[ProcessIdentity], time: Duration) {
    let Ok(queue) = ExitQueue::new() else { return };
    let all_watched = processes.iter().zip(1..).all(|(process, token)| queue.add(process.pid, token) == Ok(true));
    if all_watched {
        queue.wait(Some(time));
    }
}

/// A zombie's, too: that is what the 1 stands for.
fn bsd_info(pid: u32) -> io::Result<libc::proc_bsdinfo> {
    pid_info(pid, libc::PROC_PIDTBSDINFO, 1)
}

#[expect(unsafe_code, reason = "libproc fills a structure")]
fn pid_info<T>(pid: u32, what: c_int, argument: u64) -> io::Result<T> {
    let Ok(pid) = c_int::try_from(pid) else { return Err(io::Error::from_raw_os_error(libc::ESRCH)) };
    let mut info = MaybeUninit::<T>::zeroed();
    let size = c_int::try_from(size_of::<T>()).unwrap_or(0);
    // SAFETY: the structure is writable for its size.
    let filled = unsafe { libc::proc_pidinfo(pid, what, argument, info.as_mut_ptr().cast(), size) };
    // SAFETY: libproc has filled it whole, and both structures hold plain numbers, for which any bits are valid.
    if filled == size { Ok(unsafe { info.assume_init() }) } else { Err(io::Error::last_os_error()) }
}

fn text(name: &[c_char]) -> String {
    let bytes: Vec<u8> = name.iter().map(|&byte| byte.cast_unsigned()).chain([0]).collect();
    CStr::from_bytes_until_nul(&bytes).map(|text| text.to_string_lossy().into_owned()).unwrap_or_default()
}

/// The terminal's name below `/dev`, from its device number.
fn tty_name(device: u32) -> Option<String> {
    let (major, minor) = (device >> 24, device & 0x00ff_ffff);
    match major {
        _ if device == u32::MAX || device == 0 => None,
        PTY_MAJOR => Some(format!("ttys{minor:03}")),
        _ => Some(format!("{major}:{minor}")),
    }
}
