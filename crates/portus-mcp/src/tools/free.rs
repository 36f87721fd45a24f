//! `free_port`: ends what listens, after somebody agreed.

use portus_core::Evidence;
use portus_proto::{Code, ExplainCall, KillCall, Killed, Lease, Target};

use super::{Answer, Arguments, Bench, Named, ToolError};

/// What would be ended, as it was looked at.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    named: Named,
    force: bool,
    found: Killed,
    /// Why it is not this worktree's to end, where only force ends it.
    foreign: Option<String>,
}

/// Looks at what would be ended, and ends nothing.
pub(crate) fn look(bench: &Bench, arguments: &Arguments) -> Result<Plan, ToolError> {
    let named = match Named::of(arguments, &["service", "port"])? {
        Some(named) => named,
        None => Named::Service(bench.workspace.service()?),
    };
    let force = arguments.flag("force")?;
    let found = kill(bench, &named, force, true)?;
    let foreign = foreign(bench, &found)?;
    // Nobody is asked about what would be refused anyway.
    if let Some(whose) = foreign.as_ref().filter(|_| !force) {
        let what = format!("{} listens on port {}, and {whose}; nothing was ended", processes(&found), found.port);
        return Err(ToolError::new(Code::NotYours.word(), what, LEAVE_IT));
    }
    Ok(Plan { named, force, found, foreign })
}

/// Why what listens is not this worktree's to end. The daemon has the last word when it comes to it.
fn foreign(bench: &Bench, killed: &Killed) -> Result<Option<String>, ToolError> {
    let call = ExplainCall { target: Target::Port(killed.port), caller: bench.workspace.caller(false) };
    let found = bench.client()?.explain(call)?;
    let proven = |lease: &Lease| !lease.contested && lease.evidence != Some(Evidence::Presumed);
    if found.mine && found.lease.as_ref().is_some_and(proven) {
        return Ok(None);
    }
    Ok(Some(match &found.lease {
        Some(lease) if !found.mine && !lease.contested => {
            format!("it is `{}` of another worktree, {}", lease.service, lease.worktree)
        }
        Some(lease) => format!("nothing proves it to be the tenant, `{}` of {}", lease.service, lease.worktree),
        None => "nobody leased the port for it".to_owned(),
    }))
}

/// What to do about a server that is somebody else's.
const LEAVE_IT: &str = "Leave it running and call request_port for a port of your own. Only if the user asked to end it: \
                        free_port with `force`: true";

/// Ends it.
pub(crate) fn end(bench: &Bench, plan: &Plan) -> Result<Answer, ToolError> {
    let killed = kill(bench, &plan.named, plan.force, false)?;
    let next = format!(
        "Ended: {}. Port {} is free; call request_port before you start a server.",
        processes(&killed),
        killed.port
    );
    Answer::new(next).with("port", killed.port)?.with("killed", &killed.killed)?.with("dry_run", killed.dry_run)
}

impl Plan {
    /// What a person is asked.
    pub(crate) fn question(&self, bench: &Bench) -> String {
        let whose = self.foreign.as_ref().map(|whose| format!(" Beware: {whose}.")).unwrap_or_default();
        format!(
            "End what listens on port {}? {}.{whose} (Asked for by an agent in {}.)",
            self.found.port,
            processes(&self.found),
            bench.workspace.worktree
        )
    }

    /// Stands for exactly these processes, so that an agreement cannot end others.
    pub(crate) fn fingerprint(&self) -> String {
        let pids: Vec<String> = self.found.killed.iter().map(|process| process.pid.to_string()).collect();
        format!("port={};pids={};force={}", self.found.port, pids.join(","), self.force)
    }

    /// Nobody could be asked.
    pub(crate) fn unconfirmed(&self) -> ToolError {
        let whose = self.foreign.as_ref().map(|whose| format!(" (beware: {whose})")).unwrap_or_default();
        let (what, port) = (processes(&self.found), self.found.port);
        let what = format!("nothing was ended; this would be: {what}, on port {port}{whose}");
        let todo = "Ask the user; if they agree, call free_port again with the same arguments and `confirm`: true";
        ToolError::new("confirmation_required", what, todo)
    }

    /// Somebody was asked and said no.
    pub(crate) fn declined(&self) -> ToolError {
        let what = format!("the user did not agree to end what listens on port {}; nothing was ended", self.found.port);
        ToolError::new("declined", what, "Call request_port for another port, and do not ask again")
    }
}

fn kill(bench: &Bench, named: &Named, force: bool, dry_run: bool) -> Result<Killed, ToolError> {
    let workspace = &bench.workspace;
    let call = KillCall { target: named.target(workspace), caller: workspace.caller(force), dry_run, grace_ms: None };
    bench.client()?.kill(call).map_err(ToolError::from).map_err(|error| {
        // What is refused to the look already is ended for nobody, and says what to do instead.
        let is_foreign = !dry_run && (error.is(Code::NotYours) || error.is(Code::ForeignListener));
        if is_foreign { error.advising(LEAVE_IT) } else { error }
    })
}

fn processes(killed: &Killed) -> String {
    let all: Vec<String> =
        killed.killed.iter().map(|process| format!("`{}` (pid {})", process.command, process.pid)).collect();
    if all.is_empty() { "no process".to_owned() } else { all.join(", ") }
}
