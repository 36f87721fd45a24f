//! Answers to coding agents' hooks: a command that would end or displace another worktree's server is not run.
//!
//! A hook must never stand in the way of work: input that cannot be read, a daemon that does not run, an answer that
//! takes too long, all mean that nothing is said. What a command would do is told from its text alone (`recognise`),
//! and only what looks dangerous costs a look at the ledger.

mod call;
mod event;
mod recognise;
mod session;
mod shell;
mod verdict;

use std::io::Read;
use std::sync::mpsc;
use std::time::Duration;

use portus_client::Client;

pub use event::Agent;
use event::{Event, What};

/// The longest event that is read, in bytes. Events about files hold whole files.
const EVENT_LEN_MAX: u64 = 8 * 1024 * 1024;

/// After so long the agent goes on without an answer. Usually a few milliseconds do.
const ANSWER_WITHIN: Duration = Duration::from_millis(250);

/// What the hook's process says, and how it ends.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HookAnswer {
    /// For standard output.
    pub stdout: String,
    /// For standard error.
    pub stderr: String,
    /// The exit code.
    pub code: u8,
}

/// Answers one event. `connect` reaches a daemon that runs, within the time it is given, and starts none.
///
/// Never fails: whatever goes wrong, the answer is empty, and the agent does what it wanted to do.
pub fn answer(
    agent: Agent,
    input: impl Read + Send + 'static,
    connect: impl Fn(Duration) -> Option<Client> + Send + 'static,
) -> HookAnswer {
    if portus_client::disabled_by().is_some() {
        return HookAnswer::default();
    }
    let (sender, receiver) = mpsc::channel();
    // A thread, since neither reading nor the daemon may make the agent wait.
    std::thread::spawn(move || {
        let mut text = Vec::new();
        if input.take(EVENT_LEN_MAX + 1).read_to_end(&mut text).is_err() || text.len() as u64 > EVENT_LEN_MAX {
            return;
        }
        // The one who waits may have gone.
        drop(sender.send(decide(agent, &text, || connect(ANSWER_WITHIN))));
    });
    receiver.recv_timeout(ANSWER_WITHIN).unwrap_or_default()
}

fn decide(agent: Agent, text: &[u8], connect: impl Fn() -> Option<Client>) -> HookAnswer {
    let Ok(said) = serde_json::from_slice::<serde_json::Value>(text) else { return HookAnswer::default() };
    if !said["hook_event_name"].is_string() && !said["agent_action_name"].is_string() {
        return HookAnswer::default();
    }
    let Some(event) = Event::read(agent, &said) else { return event::silence(agent) };
    let said = match &event.what {
        What::Command(script) => {
            verdict::on(script, &event, &connect).map(|reason| event::denial(agent, &event, &reason))
        }
        What::SessionStart => session::start(agent, &event, &connect),
        What::SessionEnd => {
            session::end(&event, &connect);
            None
        }
    };
    said.unwrap_or_else(|| event::silence(agent))
}

#[cfg(test)]
mod tests;
