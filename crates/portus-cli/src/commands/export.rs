//! `portus export`

use std::collections::BTreeMap;

use portus_proto::ports_json::{Allocation, PortsJson, VERSION, render};
use portus_proto::{Claim, Lease, Scope, WallTime};

use crate::args::ScopeArgs;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Outcome;
use crate::text;

/// Print leases and claims in the form of an earlier port registry, `.ports.json`
///
/// A service that has a lease is listed with the process that holds it (the mirror names the server); one that only keeps
/// its number, without. With --json the output is the same: the registry's own form, which has no `schema`.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    scope: ScopeArgs,
}

/// How a service is to be reached.
const HOST: &str = "localhost";

pub(crate) fn run(args: Args, context: &Context) -> Outcome {
    let scope = args.scope.scope(context)?;
    let is_one_worktree = matches!(scope, Scope::Worktree(_));
    let mut client = context.connect()?;
    let leases = client.all_leases(scope.clone(), false)?.leases;
    let claims = client.all_claims(scope)?;
    let file = file(&leases, &claims, is_one_worktree);
    context.output.data(render(&file).as_bytes())?;
    Ok(Exit::DONE)
}

fn file(leases: &[Lease], claims: &[Claim], is_one_worktree: bool) -> PortsJson {
    // Several worktrees have services of the same name.
    let name = |worktree: &str, service: &str| match is_one_worktree {
        true => service.to_owned(),
        false => format!("{worktree}:{service}"),
    };
    let host = || Some(HOST.to_owned());
    let mut allocations: BTreeMap<String, Allocation> = BTreeMap::new();
    for claim in claims {
        let kept = Allocation { port: claim.port, pid: None, started: None, host: host() };
        allocations.insert(name(&claim.worktree, claim.service.as_str()), kept);
    }
    for lease in leases {
        let pid = lease.holder.as_ref().map(|holder| holder.pid);
        let held = Allocation { port: lease.port, pid, started: Some(lease.granted_at), host: host() };
        allocations.insert(name(&lease.worktree, lease.service.as_str()), held);
    }
    PortsJson { version: Some(VERSION.to_owned()), updated: Some(WallTime(text::now_ms())), allocations }
}
