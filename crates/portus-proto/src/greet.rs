//! What two ends agree on before they talk.

use crate::message::{Code, Codec, Hello, PROTOCOL_VERSION, Refusal};

/// The oldest version of the protocol that this build still understands.
pub const PROTOCOL_OLDEST: u32 = 1;

/// Names the messages of this build: its version, and a hash over the sources of all that is said on the wire. Two
/// builds with the same id mean the same by the same bytes; only they use bincode between them.
#[must_use]
pub const fn build_id() -> &'static str {
    env!("PORTUS_BUILD_ID")
}

/// What a client or daemon calls its network namespace when it cannot tell, or when its system has none.
const UNKNOWN_NETWORK: &str = "0";

/// What a daemon of this build and network namespace answers to a hello: the codec from here on, or why it will not
/// talk. A network that is `None` or `"0"` is not known, and compared with none.
///
/// From here on both speak the lower of their two protocol versions. The greeting tells the daemon's, so a client that
/// is newer knows which, and may ask the daemon to leave.
///
/// # Errors
/// [`Code::ProtocolMismatch`] when the client's version is not spoken here any more, and [`Code::OtherNetwork`] when
/// both know their network namespace and it is not the same.
pub fn negotiate(hello: &Hello, build: &str, network: Option<&str>) -> Result<Codec, Refusal> {
    if hello.protocol < PROTOCOL_OLDEST {
        return Err(Refusal::new(
            Code::ProtocolMismatch,
            format!(
                "the client speaks protocol {}, and this daemon speaks {PROTOCOL_OLDEST} to {PROTOCOL_VERSION}",
                hello.protocol
            ),
            "update the client; docs/protocol.md describes what is spoken",
        ));
    }
    let known = |network: &&str| *network != UNKNOWN_NETWORK;
    if let (Some(theirs), Some(ours)) = (hello.network.as_deref().filter(known), network.filter(known))
        && theirs != ours
    {
        return Err(Refusal::new(
            Code::OtherNetwork,
            "the client lives in another network namespace than the daemon, so a port from here would be worth nothing \
             there",
            "run this command where the daemon runs, or set PORTUS_HOME to another directory: that gives the container \
             or sandbox a daemon of its own",
        ));
    }
    let same_build = hello.protocol == PROTOCOL_VERSION && !build.is_empty() && hello.build == build;
    Ok(if same_build { hello.codec } else { Codec::Json })
}
