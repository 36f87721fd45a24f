//! Whose port it is.

use portus_proto::{ExplainCall, Refusal, Reply};

use crate::wording;

/// Whose port it is.
pub(crate) fn explain(_call: &ExplainCall) -> Result<Reply, Refusal> {
    Err(wording::unsupported("`portus explain`"))
}
