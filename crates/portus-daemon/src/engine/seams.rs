//! What the engine asks of the disk and of the machine. SQLite and portus-os answer in the daemon,
//! toys in tests.

use portus_core::{Change, Effect, Look, Moment, Port, Protocol};

/// Where changes are written down.
pub trait Journal {
    /// Hands over all that is written down, as a history that leads to the same ledger. One change
    /// at a time, so that a large ledger is never in memory twice.
    ///
    /// # Errors
    /// [`JournalError::Unreadable`] when what is written makes no sense; others when it cannot be
    /// read at all.
    fn load(&mut self, each: &mut dyn FnMut(Change)) -> Result<(), JournalError>;

    /// Keeps what cannot be read for people to look at, and goes on with an empty journal.
    ///
    /// # Errors
    /// When that cannot be done either.
    fn set_aside(&mut self) -> Result<(), JournalError>;

    /// Writes changes, in order, not for good before [`Journal::commit`]. The first call after a
    /// commit or rollback begins a transaction.
    ///
    /// # Errors
    /// When they cannot be written; what was appended before stays until [`Journal::rollback`].
    fn append(&mut self, changes: &[Change]) -> Result<(), JournalError>;

    /// Makes all that was appended stay, whatever happens to this process.
    ///
    /// # Errors
    /// [`CommitError::RolledBack`]: nothing of it stays. [`CommitError::Unknown`]: nobody knows.
    fn commit(&mut self) -> Result<(), CommitError>;

    /// Takes back all that was appended since the last commit. Nothing appended: does nothing.
    ///
    /// # Errors
    /// [`CommitError::Unknown`] when it cannot be told whether it was taken back.
    fn rollback(&mut self) -> Result<(), CommitError>;
}

/// Why the journal did not do what it was asked to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JournalError {
    /// No room on the disk.
    #[error("the disk is full")]
    Full,
    /// The file or its directory may not be written.
    #[error("the journal may not be written")]
    ReadOnly,
    /// Another program keeps it locked.
    #[error("another program keeps the journal locked")]
    Locked,
    /// What is written in it makes no sense.
    #[error("the journal cannot be read: {0}")]
    Unreadable(String),
    /// Something else.
    #[error("the journal failed: {0}")]
    Failed(String),
}

impl JournalError {
    /// What to do about it.
    #[must_use]
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Full => "make room on the disk, then try again",
            Self::ReadOnly => "make Portus' directory and the journal in it writable for this user",
            Self::Locked => "close the program that has the journal open, then try again",
            Self::Unreadable(_) => "`portus daemon restart` sets it aside and begins a new one",
            Self::Failed(_) => "look into the daemon's log (`portus daemon logs`)",
        }
    }
}

/// What became of a commit that did not succeed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommitError {
    /// Nothing of it stays.
    #[error("{0}")]
    RolledBack(JournalError),
    /// It may stay or not. Only reading the journal anew tells.
    #[error("it is not known whether it was written down: {0}")]
    Unknown(JournalError),
}

/// The machine, as far as the engine acts on it.
pub trait World {
    /// What the clocks say.
    fn now(&self) -> Moment;

    /// Binds a port, and keeps it until [`World::settle`]: who looks, guards. A port that this
    /// world keeps already, for an effect or since an earlier look, is [`Look::Free`].
    fn look(&mut self, port: Port, protocol: Protocol) -> Look;

    /// Makes an effect true. Doing so twice is doing so once. A guard takes over what a look keeps,
    /// and replaces a guard of other terms on the same port without letting go of the port. A watch
    /// on a process that is gone already is done: its end is told as that of any other.
    fn perform(&mut self, effect: &Effect) -> Performed;

    /// Stops making an effect true. Not called for a guard whose port another guard keeps.
    fn undo(&mut self, effect: &Effect);

    /// Lets go of everything looked at that no performed effect keeps.
    fn settle(&mut self);
}

/// What became of an effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Performed {
    /// It is true.
    Done,
    /// It could not be made true: somebody has the port.
    Lost,
}
