//! Whether a command may be run, and what to run instead.

use std::path::{Path, PathBuf};

use portus_client::{Client, Overrides, Workspace};
use portus_core::{LeaseId, Port};
use portus_proto::{Lease, ListCall, PAGE_LEN_MAX, Scope};

use super::event::Event;
use super::recognise::{Finding, recognise};

/// Why a script must not be run; `None` when it may, or nobody can tell.
pub(super) fn on(script: &str, event: &Event, connect: &dyn Fn() -> Option<Client>) -> Option<String> {
    let findings = recognise(script);
    if findings.is_empty() {
        return None;
    }
    let mut client = connect()?;
    findings.iter().find_map(|finding| match finding {
        Finding::KillsByPort(ports) => Some(by_port(ports)),
        Finding::KillsByName(name) => Some(by_name(name)),
        Finding::Binds { port, dir } => {
            let here = directory(event, dir.as_deref())?;
            let worktree = Workspace::find(&here, &Overrides::default()).ok()?.worktree;
            let lease = lease_on(&mut client, *port)?;
            (lease.worktree != worktree).then(|| taken(*port, &lease))
        }
    })
}

fn by_port(ports: &[Port]) -> String {
    let own = match ports.first() {
        Some(port) => format!(
            "Run `portus kill {port}` instead (MCP tool: free_port): it ends only this worktree's own server, with all its \
             processes. `portus explain {port}` says whose it is."
        ),
        None => "Run `portus kill PORT` or `portus kill SERVICE` instead (MCP tool: free_port).".to_owned(),
    };
    format!("This ends whoever listens on the port, which may be another worktree's server. {own} {FREE}")
}

fn by_name(name: &str) -> String {
    format!(
        "This ends every process that matches `{name}`, those of other worktrees and agents included. Run `portus list` \
         to see this worktree's services, then `portus kill SERVICE` for one of them (MCP tools: list_ports, free_port). \
         {FREE}"
    )
}

/// Most kills are meant to make room.
const FREE: &str = "If you only need a free port: `portus request web` gives one (MCP tool: request_port).";

fn taken(port: Port, lease: &Lease) -> String {
    format!(
        "Port {port} belongs to `{}` of another worktree ({}). Run `portus run -s {} -- COMMAND` instead, which gives the \
         command a port of its own in PORT and in {{port}} (MCP tool: request_port).",
        lease.service, lease.worktree, lease.service
    )
}

/// Where the script binds.
fn directory(event: &Event, dir: Option<&str>) -> Option<PathBuf> {
    let base = event.dir.clone().or_else(|| std::env::current_dir().ok())?;
    Some(match dir {
        Some(dir) => base.join(Path::new(dir)),
        None => base,
    })
}

/// The live lease on a port.
fn lease_on(client: &mut Client, port: Port) -> Option<Lease> {
    let mut after: Option<LeaseId> = None;
    loop {
        let page = client.list(ListCall { scope: Scope::All, ended: false, after }).ok()?.leases;
        let is_last = page.len() < PAGE_LEN_MAX;
        after = page.last().map(|lease| lease.id);
        if let Some(lease) = page.into_iter().find(|lease| lease.port == port) {
            return Some(lease);
        }
        if is_last {
            return None;
        }
    }
}
