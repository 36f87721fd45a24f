//! Ending a tree of processes: ask, wait, insist.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use portus_core::ProcessIdentity;

use super::tree::Table;
use super::{Signal, ancestors, describe, signal, sys};

/// How long the system gets to clear away what was killed.
const AFTER_KILL: Duration = Duration::from_millis(1_000);
/// While asking, late children are looked for at least this often.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// What became of a tree.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ended {
    /// Who ended, with the command each ran.
    pub ended: Vec<(ProcessIdentity, String)>,
    /// Who still lives: spared, not ours, or stuck in the kernel.
    pub survivors: Vec<ProcessIdentity>,
}

/// Ends a living process and all its descendants: TERM to all, `grace` to obey, then KILL.
///
/// What they start meanwhile, and what detached itself from them into a group or session that one of
/// them leads, is ended too. Never signalled: `spare`, this process, its ancestors, process 1, other
/// users' processes. Takes at most `grace` and one second. Nothing happens when the root is gone.
#[must_use]
pub fn end_tree(root: &ProcessIdentity, spare: &BTreeSet<ProcessIdentity>, grace: Duration) -> Ended {
    let mut spared = spare.clone();
    spared.extend(ancestors(std::process::id()));
    let mut ending = Ending { root: *root, spared, known: BTreeMap::new(), asked: BTreeSet::new() };
    ending.drive(Signal::Terminate, grace, LOOK_AGAIN);
    ending.asked.clear();
    ending.drive(Signal::Kill, AFTER_KILL, AFTER_KILL / 10);
    let (survivors, ended): (Vec<_>, Vec<_>) =
        ending.known.into_iter().partition(|(process, _)| super::is_alive(process));
    Ended { ended, survivors: survivors.into_iter().map(|(process, _)| process).collect() }
}

struct Ending {
    root: ProcessIdentity,
    spared: BTreeSet<ProcessIdentity>,
    /// Everybody who was ever seen in the tree, with the command.
    known: BTreeMap<ProcessIdentity, String>,
    asked: BTreeSet<ProcessIdentity>,
}

impl Ending {
    /// Sends the signal to everybody in the tree, and to whoever joins it, until all are gone or the time is up.
    fn drive(&mut self, how: Signal, time: Duration, look_again: Duration) {
        let deadline = Instant::now() + time;
        loop {
            let living: Vec<ProcessIdentity> =
                self.members().into_iter().filter(|process| !self.spared.contains(process)).collect();
            for process in &living {
                if self.asked.insert(*process) {
                    // A refusal (gone, not ours) shows in the end: whoever lives on is a survivor.
                    let _ = signal(process, how);
                    // A stopped process would not get to see the request before it is woken.
                    let _ = if how == Signal::Terminate { signal(process, Signal::Continue) } else { Ok(()) };
                }
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if living.is_empty() || left.is_zero() {
                return;
            }
            sys::wait_for_an_end(&living, left.min(look_again));
        }
    }

    /// Everybody alive who belongs to the tree at this moment.
    fn members(&mut self) -> Vec<ProcessIdentity> {
        let table = Table::look();
        let mut seeds: BTreeSet<ProcessIdentity> = self.known.keys().copied().collect();
        seeds.insert(self.root);
        // Group and session only tell where one of ours leads them: a shell without job control shares its group
        // with whoever called it.
        let tree: BTreeSet<ProcessIdentity> = table.closure(seeds.iter().copied()).into_iter().collect();
        let leaders: BTreeSet<ProcessIdentity> = seeds.union(&tree).copied().collect();
        let leaders: BTreeSet<ProcessIdentity> = leaders.difference(&self.spared).copied().collect();
        let led = if tree.is_empty() && self.known.is_empty() { Vec::new() } else { table.orphans_led_by(&leaders) };
        let all = table.closure(tree.into_iter().chain(led));
        for process in &all {
            self.known
                .entry(*process)
                .or_insert_with(|| describe(process.pid).map_or_else(String::new, |described| described.command));
        }
        all
    }
}
