//! What each command comes to. Pure: nothing here can change the ledger.

use crate::broker::{Broker, Command, Decision, Refusal};
use crate::vocabulary::Moment;

impl Broker {
    /// What a command comes to at this moment. Changes nothing: apply the changes with
    /// [`Broker::evolve`] once they are written down.
    #[must_use]
    pub fn decide(&self, now: Moment, command: Command) -> Decision {
        let _ = (now, command);
        Decision { changes: Vec::new(), answer: Err(Refusal::Senseless { what: "not yet" }) }
    }
}
