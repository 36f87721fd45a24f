//! Whether the services' listeners are the worktree's own.

use portus_proto::{Refusal, Reply, VerifyCall};

use crate::wording;

/// Whether the services' listeners are the worktree's own.
pub(crate) fn verify(_call: &VerifyCall) -> Result<Reply, Refusal> {
    Err(wording::unsupported("`portus verify`"))
}
