//! What is pushed to subscribers.

use serde::{Deserialize, Serialize};

use super::shape::{Claim, Lease, Quarantine};
use super::stats::{Alert, AlertState};
use super::time::WallTime;

/// Something happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// When.
    pub at: WallTime,
    /// What.
    pub what: What,
}

/// What happened. Lease events carry the lease as it stands afterwards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// A lease came to be.
    Granted(Lease),
    /// Its deadline, holder, guard or processes changed.
    Updated(Lease),
    /// The service is up.
    Confirmed(Lease),
    /// Nobody listens any more.
    Lapsing(Lease),
    /// Somebody without evidence listens on the port.
    Contested(Lease),
    /// Nobody of that kind is there any more.
    Uncontested(Lease),
    /// The holder is gone, the server is not.
    Orphaned(Lease),
    /// The holder's tree listens on another port.
    Drifted(Lease),
    /// A lease is over.
    Ended(Lease),
    /// A key has a number of its own.
    Claimed(Claim),
    /// A key has none any more.
    Unclaimed {
        /// The claim as it was.
        claim: Claim,
        /// Why.
        reason: portus_core::ClaimEnd,
    },
    /// A port is not to be handed out.
    Quarantined(Quarantine),
    /// A port may be handed out again.
    Revived(portus_core::Port),
    /// Somebody waits in line for a port.
    Queued {
        /// Who.
        key: super::call::Key,
        /// For which port.
        port: portus_core::Port,
        /// How many wait for it, this one included.
        waiting: u32,
    },
    /// A client asked a service whether it is well, and the answer is another than before.
    Health {
        /// The lease, with the answer.
        lease: Lease,
        /// What was asked and what came back.
        detail: String,
    },
    /// Something needs a look, or no longer does.
    Alert {
        /// Which of the two.
        state: AlertState,
        /// What it is, as it stands, or stood.
        alert: Alert,
    },
    /// This many events were dropped because the subscriber was slow; list anew.
    Missed(u64),
}
