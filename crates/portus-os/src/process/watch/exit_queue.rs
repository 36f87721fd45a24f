//! A kqueue that processes' ends arrive in.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::time::Duration;

use libc::{c_int, kevent, timespec};

/// The ident of the event that ends a wait.
const WAKE_IDENT: libc::uintptr_t = 0;

pub(crate) struct ExitQueue(OwnedFd);

impl ExitQueue {
    #[expect(unsafe_code, reason = "a descriptor comes back as a number")]
    pub(crate) fn new() -> io::Result<Self> {
        // SAFETY: takes nothing.
        let raw = unsafe { libc::kqueue() };
        if raw < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: it was just opened, and nobody else has it.
        let queue = Self(unsafe { OwnedFd::from_raw_fd(raw) });
        rustix::io::fcntl_setfd(&queue.0, rustix::io::FdFlags::CLOEXEC)?;
        queue.change(WAKE_IDENT, libc::EVFILT_USER, libc::EV_ADD | libc::EV_CLEAR, 0, 0)?;
        Ok(queue)
    }

    /// Asks for the end of a process under a token other than 0; `false` when it is gone already.
    pub(crate) fn add(&self, pid: u32, token: u64) -> Result<bool, c_int> {
        let token = usize::try_from(token).unwrap_or(usize::MAX);
        let flags = libc::EV_ADD | libc::EV_ONESHOT;
        match self.change(ident(pid), libc::EVFILT_PROC, flags, libc::NOTE_EXIT, token) {
            Ok(()) => Ok(true),
            Err(error) if error.raw_os_error() == Some(libc::ESRCH) => Ok(false),
            Err(error) => Err(error.raw_os_error().unwrap_or(0)),
        }
    }

    pub(crate) fn remove(&self, pid: u32) {
        // Told already, and so gone from the queue.
        let _ = self.change(ident(pid), libc::EVFILT_PROC, libc::EV_DELETE, 0, 0);
    }

    pub(crate) fn wake(&self) {
        let _ = self.change(WAKE_IDENT, libc::EVFILT_USER, 0, libc::NOTE_TRIGGER, 0);
    }

    /// The tokens of those that ended; 0 stands for a wake. Empty when the time is up, `None` when it is broken.
    #[expect(unsafe_code, reason = "rustix has no kevent that takes tokens")]
    pub(crate) fn wait(&self, time: Option<Duration>) -> Option<Vec<u64>> {
        let limit = time.map(|time| timespec {
            tv_sec: time.as_secs().try_into().unwrap_or(i32::MAX.into()),
            tv_nsec: time.subsec_nanos().into(),
        });
        let limit = limit.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
        let mut room = [empty_event(); 64];
        loop {
            // SAFETY: no changes, 64 events of room, and a limit that is null or lives on.
            let count = unsafe { libc::kevent(self.0.as_raw_fd(), std::ptr::null(), 0, room.as_mut_ptr(), 64, limit) };
            match usize::try_from(count) {
                Ok(count) => return Some(room.iter().take(count).map(|event| event.udata as usize as u64).collect()),
                Err(_) if io::Error::last_os_error().kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return None,
            }
        }
    }

    #[expect(unsafe_code, reason = "rustix has no kevent that takes tokens")]
    fn change(&self, ident: usize, filter: i16, flags: u16, fflags: u32, token: usize) -> io::Result<()> {
        let change = kevent { ident, filter, flags, fflags, data: 0, udata: token as *mut libc::c_void };
        // SAFETY: one change that is live, and no room for events.
        let done = unsafe {
            libc::kevent(self.0.as_raw_fd(), &raw const change, 1, std::ptr::null_mut(), 0, std::ptr::null())
        };
        if done < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }
}

fn ident(pid: u32) -> usize {
    usize::try_from(pid).unwrap_or(usize::MAX)
}

const fn empty_event() -> kevent {
    kevent { ident: 0, filter: 0, flags: 0, fflags: 0, data: 0, udata: std::ptr::null_mut() }
}
