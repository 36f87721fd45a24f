//! Events as they come.

use std::time::Duration;

use portus_proto::Event;

use crate::client::Client;
use crate::error::CallError;

/// How long one wait lasts before the next begins; a wait without any end could not be told from a hang.
const SLICE: Duration = Duration::from_secs(60);

/// The events of a subscription. Ends with the connection, after the error that says why.
#[derive(Debug)]
pub struct Events {
    client: Client,
    is_over: bool,
}

impl Events {
    pub(crate) const fn new(client: Client) -> Self {
        Self { client, is_over: false }
    }

    /// As [`Client::follow`].
    ///
    /// # Errors
    /// As every call.
    pub fn follow(&mut self, may_start: bool) -> Result<(), CallError> {
        self.client.follow(may_start)?;
        self.is_over = false;
        Ok(())
    }

    /// The connection's client, for calls in between.
    pub const fn client(&mut self) -> &mut Client {
        &mut self.client
    }
}

impl Iterator for Events {
    type Item = Result<Event, CallError>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.is_over {
            match self.client.next_event(SLICE) {
                Ok(Some(event)) => return Some(Ok(event)),
                Ok(None) => {}
                Err(error) => {
                    self.is_over = true;
                    return Some(Err(error));
                }
            }
        }
        None
    }
}
