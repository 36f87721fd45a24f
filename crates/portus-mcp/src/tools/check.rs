//! `check_port`: whose port it is, whether my server answers, and what to do.

use portus_client::health::{ANSWER_WITHIN, Asked, Check};
use portus_client::{Client, listener_words, stranger_words};
use portus_core::{Evidence, StateWord};
use portus_proto::{Code, ConfirmCall, ExplainCall, Explanation, Key, Lease, Target, Verdict, VerifyCall};

use super::{Answer, Arguments, Bench, Named, ToolError};

pub(crate) fn call(bench: &Bench, arguments: &Arguments) -> Result<Answer, ToolError> {
    let workspace = &bench.workspace;
    let named = match Named::of(arguments, &["service", "port"])? {
        Some(named) => named,
        None => Named::Service(workspace.service()?),
    };
    let mut client = bench.client()?;
    let explain = ExplainCall { target: named.target(workspace), caller: workspace.caller(false) };
    let mut found = client.explain(explain.clone())?;
    if confirms(&mut client, &found, bench)? {
        found = client.explain(explain)?;
    }
    let (verified, evidence) = verify(&mut client, &found)?;
    let asked = match Asked::of_stranger(&found).filter(|_| found.mine) {
        Some(asked) => Some(asked),
        None => ask(&mut client, &mut found, bench)?,
    };
    answer(&found, verified, evidence, asked.as_ref())
}

/// Asks this worktree's own server whether it is well, if the project says how, and tells the daemon.
fn ask(client: &mut Client, found: &mut Explanation, bench: &Bench) -> Result<Option<Asked>, ToolError> {
    let Some(lease) = found.lease.as_mut().filter(|_| found.verdict == Verdict::Mine) else { return Ok(None) };
    let Some(check) = Check::declared(&bench.workspace.config, &lease.service) else { return Ok(None) };
    let asked = check.ask(lease, ANSWER_WITHIN);
    match client.report_health(asked.report(lease)).map_err(ToolError::from) {
        Ok(known) => *lease = known.leases.into_iter().next().unwrap_or_else(|| lease.clone()),
        // It has ended meanwhile, or the daemon is of an older build: the answer itself still tells.
        Err(error) if error.is(Code::NoSuchLease) || error.is(Code::UnknownMethod) => {}
        Err(error) => return Err(error),
    }
    Ok(Some(asked))
}

/// Confirms a pending lease of this worktree that somebody listens on. The daemon decides whether it is the tenant.
fn confirms(client: &mut Client, found: &Explanation, bench: &Bench) -> Result<bool, ToolError> {
    let Some(lease) = found.lease.as_ref().filter(|lease| found.mine && lease.state == StateWord::Pending) else {
        return Ok(false);
    };
    if found.listeners.iter().all(|listener| listener.guard) {
        return Ok(false);
    }
    let call = ConfirmCall { target: Target::Lease(lease.id), caller: bench.workspace.caller(false), pid: None };
    match client.confirm(call).map_err(ToolError::from) {
        Ok(_) => Ok(true),
        // Somebody else's server, or gone again: the verdict says so.
        Err(error) if error.is(Code::ForeignListener) || error.is(Code::NoListener) => Ok(true),
        Err(error) => Err(error),
    }
}

/// Whether the server that answers is this worktree's own, by more than presumption.
fn verify(client: &mut Client, found: &Explanation) -> Result<(bool, Option<Evidence>), ToolError> {
    let Some(lease) = found.lease.as_ref().filter(|_| found.mine && !found.listeners.is_empty()) else {
        return Ok((false, None));
    };
    let key = Key { project: lease.project.clone(), worktree: lease.worktree.clone(), service: lease.service.clone() };
    let verification = client.verify(VerifyCall { keys: vec![key], accept_presumed: false })?;
    Ok((verification.ok, verification.services.first().and_then(|service| service.evidence)))
}

fn answer(
    found: &Explanation,
    verified: bool,
    evidence: Option<Evidence>,
    asked: Option<&Asked>,
) -> Result<Answer, ToolError> {
    let next = match (asked, &found.lease) {
        (Some(asked), Some(lease)) if found.verdict == Verdict::Mine && !asked.is_fine(lease.protocol) => {
            unhealthy(found, &asked.detail)
        }
        _ => next(found, verified),
    };
    let answer = Answer::new(next)
        .with("port", found.port)?
        .with("verdict", found.verdict)?
        .with("mine", found.mine)?
        .with("verified", verified)?
        .with("evidence", evidence)?
        .with("lease", &found.lease)?
        .with("listeners", &found.listeners)?
        .with("ancestors", &found.ancestors)?
        .with("why", &found.why)?;
    match asked {
        Some(Asked { health, detail }) => answer.with("health", health)?.with("health_detail", detail),
        None => Ok(answer),
    }
}

fn unhealthy(found: &Explanation, detail: &str) -> String {
    let service = found.lease.as_ref().map(|lease| lease.service.to_string()).unwrap_or_default();
    format!(
        "`{service}` listens on port {port} and is not healthy: {detail}. Read its output, mend it, and call check_port \
         again before you test against it.",
        port = found.port
    )
}

/// What to do, in words of tools. What the daemon says itself is in words of commands.
fn next(found: &Explanation, verified: bool) -> String {
    let port = found.port;
    let service = found.lease.as_ref().map(|lease| lease.service.to_string()).unwrap_or_default();
    match found.verdict {
        Verdict::Mine if verified => {
            format!("Your server `{service}` answers at http://localhost:{port}. Use it; nothing has to be started.")
        }
        Verdict::Mine => format!(
            "`{service}` answers at http://localhost:{port} and is probably yours, but nothing proves it: see its \
             directory and command in `listeners` before you rely on it."
        ),
        Verdict::Leased | Verdict::Guarded if found.mine => match drift(found) {
            Some(other) => format!(
                "`{service}` listens on port {other} instead of {port}: make it bind {port} (PORT={port}, --port \
                 {port}), and restart it."
            ),
            None => format!(
                "Port {port} is leased to your `{service}`, and nobody listens yet. Start it on exactly {port}, then \
                 call check_port again."
            ),
        },
        Verdict::Leased | Verdict::Guarded => format!(
            "Port {port} belongs to {}. Leave it alone, and call request_port for a port of your own.",
            tenant(found.lease.as_ref())
        ),
        Verdict::OtherWorktree => format!(
            "The server on port {port} is {}'s, not yours. Leave it running, do not test against it, and call \
             request_port for a port of your own.",
            tenant(found.lease.as_ref())
        ),
        Verdict::Contested => format!(
            "{}, {}. Do not test against it. If that lease is yours: call release_port, then request_port for another \
             port; or, if the user agrees to end that program, free_port with `force`.",
            stranger_words(found),
            tenant(found.lease.as_ref())
        ),
        Verdict::Unmanaged => format!(
            "{} listens on port {port} without a lease. This is no mistake in the code: call request_port and start \
             your server on the number it gives. If the user wants that program gone: free_port with `force`.",
            listener_words(found.listeners.first())
        ),
        Verdict::Quarantined => format!("Port {port} is not to be used. Call request_port for another one."),
        Verdict::Free if found.why.is_some() => format!(
            "Port {port}: {}. Call request_port before you bind any port, and use the number it gives.",
            found.why.as_deref().unwrap_or_default()
        ),
        Verdict::Free => format!(
            "Nobody has port {port}. Call request_port (with `preferred` {port} if you want this number) before you \
             bind it."
        ),
    }
}

fn drift(found: &Explanation) -> Option<portus_core::Port> {
    found.lease.as_ref().and_then(|lease| lease.drifted_to)
}

fn tenant(lease: Option<&Lease>) -> String {
    lease.map_or_else(|| "somebody else".to_owned(), |lease| format!("`{}` of {}", lease.service, lease.worktree))
}
