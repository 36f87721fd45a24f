//! From the client to the hub: frames become jobs, within limits.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use portus_proto::codec::{self, DecodeError};
use portus_proto::frame::{Decoder, FrameError};
use portus_proto::{Call, Codec, Event, Refusal, ServerFrame};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::sync::{Semaphore, mpsc};

use super::outbox::Outgoing;
use super::{ConnectionId, Ending, IN_FLIGHT_MAX, Responder};
use crate::hub::Job;
use crate::metrics::{Pace, Tally};
use crate::wording;

/// What the answer to a call weighs that may answer with a long list.
const LIST_WEIGHT: usize = 256 * 1024;

/// The way from the client to the hub.
pub(super) struct Inbound {
    pub(super) id: ConnectionId,
    pub(super) pid: Option<u32>,
    pub(super) codec: Codec,
    pub(super) decoder: Decoder,
    pub(super) replies: mpsc::Sender<Outgoing>,
    pub(super) events: mpsc::Sender<Arc<Event>>,
    pub(super) in_flight: Arc<AtomicUsize>,
    pub(super) room: Arc<Semaphore>,
    pub(super) jobs: mpsc::Sender<Job>,
    pub(super) ending: Arc<Ending>,
    pub(super) tally: Arc<Tally>,
}

/// What one frame is.
enum Frame {
    /// A call, and how many bytes it came in.
    Call(u64, Call, usize),
    Unreadable(u64, Refusal),
}

impl Inbound {
    /// Hands calls on until the client leaves or the connection shall end. Returns what the client
    /// did wrong, if it did.
    pub(super) async fn run(mut self, mut reader: impl AsyncRead + Unpin) -> Option<Refusal> {
        let ending = Arc::clone(&self.ending);
        tokio::select! {
            () = ending.wait() => None,
            fault = self.read(&mut reader) => fault,
        }
    }

    async fn read(&mut self, reader: &mut (impl AsyncRead + Unpin)) -> Option<Refusal> {
        loop {
            loop {
                match self.next_frame() {
                    Ok(None) => break,
                    Ok(Some(Frame::Call(id, call, len))) => self.take(id, call, len).await?,
                    Ok(Some(Frame::Unreadable(id, refusal))) => self.refuse(id, refusal).await?,
                    Err(fault) => return Some(fault),
                }
            }
            match reader.read(self.decoder.spare()).await {
                Ok(len) if len > 0 => self.decoder.filled(len),
                // Gone, in the middle of a frame perhaps. Nobody is left to be told.
                _ => return None,
            }
        }
    }

    fn next_frame(&mut self) -> Result<Option<Frame>, Refusal> {
        let payload = match self.decoder.next_frame() {
            Ok(Some(payload)) => payload,
            Ok(None) => return Ok(None),
            Err(error @ (FrameError::TooLong { .. } | FrameError::Empty | FrameError::Truncated { .. })) => {
                return Err(Refusal::from(&error));
            }
        };
        let len = payload.len();
        match codec::decode_client(self.codec, payload) {
            Ok(frame) => Ok(Some(Frame::Call(frame.id, frame.call, len))),
            Err(error) => match error.id() {
                Some(id) => Ok(Some(Frame::Unreadable(id, DecodeError::refusal(&error)))),
                None => Err(error.refusal()),
            },
        }
    }

    /// Hands one call on. `None` when nobody takes calls or answers any more.
    async fn take(&self, id: u64, call: Call, len: usize) -> Option<()> {
        if self.in_flight.load(Ordering::Relaxed) >= IN_FLIGHT_MAX {
            let refusal = wording::limit(
                format!("{IN_FLIGHT_MAX} calls of this connection wait for their answers, which is the limit"),
                "wait for answers before asking more",
                IN_FLIGHT_MAX as u64,
            );
            return self.refuse(id, refusal).await;
        }
        // A client that does not read its answers is not read either.
        let weight = u32::try_from(weight(&call, len)).unwrap_or(u32::MAX);
        let weight = Arc::clone(&self.room).acquire_many_owned(weight).await.ok()?;
        let place = self.replies.clone().reserve_owned().await.ok()?;
        self.tally.called(&call);
        let to = Responder::new(id, place, weight, &self.in_flight, Pace::of(&call), &self.tally);
        let job = match call {
            Call::Subscribe => Job::Subscribe {
                connection: self.id,
                events: self.events.clone(),
                ending: Arc::clone(&self.ending),
                to,
            },
            call => Job::Call { connection: self.id, pid: self.pid, call: Box::new(call), to },
        };
        self.jobs.send(job).await.ok()
    }

    async fn refuse(&self, id: u64, refusal: Refusal) -> Option<()> {
        self.tally.refused(refusal.code);
        let outcome = portus_proto::Outcome::Refused(refusal);
        let frame = ServerFrame::Reply(portus_proto::ReplyFrame { id, outcome });
        self.replies.send(Outgoing { frame, weight: None }).await.ok()
    }
}

/// What a call of so many bytes takes up, with its answer. No call weighs more than there is room.
const fn weight(call: &Call, len: usize) -> usize {
    let answer = match call {
        Call::List(_) | Call::Claims(_) | Call::Scan(_) => LIST_WEIGHT,
        _ => 0,
    };
    len + answer
}
