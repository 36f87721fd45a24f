//! The beginning and the end of an agent's session.

use std::io::Write as _;

use portus_client::{Assigned, Client, Overrides, Workspace, environment};
use portus_core::StateWord;
use portus_proto::{Caller, ReleaseCall, Scope, Target};
use serde_json::{Map, Value, json};

use super::HookAnswer;
use super::event::{Agent, Event, said};

/// The file to which Claude Code's sessions take variables from.
const ENVIRONMENT_FILE: &str = "CLAUDE_ENV_FILE";

/// Tells the session the ports of its worktree, in the way that the agent takes them.
pub(super) fn start(agent: Agent, event: &Event, connect: &dyn Fn() -> Option<Client>) -> Option<HookAnswer> {
    let variables = variables(event, connect)?;
    if variables.is_empty() {
        return None;
    }
    match agent {
        Agent::Claude => {
            let file = std::env::var_os(ENVIRONMENT_FILE).filter(|file| !file.is_empty())?;
            let lines: String =
                variables.iter().map(|(name, value)| format!("export {name}={}\n", quoted(value))).collect();
            let mut out = std::fs::OpenOptions::new().append(true).create(true).open(file).ok()?;
            out.write_all(lines.as_bytes()).ok()?;
            None
        }
        Agent::Cursor => {
            let env: Map<String, Value> = variables.into_iter().map(|(name, value)| (name, value.into())).collect();
            Some(said(&json!({"env": env})))
        }
        Agent::Codex | Agent::Gemini => {
            let list: Vec<String> = variables.iter().map(|(name, value)| format!("{name}={value}")).collect();
            let context = format!("Ports of this worktree, kept by Portus: {}", list.join(", "));
            Some(said(&json!({"hookSpecificOutput": {"hookEventName": event.name, "additionalContext": context}})))
        }
        Agent::Windsurf => None,
    }
}

/// The variables of the worktree's services, leased and claimed.
fn variables(event: &Event, connect: &dyn Fn() -> Option<Client>) -> Option<Vec<(String, String)>> {
    let dir = event.dir.clone().or_else(|| std::env::current_dir().ok())?;
    let workspace = Workspace::find(&dir, &Overrides::default()).ok()?;
    let mut client = connect()?;
    let mut assigned: Vec<Assigned> = Vec::new();
    let leases = client.all_leases(workspace.scope(), false).ok()?.leases;
    let leased = leases.into_iter().map(|lease| (lease.service, lease.port, lease.protocol));
    let claims = client.all_claims(workspace.scope()).ok()?;
    let claimed = claims.into_iter().map(|claim| (claim.service, claim.port, claim.protocol));
    for (service, port, protocol) in leased.chain(claimed) {
        if assigned.iter().all(|known| known.service != service) {
            assigned.push(Assigned { service, port, protocol });
        }
    }
    assigned.sort_by(|one, other| one.service.cmp(&other.service));
    // No `PORT`: a session starts several programs, and would hand one number to all of them.
    environment(&assigned, None, &workspace.config).ok()
}

/// Gives back what the session asked for and nobody listens on.
pub(super) fn end(event: &Event, connect: &dyn Fn() -> Option<Client>) {
    let Some(session) = &event.session else { return };
    let Some(mut client) = connect() else { return };
    let Ok(listing) = client.all_leases(Scope::All, false) else { return };
    for lease in listing.leases {
        let is_idle = lease.state == StateWord::Pending && lease.holder.is_none();
        if is_idle && lease.requester.session.as_ref() == Some(session) {
            let caller = Caller { worktree: lease.worktree, force: false };
            // One that is gone already is as good as given back.
            drop(client.release(ReleaseCall { targets: vec![Target::Lease(lease.id)], caller }));
        }
    }
}

/// For a POSIX shell. Numbers and addresses need no quotes, and nothing else is trusted not to.
fn quoted(value: &str) -> String {
    let is_plain = value.chars().all(|letter| letter.is_ascii_alphanumeric() || "._-:/".contains(letter));
    if is_plain { value.to_owned() } else { format!("'{}'", value.replace('\'', r"'\''")) }
}
