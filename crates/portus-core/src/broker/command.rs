//! What can be asked of the broker, and what it can be told.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::vocabulary::{
    Admit, BootId, Holder, Key, LeaseId, Port, PortRange, ProcessIdentity, Protocol, QuarantineUntil, Requester,
    Sighting, Span, Survey,
};

/// One thing to decide. Carries all that the decision needs to know about the world.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// The engine has (re)started in this boot.
    Boot {
        /// The boot it finds itself in.
        boot: BootId,
    },
    /// Lease ports.
    Request {
        /// What is wanted.
        request: Request,
        /// What was seen at the ports that [`shortlist`](super::Broker::shortlist) named.
        survey: Survey,
    },
    /// The service is up.
    Confirm {
        /// Which lease.
        target: Target,
        /// Who says so.
        caller: Caller,
        /// The process that serves, if it was named.
        process: Option<ProcessIdentity>,
        /// Who listens on the port.
        sighting: Option<Sighting>,
    },
    /// Move the time to live on.
    Renew {
        /// Which lease.
        target: Target,
        /// Who asks.
        caller: Caller,
        /// The new time to live; `None` for as long as last time (or the pending span).
        ttl: Option<Span>,
    },
    /// Give leases back.
    Release {
        /// Which leases.
        targets: Vec<Target>,
        /// Who asks.
        caller: Caller,
    },
    /// A holder is about to start its program: the guard stands aside.
    Launch {
        /// Which leases.
        leases: Vec<LeaseId>,
        /// Whether the holder first takes the ports over itself: then the guard stays, and lets
        /// past whoever sets `SO_REUSEADDR`, until this is said again without it.
        hand_over: bool,
    },
    /// A holder has started its program.
    Attach {
        /// Which leases.
        leases: Vec<LeaseId>,
        /// The program's process.
        process: ProcessIdentity,
    },
    /// A holder's program ended before it listened: was the port the reason?
    Suspect {
        /// Which lease.
        lease: LeaseId,
        /// Whether the program is known to have failed to bind.
        certain: bool,
        /// Until when the port is avoided if it cannot be bound though nobody shows.
        avoid: QuarantineUntil,
        /// What binding the port shows.
        survey: Survey,
        /// Who listens on it.
        sighting: Sighting,
    },
    /// A watched process has ended.
    ProcessExited {
        /// Which.
        process: ProcessIdentity,
        /// Who listens on the ports of its leases.
        sightings: Vec<Sighting>,
        /// What lives on of the tree of each of its leases.
        survivors: BTreeMap<LeaseId, Vec<ProcessIdentity>>,
    },
    /// Ports of leases were looked at.
    Sighted {
        /// What was seen.
        sightings: Vec<Sighting>,
    },
    /// A holder's tree was looked at for listeners on other ports.
    TreeSeen {
        /// Which lease.
        lease: LeaseId,
        /// The other port it listens on, if it does.
        elsewhere: Option<Port>,
    },
    /// A guard could not be taken or kept.
    GuardLost {
        /// On which port.
        port: Port,
    },
    /// Leases were looked at to find those that nobody is behind any more.
    Clean {
        /// What was seen of them.
        look: CleanLook,
    },
    /// Time has passed.
    Tick {
        /// Who listens on the ports of the leases that are due. One that is not among them waits for a look, unless
        /// its time to live is over.
        sightings: Vec<Sighting>,
    },
    /// Keep a key's number whatever happens, or no longer.
    Pin {
        /// Whose.
        key: Key,
        /// The number, if it should be another than the claimed one.
        port: Option<Port>,
        /// Whether to keep it.
        pinned: bool,
    },
    /// Drop claims.
    Forget {
        /// Whose.
        keys: Vec<Key>,
    },
    /// Worktrees were looked for.
    Swept {
        /// Those of the claims' worktrees whose path is missing while its parent is there.
        missing: Vec<Arc<str>>,
    },
    /// Do not hand out a port.
    Quarantine {
        /// Which.
        port: Port,
        /// Until when.
        until: QuarantineUntil,
        /// Why.
        reason: Arc<str>,
    },
    /// Hand a port out again.
    Revive {
        /// Which.
        port: Port,
    },
}

/// What a look at leases showed, to tell which of them are stale.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CleanLook {
    /// Those of their processes that are gone.
    pub gone: BTreeSet<ProcessIdentity>,
    /// Who listens on their ports. A lease whose port is not among them was not looked at.
    pub sightings: BTreeMap<LeaseId, Sighting>,
    /// What lives on of their holders' trees.
    pub survivors: BTreeMap<LeaseId, Vec<ProcessIdentity>>,
    /// Those whose worktree is gone: no server of theirs is about to come.
    pub homeless: BTreeSet<LeaseId>,
    /// Whether somebody wants ports now and there are none left: then those that become free do not cool down.
    pub for_room: bool,
}

/// What is known of stale leases when ports are asked for: the ranges are exhausted only when none is in the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Stale {
    /// Nobody has looked for any. What would need its expansion is refused, so that somebody looks.
    Unknown,
    /// There are none: the expansion may serve, and comes before other keys' unused numbers.
    #[default]
    None,
    /// Some have ended just now: the numbers they leave behind come before the expansion.
    Ended,
}

/// A wish for one or more ports, granted whole or not at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// One for each port.
    pub asks: Vec<Ask>,
    /// Whether the ports of the asks for leases must follow each other.
    pub contiguous: bool,
    /// The process tree the leases shall belong to.
    pub holder: Option<Holder>,
    /// Who asks.
    pub requester: Requester,
    /// The time to live of leases without a holder.
    pub ttl: Option<Span>,
    /// Whether to keep the port in the kernel from the grant on, and whom to let past.
    pub guard: Option<Admit>,
    /// Whether it waited in line for its strict port: a cool-down does not make it wait longer.
    pub queued: bool,
    /// What is known of stale leases.
    pub stale: Stale,
}

/// A wish for one port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// Who asks.
    pub key: Key,
    /// Whether a lease is wanted, or just a number to call one's own.
    pub purpose: Purpose,
    /// What for.
    pub protocol: Protocol,
    /// The port liked best.
    pub preferred: Option<Port>,
    /// Whether no other than the preferred one will do.
    pub strict: bool,
    /// Where to look, if the asker cares; the former number counts only if it lies there.
    pub range: Option<PortRange>,
    /// Where to look otherwise.
    pub pool: PortRange,
    /// Where to look when all that is full.
    pub fallback: Option<PortRange>,
    /// Where to look when that is full as well.
    pub expand: Option<PortRange>,
    /// In which order a range is gone through.
    pub strategy: Strategy,
    /// Ports that will not do.
    pub exclude: Vec<PortRange>,
}

/// What a granted ask becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A lease, and a claim.
    Lease,
    /// Only a claim, unless there is one: a sibling's number, known before it starts. Not being
    /// able to claim one is a note, not a refusal.
    Claim,
}

/// In which order the ports of a range are tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strategy {
    /// From this place on (modulo the range's length), and round.
    Spread(u64),
    /// From the start.
    Sequential,
}

/// Which lease is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// The live lease of this key.
    Key(Key),
    /// The live lease of this port.
    Port(Port),
    /// This one.
    Lease(LeaseId),
    /// All live leases of this worktree (for `release`; none is no error).
    Worktree(Arc<str>),
}

/// On whose behalf a lease is touched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The worktree the caller works in.
    pub worktree: Arc<str>,
    /// Whether it insists on touching another worktree's.
    pub force: bool,
}

/// Where a scan of a range should start for a key: the same on every machine, so that teammates
/// tend to the same numbers. `linked` is the name of a linked worktree, `None` in the main one.
#[must_use]
pub fn spread(user: u32, project: &str, service: &str, linked: Option<&str>) -> u64 {
    // FNV-1a with a finaliser: stable for ever, unlike the standard library's hasher.
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    let mut eat = |bytes: &[u8]| {
        for byte in bytes.iter().chain(&[0xff]) {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    };
    eat(&user.to_be_bytes());
    eat(project.as_bytes());
    eat(service.as_bytes());
    eat(linked.unwrap_or_default().as_bytes());
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash ^ (hash >> 33)
}
