//! `request_port`: leases, all or none.

use portus_client::config::Wish;
use portus_client::{Client, disabled_by, disabled_port};
use portus_core::{ServiceName, StateWord};
use portus_proto::{Ask, ExplainCall, Lease, RequestCall, Target};

use super::{Answer, Arguments, Bench, ToolError};

/// The most services one request may name.
const ASKS_MAX: usize = 64;

pub(crate) fn call(bench: &Bench, arguments: &Arguments) -> Result<Answer, ToolError> {
    let asks = asks(bench, arguments)?;
    if let Some(switch) = disabled_by() {
        return Err(switched_off(switch, &asks));
    }
    let mut all = asks.clone();
    all.extend(siblings(&asks, bench));
    let call = RequestCall {
        asks: all,
        contiguous: false,
        holder: None,
        requester: bench.requester.clone(),
        ttl_ms: None,
        guard: None,
        wait_ms: None,
    };
    let mut client = bench.client()?;
    let reply = client.request_mirrored(call, &bench.workspace.mirror())?;
    let mut next = Vec::new();
    for lease in &reply.leases {
        let is_up = lease.reused && lease.state == StateWord::Active && answers(&mut client, lease, bench)?;
        next.push(next_for(lease, is_up));
    }
    let next = next.join(" ");
    let notes: Vec<String> = reply.notes.into_iter().chain(bench.notes()).collect();
    Answer::new(next).with("leases", &reply.leases)?.with("notes", notes)
}

fn asks(bench: &Bench, arguments: &Arguments) -> Result<Vec<Ask>, ToolError> {
    let mut services = arguments.services("services")?;
    match arguments.service("service")? {
        Some(service) if services.is_empty() => services.push(service),
        Some(_) => return Err(bad("`service` and `services` exclude each other", "Pass only one of them")),
        None if services.is_empty() => services.push(bench.workspace.service()?),
        None => {}
    }
    let wish = Wish {
        preferred: arguments.port("preferred")?,
        strict: arguments.flag("strict")?,
        range: arguments.range("range")?,
        fallback: None,
        protocol: arguments.protocol("protocol")?,
        sequential: false,
    };
    if wish.strict && wish.preferred.is_none() {
        return Err(bad("`strict` is set, and no port is named", "Name it with `preferred`"));
    }
    if wish.preferred.is_some() && services.len() > 1 {
        return Err(bad("`preferred` names one port, and several services are asked for", "Ask for each by itself"));
    }
    let count = arguments.number("count", 1..=64)?.unwrap_or(1);
    let mut asks: Vec<Ask> = Vec::new();
    for (order, service) in services.into_iter().enumerate() {
        let workspace = &bench.workspace;
        let wish = workspace.config.environment.below(wish, order);
        let declared = workspace.config.ask(workspace.key(service.clone()), &wish, workspace.linked.as_deref());
        for (place, name) in group(&service, count)?.into_iter().enumerate() {
            if asks.iter().any(|ask| ask.key.service == name) {
                return Err(bad(&format!("the service `{name}` is asked for twice"), "Name each service once"));
            }
            let mut ask = Ask { key: workspace.key(name), ..declared.clone() };
            if place > 0 {
                // A port can be preferred, and insisted on, by one only.
                (ask.preferred, ask.strict) = (None, false);
            }
            asks.push(ask);
        }
    }
    Ok(asks)
}

/// `web`, `web.2`, `web.3`, …
fn group(service: &ServiceName, count: u64) -> Result<Vec<ServiceName>, ToolError> {
    let others = (2..=count).map(|number| {
        format!("{service}.{number}")
            .parse()
            .map_err(|error: portus_core::ServiceNameError| bad(&error.to_string(), "Use a shorter name"))
    });
    std::iter::once(Ok(service.clone())).chain(others).collect()
}

/// Numbers for the other services that the configuration declares, so that each is known before it starts.
fn siblings(asks: &[Ask], bench: &Bench) -> Vec<Ask> {
    let workspace = &bench.workspace;
    let is_asked = |service: &ServiceName| asks.iter().any(|ask| ask.key.service == *service);
    let others = workspace.config.services.keys().filter(|service| !is_asked(service));
    let claims = others.take(ASKS_MAX.saturating_sub(asks.len())).map(|service| {
        let key = workspace.key(service.clone());
        Ask { claim_only: true, ..workspace.config.ask(key, &Wish::default(), workspace.linked.as_deref()) }
    });
    claims.collect()
}

/// Whether somebody listens at this moment: a server that was ended just before leaves its lease active for a while.
fn answers(client: &mut Client, lease: &Lease, bench: &Bench) -> Result<bool, ToolError> {
    let call = ExplainCall { target: Target::Lease(lease.id), caller: bench.workspace.caller(false) };
    Ok(client.explain(call)?.listeners.iter().any(|listener| !listener.guard))
}

/// What to do with a lease.
fn next_for(lease: &Lease, is_up: bool) -> String {
    let Lease { service, port, .. } = lease;
    let check = format!("check_port {{\"service\":\"{service}\"}}");
    if lease.contested {
        return format!(
            "`{service}` has port {port}, but a program that is not this worktree's listens there: call {check} first."
        );
    }
    if is_up {
        return format!(
            "`{service}` runs already at http://localhost:{port}: use that server, do not start another; {check} tells \
             whether it is yours."
        );
    }
    format!(
        "Start `{service}` on port {port}, exactly that number (PORT={port}), then call {check}. If it says EADDRINUSE, \
         call {check} too, and do not choose a port yourself."
    )
}

fn switched_off(switch: &str, asks: &[Ask]) -> ToolError {
    let port = |ask: &Ask| disabled_port(&ask.key.service, ask.preferred, asks.len() == 1).ok().flatten();
    let preferred = asks.first().and_then(port);
    let todo = preferred.map_or_else(
        || "Start the server as the project's own documentation says, or ask the user to unset the variable".to_owned(),
        |port| format!("Start the server on port {port}, which nobody keeps for it"),
    );
    ToolError::new("disabled", format!("Portus is switched off by {switch}"), todo)
}

fn bad(what: &str, todo: &str) -> ToolError {
    ToolError::new("bad_argument", what, todo)
}
