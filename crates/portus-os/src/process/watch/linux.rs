//! A pidfd becomes readable when its process ends, and epoll waits for any of them.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;

use rustix::event::{EventfdFlags, epoll, eventfd};
use rustix::io::{Errno, write};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

/// The token of the event that ends the thread.
const STOP: u64 = 0;

pub(super) type Handle = OwnedFd;

pub(super) struct Poller {
    epoll: OwnedFd,
    stop: OwnedFd,
}

impl Poller {
    pub(super) fn new() -> io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let stop = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        epoll::add(&epoll, &stop, epoll::EventData::new_u64(STOP), epoll::EventFlags::IN)?;
        Ok(Self { epoll, stop })
    }

    /// A handle on whoever has this number, whose end will be told as `token`. The caller checks who it is.
    pub(super) fn open(&self, pid: u32, token: u64) -> io::Result<Option<Handle>> {
        let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) else { return Ok(None) };
        match pidfd_open(pid, PidfdFlags::empty()) {
            Ok(pidfd) => {
                epoll::add(&self.epoll, &pidfd, epoll::EventData::new_u64(token), epoll::EventFlags::IN)?;
                Ok(Some(pidfd))
            }
            Err(Errno::SRCH) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    pub(super) fn remove(&self, handle: Handle) {
        // Closing would take it out as well, unless a child just forked still shares the descriptor.
        let _ = epoll::delete(&self.epoll, &handle);
    }

    /// Blocks until processes ended, and names their tokens. `false` when it is time to leave.
    pub(super) fn wait(&self, tokens: &mut Vec<u64>) -> bool {
        let mut room = [MaybeUninit::uninit(); 64];
        loop {
            match epoll::wait(&self.epoll, &mut room, None) {
                Ok((events, _)) => {
                    tokens.extend(events.iter().map(|event| event.data.u64()));
                    return !tokens.contains(&STOP);
                }
                Err(Errno::INTR) => {}
                // The epoll descriptor itself is broken: nothing can be told any more.
                Err(_) => return false,
            }
        }
    }

    pub(super) fn stop(&self) {
        // It can only fail when the counter is full, and then the thread is being woken anyway.
        let _ = write(&self.stop, &1_u64.to_ne_bytes());
    }
}
