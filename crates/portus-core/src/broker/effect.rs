//! What must be true of the world because of what stands in the ledger.

use crate::vocabulary::{Admit, LeaseId, Port, ProcessIdentity, Protocol};

/// One thing to keep true. Performing it twice is performing it once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Effect {
    /// The port is kept in the kernel. Failing is told by `Command::GuardLost`.
    Guard {
        /// Which port.
        port: Port,
        /// For what.
        protocol: Protocol,
        /// Whom to let past.
        admit: Admit,
    },
    /// The process's end is noticed, and told by `Command::ProcessExited`.
    Watch {
        /// Which process.
        process: ProcessIdentity,
    },
    /// The port is looked at now and then, and what is seen is told by `Command::Sighted`.
    Look {
        /// For which lease.
        lease: LeaseId,
        /// Which port.
        port: Port,
        /// For what.
        protocol: Protocol,
    },
}
