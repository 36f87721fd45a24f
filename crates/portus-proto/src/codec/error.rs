//! Why a message cannot be written or read.

use crate::message::{Code, Refusal};

/// The longest part of somebody else's text that a message of ours repeats, in bytes.
const QUOTE_LEN_MAX: usize = 300;

/// Why a message cannot be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// Its payload is longer than a frame may be.
    #[error("a message is longer than the {max} bytes of a frame")]
    TooLong {
        /// The limit.
        max: usize,
    },
    /// The codec cannot express it: a mistake of ours.
    #[error("a message cannot be written: {0}")]
    Unwritable(String),
}

/// Why a payload cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// It is not what the codec writes, or lacks what every message has.
    #[error("a message cannot be read: {reason}")]
    Malformed {
        /// What is wrong, and where.
        reason: String,
    },
    /// It calls a method that this build does not know.
    #[error("there is no method `{}`", method.escape_debug())]
    UnknownMethod {
        /// The call's id.
        id: u64,
        /// The method's name, shortened if it is very long.
        method: String,
    },
    /// It calls a known method with arguments that do not fit.
    #[error("the arguments of `{method}` do not fit: {reason}")]
    BadArguments {
        /// The call's id.
        id: u64,
        /// The method's name; `call` when the frame names none.
        method: &'static str,
        /// What is wrong, and where.
        reason: String,
    },
    /// It is an event of a kind that this build does not know. To be skipped.
    #[error("there is no event `{}`", what.escape_debug())]
    UnknownEvent {
        /// The kind's name, shortened if it is very long.
        what: String,
    },
}

impl DecodeError {
    pub(super) fn malformed(reason: impl ToString) -> Self {
        Self::Malformed { reason: shortened(reason.to_string()) }
    }

    /// The id of the call that can be answered with [`Self::refusal`]; without one, the connection has to end.
    #[must_use]
    pub const fn id(&self) -> Option<u64> {
        match self {
            Self::UnknownMethod { id, .. } | Self::BadArguments { id, .. } => Some(*id),
            Self::Malformed { .. } | Self::UnknownEvent { .. } => None,
        }
    }

    /// What to answer.
    #[must_use]
    pub fn refusal(&self) -> Refusal {
        let (code, hint) = match self {
            Self::Malformed { .. } | Self::UnknownEvent { .. } => {
                (Code::Malformed, "write messages as docs/protocol.md says, in the codec that the greeting named")
            }
            Self::UnknownMethod { .. } => (
                Code::UnknownMethod,
                "is this daemon older than its client? `portus daemon restart` starts the installed one",
            ),
            Self::BadArguments { .. } => (Code::BadRequest, "compare the arguments with docs/protocol.md"),
        };
        Refusal::new(code, self.to_string(), hint)
    }
}

/// A text cut to what may be repeated to others.
pub(super) fn shortened(mut text: String) -> String {
    if text.len() > QUOTE_LEN_MAX {
        text.truncate(text.floor_char_boundary(QUOTE_LEN_MAX));
        text.push('…');
    }
    text
}
