//! A disk and a machine to play with: they fail, refuse and die where a test wants them to.
//!
//! Both are handles. A test keeps one, the engine gets another, and when the engine is dropped
//! (the process died) the disk and the strangers on the ports are still there. Every call is one
//! point of IO, counted on both together, so that a simulation can end the process at each in turn.

use std::cell::{Ref, RefCell, RefMut};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use portus_core::{Admit, Change, Effect, Look, Moment, Port, Protocol, Span};

use super::{CommitError, Journal, JournalError, Performed, World};

/// What is to go wrong at a point of IO.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The process dies before the call does anything. All later calls do nothing.
    DieBefore,
    /// The call does what it should, and the process dies before it hears of it.
    DieAfter,
    /// The disk is full. (Means nothing to the machine.)
    DiskFull,
    /// A commit of which nobody knows whether it took hold, and it did not.
    UnknownLost,
    /// A commit of which nobody knows whether it took hold, and it did.
    UnknownKept,
}

/// What happened at a point of IO.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// The journal was read.
    Loaded,
    /// The journal was set aside.
    SetAside,
    /// Changes were written, not yet for good.
    Appended(Vec<Change>),
    /// What was appended stays.
    Committed,
    /// What was appended is gone.
    RolledBack,
    /// A port was looked at.
    Looked(Port, Protocol, Look),
    /// An effect was made true, or not.
    Performed(Effect, Performed),
    /// An effect was undone.
    Undone(Effect),
    /// Everything that was only looked at was let go.
    Settled,
    /// A fault struck.
    Struck(Fault),
}

/// What is common to disk and machine: the count of points, the faults to come, and the trace.
#[derive(Debug, Default)]
struct Fate {
    points: usize,
    faults: BTreeMap<usize, Fault>,
    dead: bool,
    trace: Vec<Step>,
}

impl Fate {
    /// One point of IO passes. `None` when the process is dead.
    fn pass(&mut self) -> Option<Option<Fault>> {
        if self.dead {
            return None;
        }
        let fault = self.faults.remove(&self.points);
        self.points += 1;
        if let Some(fault) = fault {
            self.trace.push(Step::Struck(fault));
        }
        self.dead = matches!(fault, Some(Fault::DieBefore | Fault::DieAfter));
        Some(fault)
    }
}

#[derive(Debug, Default)]
struct Disk {
    committed: Vec<Change>,
    appended: Vec<Change>,
    unreadable: bool,
    aside: Vec<Vec<Change>>,
}

#[derive(Debug, Default)]
struct Machine {
    now: Moment,
    strangers: BTreeMap<Port, Look>,
    looked: BTreeSet<Port>,
    guards: BTreeMap<Port, (Protocol, Admit)>,
    standing: BTreeSet<Effect>,
}

/// A computer: a [`ToyDisk`] and a [`ToyWorld`] that share their fate.
#[derive(Debug, Clone, Default)]
pub struct Toy {
    fate: Rc<RefCell<Fate>>,
    disk: Rc<RefCell<Disk>>,
    machine: Rc<RefCell<Machine>>,
}

/// The disk of a [`Toy`].
#[derive(Debug, Clone)]
pub struct ToyDisk(Toy);

/// The machine of a [`Toy`].
#[derive(Debug, Clone)]
pub struct ToyWorld(Toy);

impl Toy {
    /// A computer on which nothing has happened.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A handle for an engine.
    #[must_use]
    pub fn disk(&self) -> ToyDisk {
        ToyDisk(self.clone())
    }

    /// A handle for an engine.
    #[must_use]
    pub fn world(&self) -> ToyWorld {
        ToyWorld(self.clone())
    }

    /// How many points of IO were passed.
    #[must_use]
    pub fn points(&self) -> usize {
        self.fate.borrow().points
    }

    /// Lets `fault` strike at the point of IO of this number, counted from 0.
    pub fn strike_at(&self, point: usize, fault: Fault) {
        self.fate.borrow_mut().faults.insert(point, fault);
    }

    /// Lets `fault` strike `points` points of IO from here: 0 is the next one.
    pub fn strike_in(&self, points: usize, fault: Fault) {
        self.strike_at(self.points() + points, fault);
    }

    /// Whether the process died.
    #[must_use]
    pub fn is_dead(&self) -> bool {
        self.fate.borrow().dead
    }

    /// What follows when the process has ended, however it did: the system closes its sockets and
    /// forgets what it watched, and what was not committed is gone. Another engine may start.
    pub fn bury(&self) {
        let mut fate = self.fate.borrow_mut();
        (fate.dead, fate.faults) = (false, BTreeMap::new());
        self.disk.borrow_mut().appended.clear();
        let mut machine = self.machine.borrow_mut();
        machine.looked.clear();
        machine.guards.clear();
        machine.standing.clear();
    }

    /// Takes what happened since the last call.
    pub fn take_trace(&self) -> Vec<Step> {
        std::mem::take(&mut self.fate.borrow_mut().trace)
    }

    /// All that is written down for good.
    #[must_use]
    pub fn committed(&self) -> Vec<Change> {
        self.disk.borrow().committed.clone()
    }

    /// Makes the journal unreadable until it is set aside.
    pub fn spoil(&self) {
        self.disk.borrow_mut().unreadable = true;
    }

    /// The journals that were set aside.
    #[must_use]
    pub fn aside(&self) -> Vec<Vec<Change>> {
        self.disk.borrow().aside.clone()
    }

    /// Lets time pass on both clocks.
    pub fn pass_time(&self, span: Span) {
        let mut machine = self.machine.borrow_mut();
        machine.now.awake = machine.now.awake + span;
        machine.now.wall = machine.now.wall + span;
    }

    /// The machine was started anew: the clock that counts without sleep begins at 0.
    pub fn reboot(&self) {
        self.bury();
        let mut machine = self.machine.borrow_mut();
        machine.now.awake = portus_core::Timestamp(0);
        machine.strangers.clear();
    }

    /// From here on, a look at this port shows this, and no guard can be had, unless it is free.
    pub fn occupy(&self, port: Port, look: Look) {
        let mut machine = self.machine.borrow_mut();
        if look == Look::Free {
            machine.strangers.remove(&port);
        } else {
            machine.strangers.insert(port, look);
        }
    }

    /// The effects that are true, as the machine sees it.
    #[must_use]
    pub fn standing(&self) -> BTreeSet<Effect> {
        self.machine.borrow().standing.clone()
    }

    /// The ports that the process keeps bound.
    #[must_use]
    pub fn bound(&self) -> BTreeSet<Port> {
        let machine = self.machine.borrow();
        machine.looked.iter().chain(machine.guards.keys()).copied().collect()
    }

    fn note(&self, step: Step) {
        self.fate.borrow_mut().trace.push(step);
    }

    fn machine(&self) -> RefMut<'_, Machine> {
        self.machine.borrow_mut()
    }
}

fn died() -> JournalError {
    JournalError::Failed("the process died".to_owned())
}

impl ToyDisk {
    /// Passes a point of IO; says what to do, or how it failed.
    fn pass(&self) -> Result<Option<Fault>, JournalError> {
        match self.0.fate.borrow_mut().pass() {
            None | Some(Some(Fault::DieBefore)) => Err(died()),
            Some(Some(Fault::DiskFull)) => Err(JournalError::Full),
            Some(fault) => Ok(fault),
        }
    }

    fn commit_now(&self) {
        let mut disk = self.0.disk.borrow_mut();
        let appended = std::mem::take(&mut disk.appended);
        disk.committed.extend(appended);
        drop(disk);
        self.0.note(Step::Committed);
    }
}

impl Journal for ToyDisk {
    fn load(&mut self, each: &mut dyn FnMut(Change)) -> Result<(), JournalError> {
        self.pass()?;
        let disk: Ref<'_, Disk> = self.0.disk.borrow();
        if disk.unreadable {
            return Err(JournalError::Unreadable("spoilt".to_owned()));
        }
        disk.committed.iter().cloned().for_each(each);
        self.0.note(Step::Loaded);
        Ok(())
    }

    fn set_aside(&mut self) -> Result<(), JournalError> {
        self.pass()?;
        let mut disk = self.0.disk.borrow_mut();
        let spoilt = std::mem::take(&mut disk.committed);
        disk.aside.push(spoilt);
        disk.appended.clear();
        disk.unreadable = false;
        self.0.note(Step::SetAside);
        Ok(())
    }

    fn append(&mut self, changes: &[Change]) -> Result<(), JournalError> {
        self.pass()?;
        self.0.disk.borrow_mut().appended.extend_from_slice(changes);
        self.0.note(Step::Appended(changes.to_vec()));
        Ok(())
    }

    fn commit(&mut self) -> Result<(), CommitError> {
        match self.pass() {
            Err(JournalError::Full) => return Err(CommitError::RolledBack(JournalError::Full)),
            Err(error) => return Err(CommitError::Unknown(error)),
            Ok(Some(Fault::UnknownLost)) => {
                self.0.disk.borrow_mut().appended.clear();
                return Err(CommitError::Unknown(JournalError::Failed("nobody knows".to_owned())));
            }
            Ok(Some(Fault::UnknownKept)) => {
                self.commit_now();
                return Err(CommitError::Unknown(JournalError::Failed("nobody knows".to_owned())));
            }
            Ok(Some(Fault::DieAfter)) => {
                self.commit_now();
                return Err(CommitError::Unknown(died()));
            }
            Ok(_) => {}
        }
        self.commit_now();
        Ok(())
    }

    fn rollback(&mut self) -> Result<(), CommitError> {
        // A rollback that fails for want of room does not exist: nothing is written.
        if let Err(error @ JournalError::Failed(_)) = self.pass() {
            return Err(CommitError::Unknown(error));
        }
        self.0.disk.borrow_mut().appended.clear();
        self.0.note(Step::RolledBack);
        Ok(())
    }
}

impl ToyWorld {
    /// Passes a point of IO; says whether the call does anything.
    fn pass(&self) -> bool {
        !matches!(self.0.fate.borrow_mut().pass(), None | Some(Some(Fault::DieBefore)))
    }
}

impl World for ToyWorld {
    fn now(&self) -> Moment {
        self.0.machine.borrow().now
    }

    fn look(&mut self, port: Port, protocol: Protocol) -> Look {
        if !self.pass() {
            return Look::Taken;
        }
        let mut machine = self.0.machine();
        let ours = machine.guards.contains_key(&port) || machine.looked.contains(&port);
        let look = if ours { Look::Free } else { machine.strangers.get(&port).copied().unwrap_or(Look::Free) };
        if look == Look::Free && !ours {
            machine.looked.insert(port);
        }
        drop(machine);
        self.0.note(Step::Looked(port, protocol, look));
        look
    }

    fn perform(&mut self, effect: &Effect) -> Performed {
        if !self.pass() {
            return Performed::Done;
        }
        let mut machine = self.0.machine();
        let mut performed = Performed::Done;
        if let Effect::Guard { port, protocol, admit } = *effect {
            let ours = machine.looked.remove(&port) || machine.guards.contains_key(&port);
            if !ours && machine.strangers.contains_key(&port) {
                performed = Performed::Lost;
            } else {
                machine.standing.retain(|other| !matches!(other, Effect::Guard { port: other, .. } if *other == port));
                machine.guards.insert(port, (protocol, admit));
            }
        }
        if performed == Performed::Done {
            machine.standing.insert(*effect);
        }
        drop(machine);
        self.0.note(Step::Performed(*effect, performed));
        performed
    }

    fn undo(&mut self, effect: &Effect) {
        if !self.pass() {
            return;
        }
        let mut machine = self.0.machine();
        machine.standing.remove(effect);
        if let Effect::Guard { port, .. } = effect {
            machine.guards.remove(port);
        }
        drop(machine);
        self.0.note(Step::Undone(*effect));
    }

    fn settle(&mut self) {
        if self.pass() {
            self.0.machine().looked.clear();
            self.0.note(Step::Settled);
        }
    }
}
