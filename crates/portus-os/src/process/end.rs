//! Ending trees of processes: ask, wait, insist.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::time::{Duration, Instant};

use portus_core::ProcessIdentity;

use super::tree::Table;
use super::{Signal, ancestors, describe, signal, sys};

/// How long the system gets to clear away what was killed.
const AFTER_KILL: Duration = Duration::from_millis(1_000);
/// While asking, late children are looked for at least this often.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// What became of some trees.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ended {
    /// Who ended, with the command each ran.
    pub ended: Vec<(ProcessIdentity, String)>,
    /// Who still lives: spared, not ours, or stuck in the kernel.
    pub survivors: Vec<ProcessIdentity>,
}

/// Ends living processes and all their descendants: TERM to all, one `grace` for all to obey, then KILL to who is left.
///
/// What they start meanwhile, and what detached itself from them into a group or session that one of
/// them leads, is ended too. Never signalled: `spare`, this process, its ancestors, process 1, other
/// users' processes. Takes at most `grace` and one second. Nothing happens for a root that is gone.
///
/// # Errors
/// When there are no means left to look at the processes (no descriptor, say): then it is not known who lives. Some
/// of them may have been signalled.
pub fn end_trees(
    roots: impl IntoIterator<Item = ProcessIdentity>,
    spare: &BTreeSet<ProcessIdentity>,
    grace: Duration,
) -> io::Result<Ended> {
    let mut spared = spare.clone();
    spared.extend(ancestors(std::process::id()));
    let roots = roots.into_iter().collect();
    let mut ending = Ending { roots, spared, known: BTreeMap::new(), asked: BTreeSet::new() };
    ending.drive(Signal::Terminate, grace, LOOK_AGAIN)?;
    ending.asked.clear();
    ending.drive(Signal::Kill, AFTER_KILL, AFTER_KILL / 10)?;
    let (survivors, ended): (Vec<_>, Vec<_>) =
        ending.known.into_iter().partition(|(process, _)| super::is_alive(process));
    Ok(Ended { ended, survivors: survivors.into_iter().map(|(process, _)| process).collect() })
}

struct Ending {
    roots: BTreeSet<ProcessIdentity>,
    spared: BTreeSet<ProcessIdentity>,
    /// Everybody who was ever seen in the trees, with the command.
    known: BTreeMap<ProcessIdentity, String>,
    asked: BTreeSet<ProcessIdentity>,
}

impl Ending {
    /// Sends the signal to everybody in the trees, and to whoever joins them, until all are gone or the time is up.
    fn drive(&mut self, how: Signal, time: Duration, look_again: Duration) -> io::Result<()> {
        let deadline = Instant::now() + time;
        loop {
            let living: Vec<ProcessIdentity> =
                self.members()?.into_iter().filter(|process| !self.spared.contains(process)).collect();
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
                return Ok(());
            }
            sys::wait_for_an_end(&living, left.min(look_again));
        }
    }

    /// Everybody alive who belongs to the trees at this moment.
    fn members(&mut self) -> io::Result<Vec<ProcessIdentity>> {
        let table = Table::look()?;
        let tree = table.closure(self.roots.iter().chain(self.known.keys()).copied());
        // Group and session only tell where one of ours leads them: a shell without job control shares its group
        // with whoever called it.
        let leaders: BTreeSet<ProcessIdentity> = self.known.keys().chain(&tree).copied().collect();
        let leaders: BTreeSet<ProcessIdentity> = leaders.difference(&self.spared).copied().collect();
        let led = table.orphans_led_by(&leaders);
        let all = table.closure(tree.into_iter().chain(led));
        for process in &all {
            self.known
                .entry(*process)
                .or_insert_with(|| describe(process.pid).map_or_else(String::new, |described| described.command));
        }
        Ok(all)
    }
}
