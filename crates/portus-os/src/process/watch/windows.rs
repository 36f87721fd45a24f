//! The thread pool waits for the processes' handles, and a completion port gathers what it saw.

use std::io;
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};
use std::sync::Arc;

use windows_sys::Win32::Foundation::{HANDLE, INVALID_HANDLE_VALUE};
use windows_sys::Win32::System::IO::{CreateIoCompletionPort, GetQueuedCompletionStatus, PostQueuedCompletionStatus};
use windows_sys::Win32::System::Threading::{
    INFINITE, PROCESS_QUERY_LIMITED_INFORMATION, PROCESS_SYNCHRONIZE, RegisterWaitForSingleObject, UnregisterWaitEx,
    WT_EXECUTEONLYONCE,
};

use super::super::sys;

/// The key that ends the thread.
const STOP: usize = 0;

/// One wait of the pool. Dropping it takes it back, and returns when it is certain not to be told any more.
pub(super) struct Handle {
    wait: HANDLE,
    _process: OwnedHandle,
    _told: Box<Told>,
}

/// What the pool's callback needs.
struct Told {
    port: Arc<OwnedHandle>,
    token: usize,
}

pub(super) struct Poller {
    port: Arc<OwnedHandle>,
}

// SAFETY: a wait's handle means the same in every thread, and is used by one at a time.
#[expect(unsafe_code, reason = "raw handles are not Send by themselves")]
unsafe impl Send for Handle {}

impl Poller {
    #[expect(unsafe_code, reason = "a handle comes back raw")]
    pub(super) fn new() -> io::Result<Self> {
        // SAFETY: opens a new port, and takes nothing else.
        let port = unsafe { CreateIoCompletionPort(INVALID_HANDLE_VALUE, std::ptr::null_mut(), 0, 1) };
        if port.is_null() {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: it was just opened, and nobody else has it.
        Ok(Self { port: Arc::new(unsafe { OwnedHandle::from_raw_handle(port) }) })
    }

    /// Asks for the end of whoever has this number, to be told as `token`. The caller checks who it is.
    #[expect(unsafe_code, reason = "the pool takes raw handles and a pointer")]
    pub(super) fn open(&self, pid: u32, token: u64) -> io::Result<Option<Handle>> {
        let Some(process) = sys::open(pid, PROCESS_QUERY_LIMITED_INFORMATION | PROCESS_SYNCHRONIZE)? else {
            return Ok(None);
        };
        let told = Box::new(Told { port: Arc::clone(&self.port), token: usize::try_from(token).unwrap_or(usize::MAX) });
        let mut wait: HANDLE = std::ptr::null_mut();
        let context = std::ptr::from_ref(&*told).cast();
        // SAFETY: the process's handle and the context outlive the wait, which `Handle` takes back when dropped.
        let done = unsafe {
            let handle = process.as_raw_handle();
            RegisterWaitForSingleObject(&raw mut wait, handle, Some(on_end), context, INFINITE, WT_EXECUTEONLYONCE)
        };
        if done == 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(Some(Handle { wait, _process: process, _told: told }))
    }

    /// Dropping is what removes.
    pub(super) fn remove(&self, handle: Handle) {
        drop(handle);
    }

    /// Blocks until a process ended, and names its token. `false` when it is time to leave.
    #[expect(unsafe_code, reason = "a port is read through its raw handle")]
    pub(super) fn wait(&self, tokens: &mut Vec<u64>) -> bool {
        let (mut bytes, mut key, mut overlapped) = (0, STOP, std::ptr::null_mut());
        // SAFETY: the port is open, and the rest writable.
        let done = unsafe {
            let port = self.port.as_raw_handle();
            GetQueuedCompletionStatus(port, &raw mut bytes, &raw mut key, &raw mut overlapped, INFINITE)
        };
        tokens.push(key as u64);
        done != 0 && key != STOP
    }

    pub(super) fn stop(&self) {
        post(&self.port, STOP);
    }
}

#[expect(unsafe_code, reason = "called back with a pointer")]
unsafe extern "system" fn on_end(context: *mut core::ffi::c_void, _timed_out: bool) {
    // SAFETY: the context given at registration, which lives until the wait was taken back.
    let told = unsafe { &*context.cast::<Told>() };
    post(&told.port, told.token);
}

#[expect(unsafe_code, reason = "a port is written through its raw handle")]
fn post(port: &OwnedHandle, key: usize) {
    // SAFETY: the port is open, and no overlapped structure is given. It can only fail without memory.
    unsafe { PostQueuedCompletionStatus(port.as_raw_handle(), 0, key, std::ptr::null()) };
}

impl Drop for Handle {
    #[expect(unsafe_code, reason = "a wait is taken back by its raw handle")]
    fn drop(&mut self) {
        // SAFETY: registered once, and taken back once. It returns only after a callback on its way has ended;
        // that one takes no lock.
        unsafe { UnregisterWaitEx(self.wait, INVALID_HANDLE_VALUE) };
    }
}
