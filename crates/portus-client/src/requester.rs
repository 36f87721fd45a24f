//! Who asks, as it is recorded and shown.

use portus_os::process;
use portus_proto::Requester;

use crate::agent::Agent;

/// The process that started this one, and the agent's session. The parent is named because this process itself is
/// gone in a moment, and always the same program.
#[must_use]
pub fn requester() -> Requester {
    let agent = Agent::of_environment();
    let parent = process::parent_id();
    let command = parent.map(|pid| process::shown_command(&process::command_line(pid), "?")).unwrap_or_default();
    Requester { pid: parent, command, session: agent.session, client: agent.client }
}
