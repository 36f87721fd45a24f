//! Who hears events. Nobody waits for a subscriber: one that does not keep up is told so and dropped.

use std::collections::BTreeMap;
use std::sync::Arc;

use portus_proto::{Code, Event, Refusal};
use tokio::sync::mpsc;

use crate::server::{ConnectionId, EVENTS_MAX, Ending};
use crate::wording;

/// The most subscribers at once.
const SUBSCRIBERS_MAX: usize = 64;

/// Everybody who hears events.
#[derive(Default)]
pub(super) struct Subscribers {
    all: BTreeMap<ConnectionId, (mpsc::Sender<Arc<Event>>, Arc<Ending>)>,
    /// How many events were told, to each of them.
    told: u64,
    /// How many they did not get, because they were too slow.
    dropped: u64,
}

impl Subscribers {
    /// One more. A connection that subscribes again hears everything once.
    pub(super) fn add(
        &mut self,
        connection: ConnectionId,
        events: mpsc::Sender<Arc<Event>>,
        ending: Arc<Ending>,
    ) -> Result<(), Refusal> {
        if self.all.len() >= SUBSCRIBERS_MAX && !self.all.contains_key(&connection) {
            let message = format!("{SUBSCRIBERS_MAX} clients hear events, which is the limit");
            return Err(wording::limit(
                message,
                "end one of them (`portus watch`, a dashboard)",
                SUBSCRIBERS_MAX as u64,
            ));
        }
        self.all.insert(connection, (events, ending));
        Ok(())
    }

    /// One fewer.
    pub(super) fn remove(&mut self, connection: ConnectionId) {
        self.all.remove(&connection);
    }

    /// Whether nobody hears anything.
    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// How many hear.
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    /// How many events were told, counted for each subscriber.
    pub(super) const fn told(&self) -> u64 {
        self.told
    }

    /// How many events were lost by those who were too slow.
    pub(super) const fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Tells everybody.
    pub(super) fn tell(&mut self, event: Event) {
        let event = Arc::new(event);
        self.all.retain(|_, (events, ending)| match events.try_send(Arc::clone(&event)) {
            Ok(()) => {
                self.told += 1;
                true
            }
            Err(mpsc::error::TrySendError::Closed(_)) => false,
            Err(mpsc::error::TrySendError::Full(_)) => {
                // This one, and those that waited in vain.
                self.dropped += 1 + (events.max_capacity() - events.capacity()) as u64;
                ending.end(Refusal::new(
                    Code::TooSlow,
                    format!("{EVENTS_MAX} events wait for this subscriber, which is the limit"),
                    "connect again, list how things stand, and read events as they come",
                ));
                false
            }
        });
    }
}
