//! One connection, from the hello to the goodbye.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use portus_proto::frame::Decoder;
use portus_proto::{Code, Codec, Greeting, PROTOCOL_VERSION, Refusal, Welcome, build_id, codec, negotiate};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadHalf, WriteHalf};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::timeout;

use super::inbound::Inbound;
use super::outbound::Outbound;
use super::{CONNECTIONS_MAX, ConnectionId, EVENTS_MAX, Ending, IN_FLIGHT_MAX};
use crate::hub::Job;
use crate::metrics::Tally;
use crate::transport::{Inner, Stream};
use crate::wording;

/// A client says hello within this.
const HELLO_WITHIN: Duration = Duration::from_secs(5);
/// A connection that shall end gets so long to take what is still to be written.
pub(super) const END_WITHIN: Duration = Duration::from_secs(1);
/// Places in the queue of answers for refusals that the connection itself gives.
const REFUSALS: usize = 16;
/// How many bytes the calls of a connection and their answers may take up, roughly. Beyond that it is not read.
const WEIGHT_MAX: usize = 3 * 1024 * 1024;

/// How many connections there are.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seats(Arc<AtomicUsize>);

/// One connection's place among them, given back when dropped.
#[derive(Debug)]
pub(crate) struct Seat(Arc<AtomicUsize>);

impl Seats {
    /// How many are taken.
    pub(crate) fn taken(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    /// Takes one, unless all are taken.
    pub(crate) fn take(&self) -> Option<Seat> {
        let free = self.taken() < CONNECTIONS_MAX;
        free.then(|| {
            self.0.fetch_add(1, Ordering::Relaxed);
            Seat(Arc::clone(&self.0))
        })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A client that has connected.
pub(crate) struct Client {
    /// The connection's number.
    pub(crate) id: ConnectionId,
    /// The connection.
    pub(crate) stream: Stream,
    /// Its place among the connections.
    pub(crate) seat: Seat,
    /// What the daemon says of itself.
    pub(crate) introduction: Arc<Introduction>,
    /// Where its calls go.
    pub(crate) jobs: mpsc::Sender<Job>,
    /// How it is told to end.
    pub(crate) ending: Arc<Ending>,
    /// Where it is counted.
    pub(crate) tally: Arc<Tally>,
}

/// A client that has been greeted.
struct Conversation {
    id: ConnectionId,
    pid: Option<u32>,
    agreed: Agreed,
    ending: Arc<Ending>,
    tally: Arc<Tally>,
}

/// What the daemon says of itself to every client.
#[derive(Debug, Clone)]
pub(crate) struct Introduction {
    /// The journal's uuid.
    pub(crate) journal: String,
    /// The network namespace, where the system has some.
    pub(crate) network: Option<String>,
}

/// Tells a client that all seats are taken. It may have a second to hear it.
pub(crate) async fn refuse_for_want_of_seats(stream: Stream) {
    let refusal = wording::limit(
        format!("{CONNECTIONS_MAX} clients are connected, which is the limit"),
        "end some of them, then try again",
        CONNECTIONS_MAX as u64,
    );
    let (_reader, mut writer) = stream.split();
    // Whether it hears it or not, the connection ends.
    let _ = timeout(END_WITHIN, greet(&mut writer, &Greeting::Refused(refusal))).await;
}

/// Serves one client until it leaves, breaks the protocol, or shall go.
pub(crate) async fn serve(client: Client) {
    let Client { id, stream, seat, introduction, jobs, ending, tally } = client;
    let pid = stream.peer().ok().and_then(|peer| peer.pid);
    if let Some(agreed) = introduce(stream, &introduction, &ending, &tally).await {
        converse(Conversation { id, pid, agreed, ending, tally }, &jobs).await;
    }
    drop(seat);
    // The hub is told last, so that it counts the free seat.
    let _ = jobs.send(Job::Left(id)).await;
}

type Agreed = (Codec, Decoder, ReadHalf<Inner>, WriteHalf<Inner>);

/// Hears the client's hello and answers it. `None` when there is nothing more to say.
async fn introduce(stream: Stream, introduction: &Introduction, ending: &Ending, tally: &Tally) -> Option<Agreed> {
    let peer = stream.peer();
    let (mut reader, mut writer) = stream.split();
    let mut decoder = Decoder::new();
    let hello = async {
        match peer {
            Ok(peer) if !peer.welcome => return Err(wrong_user()),
            Ok(_) => {}
            Err(error) => return Err(Refusal::new(Code::WrongUser, error.to_string(), "connect again")),
        }
        hello(&mut reader, &mut decoder, introduction).await
    };
    let greeted = tokio::select! {
        greeted = timeout(HELLO_WITHIN, hello) => greeted,
        () = ending.wait() => Ok(Err(ending.reason().unwrap_or_else(wording::stopping))),
    };
    let (codec, greeting) = match greeted {
        Ok(Ok((codec, welcome))) => (Some(codec), Greeting::Welcome(welcome)),
        Ok(Err(refusal)) => (None, Greeting::Refused(refusal)),
        Err(_elapsed) => {
            let refusal = wording::timed_out("for the client's hello", "send the hello as soon as connected");
            (None, Greeting::Refused(refusal))
        }
    };
    if let Greeting::Refused(refusal) = &greeting {
        tally.refused(refusal.code);
    }
    let said = timeout(END_WITHIN, greet(&mut writer, &greeting)).await;
    codec.filter(|_| matches!(said, Ok(Ok(())))).map(|codec| (codec, decoder, reader, writer))
}

/// Carries frames both ways.
async fn converse(client: Conversation, jobs: &mpsc::Sender<Job>) {
    let Conversation { id, pid, agreed: (codec, decoder, reader, writer), ending, tally } = client;
    let (replies, replies_out) = mpsc::channel(IN_FLIGHT_MAX + REFUSALS);
    let room = Arc::new(Semaphore::new(WEIGHT_MAX));
    let (events, events_out) = mpsc::channel(EVENTS_MAX);
    let inbound = Inbound {
        id,
        pid,
        codec,
        decoder,
        replies,
        events,
        in_flight: Arc::default(),
        room,
        jobs: jobs.clone(),
        ending: Arc::clone(&ending),
        tally,
    };
    let buffer = Vec::new();
    let outbound =
        Outbound { codec, writer, replies: replies_out, events: events_out, ending: Arc::clone(&ending), buffer };
    tokio::pin! { let writing = outbound.run(); }
    let read = tokio::select! {
        fault = inbound.run(reader) => Some(fault),
        () = &mut writing => None,
    };
    if let Some(fault) = read {
        if let Some(fault) = fault {
            ending.say_at_last(fault);
        }
        // What waits in the hub for this connection is forgotten, what is being done is answered.
        let _ = jobs.send(Job::Gone(id)).await;
        writing.await;
    } else {
        let _ = jobs.send(Job::Gone(id)).await;
    }
}

fn wrong_user() -> Refusal {
    Refusal::new(
        Code::WrongUser,
        "this daemon belongs to another user",
        "each user has a daemon of their own: unset PORTUS_HOME, or do without sudo",
    )
}

async fn greet(writer: &mut (impl AsyncWrite + Unpin), greeting: &Greeting) -> io::Result<()> {
    let mut frame = Vec::new();
    codec::encode_greeting(greeting, &mut frame).map_err(io::Error::other)?;
    writer.write_all(&frame).await
}

/// Reads the client's first frame, and agrees with it on how to go on.
async fn hello(
    reader: &mut (impl AsyncRead + Unpin),
    decoder: &mut Decoder,
    introduction: &Introduction,
) -> Result<(Codec, Welcome), Refusal> {
    let hello = loop {
        if let Some(payload) = decoder.next_frame().map_err(|error| Refusal::from(&error))? {
            break codec::decode_hello(payload).map_err(|error| error.refusal())?;
        }
        match reader.read(decoder.spare()).await {
            Ok(len) if len > 0 => decoder.filled(len),
            _ => return Err(Refusal::new(Code::Malformed, "the client left before its hello", "say hello first")),
        }
    };
    let codec = negotiate(&hello, build_id(), introduction.network.as_deref())?;
    let welcome = Welcome {
        protocol: PROTOCOL_VERSION,
        build: build_id().to_owned(),
        codec,
        journal: introduction.journal.clone(),
        pid: std::process::id(),
    };
    Ok((codec, welcome))
}
