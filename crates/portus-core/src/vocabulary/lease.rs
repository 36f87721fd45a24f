//! The words for leases, claims and quarantine.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use super::{Key, Port, ProcessIdentity, Protocol, Timestamp};

/// A lease's number. Counted up durably and never used again; people write `lease:42`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct LeaseId(pub u64);

impl fmt::Display for LeaseId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

/// Gives an enum of plain words its text, its way back, and nothing else.
macro_rules! words {
    ($name:ident { $($variant:ident = $word:literal),+ $(,)? }) => {
        impl $name {
            /// All there are.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The word used on the wire, on disk and on the screen.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str(self.word())
            }
        }

        impl FromStr for $name {
            type Err = UnknownWord;

            fn from_str(word: &str) -> Result<Self, UnknownWord> {
                match word {
                    $($word => Ok(Self::$variant),)+
                    _ => Err(UnknownWord { what: stringify!($name), word: word.to_owned() }),
                }
            }
        }
    };
}

/// A word that stands for nothing the core knows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{word}` is no {what}")]
pub struct UnknownWord {
    /// The type that was asked for.
    pub what: &'static str,
    /// The word.
    pub word: String,
}

/// Where a lease stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum StateWord {
    /// Granted, nobody listens yet. Leaves to `Active` or `Ended`.
    Pending,
    /// The service is up. Leaves to `Lapsing` or `Ended`.
    Active,
    /// The listener is gone and may come back. Leaves to `Active` or `Ended`.
    Lapsing,
    /// Over; kept for a while as history. Leaves to nothing.
    Ended,
}
words!(StateWord { Pending = "pending", Active = "active", Lapsing = "lapsing", Ended = "ended" });

/// Why a lease is believed to be active, strongest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum Evidence {
    /// The listener is in the holder's process tree.
    Lineage,
    /// The listener's environment names the lease.
    Marker,
    /// No holder; the listener works in the lease's worktree.
    Worktree,
    /// No holder; the port was free at the grant, and a listener of the same user (or a
    /// container's proxy) that belongs to no other worktree appeared.
    Presumed,
    /// Somebody said so.
    Confirm,
}
words!(Evidence {
    Lineage = "lineage",
    Marker = "marker",
    Worktree = "worktree",
    Presumed = "presumed",
    Confirm = "confirm",
});

/// Why a lease ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum EndReason {
    /// Somebody gave it back.
    Released,
    /// The holder's process tree is gone.
    HolderExited,
    /// Pending until its deadline, and nobody listened.
    NeverConfirmed,
    /// The listener went away and did not come back within the grace.
    Lapsed,
    /// Its time to live ran out without renewal.
    Expired,
    /// The same key asked for a port that this lease does not give.
    Replaced,
    /// A stranger sits on the port.
    Contested,
    /// The holder could not bind the port.
    BindFailed,
    /// The machine was started anew.
    Reboot,
}
words!(EndReason {
    Released = "released",
    HolderExited = "holder_exited",
    NeverConfirmed = "never_confirmed",
    Lapsed = "lapsed",
    Expired = "expired",
    Replaced = "replaced",
    Contested = "contested",
    BindFailed = "bind_failed",
    Reboot = "reboot",
});

/// The process whose tree a lease belongs to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Holder {
    /// The root of the tree.
    pub process: ProcessIdentity,
    /// Its command, for people.
    pub command: Arc<str>,
}

/// Who asked: recorded and shown, never decisive.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Requester {
    /// The asking process, where known.
    pub pid: Option<u32>,
    /// Its command.
    pub command: Arc<str>,
    /// The coding agent's session, where its environment names one.
    pub session: Option<Arc<str>>,
    /// The client program, such as an MCP client's name.
    pub client: Option<Arc<str>>,
}

/// Whom a guard lets past.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Admit {
    /// Nobody.
    Nobody,
    /// Programs that set `SO_REUSEADDR` before they bind TCP (most servers do).
    Reuse,
}
words!(Admit { Nobody = "nobody", Reuse = "reuse" });

/// A key's own number: durable, and without any right to the port while no lease lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Whose.
    pub key: Key,
    /// Which.
    pub port: Port,
    /// What for.
    pub protocol: Protocol,
    /// Kept whatever happens, until unpinned or forgotten.
    pub pinned: bool,
    /// When a lease last used it, by the wall clock.
    pub last_used: Timestamp,
    /// Since when the worktree's path has been missing while its parent is there, by the wall
    /// clock.
    pub missing_since: Option<Timestamp>,
}

/// Why a claim ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum ClaimEnd {
    /// Somebody said so.
    Forgotten,
    /// The worktree is gone.
    WorktreeGone,
    /// Unused for too long.
    Unused,
    /// The pool was full, and this was the claim unused for longest.
    Pressure,
    /// Another key asked for exactly this port.
    TakenOver,
}
words!(ClaimEnd {
    Forgotten = "forgotten",
    WorktreeGone = "worktree_gone",
    Unused = "unused",
    Pressure = "pressure",
    TakenOver = "taken_over",
});

/// How long a port stays in quarantine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum QuarantineUntil {
    /// Until somebody revives it.
    Revived,
    /// Until the machine is started anew.
    Reboot,
}
words!(QuarantineUntil { Revived = "revived", Reboot = "reboot" });

/// A port that is not to be handed out. (A freed port's cool-down is kept apart: it concerns
/// other keys only, and passes by itself.)
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quarantine {
    /// Which.
    pub port: Port,
    /// Until when.
    pub until: QuarantineUntil,
    /// Why, for people.
    pub reason: Arc<str>,
    /// Since when, by the wall clock.
    pub since: Timestamp,
}
