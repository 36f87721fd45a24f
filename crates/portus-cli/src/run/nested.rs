//! `run` below a `run` of the same service: a package's script says `portus run`, and so did who called it.

use portus_client::{Assigned, CallError};
use portus_proto::{Code, Lease};

use super::Job;
use super::command::{Command, Known, MARKER};
use super::lease::Tenancy;
use crate::failure::Outcome;

/// The lease in the way, if this process is part of its tree and it is the one service asked for.
pub(super) fn around(error: &CallError, journal: &str, services: usize) -> Option<Lease> {
    let CallError::Refused(refusal) = error else { return None };
    let lease = refusal.facts.lease.as_ref().filter(|_| refusal.code == Code::AlreadyRunning && services == 1)?;
    let marker = std::env::var(MARKER).ok()?;
    names(&marker, journal, lease.id.0).then(|| lease.clone())
}

/// Whether a marker of this journal names the lease.
fn names(marker: &str, journal: &str, lease: u64) -> bool {
    let ids = marker.split_once(':').filter(|(uuid, _)| *uuid == journal).map(|(_, ids)| ids);
    ids.is_some_and(|ids| ids.split(',').any(|id| id.parse() == Ok(lease)))
}

impl Job {
    /// Starts the command on the port that the `run` around this one has leased and watches.
    pub(super) fn within(&mut self, lease: &Lease, tenancy: &mut Tenancy) -> Outcome {
        let sentence = format!("inside `portus run` already: {} keeps port {}", lease.service, lease.port);
        self.voice.tell("nested", &[lease], &sentence);
        let own = Assigned { service: lease.service.clone(), port: lease.port, protocol: lease.protocol };
        let known = Known::around(vec![own], &self.workspace, tenancy)?;
        let marker = std::env::var(MARKER).ok();
        let command = Command::with(&self.args, &self.workspace, known, &lease.service, marker)?;
        self.see_through(&command)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_marker_of_this_journal_that_names_the_lease_counts() {
        for (marker, expected) in [
            ("abc:7", true),
            ("abc:6,7", true),
            ("abc:77", false),
            ("other:7", false),
            ("abc", false),
            ("", false),
            ("abc:", false),
        ] {
            assert_eq!(names(marker, "abc", 7), expected, "{marker}");
        }
    }
}
