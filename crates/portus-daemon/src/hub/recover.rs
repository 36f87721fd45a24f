//! What is tried before a request for ports is refused: again after a moment, and again after stale leases were ended.
//! Expansion and fallback are the core's own. Each is said in the answer's notes.

use std::time::Duration;

use portus_core::{Command, Refusal, Request, Stale};

use super::{Hub, Job, Requested, Then, Work};
use crate::engine::{Failure, JournalError};
use crate::wording;

/// The pauses after which what may pass by itself is tried again. Together they are shorter than a person's patience.
const PAUSES: [Duration; 3] = [Duration::from_millis(20), Duration::from_millis(80), Duration::from_millis(200)];

/// What was tried for one request so far.
#[derive(Debug, Default)]
pub(super) struct Recovery {
    /// How often it was tried again.
    tries: usize,
    /// Why, the last time.
    why: &'static str,
    /// How many stale leases were ended for it; `None` while nobody has looked.
    cleaned: Option<usize>,
}

impl Recovery {
    /// What was done, in its order.
    fn steps(&self) -> impl Iterator<Item = String> {
        let tries = (self.tries > 0).then(|| wording::tried_again(self.tries, self.why));
        let cleaned = self.cleaned.filter(|count| *count > 0).map(wording::cleaned);
        tries.into_iter().chain(cleaned)
    }

    /// What the asker should know, now that it was granted.
    pub(super) fn notes(&self) -> Vec<String> {
        self.steps().map(|how| wording::recovered(&how)).collect()
    }

    /// Adds to a refusal what was tried before it.
    pub(super) fn tell_in_vain(&self, refusal: &mut portus_proto::Refusal) {
        let tried: Vec<String> = self.steps().collect();
        if !tried.is_empty() {
            refusal.message.push_str(&format!(" ({})", tried.join(", then ")));
        }
    }

    /// After which pause it is worth another try, if it is.
    fn again(&mut self, failure: &Failure) -> Option<Duration> {
        let why = transient(failure)?;
        let pause = PAUSES.get(self.tries)?;
        self.tries += 1;
        self.why = why;
        Some(*pause)
    }
}

/// Why a failure may pass by itself, if it may. Nothing was changed then. A full disk or one that may not be written
/// waits for a person, and doubt about a commit for a new start.
const fn transient(failure: &Failure) -> Option<&'static str> {
    match failure {
        Failure::Refused(Refusal::NoDescriptors) => Some("the daemon had no file descriptor left"),
        Failure::JournalFailed(JournalError::Locked) => Some("another program kept the journal locked"),
        Failure::Refused(_) | Failure::JournalFailed(_) | Failure::InDoubt(_) => None,
    }
}

impl Hub {
    /// Has ports asked for.
    pub(super) fn push_request(&mut self, requested: Requested) {
        self.ready.push(work(requested));
    }

    /// Takes up a request that failed, if there is something left to try. Otherwise gives it back.
    pub(super) fn try_to_recover(&mut self, failure: &Failure, mut requested: Requested) -> Option<Requested> {
        if let Some(pause) = requested.recovery.again(failure) {
            self.beside_after(pause, work(requested));
            return None;
        }
        if requested.recovery.cleaned.is_none() && is_exhausted(failure, &requested.request) {
            self.clean_for(requested);
            return None;
        }
        Some(requested)
    }

    /// Asks again, after stale leases were looked for.
    pub(super) fn request_after_cleaning(&mut self, mut requested: Requested, ended: usize) {
        requested.recovery.cleaned = Some(ended);
        requested.request.stale = if ended > 0 { Stale::Ended } else { Stale::None };
        self.push_request(requested);
    }

    /// Makes work of something after a pause, during which others are served.
    fn beside_after(&self, pause: Duration, work: Work) {
        let (jobs, busy) = (self.jobs.clone(), std::sync::Arc::clone(&self.busy));
        tokio::spawn(async move {
            tokio::time::sleep(pause).await;
            let _ = jobs.send(Job::Decide(Box::new(work))).await;
            drop(busy);
        });
    }
}

/// Whether room could be made, or is only looked for elsewhere once that was tried.
fn is_exhausted(failure: &Failure, request: &Request) -> bool {
    match failure {
        Failure::Refused(Refusal::NoPort { reasons, .. } | Refusal::NoBlock { reasons, .. }) => {
            reasons.leased > 0 || request.asks.iter().any(|ask| ask.expand.is_some())
        }
        Failure::Refused(_) | Failure::JournalFailed(_) | Failure::InDoubt(_) => false,
    }
}

/// A request as work to do.
pub(super) fn work(requested: Requested) -> Work {
    let command = Command::Request { request: requested.request.clone(), survey: requested.survey.clone() };
    Work { command, then: Then::Request(Box::new(requested)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_may_pass_by_itself_is_tried_again_and_not_for_ever() {
        let locked = Failure::JournalFailed(JournalError::Locked);
        let mut recovery = Recovery::default();
        let pauses: Vec<_> = std::iter::from_fn(|| recovery.again(&locked)).collect();
        assert_eq!(pauses, PAUSES);
        assert_eq!(
            recovery.notes(),
            ["recovered: tried again 3 times, because another program kept the journal locked"]
        );
        for (failure, passes) in [
            (Failure::Refused(Refusal::NoDescriptors), true),
            (Failure::JournalFailed(JournalError::Full), false),
            (Failure::JournalFailed(JournalError::ReadOnly), false),
            (Failure::InDoubt(JournalError::Locked), false),
            (Failure::Refused(Refusal::Senseless { what: "" }), false),
        ] {
            assert_eq!(Recovery::default().again(&failure).is_some(), passes, "{failure:?}");
        }
    }

    #[test]
    fn each_step_is_said_in_the_same_form() {
        let recovery = Recovery { tries: 1, why: "it was late", cleaned: Some(2) };
        assert_eq!(
            recovery.notes(),
            ["recovered: tried again 1 time, because it was late", "recovered: cleaned 2 stale leases"]
        );
        let nothing = Recovery { cleaned: Some(0), ..Recovery::default() };
        assert!(nothing.notes().is_empty());
        let mut refusal = wording::stopping();
        recovery.tell_in_vain(&mut refusal);
        assert!(refusal.message.ends_with(" (tried again 1 time, because it was late, then cleaned 2 stale leases)"));
    }
}
