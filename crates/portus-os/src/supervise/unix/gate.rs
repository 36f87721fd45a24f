//! Between a command's fork and its exec: the child waits until its parent has let go of the ports.
//!
//! Both hold them after the fork. Once the parent has closed its own, the child's are the last, and
//! its exec closes them: the ports come free with the command's first instruction, and not before.

use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixStream;

use super::super::KeptPorts;

/// The parent's side. Lives on a thread of its own, because starting a process waits for its exec.
pub(super) struct Gate {
    stream: UnixStream,
    ports: KeptPorts,
}

/// The child's side.
pub(super) struct ChildSide {
    stream: UnixStream,
    /// The parent's end, of which the child has a copy by its fork.
    parent_end: RawFd,
}

impl Gate {
    pub(super) fn open(ports: KeptPorts) -> io::Result<(Self, ChildSide)> {
        let (parent, child) = UnixStream::pair()?;
        let parent_end = parent.as_raw_fd();
        Ok((Self { stream: parent, ports }, ChildSide { stream: child, parent_end }))
    }

    /// Waits for the child, or for the news that there will be none; lets go of the ports; opens the gate.
    pub(super) fn keep(mut self) {
        let _ = self.stream.read(&mut [0]);
        drop(self.ports);
        let _ = self.stream.write_all(&[1]);
    }

    /// Lets go of the ports and opens the gate before there is a child. It is open while the returned end lives.
    pub(super) fn open_at_once(self) -> io::Result<UnixStream> {
        let Self { mut stream, ports } = self;
        drop(ports);
        stream.write_all(&[1])?;
        Ok(stream)
    }
}

impl ChildSide {
    /// Passes the gate. In the child, between fork and exec: system calls only, no allocation.
    pub(super) fn pass(&self) -> io::Result<()> {
        // Else a parent that dies now would never be missed.
        close(self.parent_end);
        (&self.stream).write_all(&[1])?;
        // Nothing to read means that the parent is gone, and its hold on the ports with it.
        (&self.stream).read(&mut [0]).map(drop)
    }
}

#[expect(unsafe_code, reason = "the number of a descriptor that the fork has copied")]
fn close(descriptor: RawFd) {
    // SAFETY: the child owns its copy, and nothing in it uses that again.
    unsafe { rustix::io::close(descriptor) };
}
