//! `release_port`: gives leases back, and ends no process.

use portus_proto::{Code, ReleaseCall, Target};

use super::{Answer, Arguments, Bench, Named, ToolError};

pub(crate) fn call(bench: &Bench, arguments: &Arguments) -> Result<Answer, ToolError> {
    let workspace = &bench.workspace;
    let named = Named::of(arguments, &["service", "port", "lease"])?;
    let target = match &named {
        Some(named) => named.target(workspace),
        None => Target::Worktree(workspace.worktree.clone()),
    };
    let call = ReleaseCall { targets: vec![target], caller: workspace.caller(false) };
    let reply = bench.client()?.release(call).map_err(ToolError::from).map_err(|error| {
        if error.is(Code::NotYours) {
            error.advising(
                "Leave it alone: only its own worktree may release it. Call list_ports to see your own leases",
            )
        } else if error.is(Code::NoSuchLease) {
            error.advising("Nothing has to be released. Call list_ports to see what this worktree holds")
        } else {
            error
        }
    })?;
    let released: Vec<String> =
        reply.leases.iter().map(|lease| format!("`{}` (port {})", lease.service, lease.port)).collect();
    let next = if released.is_empty() {
        "This worktree holds no lease: nothing to do.".to_owned()
    } else {
        format!(
            "Released: {}. No process was ended; if a server still runs there, stop it. Call request_port to get the \
             same number again.",
            released.join(", ")
        )
    };
    Answer::new(next).with("leases", &reply.leases)
}
