//! `list_ports`: leases of a scope, and who listens.

use portus_proto::{Lease, Listener, Scope};
use serde_json::{Value, json};

use super::{Answer, Arguments, Bench, ToolError};

/// The most of each list unless the model says otherwise.
const LIMIT: u64 = 50;

pub(crate) fn call(bench: &Bench, arguments: &Arguments) -> Result<Answer, ToolError> {
    let workspace = &bench.workspace;
    let word = arguments.choice("scope", &["worktree", "project", "all"])?.unwrap_or("worktree");
    let scope = match word {
        "project" => workspace.project_scope(),
        "all" => Scope::All,
        _ => workspace.scope(),
    };
    let is_full = arguments.choice("detail", &["concise", "full"])? == Some("full");
    let limit = usize::try_from(arguments.number("limit", 1..=500)?.unwrap_or(LIMIT)).unwrap_or(usize::MAX);
    let mut client = bench.client()?;
    let listing = client.all_leases(scope, false)?;
    let mut listeners = Vec::new();
    if arguments.flag("listeners")? {
        listeners = client.all_listeners(None)?;
        listeners.retain(|listener| belongs(listener, word, bench));
    }
    let left_out = listing.leases.len().saturating_sub(limit) + listeners.len().saturating_sub(limit);
    let mut next = next(word, &listing.leases, listing.elsewhere);
    if left_out > 0 {
        next.push_str(&format!(" {left_out} more were left out: pass a higher `limit`."));
    }
    let leases: Vec<Value> = listing.leases.iter().take(limit).map(|lease| lease_row(lease, is_full, bench)).collect();
    let rows: Vec<Value> = listeners.iter().take(limit).map(|listener| listener_row(listener, is_full)).collect();
    Answer::new(next).with("leases", leases)?.with("listeners", rows)?.with("elsewhere", listing.elsewhere)
}

fn belongs(listener: &Listener, scope: &str, bench: &Bench) -> bool {
    match scope {
        "all" => true,
        "project" => listener.project.as_deref() == Some(&bench.workspace.project),
        _ => listener.worktree.as_deref() == Some(&bench.workspace.worktree),
    }
}

fn next(scope: &str, leases: &[Lease], elsewhere: u32) -> String {
    if leases.is_empty() {
        let other = match elsewhere {
            0 => String::new(),
            count => format!(" There are {count} elsewhere (scope \"all\" shows them)."),
        };
        let whose = if scope == "worktree" { "This worktree has no lease." } else { "There is no lease here." };
        return format!("{whose}{other} Call request_port before you start a server.");
    }
    "Use these numbers as they are; call check_port to see whether a server is up and yours.".to_owned()
}

fn lease_row(lease: &Lease, is_full: bool, bench: &Bench) -> Value {
    if is_full {
        return serde_json::to_value(lease).unwrap_or_default();
    }
    let mut row = json!({
        "id": lease.id, "service": lease.service, "port": lease.port, "state": lease.state, "contested": lease.contested,
    });
    if lease.worktree != bench.workspace.worktree {
        row["project"] = json!(lease.project);
        row["worktree"] = json!(lease.worktree);
    }
    if let Some(port) = lease.drifted_to {
        row["drifted_to"] = json!(port);
    }
    row
}

fn listener_row(listener: &Listener, is_full: bool) -> Value {
    if is_full {
        return serde_json::to_value(listener).unwrap_or_default();
    }
    let mut row = json!({
        "port": listener.port, "protocol": listener.protocol, "address": listener.address, "pid": listener.pid,
        "command": listener.command.chars().take(80).collect::<String>(), "lease": listener.lease,
    });
    if let Some(worktree) = &listener.worktree {
        row["worktree"] = json!(worktree);
    }
    if let Some(container) = &listener.container {
        row["container"] = json!(container);
    }
    row
}
