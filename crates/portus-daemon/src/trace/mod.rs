//! What the engine decided, written along: a text of which each line is a JSON object.
//!
//! The first line is the [`Header`], with the ledger as it was; each further one is a [`Record`]: a command with the
//! moment and all that was seen, what was decided, and what became of it. Since a decision needs nothing else, whoever
//! has the text can decide it all again (`cargo xtask sim --replay FILE`). It is of the core's own words
//! (`words.rs`), and is read by the build that wrote it: nobody else knows the same rules.

mod codec;
mod file;
mod words;

use std::fmt::Debug;
use std::io;

use portus_core::{Broker, Change, Command, Decision, Moment, Policy};
use serde_json::Value;

pub(crate) use file::TraceFile;

pub use codec::Unreadable;
use codec::{Hear as _, Tell as _, field, object, unreadable};

use crate::engine::{Outcome, Recorder};

/// How a trace is written. Counts up when a reader of the former would go wrong.
pub const FORMAT: u32 = 1;

/// The first line of a trace: where it begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// [`FORMAT`] at the time of writing.
    pub format: u32,
    /// The version of Portus that wrote it.
    pub version: String,
    /// The journal's UUID.
    pub journal: String,
    /// The numbers the rules worked with.
    pub policy: Policy,
    /// The ledger, as the history that leads to it.
    pub snapshot: Vec<Change>,
}

/// Any further line of a trace: one decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The transaction, counted from 1. All of one are written down together, or none.
    pub round: u64,
    /// When it was decided.
    pub now: Moment,
    /// The command, with all that was seen.
    pub command: Command,
    /// What it came to.
    pub decided: Decided,
    /// What became of it.
    pub outcome: Outcome,
}

/// A decision as it stands in a trace, to be compared with another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided {
    /// What becomes true: a list of changes.
    pub changes: Value,
    /// What the asker is told: `Ok` with an answer or `Err` with a refusal.
    pub answer: Value,
}

impl Header {
    /// Where a trace of this ledger begins.
    #[must_use]
    pub fn of(journal: &str, broker: &Broker) -> Self {
        Self {
            format: FORMAT,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            journal: journal.to_owned(),
            policy: broker.policy().clone(),
            snapshot: broker.as_history(),
        }
    }

    /// The ledger where the trace begins.
    #[must_use]
    pub fn broker(&self) -> Broker {
        Broker::from_history(self.policy.clone(), self.snapshot.iter().cloned())
    }

    /// The line, without its end.
    #[must_use]
    pub fn line(&self) -> String {
        let fields = [
            ("portus_trace", self.format.tell()),
            ("version", self.version.as_str().tell()),
            ("journal", self.journal.as_str().tell()),
            ("policy", self.policy.tell()),
            ("snapshot", self.snapshot.tell()),
        ];
        object(fields).to_string()
    }

    /// Reads a line.
    ///
    /// # Errors
    /// When it is not the first line of a trace of this [`FORMAT`].
    pub fn read(line: &str) -> Result<Self, Unreadable> {
        let (what, value) = ("the first line of a trace", json(line)?);
        let format = field(what, &value, "portus_trace")?;
        if format != FORMAT {
            return Err(unreadable("a trace of this build's format", &value));
        }
        let text = |name| field::<std::sync::Arc<str>>(what, &value, name).map(|text| text.as_ref().to_owned());
        Ok(Self {
            format,
            version: text("version")?,
            journal: text("journal")?,
            policy: field(what, &value, "policy")?,
            snapshot: field(what, &value, "snapshot")?,
        })
    }
}

impl Record {
    /// The line, without its end.
    #[must_use]
    pub fn line(&self) -> String {
        let Decided { changes, answer } = self.decided.clone();
        let fields = [
            ("round", self.round.tell()),
            ("now", self.now.tell()),
            ("command", self.command.tell()),
            ("changes", changes),
            ("answer", answer),
            ("outcome", self.outcome.tell()),
        ];
        object(fields).to_string()
    }

    /// Reads a line.
    ///
    /// # Errors
    /// When it is not a further line of a trace.
    pub fn read(line: &str) -> Result<Self, Unreadable> {
        let (what, value) = ("a line of a trace", json(line)?);
        let part = |name| value.get(name).cloned().ok_or_else(|| unreadable(what, &value));
        Ok(Self {
            round: field(what, &value, "round")?,
            now: field(what, &value, "now")?,
            command: field(what, &value, "command")?,
            decided: Decided { changes: part("changes")?, answer: part("answer")? },
            outcome: field(what, &value, "outcome")?,
        })
    }
}

impl Decided {
    /// The decision, as a trace has it.
    #[must_use]
    pub fn of(decision: &Decision) -> Self {
        Self { changes: decision.changes.tell(), answer: decision.answer.tell() }
    }

    /// The changes, to let them be true.
    ///
    /// # Errors
    /// When they are none.
    pub fn read_changes(&self) -> Result<Vec<Change>, Unreadable> {
        Vec::hear(&self.changes)
    }
}

fn json(line: &str) -> Result<Value, Unreadable> {
    serde_json::from_str(line).map_err(|_| unreadable("a line of JSON", &Value::String(line.to_owned())))
}

/// Where the lines of a trace go.
pub trait Out: Debug {
    /// Takes whole lines, each with its end.
    ///
    /// # Errors
    /// When they cannot be written; the trace then ends.
    fn write(&mut self, lines: &str) -> io::Result<()>;

    /// Whether there is no room for more.
    fn is_full(&self) -> bool;

    /// Makes room, by putting away all there is: a new trace begins.
    ///
    /// # Errors
    /// When it cannot; the trace then ends.
    fn begin_anew(&mut self) -> io::Result<()>;
}

/// Writes a trace. One that cannot be written any more ends, and says so in the log: no lease depends on it.
#[derive(Debug)]
pub struct Tracer<O> {
    out: O,
    journal: String,
    round: u64,
    /// What was decided, and not concluded yet.
    decided: Vec<(Moment, Command, Decided)>,
    broken: bool,
}

impl<O: Out> Tracer<O> {
    /// Begins a trace at this ledger.
    pub fn begin(out: O, journal: &str, broker: &Broker) -> Self {
        let mut tracer = Self { out, journal: journal.to_owned(), round: 0, decided: Vec::new(), broken: false };
        tracer.write_header(broker);
        tracer
    }

    fn write_header(&mut self, broker: &Broker) {
        let line = Header::of(&self.journal, broker).line() + "\n";
        let written = self.out.write(&line);
        self.heed(written);
    }

    fn heed(&mut self, written: io::Result<()>) {
        if let Err(error) = written {
            tracing::error!(%error, "the trace ends here");
            self.broken = true;
        }
    }
}

impl<O: Out> Recorder for Tracer<O> {
    fn decided(&mut self, now: Moment, command: &Command, decision: &Decision) {
        if !self.broken {
            self.decided.push((now, command.clone(), Decided::of(decision)));
        }
    }

    fn concluded(&mut self, outcome: Outcome, broker: &Broker) {
        if self.decided.is_empty() || self.broken {
            return;
        }
        self.round += 1;
        let round = self.round;
        let mut lines = String::new();
        for (now, command, decided) in self.decided.drain(..) {
            lines += &Record { round, now, command, decided, outcome }.line();
            lines.push('\n');
        }
        let written = self.out.write(&lines);
        self.heed(written);
        // Nobody knows what the ledger is when it is in doubt, so no trace can begin there.
        if !self.broken && outcome != Outcome::InDoubt && self.out.is_full() {
            let emptied = self.out.begin_anew();
            self.heed(emptied);
            if !self.broken {
                self.write_header(broker);
            }
        }
    }
}

#[cfg(test)]
mod tests;
