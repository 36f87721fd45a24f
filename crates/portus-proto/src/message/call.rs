//! What a client can ask for.

use portus_core::{Admit, LeaseId, Port, PortRange, Protocol, ServiceName};
use serde::{Deserialize, Serialize};

use super::shape::{Health, Requester};

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

/// A wish for ports, granted whole or not at all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestCall {
    /// One for each port.
    pub asks: Vec<Ask>,
    /// Whether the ports must follow each other.
    #[serde(default)]
    pub contiguous: bool,
    /// The process whose tree the leases shall belong to.
    #[serde(default)]
    pub holder: Option<u32>,
    /// Who asks.
    #[serde(default)]
    pub requester: Requester,
    /// Time to live, in milliseconds.
    #[serde(default)]
    pub ttl_ms: Option<u64>,
    /// Whether to keep the port in the kernel, and whom to let past.
    #[serde(default)]
    pub guard: Option<GuardWish>,
    /// How long to wait in the queue for a strict port, in milliseconds.
    #[serde(default)]
    pub wait_ms: Option<u64>,
}

/// How the port is kept from the grant on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GuardWish {
    /// Until the launch, from everybody.
    UntilLaunch,
    /// Until somebody listens or it is given back; programs with `SO_REUSEADDR` get in. Refused for leases of UDP.
    UntilConfirm,
}

impl From<GuardWish> for Admit {
    fn from(wish: GuardWish) -> Self {
        match wish {
            GuardWish::UntilLaunch => Self::Nobody,
            GuardWish::UntilConfirm => Self::Reuse,
        }
    }
}

/// A wish for one port.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ask {
    /// Who asks.
    pub key: Key,
    /// Just a number to call one's own, unless there is one: no lease.
    #[serde(default)]
    pub claim_only: bool,
    /// What for.
    #[serde(default)]
    pub protocol: Protocol,
    /// The port liked best.
    #[serde(default)]
    pub preferred: Option<Port>,
    /// Whether no other will do.
    #[serde(default)]
    pub strict: bool,
    /// Where to look, if the asker cares: `[first, last]`.
    #[serde(default)]
    pub range: Option<PortRange>,
    /// Where to look otherwise; the daemon's pool when absent.
    #[serde(default)]
    pub pool: Option<PortRange>,
    /// Where to look when that is full.
    #[serde(default)]
    pub fallback: Option<PortRange>,
    /// Where to look when that is full as well.
    #[serde(default)]
    pub expand: Option<PortRange>,
    /// From the start of the range on, instead of from a place of the key's own.
    #[serde(default)]
    pub sequential: bool,
    /// The name of the linked worktree; absent in a main one. Only spreads the numbers.
    #[serde(default)]
    pub linked: Option<String>,
    /// Ports that will not do.
    #[serde(default)]
    pub exclude: Vec<PortRange>,
}

/// The service is up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfirmCall {
    /// Which lease.
    pub target: Target,
    /// Who says so.
    pub caller: Caller,
    /// The process that serves; without it, the listener seen is the evidence.
    #[serde(default)]
    pub pid: Option<u32>,
}

/// Move the time to live on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RenewCall {
    /// Which lease.
    pub target: Target,
    /// Who asks.
    pub caller: Caller,
    /// The new time to live, in milliseconds.
    #[serde(default)]
    pub ttl_ms: Option<u64>,
}

/// Give leases back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseCall {
    /// Which leases.
    pub targets: Vec<Target>,
    /// Who asks.
    pub caller: Caller,
}

/// The holder is about to start its program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LaunchCall {
    /// Which leases.
    pub leases: Vec<LeaseId>,
    /// Whether the holder first takes the ports over itself: then the guards stay, and let past
    /// whoever sets `SO_REUSEADDR`, until this is said again without it.
    #[serde(default)]
    pub hand_over: bool,
}

/// The holder has started its program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttachCall {
    /// Which leases.
    pub leases: Vec<LeaseId>,
    /// The program's process.
    pub pid: u32,
}

/// The holder's program ended before it listened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SuspectCall {
    /// Which lease.
    pub lease: LeaseId,
    /// Whether the program is known to have failed to bind.
    #[serde(default)]
    pub certain: bool,
    /// Whether the port, if it cannot be bound though nobody shows, is avoided until somebody revives it instead of
    /// until reboot.
    #[serde(default)]
    pub keep: bool,
}

/// A part of the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Of the worktree of this path.
    Worktree(String),
    /// Of the project of this name.
    Project(String),
    /// All of the user.
    All,
}

/// The most leases or claims in one listing. One with as many may have a next page: ask again with `after`.
pub const PAGE_LEN_MAX: usize = 500;

/// Leases of a scope, in the order of their numbers, at most [`PAGE_LEN_MAX`] at a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListCall {
    /// Which part.
    pub scope: Scope,
    /// The recent past instead of the present.
    #[serde(default)]
    pub ended: bool,
    /// Only those behind this one: the last of the page before.
    #[serde(default)]
    pub after: Option<LeaseId>,
}

/// Wait until a lease is active.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AwaitCall {
    /// Which lease.
    pub target: Target,
    /// For how long, in milliseconds.
    pub wait_ms: u64,
}

/// Claims of a scope, in the order of their keys, at most [`PAGE_LEN_MAX`] at a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScopeCall {
    /// Which part.
    pub scope: Scope,
    /// Only those behind this one: the key of the last of the page before.
    #[serde(default)]
    pub after: Option<Key>,
}

/// A key, and nothing more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyCall {
    /// Which.
    pub key: Key,
}

/// Keep a key's number for good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PinCall {
    /// Whose.
    pub key: Key,
    /// The number, if it should be another than the claimed one.
    #[serde(default)]
    pub port: Option<Port>,
    /// Not for good, and taking it from nobody: a claim like others.
    #[serde(default)]
    pub claim_only: bool,
}

/// Drop claims.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForgetCall {
    /// Whose.
    pub keys: Vec<Key>,
}

/// Find claims whose worktree is gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PruneCall {
    /// Whether to drop them.
    #[serde(default)]
    pub drop: bool,
}

/// Mark a port dead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuarantineCall {
    /// Which.
    pub port: Port,
    /// Why.
    #[serde(default)]
    pub reason: String,
}

/// A port, and nothing more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortCall {
    /// Which.
    pub port: Port,
}

/// From this many listeners on, an answer is cut between two ports: one with as many may have a next
/// page, from the port behind the last.
pub const LISTENERS_PAGE_LEN: usize = 1_000;

/// Who listens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScanCall {
    /// On which ports; all when absent.
    #[serde(default)]
    pub range: Option<PortRange>,
}

/// Whose port it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExplainCall {
    /// Which port, or whose.
    pub target: Target,
    /// Who asks.
    pub caller: Caller,
}

/// Whether the services' listeners are the worktree's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifyCall {
    /// The services.
    pub keys: Vec<Key>,
    /// Whether presumed evidence will do.
    #[serde(default)]
    pub accept_presumed: bool,
}

/// How long a server gets to end by itself unless the caller says otherwise, in milliseconds.
pub const KILL_GRACE_DEFAULT_MS: u64 = 5_000;

/// End what listens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KillCall {
    /// On which port, or whose.
    pub target: Target,
    /// Who asks.
    pub caller: Caller,
    /// Only tell.
    #[serde(default)]
    pub dry_run: bool,
    /// How long to wait between asking and forcing, in milliseconds.
    #[serde(default)]
    pub grace_ms: Option<u64>,
}

/// The longest detail of a health report that is kept, in bytes; what is longer is cut.
pub const HEALTH_DETAIL_LEN_MAX: usize = 300;

/// What a service answered when a client asked it. Kept in memory while the lease is active and the same server
/// listens; never written down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthCall {
    /// Which lease's service.
    pub lease: LeaseId,
    /// How it is.
    pub health: Health,
    /// What was asked and what came back, for people; at most [`HEALTH_DETAIL_LEN_MAX`] of it.
    #[serde(default)]
    pub detail: String,
}

/// Where a worktree's leases are mirrored as a file, from here on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MirrorCall {
    /// The worktree's canonical path.
    pub worktree: String,
    /// The file, relative to the worktree, with a name that ends in `ports.json`; none when absent.
    #[serde(default)]
    pub path: Option<String>,
}
