//! How payloads are told apart in a stream: a length in four bytes, big-endian, then as many bytes.
//!
//! The decoder owns one buffer. Whoever has the socket reads into [`Decoder::spare`] and says how much with
//! [`Decoder::filled`] (or copies with [`Decoder::feed`]), then takes frames until there are none. The buffer grows only
//! as bytes really arrive, so a peer makes us hold no more than it sent, and never more than one frame and one read.

use crate::codec::EncodeError;

/// The longest payload, in bytes, either way.
pub const FRAME_LEN_MAX: usize = 1024 * 1024;

/// The bytes that tell a payload's length.
pub const HEADER_LEN: usize = 4;

/// What a buffer starts with, in bytes: a few dozen ordinary frames.
const BUFFER_LEN: usize = 8 * 1024;

/// The least room offered to a read, in bytes, so that reads do not become tiny towards the buffer's end.
const SPARE_LEN_MIN: usize = 1024;

/// What an empty buffer keeps of its memory, in bytes.
const KEPT_LEN_MAX: usize = 64 * 1024;

/// Why a stream of bytes is no stream of frames. Nothing behind it can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The header promises more than [`FRAME_LEN_MAX`].
    #[error("a frame of {len} bytes is too long: the limit is {max}")]
    TooLong {
        /// The length that was promised.
        len: u32,
        /// The limit.
        max: usize,
    },
    /// The header promises nothing.
    #[error("a frame is empty")]
    Empty,
    /// The stream ended within a frame.
    #[error("the stream ended within a frame, after {have} of {want} bytes")]
    Truncated {
        /// How many bytes of it there are, its header included.
        have: usize,
        /// How many there should be, as far as known.
        want: usize,
    },
}

/// Appends a frame whose payload `write` appends. On an error `out` is as it was.
///
/// # Errors
/// Those of `write`, and [`EncodeError::TooLong`] for a payload longer than [`FRAME_LEN_MAX`].
pub fn encode_with(
    out: &mut Vec<u8>,
    write: impl FnOnce(&mut Vec<u8>) -> Result<(), EncodeError>,
) -> Result<(), EncodeError> {
    let start = out.len();
    out.extend_from_slice(&[0; HEADER_LEN]);
    let outcome = write(out).and_then(|()| {
        let len = out.len() - start - HEADER_LEN;
        u32::try_from(len).ok().filter(|_| len <= FRAME_LEN_MAX).ok_or(EncodeError::TooLong { max: FRAME_LEN_MAX })
    });
    match outcome {
        Ok(len) => {
            out[start..start + HEADER_LEN].copy_from_slice(&len.to_be_bytes());
            Ok(())
        }
        Err(error) => {
            out.truncate(start);
            Err(error)
        }
    }
}

/// Appends a frame with this payload.
///
/// # Errors
/// [`EncodeError::TooLong`] for a payload longer than [`FRAME_LEN_MAX`].
pub fn encode(payload: &[u8], out: &mut Vec<u8>) -> Result<(), EncodeError> {
    if payload.len() > FRAME_LEN_MAX {
        return Err(EncodeError::TooLong { max: FRAME_LEN_MAX });
    }
    encode_with(out, |out| {
        out.extend_from_slice(payload);
        Ok(())
    })
}

/// Finds frames in a stream of bytes.
///
/// After an error the stream makes no sense any more: the same error comes again, and further bytes are dropped.
#[derive(Debug, Default)]
pub struct Decoder {
    /// All of it is initialised, so that it can be lent to a read without `unsafe`.
    buffer: Vec<u8>,
    /// The bytes not yet handed out are `buffer[start..end]`.
    start: usize,
    end: usize,
    broken: Option<FrameError>,
}

impl Decoder {
    /// A decoder at the start of a stream. Allocates with the first bytes.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Room to read into, never empty. Take all frames first: what waits here stays in memory.
    pub fn spare(&mut self) -> &mut [u8] {
        self.make_room(SPARE_LEN_MIN);
        &mut self.buffer[self.end..]
    }

    /// Says that the first `len` bytes of [`Self::spare`] came from the stream.
    pub fn filled(&mut self, len: usize) {
        if self.broken.is_none() {
            self.end = (self.end + len).min(self.buffer.len());
        }
    }

    /// Takes in bytes that are somewhere else already.
    pub fn feed(&mut self, bytes: &[u8]) {
        if self.broken.is_some() || bytes.is_empty() {
            return;
        }
        self.make_room(bytes.len());
        self.buffer[self.end..self.end + bytes.len()].copy_from_slice(bytes);
        self.end += bytes.len();
    }

    /// The next payload, or `None` until more bytes have come.
    ///
    /// # Errors
    /// [`FrameError::TooLong`] and [`FrameError::Empty`], both from the header alone.
    pub fn next_frame(&mut self) -> Result<Option<&[u8]>, FrameError> {
        let Some(len) = self.payload_len()? else { return Ok(None) };
        let payload = self.start + HEADER_LEN..self.start + HEADER_LEN + len;
        if payload.end > self.end {
            return Ok(None);
        }
        self.start = payload.end;
        Ok(Some(&self.buffer[payload]))
    }

    /// Says that the stream has ended.
    ///
    /// # Errors
    /// [`FrameError::Truncated`] when it ended within a frame, or the error found before.
    pub fn finish(&mut self) -> Result<(), FrameError> {
        let want = self.payload_len()?.map_or(HEADER_LEN, |len| HEADER_LEN + len);
        match self.end - self.start {
            0 => Ok(()),
            have => Err(FrameError::Truncated { have, want }),
        }
    }

    /// How many bytes of memory the decoder holds.
    #[must_use]
    pub fn memory_len(&self) -> usize {
        self.buffer.capacity()
    }

    /// What the header at hand promises, once it is complete.
    fn payload_len(&mut self) -> Result<Option<usize>, FrameError> {
        if let Some(error) = self.broken {
            return Err(error);
        }
        let Some(header) = self.buffer[self.start..self.end].first_chunk::<HEADER_LEN>() else { return Ok(None) };
        let promised = u32::from_be_bytes(*header);
        match usize::try_from(promised) {
            Ok(0) => Err(self.give_up(FrameError::Empty)),
            Ok(len) if len <= FRAME_LEN_MAX => Ok(Some(len)),
            _ => Err(self.give_up(FrameError::TooLong { len: promised, max: FRAME_LEN_MAX })),
        }
    }

    fn give_up(&mut self, error: FrameError) -> FrameError {
        (self.start, self.end) = (0, 0);
        self.buffer = Vec::new();
        self.broken = Some(error);
        error
    }

    /// Sees to it that `buffer[end..]` is at least `len` long.
    ///
    /// Bytes move only when the end of the buffer is reached, and only those of one unfinished frame; they move to the
    /// front, where they stay until their frame is taken. A frame that outgrows the buffer doubles it. So each byte is
    /// moved a bounded number of times, however the stream is cut.
    fn make_room(&mut self, len: usize) {
        let waiting = self.end - self.start;
        if waiting == 0 {
            (self.start, self.end) = (0, 0);
        }
        let excessive = self.buffer.len() > KEPT_LEN_MAX && waiting + len <= BUFFER_LEN;
        if self.buffer.len() - self.end >= len && !excessive {
            return;
        }
        self.buffer.copy_within(self.start..self.end, 0);
        (self.start, self.end) = (0, waiting);
        if excessive {
            self.buffer.truncate(BUFFER_LEN);
            self.buffer.shrink_to_fit();
        } else if self.buffer.len() < waiting + len {
            let doubled = (self.buffer.len() * 2).max(BUFFER_LEN);
            self.buffer.resize(doubled.max(waiting + len), 0);
        }
    }
}
