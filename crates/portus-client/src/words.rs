//! Words that every front end uses for the same thing.

use portus_core::Evidence;
use portus_proto::{Explanation, Listener, Verdict};

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
        Verdict::Free if explanation.why.is_some() => "not leased, and nobody listens",
        Verdict::Free => "free",
    }
}

/// Who listens, to begin a sentence with.
#[must_use]
pub fn listener_words(listener: Option<&Listener>) -> String {
    let Some(listener) = listener else { return "A program".to_owned() };
    let place = listener.cwd.as_deref().map(|cwd| format!(", in {cwd}")).unwrap_or_default();
    match (&listener.container, listener.pid) {
        (Some(container), _) => format!("The container {container}"),
        (None, Some(pid)) => format!("`{}` (pid {pid}{place})", listener.command),
        (None, None) => "A process of another user".to_owned(),
    }
}

/// Who listens on a contested port without being its tenant.
#[must_use]
pub fn stranger_words(explanation: &Explanation) -> String {
    let stranger = explanation.listeners.iter().find(|listener| listener.lease.is_none());
    let who = listener_words(stranger.or(explanation.listeners.first()));
    format!("{who} listens on port {}, and is not the tenant", explanation.port)
}
