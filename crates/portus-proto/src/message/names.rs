//! The names of variants, as they stand on the wire: one list for each enum, so that none can be forgotten.

use super::{AlertCode, Call, Code, Reply, What};

/// Gives an enum the list of its names and each variant its own. Adding a variant without a name does not compile.
macro_rules! names {
    ($enum:ident, $all:ident, $each:ident, $what:literal { $($variant:ident $name:literal,)+ }) => {
        impl $enum {
            #[doc = concat!("Every ", $what, ", as on the wire.")]
            pub const $all: &[&str] = &[$($name),+];

            #[doc = concat!("This ", $what, ", as on the wire.")]
            #[must_use]
            pub const fn $each(&self) -> &'static str {
                match self { $(Self::$variant { .. } => $name),+ }
            }

            /// Its place among them.
            #[must_use]
            pub const fn place(&self) -> usize {
                enum Place { $($variant),+ }
                match self { $(Self::$variant { .. } => Place::$variant as usize),+ }
            }
        }
    };
}

names!(Call, METHODS, method, "method" {
    Request "request",
    Confirm "confirm",
    Renew "renew",
    Release "release",
    Launch "launch",
    Attach "attach",
    Suspect "suspect",
    List "list",
    Await "await",
    Claims "claims",
    Pin "pin",
    Unpin "unpin",
    Forget "forget",
    Prune "prune",
    Sweep "sweep",
    Quarantine "quarantine",
    Revive "revive",
    Quarantines "quarantines",
    Scan "scan",
    Explain "explain",
    Verify "verify",
    Kill "kill",
    ReportHealth "report_health",
    Mirror "mirror",
    Subscribe "subscribe",
    Status "status",
    Stats "stats",
    Stop "stop",
});

impl Call {
    /// The call of this method, if the method takes no arguments.
    pub(crate) fn without_arguments(method: &str) -> Option<Self> {
        let all = [Self::Sweep, Self::Quarantines, Self::Subscribe, Self::Status, Self::Stats, Self::Stop];
        all.into_iter().find(|call| call.method() == method)
    }
}

names!(Reply, KINDS, kind, "kind of reply" {
    Done "done",
    Leases "leases",
    Listing "listing",
    Claims "claims",
    Quarantines "quarantines",
    Suspected "suspected",
    Listeners "listeners",
    Explained "explained",
    Verified "verified",
    Killed "killed",
    Mirrored "mirrored",
    Status "status",
    Stats "stats",
});

names!(What, KINDS, kind, "kind of event" {
    Granted "granted",
    Updated "updated",
    Confirmed "confirmed",
    Lapsing "lapsing",
    Contested "contested",
    Uncontested "uncontested",
    Orphaned "orphaned",
    Drifted "drifted",
    Ended "ended",
    Claimed "claimed",
    Unclaimed "unclaimed",
    Quarantined "quarantined",
    Revived "revived",
    Queued "queued",
    Health "health",
    Alert "alert",
    Missed "missed",
});

names!(Code, WORDS, word, "code word" {
    NoPortAvailable "no_port_available",
    PortUnavailable "port_unavailable",
    AlreadyRunning "already_running",
    NoSuchLease "no_such_lease",
    NoSuchClaim "no_such_claim",
    NotQuarantined "not_quarantined",
    NoListener "no_listener",
    ForeignListener "foreign_listener",
    NotYours "not_yours",
    LimitReached "limit_reached",
    BadRequest "bad_request",
    UnknownMethod "unknown_method",
    FrameTooLong "frame_too_long",
    Malformed "malformed",
    ProtocolMismatch "protocol_mismatch",
    WrongUser "wrong_user",
    OtherNetwork "other_network",
    NoSuchProcess "no_such_process",
    JournalFailed "journal_failed",
    NoDescriptors "no_descriptors",
    TimedOut "timed_out",
    Stopping "stopping",
    TooSlow "too_slow",
    Unsupported "unsupported",
    Internal "internal",
});

names!(AlertCode, WORDS, word, "kind of alert" {
    JournalNotWritable "journal_not_writable",
    PoolNearlyFull "pool_nearly_full",
    RepeatedFailures "repeated_failures",
    DeadlinesMissed "deadlines_missed",
    StaleLeases "stale_leases",
    MetricsNotServed "metrics_not_served",
    Other "other",
});

impl std::fmt::Display for AlertCode {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(self.word())
    }
}

impl std::fmt::Display for Code {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(self.word())
    }
}
