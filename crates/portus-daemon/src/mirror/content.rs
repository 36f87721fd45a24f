//! What stands in a mirror: a worktree's live leases.

use std::collections::BTreeMap;

use portus_core::{Broker, Lease};
use portus_proto::WallTime;
use portus_proto::ports_json::Allocation;

/// Where a worktree's services are to be reached.
const HOST: &str = "localhost";

/// Who has which port in a worktree. Of two projects' services of one name, which only an override of the project's
/// name makes possible, the one that came last counts.
pub(crate) fn content(broker: &Broker, worktree: &str) -> BTreeMap<String, Allocation> {
    let leases = broker.live_leases().filter(|lease| *lease.key.worktree == *worktree);
    leases.map(|lease| (lease.key.service.as_str().to_owned(), allocation(lease))).collect()
}

fn allocation(lease: &Lease) -> Allocation {
    let started = Some(WallTime(lease.granted_at.as_millis()));
    Allocation { port: lease.port, pid: pid(lease), started, host: Some(HOST.to_owned()) }
}

/// The process that serves: of those that are watched, the one that was born last, since who starts a server is older.
/// While nobody serves, the holder.
fn pid(lease: &Lease) -> Option<u32> {
    let server = || lease.watched.iter().max_by_key(|process| process.birth).map(|process| process.pid);
    let holder = || lease.living_holder().map(|holder| holder.process.pid);
    if lease.evidence().is_some() { server().or_else(holder) } else { holder().or_else(server) }
}
