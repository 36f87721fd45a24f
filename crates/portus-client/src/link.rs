//! One connection as frames: bytes out, messages in, each within a deadline.

use std::io::{self, Read as _, Write as _};
use std::time::{Duration, Instant};

use portus_os::place::Connection;
use portus_proto::codec::{DecodeError, EncodeError};
use portus_proto::frame::{Decoder, FrameError};

/// Why a connection is of no more use.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LinkError {
    #[error("no answer came in time")]
    TimedOut,
    #[error("the daemon ended the connection")]
    Closed,
    #[error("the connection failed: {0}")]
    Io(io::Error),
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error(transparent)]
    Decode(#[from] DecodeError),
    #[error(transparent)]
    Encode(#[from] EncodeError),
}

impl From<io::Error> for LinkError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Self::TimedOut,
            io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset | io::ErrorKind::UnexpectedEof => Self::Closed,
            _ => Self::Io(error),
        }
    }
}

/// A connection, and what has been read of it.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) connection: Connection,
    decoder: Decoder,
    out: Vec<u8>,
}

impl Link {
    pub(crate) fn new(connection: Connection) -> Self {
        Self { connection, decoder: Decoder::new(), out: Vec::new() }
    }

    /// Sends the one frame that `write` appends.
    pub(crate) fn send(
        &mut self,
        deadline: Instant,
        write: impl FnOnce(&mut Vec<u8>) -> Result<(), EncodeError>,
    ) -> Result<(), LinkError> {
        self.out.clear();
        write(&mut self.out)?;
        self.connection.set_timeouts(Some(left(deadline)?))?;
        self.connection.write_all(&self.out)?;
        Ok(())
    }

    /// Waits for one frame, and reads it. The read's own limit still stands from the [`Self::send`] before it, so it
    /// is set anew only when more than one read is needed.
    pub(crate) fn receive<T>(
        &mut self,
        deadline: Instant,
        mut read: impl FnMut(&[u8]) -> Result<T, DecodeError>,
    ) -> Result<T, LinkError> {
        let mut is_limited = true;
        loop {
            if let Some(payload) = self.decoder.next_frame()? {
                return Ok(read(payload)?);
            }
            if !is_limited {
                self.connection.set_timeouts(Some(left(deadline)?))?;
            }
            is_limited = false;
            self.fill()?;
        }
    }

    /// Says that the next [`Self::receive`] follows no send, so that its read needs a limit of its own.
    pub(crate) fn limit(&self, deadline: Instant) -> Result<(), LinkError> {
        Ok(self.connection.set_timeouts(Some(left(deadline)?))?)
    }

    fn fill(&mut self) -> Result<(), LinkError> {
        loop {
            match self.connection.read(self.decoder.spare()) {
                Ok(0) => {
                    self.decoder.finish()?;
                    return Err(LinkError::Closed);
                }
                Ok(len) => {
                    self.decoder.filled(len);
                    return Ok(());
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// What is left until a deadline; a limit of zero would mean none at all.
fn left(deadline: Instant) -> Result<Duration, LinkError> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(LinkError::TimedOut) } else { Ok(left.max(Duration::from_millis(1))) }
}
