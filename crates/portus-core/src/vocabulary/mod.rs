//! The words everybody shares: on the wire, on disk, on the screen and in the rules.

mod key;
mod lease;
mod port;
mod process;
mod sighting;
mod time;

#[cfg(test)]
mod tests;

pub use key::{Key, SERVICE_NAME_LEN_MAX, ServiceName, ServiceNameError};
pub use lease::{
    Admit, Claim, ClaimEnd, EndReason, Evidence, Holder, LeaseId, Quarantine, QuarantineUntil, Requester, StateWord,
    UnknownWord,
};
pub use port::{Port, PortError, PortRange, Protocol};
pub use process::{BootId, ProcessIdentity};
pub use sighting::{Listener, Look, Sighting, Survey};
pub use time::{Moment, Span, Timestamp};
