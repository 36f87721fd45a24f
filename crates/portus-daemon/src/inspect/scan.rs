//! Who listens on the machine.

use portus_proto::{Refusal, Reply, ScanCall};

use crate::wording;

/// Who listens on the machine.
pub(crate) fn scan(_call: &ScanCall) -> Result<Reply, Refusal> {
    Err(wording::unsupported("`portus scan`"))
}
