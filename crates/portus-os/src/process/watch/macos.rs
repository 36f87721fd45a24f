//! kqueue tells of the ends of processes by their number, for as long as that process has it.

use std::io;

use super::exit_queue::ExitQueue;

/// The process's number: the queue holds on to the process itself.
pub(super) type Handle = u32;

pub(super) struct Poller(ExitQueue);

impl Poller {
    pub(super) fn new() -> io::Result<Self> {
        ExitQueue::new().map(Self)
    }

    /// Asks for the end of whoever has this number, to be told as `token`. The caller checks who it is.
    pub(super) fn open(&self, pid: u32, token: u64) -> io::Result<Option<Handle>> {
        match self.0.add(pid, token) {
            Ok(added) => Ok(added.then_some(pid)),
            Err(code) => Err(io::Error::from_raw_os_error(code)),
        }
    }

    pub(super) fn remove(&self, pid: Handle) {
        self.0.remove(pid);
    }

    pub(super) fn wait(&self, tokens: &mut Vec<u64>) -> bool {
        let Some(ended) = self.0.wait(None) else { return false };
        tokens.extend(ended);
        !tokens.contains(&0)
    }

    pub(super) fn stop(&self) {
        self.0.wake();
    }
}
