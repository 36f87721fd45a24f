//! The slow half: asks the machine who listens, and ends what was decided to be ended.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::time::{Duration, Instant};

use portus_core::{Listener, Look, Port, PortRange, ProcessIdentity, Protocol};
use portus_os::port::{Socket, SocketTable, owners, probe};
use portus_os::process;
use portus_proto::Process;

use super::Container;
use super::kill::Plan;
use super::seen::{Link, Seen};
use crate::observer::{Described, Gatherer};

/// How long a port may take to come free once its server is gone.
const FREE_WITHIN: Duration = Duration::from_secs(2);

/// How much is told about each listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Detail {
    /// Who it is.
    Brief,
    /// Also its chain of ancestors.
    Ancestry,
}

/// Everybody who listens on the ports of a range, by port, protocol and address.
pub(crate) fn look(gatherer: &Gatherer, range: PortRange, detail: Detail) -> io::Result<Vec<Seen>> {
    let mut table = SocketTable::open()?;
    let sockets = match range.count() {
        1 => table.listeners_on(range.first(), Protocol::Both)?,
        _ => table.all_listeners()?.into_iter().filter(|socket| range.contains(socket.port)).collect(),
    };
    let inodes: BTreeSet<u64> = sockets.iter().map(|socket| socket.inode).collect();
    let owners = owners(&inodes);
    let mut known: BTreeMap<u32, Option<About>> = BTreeMap::new();
    let mut seen: Vec<Seen> = sockets
        .iter()
        .flat_map(|socket| {
            let pids = owners.get(&socket.inode).map_or(&[][..], Vec::as_slice);
            let about = pids
                .iter()
                .filter_map(|pid| known.entry(*pid).or_insert_with(|| About::find(gatherer, *pid, detail)).clone());
            let mut found: Vec<Seen> = about.map(|about| about.at(socket)).collect();
            if found.is_empty() {
                found.push(unseen(gatherer, socket));
            }
            found
        })
        .collect();
    seen.sort_by(|one, other| key(one).cmp(&key(other)));
    Ok(seen)
}

fn key(seen: &Seen) -> (Port, Protocol, &str, Option<ProcessIdentity>) {
    (seen.port, seen.listener.protocol, &seen.address, seen.listener.process)
}

/// What is told about one process, whatever its sockets.
#[derive(Debug, Clone)]
struct About {
    listener: Listener,
    is_placed: bool,
    cwd: Option<String>,
    project: Option<String>,
    chain: Vec<Link>,
}

impl About {
    fn find(gatherer: &Gatherer, pid: u32, detail: Detail) -> Option<Self> {
        let Described { listener, is_placed } = gatherer.describe(pid)?;
        let cwd = process::cwd(pid);
        let project = listener.worktree.as_deref().and_then(|worktree| gatherer.project_of(worktree));
        let chain = match detail {
            Detail::Brief => Vec::new(),
            Detail::Ancestry => chain(gatherer, pid, &listener),
        };
        let cwd = cwd.map(|cwd| cwd.to_string_lossy().into_owned());
        Some(Self { listener, is_placed, cwd, project, chain })
    }

    fn at(self, socket: &Socket) -> Seen {
        let container = self.listener.container_proxy.then(|| container(&self.listener.command)).flatten();
        Seen {
            port: socket.port,
            address: socket.address.to_string(),
            listener: Listener { protocol: socket.protocol, ..self.listener },
            is_placed: self.is_placed,
            cwd: self.cwd,
            project: self.project,
            container,
            chain: self.chain,
        }
    }
}

fn chain(gatherer: &Gatherer, pid: u32, listener: &Listener) -> Vec<Link> {
    let links = process::ancestors(pid).into_iter().filter_map(|process| {
        let described = process::describe(process.pid)?;
        let marked = !listener.marker.is_empty() && gatherer.marker(process.pid) == listener.marker;
        Some(Link { process, name: described.name, command: described.command, marked })
    });
    links.collect()
}

/// A listener whose process the system does not let us see.
fn unseen(gatherer: &Gatherer, socket: &Socket) -> Seen {
    Seen {
        port: socket.port,
        address: socket.address.to_string(),
        listener: gatherer.hidden(socket),
        is_placed: true,
        cwd: None,
        project: None,
        container: None,
        chain: Vec::new(),
    }
}

/// The address of the container that a proxy forwards to, as its command line says.
fn container(command: &str) -> Option<Container> {
    let mut words = command.split_whitespace().skip_while(|word| *word != "-container-ip");
    words.nth(1).map(|address| Container::At(address.to_owned()))
}

/// Ends the planned trees and waits until the port is free. Returns who ended, and who did not.
///
/// # Errors
/// When the system's processes cannot be looked at: then it is not known who ended.
pub(crate) fn end(
    plan: &Plan,
    spare: &BTreeSet<ProcessIdentity>,
    grace: Duration,
) -> io::Result<(Vec<Process>, Vec<Process>)> {
    let outcome = process::end_trees(plan.roots.iter().copied(), spare, grace)?;
    let ended = outcome.ended.into_iter().map(|(process, command)| Process { pid: process.pid, command }).collect();
    let stuck = outcome.survivors.iter().filter(|process| !spare.contains(process)).map(shown).collect();
    let deadline = Instant::now() + FREE_WITHIN;
    while probe(plan.port, Protocol::Tcp) == Look::Taken && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(2));
    }
    Ok((ended, stuck))
}

/// The trees that a plan would end, by process.
///
/// # Errors
/// When the system's processes cannot be looked at.
pub(crate) fn trees(roots: &[ProcessIdentity], spare: &BTreeSet<ProcessIdentity>) -> io::Result<Vec<Process>> {
    let mut all = BTreeSet::new();
    for root in roots {
        all.extend(process::tree(root)?);
    }
    Ok(all.difference(spare).map(shown).collect())
}

fn shown(process: &ProcessIdentity) -> Process {
    let command = process::describe(process.pid).map(|described| described.command).unwrap_or_default();
    Process { pid: process.pid, command }
}

/// A process and all it descends from: never ended on its own behalf.
pub(crate) fn spared(caller: Option<u32>) -> BTreeSet<ProcessIdentity> {
    let own = process::ancestors(std::process::id());
    let caller = caller.map(process::ancestors).unwrap_or_default();
    own.into_iter().chain(caller).collect()
}
