//! Between what is said on the wire and what the core decides on. The only place that sees both.

mod inward;
mod outward;

pub(crate) use inward::{Defaults, Scope, caller, key, keys, reason, request, target, targets, ttl, worktree};
pub(crate) use outward::{View, process};
