//! What the tools do. Each is a plain blocking function from arguments to an answer; one file each.

mod answer;
mod arguments;
mod catalogue;
pub(crate) mod check;
pub(crate) mod free;
pub(crate) mod list;
mod named;
pub(crate) mod release;
pub(crate) mod request;

pub(crate) use answer::{Answer, ToolError};
pub(crate) use arguments::Arguments;
pub(crate) use catalogue::{INSTRUCTIONS, ToolName, all};
pub(crate) use named::Named;

use portus_client::{Client, Workspace};
use portus_proto::Requester;

use crate::server::Connect;

/// Everything that a tool works with: the way to the daemon, who asks, and from where.
pub(crate) struct Bench {
    pub(crate) connect: Connect,
    pub(crate) workspace: Workspace,
    pub(crate) requester: Requester,
}

impl Bench {
    /// A connection of this call's own, so that a slow call never stands in front of another.
    pub(crate) fn client(&self) -> Result<Client, ToolError> {
        (self.connect)().map_err(ToolError::from)
    }

    /// What people should know about the place.
    pub(crate) fn notes(&self) -> Vec<String> {
        self.workspace.note.iter().chain(&self.workspace.config.notes).cloned().collect()
    }
}
