//! What is asked of the daemon, the same for `request` and `run`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use portus_client::config::Wish;
use portus_client::{Assigned, Container, Workspace, disabled_port, variable_part};
use portus_core::{Port, ServiceName};
use portus_proto::Ask;

use crate::args::group;
use crate::exit::Exit;
use crate::failure::Failure;

/// The most services one request may name.
const ASKS_MAX: usize = 64;

/// How long a connection within this machine may take at least.
const CONNECT_MIN: Duration = Duration::from_millis(50);

/// How often a port is looked at while there is no daemon that would tell.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(50);

/// The wishes of the command line, each service's own group together.
pub(crate) fn asks(
    wishes: impl IntoIterator<Item = (ServiceName, Wish)>,
    count: u16,
    workspace: &Workspace,
) -> Result<Vec<Ask>, Failure> {
    let mut asks: Vec<Ask> = Vec::new();
    for (place, (service, wish)) in wishes.into_iter().enumerate() {
        let wish = workspace.config.environment.below(wish, place);
        let declared = workspace.config.ask(workspace.key(service.clone()), &wish, workspace.linked.as_deref());
        for (place, name) in group(&service, count)?.into_iter().enumerate() {
            if asks.iter().any(|ask| ask.key.service == name) {
                return Err(Failure::usage(format!("the service `{name}` is asked for twice"), ""));
            }
            let mut ask = Ask { key: workspace.key(name), ..declared.clone() };
            if place > 0 {
                // A port can be preferred, and insisted on, by one only.
                ask.preferred = None;
                ask.strict = false;
            }
            asks.push(ask);
        }
    }
    if asks.len() > ASKS_MAX {
        return Err(Failure::usage(format!("one request is for {ASKS_MAX} services at most, not {}", asks.len()), ""));
    }
    Ok(asks)
}

/// What whoever asks for a port should know where an orchestrator decides about ports.
pub(crate) fn container_note() -> Option<String> {
    // In a container by itself, such as a development container, several services do meet: `portus doctor` tells of it.
    let container = Container::around().filter(|container| *container == Container::Kubernetes)?;
    Some(format!("{}; {}", container.note(), container.hint()))
}

/// The port that a service takes while Portus is switched off by a variable.
pub(crate) fn port_without_daemon(
    service: &ServiceName,
    preferred: Option<Port>,
    is_only: bool,
    switch: &str,
) -> Result<Port, Failure> {
    let port = disabled_port(service, preferred, is_only)
        .map_err(|error| Failure::usage(error.to_string(), "correct the variable, or unset it"))?;
    port.ok_or_else(|| {
        let message = format!("{switch} is set, and `{service}` has no preferred port");
        let own = format!("{}_PORT", variable_part(service));
        let common = if is_only { " or SERVICE_PORT" } else { "" };
        let hint = format!("give it one with --port, in portus.toml, or in {own}{common}; or unset {switch}");
        Failure::new(Exit::NO_PORT, "disabled", message, hint)
    })
}

/// Waits until somebody listens on a port of loopback; no daemon is there that would tell. Whether somebody does.
pub(crate) fn listens_within(port: Port, wait: Duration) -> bool {
    let until = Instant::now() + wait;
    let hosts = [IpAddr::from(Ipv4Addr::LOCALHOST), IpAddr::from(Ipv6Addr::LOCALHOST)];
    loop {
        let left = until.saturating_duration_since(Instant::now()).max(CONNECT_MIN);
        let is_up = |host| TcpStream::connect_timeout(&SocketAddr::new(host, port.number()), left).is_ok();
        if hosts.into_iter().any(is_up) {
            return true;
        }
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return false;
        }
        std::thread::sleep(left.min(LOOK_AGAIN_AFTER));
    }
}

/// The declared services that have a port while Portus is switched off.
pub(crate) fn declared_without_daemon(workspace: &Workspace) -> Result<Vec<Assigned>, Failure> {
    let declared = &workspace.config.services;
    let mut assigned = Vec::new();
    for service in declared.values() {
        let preferred = service.preferred.as_ref().map(|port| port.value);
        let port = disabled_port(&service.name, preferred, declared.len() == 1)
            .map_err(|error| Failure::usage(error.to_string(), "correct the variable, or unset it"))?;
        let protocol = service.protocol.as_ref().map(|protocol| protocol.value).unwrap_or_default();
        assigned.extend(port.map(|port| Assigned { service: service.name.clone(), port, protocol }));
    }
    Ok(assigned)
}

/// Claims for the other services that the configuration declares, so that each is known before it starts.
pub(crate) fn siblings(asks: &[Ask], workspace: &Workspace) -> Vec<Ask> {
    let is_asked = |service: &ServiceName| asks.iter().any(|ask| ask.key.service == *service);
    let others = workspace.config.services.keys().filter(|service| !is_asked(service));
    let claim = |service: &ServiceName| Ask {
        claim_only: true,
        ..workspace.config.ask(workspace.key(service.clone()), &Wish::default(), workspace.linked.as_deref())
    };
    others.take(ASKS_MAX.saturating_sub(asks.len())).map(claim).collect()
}
