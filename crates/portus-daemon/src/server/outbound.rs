//! From the hub to the client: answers first, then events, then a goodbye.

use std::io;
use std::sync::Arc;

use portus_proto::{Codec, Event, ServerFrame, codec};
use tokio::io::{AsyncWrite, AsyncWriteExt as _};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::Ending;
use super::connection::END_WITHIN;
use super::outbox::Outgoing;

/// Answers are written together up to this size, in bytes.
const BATCH_LEN: usize = 64 * 1024;

/// The way from the hub to the client.
pub(super) struct Outbound<W> {
    pub(super) codec: Codec,
    pub(super) writer: W,
    pub(super) replies: mpsc::Receiver<Outgoing>,
    pub(super) events: mpsc::Receiver<Arc<Event>>,
    pub(super) ending: Arc<Ending>,
    pub(super) buffer: Vec<u8>,
}

fn outgoing(event: &Event) -> Outgoing {
    Outgoing { frame: ServerFrame::Event(event.clone()), weight: None }
}

impl<W: AsyncWrite + Unpin> Outbound<W> {
    /// Writes until nobody can answer any more, the client stops taking, or the connection ends.
    pub(super) async fn run(mut self) {
        if self.until_the_end().await.is_ok()
            && let Some(reason) = self.ending.reason().or_else(|| self.ending.last_words())
        {
            self.buffer.clear();
            if codec::encode_server(self.codec, &ServerFrame::Goodbye(reason), &mut self.buffer).is_ok() {
                // Whether it hears it or not, the connection ends.
                let _ = timeout(END_WITHIN, self.writer.write_all(&self.buffer)).await;
            }
        }
        let _ = timeout(END_WITHIN, self.writer.shutdown()).await;
    }

    async fn until_the_end(&mut self) -> io::Result<()> {
        loop {
            let mut next = tokio::select! {
                biased;
                frame = self.replies.recv() => match frame {
                    Some(frame) => frame,
                    None => return Ok(()),
                },
                Some(event) = self.events.recv() => outgoing(&event),
                () = self.ending.wait() => return Ok(()),
            };
            self.buffer.clear();
            self.buffer.shrink_to(BATCH_LEN);
            let mut weights = Vec::new();
            loop {
                codec::encode_server(self.codec, &next.frame, &mut self.buffer).map_err(io::Error::other)?;
                weights.extend(next.weight);
                if self.buffer.len() >= BATCH_LEN {
                    break;
                }
                let more = self.replies.try_recv().ok();
                let Some(more) = more.or_else(|| self.events.try_recv().ok().map(|event| outgoing(&event))) else {
                    break;
                };
                next = more;
            }
            self.write().await?;
            drop(weights);
        }
    }

    /// Writes the buffer; in bounded time once the connection shall end.
    async fn write(&mut self) -> io::Result<()> {
        let Self { writer, buffer, ending, .. } = self;
        tokio::pin! { let write = writer.write_all(buffer); }
        tokio::select! {
            written = &mut write => written,
            () = ending.wait() => timeout(END_WITHIN, write).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())),
        }
    }
}
