//! The first frame each way.

use serde::{Deserialize, Deserializer, Serialize};

use super::refusal::Refusal;

/// The version of the protocol that this build speaks.
pub const PROTOCOL_VERSION: u32 = 1;

/// How payloads after the hello are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum Codec {
    /// The public contract.
    #[default]
    Json,
    /// Between client and daemon of the same build only.
    Bincode,
}

/// The client's first frame. Always JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// The protocol version it speaks.
    pub protocol: u32,
    /// Its build; clients that are not ours leave it empty.
    #[serde(default)]
    pub build: String,
    /// The codec it would like; the daemon answers which it is.
    #[serde(default, deserialize_with = "codec_or_json")]
    pub codec: Codec,
    /// Its network namespace, if it knows: a port is only worth something in the daemon's.
    #[serde(default)]
    pub network: Option<String>,
}

/// A codec that this build does not know is no reason not to talk.
fn codec_or_json<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Codec, D::Error> {
    let word = String::deserialize(deserializer)?;
    Ok(if word == "bincode" { Codec::Bincode } else { Codec::Json })
}

/// The daemon's first frame. Always JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Greeting {
    /// Go on.
    Welcome(Welcome),
    /// It will not talk; the connection ends.
    Refused(Refusal),
}

/// What the daemon says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Welcome {
    /// The protocol version it speaks.
    pub protocol: u32,
    /// Its build.
    pub build: String,
    /// The codec from here on.
    pub codec: Codec,
    /// The journal's uuid: the first half of every `PORTUS_LEASE`.
    pub journal: String,
    /// Its process.
    pub pid: u32,
}
