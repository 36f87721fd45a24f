//! What Portus says on the wire, and how it is framed.
//!
//! Imports the core's vocabulary, serde, and the two codecs. Never does IO and knows no rule: bytes
//! in, messages out, and back. Start reading at [`message`], then [`frame`] and [`codec`];
//! docs/protocol.md tells the same to people who write clients; [`prometheus`] tells figures to scrapers. Tested by golden frames and by
//! decoding every message both ways.
#![forbid(unsafe_code)]

pub mod codec;
pub mod frame;
mod greet;
pub mod message;
pub mod ports_json;
pub mod prometheus;

pub use greet::{PROTOCOL_OLDEST, build_id, negotiate};
pub use message::*;
