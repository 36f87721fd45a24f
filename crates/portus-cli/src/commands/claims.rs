//! `portus claims`, and how commands name a claim.

use portus_client::{Client, Workspace};
use portus_core::ServiceName;
use portus_proto::{Claim, Key, Scope};

use crate::args::{Named, ScopeArgs};
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};
use crate::text;

/// Show the numbers that services keep, leased or not
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    scope: ScopeArgs,
}

pub(crate) fn run(args: Args, context: &Context) -> Outcome {
    let scope = args.scope.scope(context)?;
    let with_place = !matches!(scope, Scope::Worktree(_));
    let claims = context.connect()?.all_claims(scope)?;
    text::show_claims(claims, with_place, context.output)
}

/// The key that a person means: a service of this worktree, or whoever has that port or lease.
pub(super) fn key(named: &Named, workspace: &Workspace, client: &mut Client) -> Result<Key, Failure> {
    let of = |project: String, worktree: String, service: ServiceName| Key { project, worktree, service };
    let found = match named {
        Named::Service(service) => return Ok(workspace.key(service.clone())),
        Named::Port(port) => {
            let claims = client.all_claims(Scope::All)?;
            let is_here = |claim: &&Claim| claim.worktree == workspace.worktree;
            let here = claims.iter().filter(is_here).find(|claim| claim.port == *port);
            here.or_else(|| claims.iter().find(|claim| claim.port == *port))
                .map(|claim| of(claim.project.clone(), claim.worktree.clone(), claim.service.clone()))
        }
        Named::Lease(id) => client
            .all_leases(Scope::All, false)?
            .leases
            .into_iter()
            .find(|lease| lease.id == *id)
            .map(|lease| of(lease.project, lease.worktree, lease.service)),
    };
    found.ok_or_else(|| {
        let what = match named {
            Named::Service(service) => format!("`{service}`"),
            Named::Port(port) => format!("port {port}"),
            Named::Lease(id) => format!("lease:{id}"),
        };
        let message = format!("no service keeps {what}");
        Failure::new(Exit::NOT_FOUND, "no_such_claim", message, "`portus claims --all` shows what is kept")
    })
}
