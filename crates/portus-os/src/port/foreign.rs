//! Systems other than Linux: their own tables, in which a socket already names its process.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use portus_core::{Port, Protocol};

use super::listeners::Socket;

/// Nothing is kept open between questions.
#[derive(Debug)]
pub(super) struct Source;

impl Source {
    #[expect(clippy::unnecessary_wraps, reason = "the same shape as Linux's")]
    pub(super) fn open() -> io::Result<Self> {
        Ok(Self)
    }

    pub(super) fn listeners(&mut self, _port: Option<Port>, _protocol: Protocol) -> io::Result<Vec<Socket>> {
        Err(io::Error::new(io::ErrorKind::Unsupported, "listeners cannot be listed on this system"))
    }
}

/// A socket's handle is its owner's process id here.
pub(super) fn owners(inodes: &BTreeSet<u64>) -> BTreeMap<u64, Vec<u32>> {
    inodes.iter().filter_map(|&handle| Some((handle, vec![u32::try_from(handle).ok()?]))).collect()
}

pub(super) fn owners_among(
    pids: impl IntoIterator<Item = u32>,
    inodes: &BTreeSet<u64>,
) -> BTreeMap<u64, Vec<u32>> {
    pids.into_iter().filter(|&pid| inodes.contains(&u64::from(pid))).map(|pid| (u64::from(pid), vec![pid])).collect()
}
