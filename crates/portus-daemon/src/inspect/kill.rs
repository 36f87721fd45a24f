//! Ends what listens on a port.

use portus_proto::{KillCall, Refusal, Reply};

use crate::wording;

/// Ends what listens on a port.
pub(crate) fn kill(_call: &KillCall) -> Result<Reply, Refusal> {
    Err(wording::unsupported("`portus kill`"))
}
