//! What the asker should know beside the answer.

use portus_core as core;
use portus_core::Note;
use portus_os::port::EphemeralPorts;

use super::because;
use crate::translate::View;

/// What the asker should know about a grant.
pub(crate) fn note(note: &Note, view: &View<'_>) -> String {
    match note {
        Note::PreferredUnavailable { key, port, why } => format!(
            "`{}` did not get its preferred port {port}: {} (`portus explain {port}`)",
            key.service,
            because(why, view)
        ),
        Note::ClaimUnavailable { key, port, why } => {
            format!("`{}` did not get its former port {port}: {}", key.service, because(why, view))
        }
        Note::FellBack { key, to } => {
            recovered(&format!("`{}` fell back to {to}, because its range is full", key.service))
        }
        Note::Expanded { key, to } => {
            recovered(&format!("expanded to {to}, because the range of `{}` is full", key.service))
        }
        Note::ClaimTaken { from, port } => format!(
            "port {port} was the number of `{}` of {} ({}), which did not run and gets another next time",
            from.service, from.project, from.worktree
        ),
        Note::SiblingUnclaimed { key } => format!("no number could be set aside for `{}`", key.service),
        Note::GaveUp { key, port } => {
            format!("`{}` gave up the lease it had on port {port}, which is not where it was asked for", key.service)
        }
        Note::KeptOther { key, preferred } => format!(
            "`{}` keeps the port it has instead of the preferred {preferred}; `portus release {}` first to move",
            key.service, key.service
        ),
    }
}

/// What went wrong and was got over, in one form for notes and log.
pub(crate) fn recovered(how: &str) -> String {
    format!("recovered: {how}")
}

/// Stale leases were ended because ports were wanted.
pub(crate) fn cleaned(count: usize) -> String {
    format!("cleaned {count} stale lease{}", if count == 1 { "" } else { "s" })
}

/// What kept a request from being decided has passed.
pub(crate) fn tried_again(tries: usize, why: &str) -> String {
    format!("tried again {tries} time{}, because {why}", if tries == 1 { "" } else { "s" })
}

/// A range that the system draws client ports from serves badly.
pub(crate) fn ephemeral_note(range: core::PortRange, ephemeral: &EphemeralPorts) -> String {
    let reservation = ephemeral.reservation(range);
    let reserve = reservation.map(|command| format!(", or reserve it: `{command}`")).unwrap_or_default();
    format!(
        "the range {range} overlaps the system's ephemeral range {}: an outgoing connection may draw one of its ports \
         and make it unusable for a while; choose one outside of it{reserve}",
        ephemeral.range
    )
}
