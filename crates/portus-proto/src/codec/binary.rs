//! bincode 2 in its serde mode: quick and small, and only between processes of one build, since a reader that differs
//! in one field reads nonsense. Why it is here at all: docs/decisions/0003-bincode.md.

use super::{DecodeError, EncodeError, Payload};
use crate::frame::FRAME_LEN_MAX;
use bincode::config::{self, Config};
use serde::{Serialize, de::DeserializeOwned};

/// What bincode may count while it reads. It counts a number by the size of its type, though a small one takes a byte:
/// up to eight for one.
const COUNTED_LEN_MAX: usize = 8 * FRAME_LEN_MAX;

/// The limit keeps a length that a payload claims for a text or list from becoming an allocation.
const fn configuration() -> impl Config {
    config::standard().with_limit::<COUNTED_LEN_MAX>()
}

pub(super) fn encode(message: &impl Serialize, payload: &mut Payload<'_>) -> Result<(), EncodeError> {
    bincode::serde::encode_into_std_write(message, payload, configuration())
        .map(|_len| ())
        .map_err(|error| EncodeError::Unwritable(error.to_string()))
}

/// Reads a message that fills the payload to the last byte.
pub(super) fn decode<T: DeserializeOwned>(payload: &[u8]) -> Result<T, DecodeError> {
    match bincode::serde::decode_from_slice(payload, configuration()) {
        Ok((message, used)) if used == payload.len() => Ok(message),
        Ok((_, used)) => {
            Err(DecodeError::malformed(format!("{} bytes follow the message of {used}", payload.len() - used)))
        }
        Err(error) => Err(DecodeError::malformed(error)),
    }
}
