//! `portus list`

use portus_client::shapes;
use portus_proto::Scope;

use crate::args::ScopeArgs;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Outcome;
use crate::text;

/// Show the live leases of this worktree
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    scope: ScopeArgs,
    /// The leases that have ended, latest first, instead of the live ones
    #[arg(long, conflicts_with = "claims")]
    ended: bool,
    /// The numbers that services keep, leased or not
    #[arg(long)]
    claims: bool,
}

pub(crate) fn run(args: Args, context: &Context) -> Outcome {
    let scope = args.scope.scope(context)?;
    let with_place = !matches!(scope, Scope::Worktree(_));
    let mut client = context.connect()?;
    let output = context.output;
    if args.claims {
        return text::show_claims(client.all_claims(scope)?, with_place, output);
    }
    let mut listing = client.all_leases(scope, args.ended)?;
    if args.ended {
        listing.leases.reverse();
    }
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

fn nothing(with_place: bool, elsewhere: u32) -> String {
    let here = if with_place { "no live leases here" } else { "no live leases in this worktree" };
    match elsewhere {
        0 => here.to_owned(),
        1 => format!("{here}, one elsewhere (`portus list --all`)"),
        more => format!("{here}, {more} elsewhere (`portus list --all`)"),
    }
}
