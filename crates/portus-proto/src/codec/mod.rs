//! How messages become payloads, and payloads messages.
//!
//! Encoding appends a whole frame, its length included; decoding takes a payload as [`crate::frame::Decoder`] hands it
//! out. What is said before a codec is agreed on is JSON: the hello and the greeting.

mod binary;
mod error;
mod json;

pub use error::{DecodeError, EncodeError};

use crate::frame::{self, FRAME_LEN_MAX};
use crate::message::{ClientFrame, Code, Codec, Greeting, Hello, Outcome, Refusal, ReplyFrame, ServerFrame};
use serde::Serialize;

/// Appends the client's first frame.
///
/// # Errors
/// [`EncodeError::TooLong`] when it does not fit into a frame.
pub fn encode_hello(hello: &Hello, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    encode(Codec::Json, hello, out)
}

/// Reads the client's first frame.
///
/// # Errors
/// [`DecodeError::Malformed`].
pub fn decode_hello(payload: &[u8]) -> Result<Hello, DecodeError> {
    json::decode(payload)
}

/// Appends the daemon's first frame.
///
/// # Errors
/// [`EncodeError::TooLong`] when it does not fit into a frame.
pub fn encode_greeting(greeting: &Greeting, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    encode(Codec::Json, greeting, out)
}

/// Reads the daemon's first frame.
///
/// # Errors
/// [`DecodeError::Malformed`].
pub fn decode_greeting(payload: &[u8]) -> Result<Greeting, DecodeError> {
    json::decode(payload)
}

/// Appends a call.
///
/// # Errors
/// [`EncodeError::TooLong`] when it does not fit into a frame.
pub fn encode_client(codec: Codec, frame: &ClientFrame, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    encode(codec, frame, out)
}

/// Reads a call.
///
/// # Errors
/// Every [`DecodeError`] but [`DecodeError::UnknownEvent`]; those that name an id can be answered on it.
pub fn decode_client(codec: Codec, payload: &[u8]) -> Result<ClientFrame, DecodeError> {
    match codec {
        Codec::Json => json::decode_client(payload),
        Codec::Bincode => binary::decode(payload),
    }
}

/// Appends what the daemon says. A reply that does not fit into a frame is replaced by a refusal that says so, since
/// whoever waits for that id must hear something.
///
/// # Errors
/// [`EncodeError::TooLong`] when an event or a goodbye does not fit into a frame.
pub fn encode_server(codec: Codec, frame: &ServerFrame, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    match (encode(codec, frame, out), frame) {
        (Err(EncodeError::TooLong { max }), ServerFrame::Reply(reply)) => {
            let outcome = Outcome::Refused(too_long_to_say(max));
            encode(codec, &ServerFrame::Reply(ReplyFrame { id: reply.id, outcome }), out)
        }
        (outcome, _) => outcome,
    }
}

/// Reads what the daemon says.
///
/// # Errors
/// [`DecodeError::Malformed`], and [`DecodeError::UnknownEvent`] for an event to be skipped.
pub fn decode_server(codec: Codec, payload: &[u8]) -> Result<ServerFrame, DecodeError> {
    match codec {
        Codec::Json => json::decode_server(payload),
        Codec::Bincode => binary::decode(payload),
    }
}

fn encode(codec: Codec, message: &impl Serialize, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    frame::encode_with(out, |out| {
        let mut payload = Payload { room: FRAME_LEN_MAX, overflowed: false, out };
        let outcome = match codec {
            Codec::Json => json::encode(message, &mut payload),
            Codec::Bincode => binary::encode(message, &mut payload),
        };
        match outcome {
            Err(_) if payload.overflowed => Err(EncodeError::TooLong { max: FRAME_LEN_MAX }),
            outcome => outcome,
        }
    })
}

fn too_long_to_say(max: usize) -> Refusal {
    let mut refusal = Refusal::new(
        Code::FrameTooLong,
        format!("the answer is longer than the {max} bytes of a frame; if the call was to change something, it has"),
        "ask for less at a time: fewer targets, a narrower range, or a smaller scope",
    );
    refusal.facts.max = u64::try_from(max).ok();
    refusal
}

/// Takes a payload's bytes and stops at the limit, so that a huge answer costs no more memory than a frame.
struct Payload<'a> {
    room: usize,
    overflowed: bool,
    out: &'a mut Vec<u8>,
}

impl std::io::Write for Payload<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.write_all(bytes).map(|()| bytes.len())
    }

    fn write_all(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        let Some(room) = self.room.checked_sub(bytes.len()) else {
            self.overflowed = true;
            return Err(std::io::ErrorKind::FileTooLarge.into());
        };
        self.room = room;
        self.out.extend_from_slice(bytes);
        Ok(())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Serializer;
    use serde::ser::Error as _;
    use std::io::Write as _;

    /// What no codec can write.
    struct Unsayable;

    impl Serialize for Unsayable {
        fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(S::Error::custom("unsayable"))
        }
    }

    #[test]
    fn what_cannot_be_said_is_not_called_too_long() {
        for codec in [Codec::Json, Codec::Bincode] {
            let mut out = b"before".to_vec();
            let error = encode(codec, &Unsayable, &mut out).unwrap_err();
            assert!(!matches!(error, EncodeError::TooLong { .. }), "{codec:?}: {error}");
            assert_eq!(out, b"before");
        }
    }

    #[test]
    fn a_payload_takes_all_or_nothing() {
        let mut out = Vec::new();
        let mut payload = Payload { room: 5, overflowed: false, out: &mut out };
        assert_eq!(payload.write(b"abc").unwrap(), 3);
        assert!(payload.write(b"def").is_err() && payload.overflowed);
        assert_eq!(out, b"abc");
    }
}
