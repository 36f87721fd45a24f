//! Which ports are worth looking at, and which is chosen.

use crate::broker::{Broker, Request};
use crate::vocabulary::{Moment, Port, Protocol, Survey};

impl Broker {
    /// The ports that must be looked at before the request can be decided, given what was seen so
    /// far. Ask again with what was seen until nothing is left.
    #[must_use]
    pub fn shortlist(&self, now: Moment, request: &Request, seen: &Survey) -> Vec<(Port, Protocol)> {
        let _ = (now, request, seen);
        Vec::new()
    }
}
