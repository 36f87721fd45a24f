//! One connection to the daemon: calls and their answers, events between them, and going over to the next daemon.

use std::collections::VecDeque;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use portus_os::place::{Connection, Home};
use portus_proto::codec::{DecodeError, decode_server, encode_client};
use portus_proto::{
    Call, ClientFrame, Code, Event, KILL_GRACE_DEFAULT_MS, Outcome, Reply, ReplyFrame, ServerFrame, WallTime, Welcome,
    What,
};

use crate::connect::{self, Options};
use crate::error::{CallError, ConnectError};
use crate::events::Events;
use crate::link::{Link, LinkError};

/// A connection to the daemon. Every call has a deadline.
#[derive(Debug)]
pub struct Client {
    link: Link,
    welcome: Welcome,
    next_id: u64,
    home: Home,
    options: Options,
    /// Events that came while a reply was awaited, at most [`EVENTS_MAX`].
    events: VecDeque<Event>,
    /// How many more came than are kept; older than those in `events`.
    missed: u64,
    /// Whether events were asked for.
    is_subscribed: bool,
    /// Whether a mirror was named.
    pub(crate) has_named_mirror: bool,
}

/// How a call failed.
enum Failed {
    /// The daemon has not heard it whole.
    Sending(LinkError),
    /// It has, and whatever came of it.
    Answered(CallError),
}

impl Failed {
    fn into_error(self) -> CallError {
        match self {
            Self::Sending(error) => lost(error),
            Self::Answered(error) => error,
        }
    }
}

/// How many events are kept for later, as many as the daemon keeps for a subscriber.
const EVENTS_MAX: usize = 1_024;

impl Client {
    /// Connects to the daemon of `home`, starting it if it does not run and `options` let us.
    ///
    /// # Errors
    /// [`ConnectError`] says how far it came, within the deadline of `options`.
    pub fn connect(home: &Home, options: Options) -> Result<Self, ConnectError> {
        let (link, welcome) = connect::climb(home, &options)?;
        let (home, events) = (home.clone(), VecDeque::new());
        Ok(Self {
            link,
            welcome,
            next_id: 1,
            home,
            options,
            events,
            missed: 0,
            is_subscribed: false,
            has_named_mirror: false,
        })
    }

    /// How long connecting, and each call, may take from here on.
    pub(crate) const fn limit(&mut self, deadline: Duration) {
        self.options.deadline = deadline;
    }

    /// What the daemon said of itself.
    #[must_use]
    pub const fn welcome(&self) -> &Welcome {
        &self.welcome
    }

    /// The connection, to wait for events on it beside other things.
    #[must_use]
    pub const fn connection(&self) -> &Connection {
        &self.link.connection
    }

    /// From here on, events come on this connection; see [`Self::next_event`].
    ///
    /// # Errors
    /// As every call.
    pub fn subscribe(&mut self) -> Result<(), CallError> {
        self.done("subscribe", Call::Subscribe)?;
        self.is_subscribed = true;
        Ok(())
    }

    /// Subscribes, and gives the events as they come, until the connection ends.
    ///
    /// # Errors
    /// As every call.
    pub fn into_events(mut self) -> Result<Events, CallError> {
        self.subscribe()?;
        Ok(Events::new(self))
    }

    /// Goes over to another daemon when the one that told events has left; starts it if need be and if `may_start`. The
    /// next event says that some were missed.
    ///
    /// # Errors
    /// As every call; [`ConnectError::NotRunning`] where there is no other.
    pub fn follow(&mut self, may_start: bool) -> Result<(), CallError> {
        let autostart = std::mem::replace(&mut self.options.autostart, may_start);
        let outcome = self.reconnect(self.options.deadline);
        self.options.autostart = autostart;
        outcome
    }

    /// The next event, if one comes within `wait`.
    ///
    /// # Errors
    /// [`CallError::Lost`] when the connection ends, [`CallError::Refused`] when the daemon says why.
    pub fn next_event(&mut self, wait: Duration) -> Result<Option<Event>, CallError> {
        let at = self.events.front().map_or_else(now, |event| event.at);
        match std::mem::take(&mut self.missed) {
            0 => {}
            missed => return Ok(Some(Event { at, what: What::Missed(missed) })),
        }
        if let Some(event) = self.events.pop_front() {
            return Ok(Some(event));
        }
        let deadline = Instant::now() + wait.max(Duration::from_millis(1));
        match self.link.limit(deadline).and_then(|()| self.event(deadline)) {
            Ok(event) => event.map(Some),
            Err(LinkError::TimedOut) => Ok(None),
            Err(error) => Err(lost(error)),
        }
    }

    fn event(&mut self, deadline: Instant) -> Result<Result<Event, CallError>, LinkError> {
        loop {
            match self.frame(deadline)? {
                Some(ServerFrame::Event(event)) => return Ok(Ok(event)),
                Some(ServerFrame::Goodbye(refusal)) => return Ok(Err(CallError::Refused(refusal))),
                // A reply that came after its call had been given up.
                Some(ServerFrame::Reply(_)) | None => {}
            }
        }
    }

    /// Calls, and waits for the answer as long as the options say; longer for calls that wait themselves.
    ///
    /// A daemon that is just leaving, or has left since the last call, is followed by another, once: it has changed
    /// nothing. So is one that dies while a call waits there, or only reads: what waits is asked again for the rest of
    /// its time, and asking twice answers the same.
    ///
    /// # Errors
    /// [`CallError::Refused`] with the daemon's reason; the others when there is no answer.
    pub fn call(&mut self, call: Call) -> Result<Reply, CallError> {
        let began = Instant::now();
        let mut frame = ClientFrame { id: self.take_id(), call };
        let (may_ask_again, error) = match self.exchange(&frame, self.patience(&frame.call)) {
            Err(Failed::Sending(LinkError::Closed)) => {
                (true, CallError::Lost { reason: LinkError::Closed.to_string() })
            }
            Err(Failed::Sending(error)) => return Err(lost(error)),
            Err(Failed::Answered(CallError::Refused(refusal))) if refusal.code == Code::Stopping => {
                // Ending processes may have begun before the daemon had to leave.
                (!matches!(frame.call, Call::Kill(_)), CallError::Refused(refusal))
            }
            Err(Failed::Answered(error @ CallError::Lost { .. })) => {
                (wait_of(&mut frame.call).is_some() || only_reads(&frame.call), error)
            }
            Err(Failed::Answered(error)) => return Err(error),
            Ok(reply) => return Ok(reply),
        };
        if !may_ask_again || !self.options.autostart {
            return Err(error);
        }
        self.reconnect(self.options.deadline)?;
        if let Some(wait_ms) = wait_of(&mut frame.call) {
            let waited_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
            *wait_ms = wait_ms.saturating_sub(waited_ms).max(1);
        }
        frame.id = self.take_id();
        self.exchange(&frame, self.patience(&frame.call)).map_err(Failed::into_error)
    }

    /// How long the answer to a call may take.
    fn patience(&self, call: &Call) -> Duration {
        let waits = match call {
            Call::Request(call) => call.wait_ms.unwrap_or(0),
            Call::Await(call) => call.wait_ms,
            Call::Kill(call) => call.grace_ms.unwrap_or(KILL_GRACE_DEFAULT_MS),
            _ => 0,
        };
        self.options.deadline.saturating_add(Duration::from_millis(waits))
    }

    /// Goes over to another daemon, with the subscription. What happened meanwhile was missed.
    fn reconnect(&mut self, limit: Duration) -> Result<(), CallError> {
        (self.link, self.welcome) = connect::climb(&self.home, &self.options)?;
        if self.is_subscribed {
            let frame = ClientFrame { id: self.take_id(), call: Call::Subscribe };
            self.exchange(&frame, limit).map_err(Failed::into_error)?;
            // Nobody knows how many; one is enough for whoever must look again.
            self.missed += 1;
        }
        Ok(())
    }

    fn take_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    fn exchange(&mut self, frame: &ClientFrame, limit: Duration) -> Result<Reply, Failed> {
        let deadline = Instant::now() + limit;
        let codec = self.welcome.codec;
        self.link.send(deadline, |out| encode_client(codec, frame, out)).map_err(Failed::Sending)?;
        self.answer(frame.id, deadline).map_err(Failed::Answered)
    }

    fn answer(&mut self, awaited: u64, deadline: Instant) -> Result<Reply, CallError> {
        loop {
            match self.frame(deadline).map_err(lost)? {
                Some(ServerFrame::Reply(ReplyFrame { id, outcome })) if id == awaited => {
                    return match outcome {
                        Outcome::Ok(reply) => Ok(reply),
                        Outcome::Refused(refusal) => Err(CallError::Refused(refusal)),
                    };
                }
                Some(ServerFrame::Event(event)) => self.keep(event),
                Some(ServerFrame::Goodbye(refusal)) => return Err(CallError::Refused(refusal)),
                Some(ServerFrame::Reply(_)) | None => {}
            }
        }
    }

    fn keep(&mut self, event: Event) {
        if self.events.len() >= EVENTS_MAX {
            self.events.pop_front();
            self.missed += 1;
        }
        self.events.push_back(event);
    }

    /// One frame; `None` for an event of a kind that this build does not know.
    fn frame(&mut self, deadline: Instant) -> Result<Option<ServerFrame>, LinkError> {
        let codec = self.welcome.codec;
        match self.link.receive(deadline, |payload| decode_server(codec, payload)) {
            Ok(frame) => Ok(Some(frame)),
            Err(LinkError::Decode(DecodeError::UnknownEvent { .. })) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn now() -> WallTime {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    WallTime(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// Whether a call changes nothing, so that it does no harm to make it twice.
const fn only_reads(call: &Call) -> bool {
    matches!(
        call,
        Call::List(_)
            | Call::Claims(_)
            | Call::Quarantines
            | Call::Scan(_)
            | Call::Explain(_)
            | Call::Verify(_)
            | Call::Status
            | Call::Stats
            | Call::Subscribe
    )
}

/// How long a call waits for something to happen, if it does.
fn wait_of(call: &mut Call) -> Option<&mut u64> {
    match call {
        Call::Request(call) => call.wait_ms.as_mut().filter(|wait_ms| **wait_ms > 0),
        Call::Await(call) => Some(&mut call.wait_ms),
        _ => None,
    }
}

fn lost(error: LinkError) -> CallError {
    match error {
        LinkError::TimedOut => CallError::TimedOut,
        LinkError::Closed | LinkError::Io(_) => CallError::Lost { reason: error.to_string() },
        LinkError::Frame(_) | LinkError::Decode(_) | LinkError::Encode(_) => {
            CallError::Senseless { reason: error.to_string() }
        }
    }
}
