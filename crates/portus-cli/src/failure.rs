//! A command that could not do what it was asked: a code for programs, words for people.

use portus_proto::Refusal;

use crate::exit::Exit;

/// Why a command failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    /// How the process ends.
    pub(crate) exit: Exit,
    /// Stable, in snake case.
    pub(crate) code: String,
    /// What happened.
    pub(crate) message: String,
    /// What to do; empty when there is nothing to say.
    pub(crate) hint: String,
}

/// What a command comes to.
pub(crate) type Outcome = Result<Exit, Failure>;

impl Failure {
    /// A failure in these words.
    pub(crate) fn new(exit: Exit, code: &str, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { exit, code: code.to_owned(), message: message.into(), hint: hint.into() }
    }

    /// The command line makes no sense.
    pub(crate) fn usage(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(Exit::USAGE, "usage", message, hint)
    }

    /// The command to run next: the one that the hint shows first, if it shows one of ours.
    pub(crate) fn next(&self) -> Option<String> {
        let command = self.hint.split('`').skip(1).step_by(2).find(|quoted| quoted.starts_with("portus "));
        command.map(str::to_owned)
    }

    /// The system refused something.
    pub(crate) fn io(what: &str, error: &std::io::Error) -> Self {
        Self::new(Exit::FAILED, "io", format!("cannot {what}: {error}"), "")
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self {
            exit: Exit::of(refusal.code),
            code: refusal.code.word().to_owned(),
            message: refusal.message,
            hint: refusal.hint,
        }
    }
}
