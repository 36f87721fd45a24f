//! The envelopes of `--json`, for every front end: each reply carries the name of its schema.

use portus_core::{Port, ServiceName};
use portus_proto::{
    Claim, Event, Explanation, Killed, Lease, Listener, Quarantine, Status, Verification, WallTime, What,
};
use serde::Serialize;

/// The name of the shapes below. It changes when one of them changes in a way that old readers cannot take.
pub const SCHEMA: &str = "portus/1";

/// A reply with its schema's name in front.
#[derive(Debug, Serialize)]
pub struct Envelope<T> {
    schema: &'static str,
    #[serde(flatten)]
    body: T,
}

impl<T> Envelope<T> {
    /// Puts a reply into its envelope.
    pub const fn of(body: T) -> Self {
        Self { schema: SCHEMA, body }
    }
}

/// `request`, `confirm`, `list`, `renew`, `release`, `get`.
#[derive(Debug, Serialize)]
pub struct Leases {
    /// The leases.
    pub leases: Vec<Lease>,
    /// Sentences for people and agents.
    pub notes: Vec<String>,
}

/// `claims`, `pin`, `unpin`, `forget`, `import`.
#[derive(Debug, Serialize)]
pub struct Claims {
    /// The claims.
    pub claims: Vec<Claim>,
}

/// `prune`.
#[derive(Debug, Serialize)]
pub struct Pruned {
    /// The claims of worktrees that are gone.
    pub claims: Vec<Claim>,
    /// The stale leases that were ended.
    pub leases: Vec<Lease>,
}

/// `quarantine`, `revive`.
#[derive(Debug, Serialize)]
pub struct Quarantines {
    /// The ports in quarantine.
    pub quarantines: Vec<Quarantine>,
}

/// `scan`.
#[derive(Debug, Serialize)]
pub struct Listeners {
    /// The listeners.
    pub listeners: Vec<Listener>,
}

/// `health`.
#[derive(Debug, Serialize)]
pub struct Healths {
    /// Whether all are well.
    pub ok: bool,
    /// Each service.
    pub services: Vec<ServiceHealth>,
}

/// How one service is.
#[derive(Debug, Serialize)]
pub struct ServiceHealth {
    /// The service.
    pub service: ServiceName,
    /// Its port, if it has a lease.
    pub port: Option<Port>,
    /// `healthy`, `unhealthy` or `unknown`.
    pub health: portus_proto::Health,
    /// What was asked, or why it was not.
    pub why: String,
}

/// `metrics`.
#[derive(Debug, Serialize)]
pub struct Exposition {
    /// What the text is.
    pub content_type: &'static str,
    /// The figures, as Prometheus reads them.
    pub text: String,
}

/// `daemon status`, `daemon start`, `daemon stop`, `daemon restart`.
#[derive(Debug, Serialize)]
pub struct DaemonStatus {
    /// Whether a daemon runs.
    pub running: bool,
    /// What it says of itself; absent when none runs.
    #[serde(flatten)]
    pub status: Option<Status>,
    /// Where it lives, or would.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub home: Option<String>,
}

/// One line of `watch`.
#[derive(Debug, Serialize)]
pub struct WatchLine {
    /// When.
    pub at: WallTime,
    /// What: the event's name.
    pub event: &'static str,
    /// What it is about.
    #[serde(flatten)]
    pub subject: Subject,
}

/// What an event is about.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Subject {
    /// A lease, as it stands afterwards.
    Lease {
        /// The lease.
        lease: Box<Lease>,
    },
    /// A lease, and what its service answered.
    Health {
        /// The lease.
        lease: Box<Lease>,
        /// What was asked and what came back.
        detail: String,
    },
    /// A claim.
    Claim {
        /// The claim.
        claim: Claim,
        /// Why it ended.
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<portus_core::ClaimEnd>,
    },
    /// A port that is not to be handed out.
    Quarantine {
        /// The port and the reason.
        quarantine: Quarantine,
    },
    /// A port.
    Port {
        /// The port.
        port: Port,
    },
    /// A line of those who wait for a port.
    Line {
        /// Who came to it last.
        #[serde(flatten)]
        key: portus_proto::Key,
        /// The port.
        port: Port,
        /// How many wait.
        waiting: u32,
    },
    /// What needs a look, or no longer does.
    Alert {
        /// Which of the two.
        state: portus_proto::AlertState,
        /// What it is.
        alert: Box<portus_proto::Alert>,
    },
    /// So many events were lost.
    Missed {
        /// How many.
        missed: u64,
    },
}

impl From<Event> for WatchLine {
    fn from(event: Event) -> Self {
        let name = event.what.kind();
        let subject = match event.what {
            What::Granted(lease)
            | What::Updated(lease)
            | What::Confirmed(lease)
            | What::Lapsing(lease)
            | What::Contested(lease)
            | What::Uncontested(lease)
            | What::Orphaned(lease)
            | What::Drifted(lease)
            | What::Ended(lease) => Subject::Lease { lease: Box::new(lease) },
            What::Claimed(claim) => Subject::Claim { claim, reason: None },
            What::Unclaimed { claim, reason } => Subject::Claim { claim, reason: Some(reason) },
            What::Quarantined(quarantine) => Subject::Quarantine { quarantine },
            What::Revived(port) => Subject::Port { port },
            What::Queued { key, port, waiting } => Subject::Line { key, port, waiting },
            What::Health { lease, detail } => Subject::Health { lease: Box::new(lease), detail },
            What::Alert { state, alert } => Subject::Alert { state, alert: Box::new(alert) },
            What::Missed(missed) => Subject::Missed { missed },
        };
        Self { at: event.at, event: name, subject }
    }
}

/// `explain`, `verify` and `kill` answer with the daemon's own shapes.
pub type Explained = Envelope<Explanation>;
/// See [`Explained`].
pub type Verified = Envelope<Verification>;
/// See [`Explained`].
pub type Ended = Envelope<Killed>;

/// An error.
#[derive(Debug, Serialize)]
pub struct ErrorBody {
    /// Stable.
    pub code: String,
    /// What happened.
    pub message: String,
    /// What to do.
    pub hint: String,
    /// The command to run next, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// An error, as a reply.
#[derive(Debug, Serialize)]
pub struct ErrorReply {
    /// The error.
    pub error: ErrorBody,
}
