//! Takes connections, and carries frames between them and the hub.

mod connection;
mod inbound;
mod outbound;
mod outbox;

pub(crate) use connection::{Client, Introduction, Seats, refuse_for_want_of_seats, serve};
#[cfg(test)]
pub(crate) use outbox::Answers;
pub(crate) use outbox::{Ending, Responder};

/// The most connections at once.
pub(crate) const CONNECTIONS_MAX: usize = 1_024;
/// The most calls of one connection that wait for their answers.
pub(crate) const IN_FLIGHT_MAX: usize = 256;
/// The most events that wait for one subscriber.
pub(crate) const EVENTS_MAX: usize = 1_024;

/// A connection's number, never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ConnectionId(pub(crate) u64);
