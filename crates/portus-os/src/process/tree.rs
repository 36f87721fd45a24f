//! Trees of processes, and what is left of one whose root has died.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::io;
use std::sync::{Mutex, PoisonError};

use portus_core::ProcessIdentity;

use super::{Row, sys};

/// By what the processes that a holder left behind are known. Each criterion alone suffices.
#[derive(Default)]
pub struct Survivors<'a> {
    /// Process groups that the holder's tree made.
    pub groups: BTreeSet<u32>,
    /// Sessions that the holder's tree made.
    pub sessions: BTreeSet<u32>,
    /// Processes known to be of the tree: they and their descendants, as far as they live. Naming
    /// the dead ones too shows when the number of a group or session was given to somebody else since.
    pub roots: BTreeSet<ProcessIdentity>,
    /// What the environment of such a process says.
    pub marker: Option<Marker<'a>>,
}

/// A variable that marks a process as belonging to somebody.
pub struct Marker<'a> {
    /// The variable's name.
    pub name: &'a str,
    /// Whether a value of it is the one meant.
    pub means: &'a dyn Fn(&OsStr) -> bool,
}

/// A living process and all its living descendants; the root first. Empty when it is gone: then its
/// children have another parent, and [`survivors`] is the question to ask.
///
/// # Errors
/// As [`survivors`].
pub fn tree(root: &ProcessIdentity) -> io::Result<Vec<ProcessIdentity>> {
    Ok(Table::look()?.closure([*root]))
}

/// Processes that this one started to outlive it (the daemon), and which are therefore not of its tree.
static DETACHED: Mutex<BTreeSet<ProcessIdentity>> = Mutex::new(BTreeSet::new());

/// Keeps a process that was started detached, by us or below us, and all that it starts, out of [`descendants_of_this_process`].
pub(crate) fn keep_out_of_our_tree(pid: u32) {
    if let Ok(Some(identity)) = super::identity_of(pid) {
        DETACHED.lock().unwrap_or_else(PoisonError::into_inner).insert(identity);
    }
}

/// The living processes below this one, those that were started detached and theirs left out.
///
/// # Errors
/// As [`survivors`].
pub(crate) fn descendants_of_this_process() -> io::Result<Vec<ProcessIdentity>> {
    if !has_children() {
        return Ok(Vec::new());
    }
    let detached = DETACHED.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let table = Table::look()?;
    let own = std::process::id();
    let children = table.rows.values().filter(|row| row.parent == own);
    let mut tree = table.closure(children.map(|row| row.identity));
    let outside: BTreeSet<ProcessIdentity> = table.closure(detached).into_iter().collect();
    tree.retain(|process| !outside.contains(process));
    Ok(tree)
}

/// Whether this process has a child, dead or alive: one call, where a look at all processes takes milliseconds.
#[cfg(target_os = "linux")]
fn has_children() -> bool {
    use rustix::process::{WaitId, WaitIdOptions, waitid};
    let only_look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    !matches!(waitid(WaitId::All, only_look), Err(rustix::io::Errno::CHILD))
}

#[cfg(not(target_os = "linux"))]
const fn has_children() -> bool {
    true
}

/// The living processes of this user that meet one of the criteria, and their descendants.
///
/// # Errors
/// When there are no means left to look (no descriptor, say), which says nothing about who lives.
pub fn survivors(criteria: &Survivors<'_>) -> io::Result<Vec<ProcessIdentity>> {
    Ok(survivors_of_each(std::slice::from_ref(criteria))?.pop().unwrap_or_default())
}

/// The same for several holders, in their order: one pass over all processes serves them all.
///
/// # Errors
/// As [`survivors`].
pub fn survivors_of_each(all: &[Survivors<'_>]) -> io::Result<Vec<Vec<ProcessIdentity>>> {
    if all.is_empty() {
        return Ok(Vec::new());
    }
    let table = Table::look()?;
    let mut environments = Environments::default();
    all.iter().map(|criteria| table.survivors(criteria, &mut environments)).collect()
}

/// What processes' environments say by a name, each read once.
#[derive(Default)]
struct Environments<'a>(BTreeMap<(u32, &'a str), Option<OsString>>);

impl<'a> Environments<'a> {
    fn get(&mut self, pid: u32, name: &'a str) -> io::Result<Option<&OsStr>> {
        let value = match self.0.entry((pid, name)) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => unknown.insert(sys::environment(pid, name)?),
        };
        Ok(value.as_deref())
    }
}

/// All processes at one moment (as far as one pass over them is one moment).
pub(super) struct Table {
    rows: BTreeMap<u32, Row>,
    children: BTreeMap<u32, Vec<u32>>,
}

impl Table {
    pub(super) fn look() -> io::Result<Self> {
        let rows: BTreeMap<u32, Row> = sys::rows()?.into_iter().map(|row| (row.identity.pid, row)).collect();
        let mut children: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        for row in rows.values().filter(|row| row.parent != row.identity.pid) {
            children.entry(row.parent).or_default().push(row.identity.pid);
        }
        Ok(Self { rows, children })
    }

    fn survivors<'a>(
        &self,
        criteria: &Survivors<'a>,
        environments: &mut Environments<'a>,
    ) -> io::Result<Vec<ProcessIdentity>> {
        // While a group or session has members its number is not given away. So a living process that
        // has the number, and is not the one we knew, proves that the old group is gone.
        let reused = |number: u32| {
            criteria.roots.iter().any(|root| root.pid == number)
                && self.rows.get(&number).is_some_and(|row| !criteria.roots.contains(&row.identity))
        };
        let groups: BTreeSet<u32> = criteria.groups.iter().copied().filter(|&group| !reused(group)).collect();
        let sessions: BTreeSet<u32> = criteria.sessions.iter().copied().filter(|&session| !reused(session)).collect();
        let mut belongs = |row: &Row| {
            if criteria.roots.contains(&row.identity)
                || (row.group != 0 && groups.contains(&row.group))
                || (row.session != 0 && sessions.contains(&row.session))
            {
                return Ok(true);
            }
            let Some(marker) = &criteria.marker else { return Ok(false) };
            io::Result::Ok(environments.get(row.identity.pid, marker.name)?.is_some_and(marker.means))
        };
        let own_uid = sys::own_uid();
        let is_ours = |pid: u32| sys::uid(pid) == Some(own_uid);
        let mut seeds: Vec<ProcessIdentity> = Vec::new();
        for row in self.rows.values().filter(|row| !row.zombie) {
            if belongs(row)? && is_ours(row.identity.pid) {
                seeds.push(row.identity);
            }
        }
        let mut found = self.closure(seeds);
        found.retain(|process| is_ours(process.pid));
        Ok(found)
    }

    pub(super) fn is_alive(&self, process: &ProcessIdentity) -> bool {
        self.rows.get(&process.pid).is_some_and(|row| !row.zombie && row.identity == *process)
    }

    /// The living ones of these and all their living descendants, each once, parents before children.
    pub(super) fn closure(&self, from: impl IntoIterator<Item = ProcessIdentity>) -> Vec<ProcessIdentity> {
        let mut seen = BTreeSet::new();
        let mut found: Vec<ProcessIdentity> =
            from.into_iter().filter(|process| self.is_alive(process) && seen.insert(process.pid)).collect();
        let mut next = 0;
        while let Some(parent) = found.get(next).copied() {
            next += 1;
            let children = self.children.get(&parent.pid).map_or(&[][..], Vec::as_slice);
            for row in children.iter().filter_map(|child| self.rows.get(child)) {
                // A child older than its parent is a stranger whose parent's number was reused.
                if !row.zombie && row.identity.birth >= parent.birth && seen.insert(row.identity.pid) {
                    found.push(row.identity);
                }
            }
        }
        found
    }

    /// The living processes whose parent is gone, in a group or session that one of these leads or led. A leader's
    /// number is not given away while its group has members, so only a living stranger with that number speaks
    /// against it. Those with a parent of their own are not meant: a pipeline's processes share a group, too.
    pub(super) fn orphans_led_by(&self, leaders: &BTreeSet<ProcessIdentity>) -> Vec<ProcessIdentity> {
        if !sys::LEADERS {
            return Vec::new();
        }
        let numbers: BTreeSet<u32> = leaders
            .iter()
            .filter(|leader| self.rows.get(&leader.pid).is_none_or(|row| row.identity == **leader))
            .map(|leader| leader.pid)
            .collect();
        let led = |row: &&Row| numbers.contains(&row.group) || numbers.contains(&row.session);
        let orphans = self.rows.values().filter(|row| !row.zombie && self.is_orphan(row));
        orphans.filter(led).map(|row| row.identity).collect()
    }

    /// Whether a process was taken in by the system's first process, or the first of the user's.
    fn is_orphan(&self, row: &Row) -> bool {
        row.parent <= 1 || self.rows.get(&row.parent).is_none_or(|parent| parent.name == "systemd")
    }
}
