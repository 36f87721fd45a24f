//! What a client can ask for.

mod look;
mod tenancy;
mod upkeep;
mod wish;

use portus_core::{LeaseId, Port, ServiceName};
use serde::{Deserialize, Serialize};

pub use look::*;
pub use tenancy::*;
pub use upkeep::*;
pub use wish::*;

/// One frame from a client after the hello.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientFrame {
    /// Chosen by the client; the reply carries it. Replies may come in another order.
    pub id: u64,
    /// What is asked.
    pub call: Call,
}

/// The methods.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Call {
    /// Lease ports. Answered by `Reply::Leases`.
    Request(RequestCall),
    /// The service is up. `Reply::Leases`.
    Confirm(ConfirmCall),
    /// Move the time to live on. `Reply::Leases`.
    Renew(RenewCall),
    /// Give leases back. `Reply::Leases`.
    Release(ReleaseCall),
    /// The holder is about to start its program: the guards stand aside. `Reply::Done`.
    Launch(LaunchCall),
    /// The holder has started its program. `Reply::Done`.
    Attach(AttachCall),
    /// The holder's program ended before it listened. `Reply::Suspected`.
    Suspect(SuspectCall),
    /// The live (or ended) leases of a scope. `Reply::Listing`.
    List(ListCall),
    /// Wait until a lease is active. `Reply::Leases`.
    Await(AwaitCall),
    /// The claims of a scope. `Reply::Claims`.
    Claims(ScopeCall),
    /// Keep a key's number for good. `Reply::Claims`.
    Pin(PinCall),
    /// No longer keep it for good. `Reply::Claims`.
    Unpin(KeyCall),
    /// Drop claims. `Reply::Claims` names those dropped.
    Forget(ForgetCall),
    /// Find claims whose worktree is gone, and drop them if asked. `Reply::Claims`.
    Prune(PruneCall),
    /// End the leases that nobody is behind any more, by a look at all of them. `Reply::Leases` names those ended.
    Sweep,
    /// Mark a port dead for good. `Reply::Quarantines`.
    Quarantine(QuarantineCall),
    /// Undo that. `Reply::Quarantines`.
    Revive(PortCall),
    /// The quarantined ports. `Reply::Quarantines`.
    Quarantines,
    /// Who listens on the machine. `Reply::Listeners`.
    Scan(ScanCall),
    /// Whose port it is. `Reply::Explained`.
    Explain(ExplainCall),
    /// Whether the services' listeners are the worktree's own. `Reply::Verified`.
    Verify(VerifyCall),
    /// End what listens on a port. `Reply::Killed`.
    Kill(KillCall),
    /// What a service answered when a client asked whether it is well. `Reply::Leases`.
    ReportHealth(HealthCall),
    /// Where a worktree's leases are mirrored as a file. `Reply::Mirrored`.
    Mirror(MirrorCall),
    /// From here on, events come on this connection. `Reply::Done`.
    Subscribe,
    /// What the daemon says of itself. `Reply::Status`.
    Status,
    /// What the daemon has counted, how things stand, and what needs a look. `Reply::Stats`.
    Stats,
    /// Leave: all leases stay in the journal. `Reply::Done`, then the connection ends.
    Stop,
}

/// A key, as asked for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Key {
    /// The project's name.
    pub project: String,
    /// The worktree's canonical path.
    pub worktree: String,
    /// The service.
    pub service: ServiceName,
}

/// Which lease is meant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// The live lease of this key.
    Key(Key),
    /// The live lease of this port.
    Port(Port),
    /// This one.
    Lease(LeaseId),
    /// All live leases of the worktree of this path.
    Worktree(String),
}

/// On whose behalf.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caller {
    /// The worktree the caller works in.
    pub worktree: String,
    /// Whether it insists on touching what is not its own.
    #[serde(default)]
    pub force: bool,
}
