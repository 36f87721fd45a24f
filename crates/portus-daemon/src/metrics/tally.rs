//! The counters that everybody shares.

use std::array;
use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use portus_core::EndReason;
use portus_proto::{Call, Code, Outcome, Reply, Requests};
use tokio::sync::Notify;

use super::Histogram;

/// What most clients wait for an answer at the longest.
pub(crate) const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// So many troubles are kept for the alerts; more of them at once tell nothing new.
const TROUBLES_MAX: usize = 64;

/// How fast a call's answer is expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pace {
    /// It is a request for ports, to be answered at once.
    Request,
    /// It is a request for ports that may wait in line.
    Queue,
    /// It is another call, to be answered soon.
    Soon,
    /// It is a call that takes its time by its nature.
    Slow,
}

impl Pace {
    /// What is expected of a call.
    pub(crate) fn of(call: &Call) -> Self {
        match call {
            Call::Request(request) if request.wait_ms.is_some_and(|ms| ms > 0) => Self::Queue,
            Call::Request(_) => Self::Request,
            Call::Await(_) | Call::Kill(_) => Self::Slow,
            _ => Self::Soon,
        }
    }
}

/// Something that is an alert if it happens again and again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    /// A call was refused for want of ports, or because of the daemon itself.
    Failed(Code),
    /// A call was answered too late, or ran out of time.
    Late,
}

/// The counters that everybody shares. Counting is an addition, from any thread.
#[derive(Debug)]
pub(crate) struct Tally {
    calls: [AtomicU64; Call::METHODS.len()],
    refusals: [AtomicU64; Code::WORDS.len()],
    granted: AtomicU64,
    reused: AtomicU64,
    refused: AtomicU64,
    abandoned: AtomicU64,
    late: AtomicU64,
    /// How long requests took.
    requests: Histogram,
    /// What happened since the alerts looked last.
    troubles: Mutex<VecDeque<(Instant, Trouble)>>,
    is_troubled: AtomicBool,
    stirred: Notify,
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            calls: array::from_fn(|_| AtomicU64::new(0)),
            refusals: array::from_fn(|_| AtomicU64::new(0)),
            granted: AtomicU64::new(0),
            reused: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            abandoned: AtomicU64::new(0),
            late: AtomicU64::new(0),
            requests: Histogram::default(),
            troubles: Mutex::default(),
            is_troubled: AtomicBool::new(false),
            stirred: Notify::new(),
        }
    }
}

fn add(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

fn read(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

impl Tally {
    /// A call has come in.
    pub(crate) fn called(&self, call: &Call) {
        self.calls.get(call.place()).into_iter().for_each(add);
    }

    /// A call that came in at `began` is answered.
    pub(crate) fn answered(&self, pace: Pace, began: Instant, outcome: &Outcome) {
        let took = began.elapsed();
        let is_request = matches!(pace, Pace::Request | Pace::Queue);
        match outcome {
            Outcome::Ok(Reply::Leases(reply)) if is_request => {
                let is_new = reply.leases.is_empty() || reply.leases.iter().any(|lease| !lease.reused);
                add(if is_new { &self.granted } else { &self.reused });
            }
            Outcome::Ok(_) => {}
            Outcome::Refused(refusal) => {
                if is_request {
                    add(&self.refused);
                }
                self.refused(refusal.code);
            }
        }
        if pace == Pace::Request {
            self.requests.record(took);
        }
        if matches!(pace, Pace::Request | Pace::Soon) && took > ANSWER_WITHIN {
            add(&self.late);
            self.trouble(Trouble::Late);
        }
    }

    /// Somebody is told no.
    pub(crate) fn refused(&self, code: Code) {
        self.refusals.get(code.place()).into_iter().for_each(add);
        match code {
            Code::NoPortAvailable
            | Code::PortUnavailable
            | Code::LimitReached
            | Code::NoDescriptors
            | Code::JournalFailed
            | Code::Internal => self.trouble(Trouble::Failed(code)),
            Code::TimedOut => self.trouble(Trouble::Late),
            // The caller's own mistakes, and answers like any other.
            _ => {}
        }
    }

    /// The caller was gone before the answer.
    pub(crate) fn abandoned(&self, pace: Pace) {
        if matches!(pace, Pace::Request | Pace::Queue) {
            add(&self.abandoned);
        }
    }

    fn trouble(&self, trouble: Trouble) {
        let mut troubles = self.troubles.lock().unwrap_or_else(PoisonError::into_inner);
        if troubles.len() == TROUBLES_MAX {
            troubles.pop_front();
        }
        troubles.push_back((Instant::now(), trouble));
        self.is_troubled.store(true, Ordering::Release);
        // Answers are also given beside the hub, which has to hear of it.
        self.stirred.notify_one();
    }

    /// Waits until there is something that the alerts have not seen.
    pub(crate) async fn stirred(&self) {
        self.stirred.notified().await;
    }

    /// What happened since this was asked last. Nothing, nearly always, and then a glance.
    pub(super) fn take_troubles(&self) -> VecDeque<(Instant, Trouble)> {
        if !self.is_troubled.swap(false, Ordering::Acquire) {
            return VecDeque::new();
        }
        std::mem::take(&mut *self.troubles.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// How long requests took.
    pub(crate) const fn requests(&self) -> &Histogram {
        &self.requests
    }

    /// Puts what was counted into a reply.
    pub(crate) fn fill(&self, counters: &mut portus_proto::Counters) {
        let named = |names: &[&str], counts: &[AtomicU64]| -> BTreeMap<String, u64> {
            names.iter().zip(counts).map(|(name, count)| ((*name).to_owned(), read(count))).collect()
        };
        counters.calls = named(Call::METHODS, &self.calls);
        counters.refusals = named(Code::WORDS, &self.refusals);
        counters.late_calls = read(&self.late);
        counters.requests = Requests {
            granted: read(&self.granted),
            reused: read(&self.reused),
            refused: read(&self.refused),
            abandoned: read(&self.abandoned),
        };
    }
}

/// Leases that ended, by reason.
#[derive(Debug, Default)]
pub(crate) struct Ends([u64; EndReason::ALL.len()]);

impl Ends {
    /// One more.
    pub(crate) fn add(&mut self, reason: EndReason) {
        if let Some(count) = EndReason::ALL.iter().position(|one| *one == reason).and_then(|at| self.0.get_mut(at)) {
            *count += 1;
        }
    }

    /// How many ended because whoever had them was gone.
    pub(crate) fn stale(&self) -> u64 {
        EndReason::ALL.iter().zip(self.0).filter(|(reason, _)| is_stale(**reason)).map(|(_, count)| count).sum()
    }

    /// As they are said on the wire.
    pub(crate) fn shape(&self) -> BTreeMap<String, u64> {
        EndReason::ALL.iter().zip(self.0).map(|(reason, count)| (reason.word().to_owned(), count)).collect()
    }
}

const fn is_stale(reason: EndReason) -> bool {
    match reason {
        EndReason::HolderExited
        | EndReason::NeverConfirmed
        | EndReason::Lapsed
        | EndReason::Expired
        | EndReason::Reboot => true,
        EndReason::Released | EndReason::Replaced | EndReason::Contested | EndReason::BindFailed => false,
    }
}
