//! Words that every front end uses for the same thing.

use portus_core::Evidence;
use portus_proto::{Explanation, Verdict};

/// A verdict in words.
#[must_use]
pub fn verdict_words(explanation: &Explanation) -> &'static str {
    let evidence = explanation.lease.as_ref().and_then(|lease| lease.evidence);
    match explanation.verdict {
        Verdict::Quarantined => "in quarantine, not to be handed out",
        Verdict::Contested => "leased, and somebody else listens",
        Verdict::Mine if evidence == Some(Evidence::Presumed) => {
            "leased by this worktree, and what listens is presumed to be its server"
        }
        Verdict::Mine => "this worktree's own server listens",
        Verdict::OtherWorktree => "another worktree's server listens",
        Verdict::Unmanaged => "somebody listens without a lease",
        Verdict::Guarded => "leased, nobody listens, and kept in the kernel",
        Verdict::Leased => "leased, and nobody listens",
        Verdict::Free => "free",
    }
}
