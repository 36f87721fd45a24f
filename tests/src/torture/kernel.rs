//! What the kernel shows of ports and processes, read from its own tables and not by the product's code.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::TcpListener;

/// The state of a socket that listens, in the kernel's tables.
const LISTENS: &str = "0A";

/// A process that runs under leases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenant {
    /// Its number.
    pub pid: u32,
    /// The leases it was started under.
    pub leases: BTreeSet<u64>,
    /// The ports it listens on.
    pub ports: BTreeSet<u16>,
}

/// Everybody whose environment names a lease of this journal and who listens.
pub fn tenants(journal: &str) -> Vec<Tenant> {
    let listening = listening();
    let pids = fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let tenants = pids.filter_map(|pid: u32| {
        let leases = leases_in(&fs::read(format!("/proc/{pid}/environ")).ok()?, journal)?;
        let ports: BTreeSet<u16> = sockets_of(pid).iter().filter_map(|inode| listening.get(inode).copied()).collect();
        (!ports.is_empty()).then_some(Tenant { pid, leases, ports })
    });
    tenants.collect()
}

/// The leases that `PORTUS_LEASE` names there, if it names this journal.
fn leases_in(environment: &[u8], journal: &str) -> Option<BTreeSet<u64>> {
    let mut variables = environment.split(|byte| *byte == 0).filter_map(|variable| str::from_utf8(variable).ok());
    let (of, ids) = variables.find_map(|variable| variable.strip_prefix("PORTUS_LEASE="))?.split_once(':')?;
    (of == journal).then(|| ids.split(',').filter_map(|id| id.parse().ok()).collect())
}

/// The ports on which somebody listens, by the socket's inode.
fn listening() -> BTreeMap<u64, u16> {
    let mut found = BTreeMap::new();
    for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
        for line in fs::read_to_string(table).unwrap_or_default().lines().skip(1) {
            let words: Vec<&str> = line.split_whitespace().collect();
            let [_, local, _, LISTENS, _, _, _, _, _, inode, ..] = words[..] else { continue };
            let port = local.rsplit(':').next().and_then(|digits| u16::from_str_radix(digits, 16).ok());
            found.extend(inode.parse().ok().zip(port));
        }
    }
    found
}

/// The inodes of a process's sockets.
fn sockets_of(pid: u32) -> BTreeSet<u64> {
    let Ok(descriptors) = fs::read_dir(format!("/proc/{pid}/fd")) else { return BTreeSet::new() };
    let links = descriptors.flatten().filter_map(|entry| fs::read_link(entry.path()).ok());
    let inodes =
        links.filter_map(|link| link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse::<u64>().ok());
    inodes.collect()
}

/// How many sockets of a process are bound and neither listen nor are connected: the kernel lists them nowhere. Of a
/// daemon's, these are its guards.
pub fn unlisted_sockets(pid: u32) -> usize {
    let mut listed = BTreeSet::new();
    for (table, column) in [("unix", 6), ("netlink", 9), ("tcp", 9), ("tcp6", 9), ("udp", 9), ("udp6", 9)] {
        let text = fs::read_to_string(format!("/proc/{pid}/net/{table}")).unwrap_or_default();
        let inodes = text.lines().filter_map(|line| line.split_whitespace().nth(column)?.parse::<u64>().ok());
        listed.extend(inodes);
    }
    sockets_of(pid).difference(&listed).count()
}

/// Whether a server, binding as servers do, gets the port.
pub fn is_free(port: u16) -> bool {
    TcpListener::bind(("0.0.0.0", port)).is_ok()
}
