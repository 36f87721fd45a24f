//! Processes as Windows shows them: handles, times and snapshots.
//!
//! There are no process groups here, and other processes' working directories and environments are not shown.

use std::ffi::OsString;
use std::io;
use std::mem::{MaybeUninit, size_of};
use std::os::windows::ffi::OsStringExt;
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};
use std::path::PathBuf;
use std::time::Duration;

use portus_core::ProcessIdentity;
use windows_sys::Win32::Foundation::{ERROR_INVALID_PARAMETER, FILETIME, HANDLE, INVALID_HANDLE_VALUE, WAIT_OBJECT_0};
use windows_sys::Win32::Security::{EqualSid, GetTokenInformation, TOKEN_QUERY, TOKEN_USER, TokenUser};
use windows_sys::Win32::System::Diagnostics::ToolHelp::{
    CreateToolhelp32Snapshot, PROCESSENTRY32W, Process32FirstW, Process32NextW, TH32CS_SNAPPROCESS,
};
use windows_sys::Win32::System::Threading::{
    GetCurrentProcess, GetProcessTimes, OpenProcess, OpenProcessToken, PROCESS_QUERY_LIMITED_INFORMATION,
    PROCESS_SYNCHRONIZE, PROCESS_TERMINATE, QueryFullProcessImageNameW, TerminateProcess, WaitForMultipleObjects,
    WaitForSingleObject,
};

use super::signal::check_before_sending;
use super::{Row, Signal, SignalError};

/// There are neither groups nor sessions that a process leads.
pub(super) const LEADERS: bool = false;
/// Stands for our own user, since users have no numbers here.
const OWN_USER: u32 = 0;
/// Stands for anybody else.
const OTHER_USER: u32 = u32::MAX;
/// No more handles can be waited for at once (`MAXIMUM_WAIT_OBJECTS`).
const WAITED_MAX: usize = 64;
/// The status of whom we end.
const ENDED_STATUS: u32 = 1;

/// Who has this number, and whether it has ended already (somebody holds a handle on it).
pub(super) fn identity(pid: u32) -> io::Result<Option<(ProcessIdentity, bool)>> {
    let Some(process) = open(pid, PROCESS_QUERY_LIMITED_INFORMATION | PROCESS_SYNCHRONIZE)? else { return Ok(None) };
    let birth = birth_of(&process)?;
    Ok(Some((ProcessIdentity { pid, birth, boot: super::boot() }, has_ended(&process))))
}

/// The process of this number, one that has ended too.
pub(super) fn row(pid: u32) -> io::Result<Option<Row>> {
    let Some((identity, ended)) = identity(pid)? else { return Ok(None) };
    Ok(snapshot().into_iter().find(|entry| entry.pid == pid).map(|entry| entry.into_row(identity, ended)))
}

/// Every process that we may look at, in no particular order. Fails when the system names none.
pub(super) fn rows() -> io::Result<Vec<Row>> {
    let all = snapshot();
    if all.is_empty() {
        return Err(io::Error::last_os_error());
    }
    let known = |entry: Entry| identity(entry.pid).ok().flatten().map(|(who, ended)| entry.into_row(who, ended));
    Ok(all.into_iter().filter_map(known).collect())
}

/// [`OWN_USER`] or [`OTHER_USER`]; the latter also for those who do not let us look.
pub(super) fn uid(pid: u32) -> Option<u32> {
    let process = match open(pid, PROCESS_QUERY_LIMITED_INFORMATION) {
        Ok(process) => process?,
        Err(_) => return Some(OTHER_USER),
    };
    Some(if is_of_own_user(&process) { OWN_USER } else { OTHER_USER })
}

pub(super) fn own_uid() -> u32 {
    OWN_USER
}

/// Only the program's path: the rest of a command line is not ours to read.
#[expect(unsafe_code, reason = "the system fills a buffer")]
pub(super) fn arguments(pid: u32) -> Vec<OsString> {
    let Ok(Some(process)) = open(pid, PROCESS_QUERY_LIMITED_INFORMATION) else { return Vec::new() };
    let mut path = [0_u16; 1024];
    let mut length = 1024;
    // SAFETY: the handle is open, and the buffer writable for `length` characters.
    let done = unsafe { QueryFullProcessImageNameW(process.as_raw_handle(), 0, path.as_mut_ptr(), &raw mut length) };
    let path = path.get(..usize::try_from(length).unwrap_or(0)).unwrap_or_default();
    if done == 0 { Vec::new() } else { vec![OsString::from_wide(path)] }
}

pub(super) fn cwd(_pid: u32) -> Option<PathBuf> {
    None
}

#[expect(clippy::unnecessary_wraps, reason = "the same shape as Linux's")]
pub(super) fn environment(_pid: u32, _name: &str) -> io::Result<Option<OsString>> {
    Ok(None)
}

/// Ends a process, for that is all that can be told to one of another console.
#[expect(unsafe_code, reason = "ending a process takes its handle")]
pub(super) fn send(process: &ProcessIdentity, signal: Signal) -> Result<(), SignalError> {
    if !matches!(signal, Signal::Terminate | Signal::Kill) {
        return Err(SignalError::Unsupported(signal));
    }
    let os = |source: io::Error| SignalError::Os { process: *process, source };
    let rights = PROCESS_TERMINATE | PROCESS_QUERY_LIMITED_INFORMATION | PROCESS_SYNCHRONIZE;
    // The handle keeps the number from being given away, so that the check after it holds.
    let handle = match open(process.pid, rights) {
        Ok(handle) => handle.ok_or(SignalError::Gone(*process))?,
        Err(error) => return check_before_sending(process).and(Err(os(error))),
    };
    check_before_sending(process)?;
    // SAFETY: the handle is open, with the right to end the process.
    let done = unsafe { TerminateProcess(handle.as_raw_handle(), ENDED_STATUS) };
    if done == 0 { Err(os(io::Error::last_os_error())) } else { Ok(()) }
}

/// Returns when one of these processes ends, or when the time is up.
#[expect(unsafe_code, reason = "waiting takes raw handles")]
pub(super) fn wait_for_an_end(processes: &[ProcessIdentity], time: Duration) {
    let opened = processes.iter().take(WAITED_MAX).map(|process| open(process.pid, PROCESS_SYNCHRONIZE));
    let handles: Vec<OwnedHandle> = opened.filter_map(|handle| handle.ok().flatten()).collect();
    if handles.len() < processes.len().min(WAITED_MAX) {
        return;
    }
    let raw: Vec<HANDLE> = handles.iter().map(AsRawHandle::as_raw_handle).collect();
    let (count, time_ms) = (u32::try_from(raw.len()).unwrap_or(0), u32::try_from(time.as_millis()).unwrap_or(u32::MAX));
    // SAFETY: `count` open handles.
    unsafe { WaitForMultipleObjects(count, raw.as_ptr(), 0, time_ms) };
}

/// A handle on whoever has this number; `None` when nobody has.
#[expect(unsafe_code, reason = "a handle comes back raw")]
pub(super) fn open(pid: u32, rights: u32) -> io::Result<Option<OwnedHandle>> {
    if pid == 0 {
        return Ok(None);
    }
    // SAFETY: takes numbers only.
    let handle = unsafe { OpenProcess(rights, 0, pid) };
    if !handle.is_null() {
        // SAFETY: it was just opened, and nobody else has it.
        return Ok(Some(unsafe { OwnedHandle::from_raw_handle(handle) }));
    }
    let error = io::Error::last_os_error();
    if error.raw_os_error() == Some(ERROR_INVALID_PARAMETER.cast_signed()) { Ok(None) } else { Err(error) }
}

#[expect(unsafe_code, reason = "the system fills structures")]
fn birth_of(process: &OwnedHandle) -> io::Result<u64> {
    let mut times = [FILETIME { dwLowDateTime: 0, dwHighDateTime: 0 }; 4];
    let [created, ended, kernel, user] = &mut times;
    // SAFETY: the handle is open, and all four are writable.
    let done = unsafe { GetProcessTimes(process.as_raw_handle(), created, ended, kernel, user) };
    if done == 0 {
        return Err(io::Error::last_os_error());
    }
    Ok((u64::from(created.dwHighDateTime) << 32) | u64::from(created.dwLowDateTime))
}

#[expect(unsafe_code, reason = "waiting takes a raw handle")]
fn has_ended(process: &OwnedHandle) -> bool {
    // SAFETY: the handle is open.
    unsafe { WaitForSingleObject(process.as_raw_handle(), 0) == WAIT_OBJECT_0 }
}

fn is_of_own_user(process: &OwnedHandle) -> bool {
    #[expect(unsafe_code, reason = "a constant that is a call here")]
    // SAFETY: takes nothing, and the handle it gives needs no closing.
    let own = unsafe { GetCurrentProcess() };
    let (Some(own), Some(theirs)) = (TokenOwner::of(own), TokenOwner::of(process.as_raw_handle())) else {
        return false;
    };
    own.is_same(&theirs)
}

/// A token's user: the structure, and behind it the SID that it points to.
struct TokenOwner(Box<[MaybeUninit<TOKEN_USER>; 8]>);

impl TokenOwner {
    #[expect(unsafe_code, reason = "tokens are read through raw handles")]
    fn of(process: HANDLE) -> Option<Self> {
        let mut token: HANDLE = std::ptr::null_mut();
        // SAFETY: `token` is writable.
        if unsafe { OpenProcessToken(process, TOKEN_QUERY, &raw mut token) } == 0 {
            return None;
        }
        // SAFETY: it was just opened, and nobody else has it.
        let token = unsafe { OwnedHandle::from_raw_handle(token) };
        let mut owner = Self(Box::new([MaybeUninit::zeroed(); 8]));
        let (size, mut filled) = (u32::try_from(size_of::<[TOKEN_USER; 8]>()).unwrap_or(0), 0);
        let room = owner.0.as_mut_ptr().cast();
        // SAFETY: the room is writable for `size` bytes, and aligned for the structure in front.
        let done = unsafe { GetTokenInformation(token.as_raw_handle(), TokenUser, room, size, &raw mut filled) };
        (done != 0).then_some(owner)
    }

    #[expect(unsafe_code, reason = "a SID is reached through a pointer")]
    fn is_same(&self, other: &Self) -> bool {
        // SAFETY: both structures were filled in, and point into boxes that are alive.
        unsafe { EqualSid(self.0[0].assume_init_ref().User.Sid, other.0[0].assume_init_ref().User.Sid) != 0 }
    }
}

/// What a snapshot says about one process.
struct Entry {
    pid: u32,
    parent: u32,
    name: String,
}

impl Entry {
    fn into_row(self, identity: ProcessIdentity, ended: bool) -> Row {
        Row { identity, parent: self.parent, group: 0, session: 0, zombie: ended, name: self.name, tty: None }
    }
}

#[expect(unsafe_code, reason = "a snapshot is read through a raw handle")]
fn snapshot() -> Vec<Entry> {
    // SAFETY: takes numbers only.
    let handle = unsafe { CreateToolhelp32Snapshot(TH32CS_SNAPPROCESS, 0) };
    if handle == INVALID_HANDLE_VALUE {
        return Vec::new();
    }
    // SAFETY: it was just opened, and nobody else has it.
    let handle = unsafe { OwnedHandle::from_raw_handle(handle) };
    // SAFETY: plain numbers, for which all zero is valid.
    let mut entry: PROCESSENTRY32W = unsafe { MaybeUninit::zeroed().assume_init() };
    entry.dwSize = u32::try_from(size_of::<PROCESSENTRY32W>()).unwrap_or(0);
    let mut found = Vec::new();
    // SAFETY: the handle is open, and the entry says its own size.
    let mut more = unsafe { Process32FirstW(handle.as_raw_handle(), &raw mut entry) };
    while more != 0 {
        let name = entry.szExeFile.iter().copied().take_while(|&unit| unit != 0).collect::<Vec<_>>();
        let name = String::from_utf16_lossy(&name);
        found.push(Entry { pid: entry.th32ProcessID, parent: entry.th32ParentProcessID, name });
        // SAFETY: as above.
        more = unsafe { Process32NextW(handle.as_raw_handle(), &raw mut entry) };
    }
    found
}
