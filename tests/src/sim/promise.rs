//! What Portus promises, by name.

use std::collections::BTreeMap;
use std::fmt;

/// A promise that every run is checked against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(non_camel_case_types, reason = "a promise is written as the sentence it is")]
pub enum Promise {
    /// At no moment have two live leases one port, or one key.
    no_port_is_leased_twice,
    /// What was answered is there after the daemon died, and came back, wherever it died.
    an_answered_lease_survives_a_crash,
    /// Nothing is done to the machine, or undone, that the disk does not give the reason for.
    no_effect_before_its_cause_is_on_disk,
    /// What the ledger says must be true of the machine is: no more and no less.
    every_living_holder_is_watched,
    /// A lease's number is never given to another.
    ids_are_never_reused,
    /// Nothing that Portus does ends a process, and a process's end is never taken for that of another one of the
    /// same number. (Ending somebody by `portus kill` needs a real machine: see the tests of `kill`.)
    only_the_named_process_is_ever_terminated,
    /// Who is told no finds everything as it was; so does who is told that the disk failed.
    a_refusal_changes_nothing,
    /// The same request, again, gets the same leases.
    asking_twice_answers_the_same,
    /// When everybody is gone and time goes on, nothing stays leased.
    every_lease_ends_if_time_goes_on,
    /// A lease ends when its owner, its holder's death or its deadline says so, and for no other reason.
    a_lease_ends_for_a_reason_only,
    /// A port that somebody sits on is not handed out.
    a_taken_port_is_never_handed_out,
    /// Who had a port gets it again, if it is to be had.
    a_key_keeps_its_number,
    /// What is believed is what is written down.
    the_ledger_is_what_is_written_down,
}

impl Promise {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::no_port_is_leased_twice,
        Self::an_answered_lease_survives_a_crash,
        Self::no_effect_before_its_cause_is_on_disk,
        Self::every_living_holder_is_watched,
        Self::ids_are_never_reused,
        Self::only_the_named_process_is_ever_terminated,
        Self::a_refusal_changes_nothing,
        Self::asking_twice_answers_the_same,
        Self::every_lease_ends_if_time_goes_on,
        Self::a_lease_ends_for_a_reason_only,
        Self::a_taken_port_is_never_handed_out,
        Self::a_key_keeps_its_number,
        Self::the_ledger_is_what_is_written_down,
    ];
}

impl fmt::Display for Promise {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, out)
    }
}

/// How often each promise was checked, and how it was broken.
#[derive(Debug, Clone, Default)]
pub struct Findings {
    checked: BTreeMap<Promise, u64>,
    /// What was broken, in order, with the particulars.
    pub broken: Vec<(Promise, String)>,
}

impl Findings {
    /// Checks one promise once.
    pub fn check(&mut self, promise: Promise, holds: bool, particulars: impl FnOnce() -> String) {
        *self.checked.entry(promise).or_default() += 1;
        if !holds {
            self.broken.push((promise, particulars()));
        }
    }

    /// How often a promise was checked.
    pub fn checked(&self, promise: Promise) -> u64 {
        self.checked.get(&promise).copied().unwrap_or_default()
    }

    /// Adds those of another run.
    pub fn add(&mut self, other: Self) {
        for (promise, count) in other.checked {
            *self.checked.entry(promise).or_default() += count;
        }
        self.broken.extend(other.broken);
    }
}
