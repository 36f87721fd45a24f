//! An earlier registry's `.ports.json`: leases for what runs, claims for the rest.

use std::collections::BTreeMap;
use std::net::IpAddr;

use portus_client::config::Wish;
use portus_client::{CallError, Client, Workspace, requester};
use portus_core::{Port, ProcessIdentity, Protocol, ServiceName};
use portus_os::{place, process};
use portus_proto::ports_json::{self, PortsJson};
use portus_proto::{Ask, Claim, ExplainCall, Explanation, PinCall, RequestCall, Target, WallTime};

use super::{Args, Imported, unreadable};
use crate::commands::request::imagined;
use crate::context::Context;
use crate::failure::Failure;
use crate::text;

/// The longest name of a service.
const SERVICE_LEN_MAX: usize = 64;

pub(super) fn import(args: &Args, bytes: &[u8], workspace: &Workspace, context: &Context) -> Result<Imported, Failure> {
    let found = ports_json::parse(bytes).map_err(|error| {
        let failure = unreadable(&args.file, "");
        // A place follows the file's name without a space, as compilers write it.
        let gap = if matches!(error, ports_json::PortsJsonError::TooLong { .. }) { " " } else { "" };
        Failure { message: format!("{}:{gap}{error}", args.file.display()), ..failure }
    })?;
    let mut imported = Imported { dry_run: args.dry_run, ..Imported::default() };
    let entries = entries(found, args.force, &mut imported.notes);
    if entries.is_empty() {
        imported.notes.push("the file has no service to take over".to_owned());
        return Ok(imported);
    }
    let mut client = context.connect()?;
    let claimed = client.all_claims(workspace.scope())?;
    for entry in entries {
        let mut taker = Taker { workspace, client: &mut client, claimed: &claimed, args, imported: &mut imported };
        match taker.take(&entry) {
            Err(CallError::Refused(refusal)) => {
                imported.notes.push(format!("`{}` does not get {}: {}", entry.service, entry.port, refusal.message));
            }
            outcome => outcome?,
        }
    }
    Ok(imported)
}

/// One service of the file.
struct Entry {
    service: ServiceName,
    port: Port,
    pid: Option<u32>,
}

/// What of the file can be taken over; what cannot is said.
fn entries(file: PortsJson, force: bool, notes: &mut Vec<String>) -> Vec<Entry> {
    let mut services: BTreeMap<ServiceName, String> = BTreeMap::new();
    let mut entries = Vec::new();
    for (name, allocation) in file.allocations {
        let port = allocation.port;
        let host = allocation.host.unwrap_or_default();
        if !is_here(&host) && !force {
            notes
                .push(format!("`{name}` ({port}) is on {host}, not on this machine: left out (--force takes it over)"));
            continue;
        }
        let Some(service) = service_name(&name) else {
            notes.push(format!("`{name}` ({port}) cannot be the name of a service: left out"));
            continue;
        };
        if let Some(other) = services.insert(service.clone(), name.clone()) {
            notes.push(format!("`{name}` ({port}) would be `{service}`, as `{other}` is: left out"));
            services.insert(service, other);
            continue;
        }
        if service.as_str() != name {
            notes.push(format!(
                "`{name}` is called `{service}` here: names of services are letters, digits, `.`, `_`, `-`"
            ));
        }
        entries.push(Entry { service, port, pid: allocation.pid });
    }
    entries
}

/// Whether a host is this machine, as far as can be told without asking the network.
fn is_here(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let is_own = bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback() || address.is_unspecified());
    let is_named = || place::host_name().is_some_and(|name| name.eq_ignore_ascii_case(bare));
    matches!(bare, "" | "localhost" | "*") || is_own || is_named()
}

/// The nearest name that a service can have.
fn service_name(name: &str) -> Option<ServiceName> {
    if let Ok(service) = name.parse() {
        return Some(service);
    }
    let letter = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') { c } else { '-' };
    let named: String = name.trim().chars().map(letter).take(SERVICE_LEN_MAX).collect();
    named.trim_start_matches(['.', '_', '-']).parse().ok()
}

/// Takes over one entry after the other.
struct Taker<'a> {
    workspace: &'a Workspace,
    client: &'a mut Client,
    claimed: &'a [Claim],
    args: &'a Args,
    imported: &'a mut Imported,
}

impl Taker<'_> {
    fn take(&mut self, entry: &Entry) -> Result<(), CallError> {
        match entry.pid {
            Some(pid) if self.serves(entry.port, pid)? => self.lease(entry, pid),
            _ => self.claim(entry),
        }
    }

    /// Whether a process, or one that it has started, listens on the port.
    fn serves(&mut self, port: Port, pid: u32) -> Result<bool, CallError> {
        let call = ExplainCall { target: Target::Port(port), caller: self.workspace.caller(false) };
        let found = self.client.explain(call)?;
        Ok(is_of_tree(&found, pid, &process::ancestors(std::process::id())))
    }

    fn ask(&self, entry: &Entry) -> Ask {
        let wish = Wish { preferred: Some(entry.port), strict: true, ..Wish::default() };
        let workspace = self.workspace;
        workspace.config.ask(workspace.key(entry.service.clone()), &wish, workspace.linked.as_deref())
    }

    fn lease(&mut self, entry: &Entry, pid: u32) -> Result<(), CallError> {
        let ask = self.ask(entry);
        if self.args.dry_run {
            self.imported.leases.push(imagined(&ask, entry.port));
            return Ok(());
        }
        let reply = self.client.request(RequestCall {
            asks: vec![ask],
            contiguous: false,
            holder: Some(pid),
            requester: requester(),
            ttl_ms: None,
            guard: None,
            wait_ms: None,
        })?;
        self.imported.leases.extend(reply.leases);
        self.imported.notes.extend(reply.notes);
        Ok(())
    }

    fn claim(&mut self, entry: &Entry) -> Result<(), CallError> {
        let key = self.workspace.key(entry.service.clone());
        let is_own = |claim: &&Claim| claim.service == key.service && claim.project == key.project;
        let former = self.claimed.iter().find(is_own);
        if let Some(former) = former.filter(|former| former.port != entry.port && !self.args.force) {
            let note = format!(
                "`{}` keeps its own number {}, and the imported file says {}: --force takes it over",
                entry.service, former.port, entry.port
            );
            self.imported.notes.push(note);
            return Ok(());
        }
        if self.args.dry_run {
            self.imported.claims.push(Claim {
                project: key.project,
                worktree: key.worktree,
                service: key.service,
                port: entry.port,
                protocol: Protocol::Tcp,
                pinned: former.is_some_and(|former| former.pinned),
                last_used: WallTime(text::now_ms()),
            });
            return Ok(());
        }
        let claim_only = !former.is_some_and(|former| former.pinned);
        self.imported.claims.extend(self.client.pin(PinCall { key, port: Some(entry.port), claim_only })?);
        Ok(())
    }
}

/// Whether what listens is the process `pid` or descends from it. The file may name anybody, but an ancestor of this
/// command (a shell, the session, the first process of all) has started much that is none of the file's.
fn is_of_tree(found: &Explanation, pid: u32, ancestors: &[ProcessIdentity]) -> bool {
    if pid <= 1 || ancestors.iter().any(|process| process.pid == pid) {
        return false;
    }
    let is_it = found.listeners.iter().any(|listener| listener.pid == Some(pid));
    is_it || (!found.listeners.is_empty() && found.ancestors.iter().any(|ancestor| ancestor.pid == pid))
}

#[cfg(test)]
mod tests {
    use portus_core::BootId;
    use portus_proto::{Listener, Process, Verdict};

    use super::*;

    #[test]
    fn what_cannot_be_taken_over_is_said() {
        let own_name = place::host_name().unwrap_or_default().to_uppercase();
        let file = r#"{"allocations": {
            "web": {"port": 3000, "pid": 7}, "my api": {"port": 3001}, "my:api": {"port": 3002},
            "remote": {"port": 3003, "host": "example.com"}, "8001": {"port": 3004},
            "here": {"port": 3005, "host": "127.0.0.1"}, "named": {"port": 3006, "host": "OWN NAME"}
        }}"#
        .replace("OWN NAME", &own_name);
        let mut notes = Vec::new();
        let found = entries(ports_json::parse(file.as_bytes()).unwrap(), false, &mut notes);
        let found: Vec<_> =
            found.iter().map(|entry| (entry.service.as_str(), entry.port.number(), entry.pid)).collect();
        assert_eq!(
            found,
            [("here", 3005, None), ("my-api", 3001, None), ("named", 3006, None), ("web", 3000, Some(7))]
        );
        assert_eq!(
            notes,
            [
                "`8001` (3004) cannot be the name of a service: left out",
                "`my api` is called `my-api` here: names of services are letters, digits, `.`, `_`, `-`",
                "`my:api` (3002) would be `my-api`, as `my api` is: left out",
                "`remote` (3003) is on example.com, not on this machine: left out (--force takes it over)",
            ]
        );
    }

    #[test]
    fn whoever_has_started_everything_serves_nothing_by_that() {
        let process = |pid| Process { pid, command: String::new() };
        let listener = Listener {
            port: Port::new(3000).unwrap(),
            protocol: Protocol::Tcp,
            address: "127.0.0.1".to_owned(),
            pid: Some(90),
            command: "node".to_owned(),
            cwd: None,
            project: None,
            worktree: None,
            lease: None,
            container: None,
            guard: false,
        };
        let found = Explanation {
            port: listener.port,
            verdict: Verdict::Unmanaged,
            mine: false,
            lease: None,
            listeners: vec![listener],
            ancestors: [90, 80, 70, 1].map(process).into(),
            why: None,
            next: String::new(),
        };
        let own = [95, 70, 1].map(|pid| ProcessIdentity { pid, birth: 1, boot: BootId(1) });
        let serves = |pid| is_of_tree(&found, pid, &own);
        assert_eq!([90, 80].map(serves), [true; 2]);
        assert!(!serves(60), "it started nothing of that");
        assert!(!serves(70), "it started this command, too");
        assert_eq!([0, 1].map(|pid| is_of_tree(&found, pid, &[])), [false; 2]);
        let silent = Explanation { listeners: Vec::new(), ..found.clone() };
        assert!(!is_of_tree(&silent, 90, &own), "nobody listens");
    }
}
