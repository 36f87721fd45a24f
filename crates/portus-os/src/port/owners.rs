//! Whose sockets these are: from a socket's inode to the processes that hold it open.

use std::collections::{BTreeMap, BTreeSet};

#[cfg(not(target_os = "linux"))]
use super::foreign as system;
#[cfg(target_os = "linux")]
use super::proc_fd as system;

/// The processes that hold each of these sockets open, found in one pass over all processes.
///
/// Several processes may share one socket (workers of one server). A socket whose processes may
/// not be looked at (another user's) has no entry. Pids within an entry ascend.
#[must_use]
pub fn owners(inodes: &BTreeSet<u64>) -> BTreeMap<u64, Vec<u32>> {
    if inodes.is_empty() { BTreeMap::new() } else { system::owners(inodes) }
}

/// Like [`owners`], but looks at these processes only: the cheap way to see whether the known
/// holders of a socket still hold it.
#[must_use]
pub fn owners_among(pids: impl IntoIterator<Item = u32>, inodes: &BTreeSet<u64>) -> BTreeMap<u64, Vec<u32>> {
    if inodes.is_empty() { BTreeMap::new() } else { system::owners_among(pids, inodes) }
}
