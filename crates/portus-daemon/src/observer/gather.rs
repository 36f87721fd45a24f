//! Who listens on a port, with what is needed to tell whose server it is.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use portus_core::{LeaseId, Listener, Port, ProcessIdentity, Protocol, Sighting};
use portus_os::checkout;
use portus_os::place::user;
use portus_os::port::{Socket, SocketTable, owners, owners_among};
use portus_os::process::{self, Marker, Survivors, survivors_of_each};

use super::Worktrees;
use super::patience::Patience;

/// The variable by which a process tree carries its leases: `<journal uuid>:<id>[,<id>…]`.
const MARKER: &str = "PORTUS_LEASE";

/// The most processes described for one port: a server's workers, with room to spare.
const LISTENERS_MAX: usize = 128;

/// Programs that hold a port on behalf of a container.
const CONTAINER_PROXIES: [&str; 12] = [
    "docker-proxy",
    "rootlessport",
    "rootlessport-c",
    "rootlesskit",
    "containerd",
    "containerd-shim",
    "slirp4netns",
    "pasta",
    "pasta.avx2",
    "gvproxy",
    "vpnkit-bridge",
    "com.docker.backe",
];

/// From this many ports on, the whole table is asked for once instead of once for each.
const DUMP_FROM: usize = 5;

/// Looks at the machine for one journal's leases. Slow: it reads through all processes.
#[derive(Debug, Clone)]
pub(crate) struct Gatherer {
    /// The journal's uuid. Not known before the journal has been read: it may have to be set aside.
    journal: Arc<OnceLock<String>>,
    worktrees: Worktrees,
    own_uid: u32,
    /// The checkout that a directory lies in.
    checkouts: Patience<Option<PathBuf>>,
    /// The name of a worktree's project.
    projects: Patience<Option<String>>,
}

/// Leases that have lost a process, and by what their trees are known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Bereaved {
    /// The leases.
    pub(crate) leases: BTreeSet<LeaseId>,
    /// Their holder and watched processes.
    pub(crate) processes: BTreeSet<ProcessIdentity>,
}

/// One process that listens.
#[derive(Debug, Clone)]
pub(crate) struct Described {
    /// What the rules need to know of it. Its protocol is still to be filled in.
    pub(crate) listener: Listener,
    /// Whether it can be told whose it is: its directory's disk may not say in which worktree it lies, which does not
    /// mean that it lies in none.
    pub(crate) is_placed: bool,
}

impl Gatherer {
    /// Looks on behalf of a journal that is named later, with [`Self::name_journal`].
    pub(crate) fn new(worktrees: Worktrees) -> Self {
        let checkouts = Patience::new(checkout::worktree_of);
        let projects = Patience::new(|worktree| Some(checkout::locate(worktree).ok()?.project_name));
        Self { journal: Arc::default(), worktrees, own_uid: user().uid, checkouts, projects }
    }

    /// Names the journal whose markers count. Once, for all clones.
    pub(crate) fn name_journal(&self, uuid: &str) {
        self.journal.get_or_init(|| uuid.to_owned());
    }

    /// The sockets that listen on these ports. A port that the system says nothing about is not
    /// among the keys.
    pub(crate) fn sockets(
        table: &mut SocketTable,
        ports: &BTreeSet<(Port, Protocol)>,
    ) -> BTreeMap<(Port, Protocol), Vec<Socket>> {
        if ports.len() < DUMP_FROM {
            let ask = |&(port, protocol)| Some(((port, protocol), table.listeners_on(port, protocol).ok()?));
            return ports.iter().filter_map(ask).collect();
        }
        let Ok(all) = table.all_listeners() else { return BTreeMap::new() };
        let mut found: BTreeMap<_, Vec<Socket>> = ports.iter().map(|asked| (*asked, Vec::new())).collect();
        for socket in all {
            for asked in [socket.protocol, Protocol::Both] {
                if let Some(sockets) = found.get_mut(&(socket.port, asked)) {
                    sockets.push(socket);
                }
            }
        }
        found
    }

    /// Who listens on these ports at this moment. A port that the system says nothing about is
    /// left out.
    pub(crate) fn sightings(&self, ports: impl IntoIterator<Item = (Port, Protocol)>) -> Vec<Sighting> {
        let ports: BTreeSet<_> = ports.into_iter().collect();
        if ports.is_empty() {
            return Vec::new();
        }
        let Ok(mut table) = SocketTable::open() else { return Vec::new() };
        self.resolve(Self::sockets(&mut table, &ports))
    }

    /// Finds the processes behind sockets, in one pass over all processes. A port is left out if nobody knows whose
    /// server listens there, since the disk that its directory lies on does not answer.
    pub(crate) fn resolve(&self, sockets: BTreeMap<(Port, Protocol), Vec<Socket>>) -> Vec<Sighting> {
        let inodes: BTreeSet<u64> = sockets.values().flatten().map(|socket| socket.inode).collect();
        // A guard for UDP is visible. It is nobody's server.
        let own = owners_among([std::process::id()], &inodes);
        let foreign: BTreeSet<u64> = inodes.into_iter().filter(|inode| !own.contains_key(inode)).collect();
        let owners = owners(&foreign);
        let mut known = BTreeMap::new();
        sockets
            .into_iter()
            .filter_map(|((port, _), sockets)| {
                let mut listeners = BTreeSet::new();
                for socket in sockets.iter().filter(|socket| foreign.contains(&socket.inode)) {
                    listeners.extend(self.listeners(socket, owners.get(&socket.inode), &mut known)?);
                }
                Some(Sighting { port, listeners: listeners.into_iter().take(LISTENERS_MAX).collect() })
            })
            .collect()
    }

    /// One listener for each process that holds the socket; one without a process if none is to be
    /// seen. `None` if of one of them it cannot be known whose it is.
    fn listeners(
        &self,
        socket: &Socket,
        pids: Option<&Vec<u32>>,
        known: &mut BTreeMap<u32, Option<Described>>,
    ) -> Option<Vec<Listener>> {
        let protocol = socket.protocol;
        let mut found = Vec::new();
        for &pid in pids.into_iter().flatten() {
            let Some(described) = known.entry(pid).or_insert_with(|| self.describe(pid)).clone() else { continue };
            if !described.is_placed {
                return None;
            }
            found.push(Listener { protocol, ..described.listener });
        }
        if found.is_empty() {
            found.push(self.hidden(socket));
        }
        Some(found)
    }

    /// A listener whose process the system does not let us see.
    pub(crate) fn hidden(&self, socket: &Socket) -> Listener {
        Listener {
            protocol: socket.protocol,
            process: None,
            command: Arc::from(""),
            // Zero may mean that the system does not say.
            same_user: self.own_uid != 0 && socket.uid == self.own_uid,
            lineage: BTreeSet::new(),
            marker: BTreeSet::new(),
            worktree: None,
            container_proxy: false,
        }
    }

    /// Everything the rules need to know of one process.
    pub(crate) fn describe(&self, pid: u32) -> Option<Described> {
        let described = process::describe(pid)?;
        let cwd = process::cwd(pid);
        let asked = cwd.as_deref().map(|cwd| self.checkouts.ask(cwd));
        let checkout = asked.iter().flatten().flatten().find_map(|found| found.to_str().map(Arc::from));
        let worktree = checkout.or_else(|| self.worktrees.around(cwd.as_deref()?));
        let listener = Listener {
            protocol: Protocol::Tcp,
            process: Some(described.identity),
            command: described.command.into(),
            same_user: process::is_own_user(pid),
            lineage: process::lineage(pid),
            marker: self.marker(pid),
            worktree,
            container_proxy: CONTAINER_PROXIES.contains(&described.name.as_str()),
        };
        // Whoever carries a lease's marker needs no place to be known by.
        let is_placed = !matches!(asked, Some(None)) || !listener.marker.is_empty();
        Some(Described { listener, is_placed })
    }

    /// The name of the project that a worktree belongs to, if its disk says so.
    pub(crate) fn project_of(&self, worktree: &str) -> Option<String> {
        self.projects.ask(Path::new(worktree)).flatten()
    }

    /// The leases that a process's environment names.
    pub(crate) fn marker(&self, pid: u32) -> BTreeSet<LeaseId> {
        process::environment(pid, MARKER).map(|value| self.marked(&value)).unwrap_or_default()
    }

    /// The leases that a marker names, if it names this journal.
    fn marked(&self, value: &OsStr) -> BTreeSet<LeaseId> {
        let named = value.to_str().and_then(|text| text.split_once(':'));
        let named = named.filter(|(uuid, _)| self.journal.get().is_some_and(|journal| journal == uuid));
        let ids = named.map(|(_, ids)| ids.split(',').filter_map(|id| id.parse().ok()).map(LeaseId));
        ids.into_iter().flatten().collect()
    }

    /// What lives on of the trees of leases that have lost a process.
    ///
    /// # Errors
    /// When there are no means left to look, which says nothing about who lives.
    pub(crate) fn survivors(&self, bereaved: &[Bereaved]) -> io::Result<BTreeMap<LeaseId, Vec<ProcessIdentity>>> {
        let is_marked = |group: &Bereaved| {
            let leases = group.leases.clone();
            move |value: &OsStr| !self.marked(value).is_disjoint(&leases)
        };
        let means: Vec<_> = bereaved.iter().map(is_marked).collect();
        let criteria = bereaved.iter().zip(&means).map(|(group, means)| {
            let leaders: BTreeSet<u32> = group.processes.iter().map(|process| process.pid).collect();
            Survivors {
                groups: leaders.clone(),
                sessions: leaders,
                roots: group.processes.clone(),
                marker: Some(Marker { name: MARKER, means }),
            }
        });
        let found = survivors_of_each(&criteria.collect::<Vec<_>>())?;
        let mut all = BTreeMap::new();
        for (group, mut left) in bereaved.iter().zip(found) {
            // A daemon that somebody started by hand within a tree is no part of it.
            left.retain(|process| process.pid != std::process::id());
            all.extend(group.leases.iter().map(|lease| (*lease, left.clone())));
        }
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::time::Duration;

    use super::*;

    /// A directory whose disk does not answer is not known to lie in no worktree, so that nobody may be presumed.
    #[test]
    fn a_port_is_left_out_while_the_disk_of_its_servers_directory_does_not_answer() {
        let mut gatherer = Gatherer::new(Worktrees::default());
        let pid = std::process::id();
        let port = Port::new(20_000).unwrap();
        let socket = Socket { port, protocol: Protocol::Tcp, address: Ipv4Addr::LOCALHOST.into(), inode: 1, uid: 1 };
        let listeners = |gatherer: &Gatherer| gatherer.listeners(&socket, Some(&vec![pid]), &mut BTreeMap::new());
        assert_eq!(listeners(&gatherer).unwrap().len(), 1);

        let (disk, silence) = std::sync::mpsc::channel::<()>();
        let silence = std::sync::Mutex::new(silence);
        let stuck = move |_: &Path| silence.lock().ok().and_then(|silence| silence.recv().err()).and(None);
        gatherer.checkouts = Patience::waiting(stuck, Duration::from_millis(1));
        assert_eq!(listeners(&gatherer), None);
        assert_eq!(gatherer.listeners(&socket, None, &mut BTreeMap::new()).unwrap().len(), 1, "nobody to ask about");
        drop(disk);
    }

    #[test]
    fn only_a_marker_of_this_journal_counts() {
        let gatherer = Gatherer::new(Worktrees::default());
        assert!(gatherer.marked(OsStr::new("abc:7")).is_empty(), "no journal is named yet");
        gatherer.name_journal("abc");
        let marked = |value: &str| gatherer.marked(OsStr::new(value)).into_iter().map(|id| id.0).collect::<Vec<_>>();
        assert_eq!(marked("abc:7,12"), [7, 12]);
        assert_eq!(marked("abc:7,x,8"), [7, 8]);
        assert!(marked("other:7").is_empty());
        assert!(marked("abc").is_empty());
        assert!(marked("").is_empty());
        assert!(marked("abc:").is_empty());
    }
}
