//! `portus list`

use std::path::PathBuf;

use portus_client::shapes;
use portus_client::{Overrides, Workspace};
use portus_proto::Scope;

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Outcome;
use crate::text;

/// Show the live leases of this worktree
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// Those of the whole project, or of the one named: --project=NAME
    #[arg(long, value_name = "NAME", num_args = 0..=1, require_equals = true, conflicts_with = "all")]
    #[expect(clippy::option_option, reason = "the option, and its value, may be absent")]
    project: Option<Option<String>>,
    /// Those of all projects of this user
    #[arg(long)]
    all: bool,
    /// The leases that have ended, latest first, instead of the live ones
    #[arg(long, conflicts_with = "claims")]
    ended: bool,
    /// The numbers that services keep, leased or not
    #[arg(long)]
    claims: bool,
    /// A directory of the worktree, instead of the current one
    #[arg(long, value_name = "DIR")]
    worktree: Option<PathBuf>,
}

pub(crate) fn run(args: Args, context: &Context) -> Outcome {
    let scope = scope(&args, context)?;
    let with_place = !matches!(scope, Scope::Worktree(_));
    let mut client = context.connect()?;
    let output = context.output;
    if args.claims {
        let claims = client.all_claims(scope)?;
        if output.json {
            output.reply(shapes::Claims { claims })?;
        } else if claims.is_empty() {
            output.note("no claims here");
        } else {
            output.styled(&text::claims(&claims, with_place))?;
        }
        return Ok(Exit::DONE);
    }
    let listing = client.all_leases(scope, args.ended)?;
    let mut notes = Vec::new();
    if listing.leases.is_empty() {
        notes.push(if args.ended {
            "no lease has ended here".to_owned()
        } else {
            nothing(with_place, listing.elsewhere)
        });
    }
    if output.json {
        output.reply(shapes::Leases { leases: listing.leases, notes })?;
    } else {
        if !listing.leases.is_empty() {
            output.styled(&text::leases(&listing.leases, with_place))?;
        }
        notes.iter().for_each(|note| output.note(note));
    }
    Ok(Exit::DONE)
}

fn scope(args: &Args, context: &Context) -> Result<Scope, crate::failure::Failure> {
    if args.all {
        return Ok(Scope::All);
    }
    if let Some(Some(name)) = &args.project {
        return Ok(Scope::Project(name.clone()));
    }
    let workspace: Workspace = context.workspace(Overrides { project: None, worktree: args.worktree.clone() })?;
    Ok(if args.project.is_some() { workspace.project_scope() } else { workspace.scope() })
}

fn nothing(with_place: bool, elsewhere: u32) -> String {
    let here = if with_place { "no live leases here" } else { "no live leases in this worktree" };
    match elsewhere {
        0 => here.to_owned(),
        1 => format!("{here}, one elsewhere (`portus list --all`)"),
        more => format!("{here}, {more} elsewhere (`portus list --all`)"),
    }
}
