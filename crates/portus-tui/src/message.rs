//! What can happen to the dashboard, and what it asks its loop to do.

use crossterm::event::Event as Input;
use portus_core::{LeaseId, Port};
use portus_proto::{
    Alert, Claim, Event, Explanation, Key, Killed, Lease, Listener, Process, Quarantine, Status, Target,
};

/// One thing that happened. Everything that changes the model is one of these.
#[derive(Debug)]
pub(crate) enum Msg {
    /// A key, the mouse, another size.
    Input(Input),
    /// Time has passed, and something on the screen depends on it.
    Tick,
    /// The way to the daemon changed.
    Link(News),
    /// The daemon told of something.
    Event(Box<Event>),
    /// Who listens on the machine.
    Listeners(Result<Vec<Listener>, String>),
    /// Whose port it is.
    Explained(Port, Result<Box<Explanation>, String>),
    /// What a kill would end.
    Planned(Act, Result<Killed, Trouble>),
    /// What came of an act: a sentence.
    Done(Act, Result<String, Trouble>),
    /// Something for the bottom line, from the loop.
    Told(String),
    /// The terminal is ours again.
    Resumed,
    /// The program shall stop as if Ctrl-Z had been pressed.
    Stop,
    /// The program shall end.
    End,
}

/// How the connection to the daemon stands.
#[derive(Debug)]
pub(crate) enum News {
    /// It is being made.
    Connecting,
    /// It is there, and so is the whole ledger.
    Up(Box<Snapshot>),
    /// It was lost, for this reason.
    Lost(String),
    /// The daemon was told to leave, and is not started again unasked.
    Stopped,
    /// It cannot be made.
    Failed {
        /// Why.
        reason: String,
        /// What to do about it.
        hint: String,
        /// After how many seconds it is tried again.
        retry_s: u64,
    },
}

/// The ledger as a whole.
#[derive(Debug, Clone)]
pub(crate) struct Snapshot {
    pub(crate) leases: Vec<Lease>,
    pub(crate) claims: Vec<Claim>,
    pub(crate) quarantines: Vec<Quarantine>,
    pub(crate) status: Status,
    /// What the daemon says needs a look.
    pub(crate) alerts: Vec<Alert>,
}

/// Something that changes the world, by the daemon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Act {
    Release { lease: LeaseId, name: String, force: bool },
    Kill { target: Target, port: Port, force: bool },
    Pin { key: Key, port: Port },
    Unpin { key: Key },
    Forget { key: Key },
    Quarantine { port: Port },
    Revive { port: Port },
}

/// Why an act did not come off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Trouble {
    /// What happened.
    pub(crate) message: String,
    /// What to do about it.
    pub(crate) hint: String,
    /// Whether insisting would help.
    pub(crate) can_force: bool,
    /// Whom it would have met.
    pub(crate) processes: Vec<Process>,
}

/// What the loop shall do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Cmd {
    /// End.
    Quit,
    /// Stop as Ctrl-Z does, and come back.
    Suspend,
    /// Draw everything anew.
    Redraw,
    /// Find out.
    Look(Look),
    /// Act, and tell what came of it.
    Do(Act),
    /// Connect now, starting the daemon if need be.
    Reconnect,
    /// Put into the terminal's clipboard.
    Copy(String),
    /// Open in a browser.
    Open(String),
}

/// What can be found out by a look that takes its time.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Look {
    Listeners,
    Explain(Port),
    /// What this kill would end.
    Plan(Act),
}
