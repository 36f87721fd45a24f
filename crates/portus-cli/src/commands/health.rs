//! `portus health`

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::Duration;

use portus_client::Workspace;
use portus_client::shapes::{Healths, ServiceHealth};
use portus_core::{Port, ServiceName};
use portus_proto::{Health, Lease};

use crate::args::Place;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};
use crate::text;

/// Ask whether services are well: their health URL, or whether they take a connection
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// The service [default: all that have a lease in this worktree]
    #[arg(value_name = "SERVICE")]
    service: Option<ServiceName>,
    #[command(flatten)]
    place: Place,
}

/// How long one service may take to answer, unless --timeout says otherwise.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

pub(crate) fn run(args: Args, context: &Context) -> Outcome {
    let workspace = context.workspace(args.place)?;
    let mut leases = context.connect()?.all_leases(workspace.scope(), false)?.leases;
    if let Some(service) = &args.service {
        leases.retain(|lease| lease.service == *service);
    }
    if leases.is_empty() {
        let whose = args.service.map_or_else(|| "no service".to_owned(), |service| format!("`{service}` does not"));
        let message =
            format!("{whose} have a live lease in this worktree").replace("no service have", "no service has");
        return Err(Failure::new(Exit::NOT_FOUND, "no_such_lease", message, "`portus list --all` shows what there is"));
    }
    let within = context.timeout().unwrap_or(ANSWER_WITHIN);
    let services: Vec<ServiceHealth> = leases.iter().map(|lease| look(lease, &workspace, within)).collect();
    let ok = services.iter().all(|service| service.health != Health::Unhealthy);
    let rows: Vec<_> = services.iter().map(row).collect();
    if context.output.json {
        context.output.reply(Healths { ok, services })?;
    } else {
        context.output.styled(&text::table(["SERVICE", "PORT", "HEALTH", "WHY"], &rows))?;
    }
    Ok(if ok { Exit::DONE } else { Exit::UNVERIFIED })
}

fn row(service: &ServiceHealth) -> [String; 4] {
    let health = match service.health {
        Health::Healthy => "healthy",
        Health::Unhealthy => "unhealthy",
        Health::Unknown => "unknown",
    };
    let port = service.port.map_or_else(|| "-".to_owned(), |port| port.to_string());
    [service.service.to_string(), port, health.to_owned(), service.why.clone()]
}

fn look(lease: &Lease, workspace: &Workspace, within: Duration) -> ServiceHealth {
    let declared = workspace.config.services.get(&lease.service).and_then(|service| service.health.as_ref());
    let (health, why) = match declared.map(|health| health.value.as_str()).filter(|health| *health != "tcp") {
        Some(health) => answers(&url(health, lease.port), within),
        None if lease.protocol.tcp() => takes_connections(lease.port, within),
        None => (Health::Unknown, "UDP services cannot be asked".to_owned()),
    };
    ServiceHealth { service: lease.service.clone(), port: Some(lease.port), health, why }
}

/// A path is on the service's own port; a whole URL may name the port.
fn url(health: &str, port: Port) -> String {
    if health.starts_with('/') {
        format!("http://localhost:{port}{health}")
    } else {
        health.replace("{port}", &port.to_string())
    }
}

fn answers(url: &str, within: Duration) -> (Health, String) {
    // No proxy, and no redirect: nothing may lead off this machine.
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .proxy(None)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .http_status_as_error(false)
        .timeout_global(Some(within))
        .build()
        .into();
    match agent.get(url).call() {
        Ok(response) if response.status().as_u16() < 400 => {
            (Health::Healthy, format!("{url} answered {}", response.status().as_u16()))
        }
        Ok(response) => (Health::Unhealthy, format!("{url} answered {}", response.status().as_u16())),
        Err(error) => (Health::Unhealthy, format!("{url}: {error}")),
    }
}

fn takes_connections(port: Port, within: Duration) -> (Health, String) {
    let addresses = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
    let mut why = String::new();
    for address in addresses.map(|address| SocketAddr::new(address, port.number())) {
        match TcpStream::connect_timeout(&address, within) {
            Ok(_) => return (Health::Healthy, format!("{address} takes connections")),
            Err(error) if why.is_empty() => why = format!("{address}: {error}"),
            Err(_) => {}
        }
    }
    (Health::Unhealthy, why)
}
