//! What goes out on one connection, and how it ends.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use portus_proto::{Code, Outcome, Refusal, Reply, ReplyFrame, ServerFrame};
use tokio::sync::mpsc::OwnedPermit;
use tokio::sync::{Notify, OwnedSemaphorePermit};

use crate::metrics::{Pace, Tally};

/// A frame on its way out.
#[derive(Debug)]
pub(super) struct Outgoing {
    pub(super) frame: ServerFrame,
    /// What the call took up of the connection's memory. Given back when its answer is written.
    pub(super) weight: Option<OwnedSemaphorePermit>,
}

/// The duty to answer one call. Its place in the connection's queue is taken already, so that
/// answering never waits and never fails. Dropped unanswered, it says that something went wrong.
#[derive(Debug)]
pub(crate) struct Responder {
    id: u64,
    place: Option<OwnedPermit<Outgoing>>,
    weight: Option<OwnedSemaphorePermit>,
    in_flight: Arc<AtomicUsize>,
    /// Since when the call is here, how fast it is to be answered, and where that is counted.
    began: Instant,
    pace: Pace,
    tally: Arc<Tally>,
}

impl Responder {
    /// The duty to answer call `id`; counted in `in_flight` until it is done.
    pub(super) fn new(
        id: u64,
        place: OwnedPermit<Outgoing>,
        weight: OwnedSemaphorePermit,
        in_flight: &Arc<AtomicUsize>,
        pace: Pace,
        tally: &Arc<Tally>,
    ) -> Self {
        in_flight.fetch_add(1, Ordering::Relaxed);
        let (in_flight, tally) = (Arc::clone(in_flight), Arc::clone(tally));
        Self { id, place: Some(place), weight: Some(weight), in_flight, began: Instant::now(), pace, tally }
    }

    /// Answers yes or no.
    pub(crate) fn answer(mut self, outcome: Result<Reply, Refusal>) {
        self.send(outcome);
    }

    /// The connection is gone, and nobody waits for the answer any more.
    pub(crate) fn forget(mut self) {
        self.place = None;
        self.tally.abandoned(self.pace);
    }

    fn send(&mut self, outcome: Result<Reply, Refusal>) {
        let outcome = match outcome {
            Ok(reply) => Outcome::Ok(reply),
            Err(refusal) => Outcome::Refused(refusal),
        };
        if let Some(place) = self.place.take() {
            self.tally.answered(self.pace, self.began, &outcome);
            let frame = ServerFrame::Reply(ReplyFrame { id: self.id, outcome });
            place.send(Outgoing { frame, weight: self.weight.take() });
        }
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
        if self.place.is_some() {
            let message = "the daemon did not come to an answer";
            self.send(Err(Refusal::new(Code::Internal, message, "try again; `portus daemon logs` may say more")));
        }
    }
}

/// How a connection is told to end: once, for the first reason given.
#[derive(Debug, Default)]
pub(crate) struct Ending {
    reason: Mutex<Option<Refusal>>,
    /// What is said when all answers are out.
    last_words: Mutex<Option<Refusal>>,
    told: Notify,
}

impl Ending {
    /// Ends the connection: what is queued is written, then a goodbye with this reason.
    pub(crate) fn end(&self, reason: Refusal) {
        self.reason.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(reason);
        self.told.notify_waiters();
    }

    /// Why it shall end, if it shall.
    pub(super) fn reason(&self) -> Option<Refusal> {
        self.reason.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Says this when the connection ends by itself, after the last answer.
    pub(super) fn say_at_last(&self, words: Refusal) {
        *self.last_words.lock().unwrap_or_else(PoisonError::into_inner) = Some(words);
    }

    /// What was to be said at last.
    pub(super) fn last_words(&self) -> Option<Refusal> {
        self.last_words.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until it shall end.
    pub(super) async fn wait(&self) {
        loop {
            let told = self.told.notified();
            if self.reason().is_some() {
                return;
            }
            told.await;
        }
    }
}

/// A connection's queue without a connection, for what is answered in tests.
#[cfg(test)]
#[derive(Debug)]
pub(crate) struct Answers {
    queue: tokio::sync::mpsc::Sender<Outgoing>,
    out: tokio::sync::mpsc::Receiver<Outgoing>,
    room: Arc<tokio::sync::Semaphore>,
    in_flight: Arc<AtomicUsize>,
}

#[cfg(test)]
impl Answers {
    /// Nothing is answered yet.
    pub(crate) fn new() -> Self {
        let (queue, out) = tokio::sync::mpsc::channel(100);
        Self { queue, out, room: Arc::new(tokio::sync::Semaphore::new(100)), in_flight: Arc::default() }
    }

    /// The duty to answer call `id`.
    pub(crate) fn duty(&self, id: u64) -> Responder {
        let place = self.queue.clone().try_reserve_owned().unwrap();
        let weight = Arc::clone(&self.room).try_acquire_owned().unwrap();
        Responder::new(id, place, weight, &self.in_flight, Pace::Soon, &Arc::default())
    }

    /// How many calls are neither answered nor forgotten.
    pub(crate) fn left(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// The next answer that is there.
    pub(crate) fn next(&mut self) -> Option<(u64, Result<Reply, Refusal>)> {
        match self.out.try_recv().ok()?.frame {
            ServerFrame::Reply(ReplyFrame { id, outcome: Outcome::Ok(reply) }) => Some((id, Ok(reply))),
            ServerFrame::Reply(ReplyFrame { id, outcome: Outcome::Refused(refusal) }) => Some((id, Err(refusal))),
            _ => None,
        }
    }
}
