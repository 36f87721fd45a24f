//! `portus release`

use std::path::PathBuf;

use portus_client::Overrides;
use portus_proto::{ReleaseCall, Target};

use crate::args::Named;
use crate::context::Context;
use crate::failure::{Failure, Outcome};
use crate::text;

/// Give leases back
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// The leases: a service of this worktree, a port, or lease:42
    #[arg(value_name = "SERVICE|PORT|LEASE")]
    targets: Vec<Named>,
    /// All leases of this worktree, or of another: --worktree=DIR. With a service: that worktree's
    #[arg(long, value_name = "DIR", num_args = 0..=1, require_equals = true)]
    #[expect(clippy::option_option, reason = "the option, and its value, may be absent")]
    worktree: Option<Option<PathBuf>>,
    /// The project's name, instead of the repository's [env: PORTUS_PROJECT]
    #[arg(long, value_name = "NAME")]
    project: Option<String>,
    /// Also those of other worktrees
    #[arg(long)]
    force: bool,
}

pub(crate) fn run(args: Args, context: &Context) -> Outcome {
    let is_whole = match (&args.worktree, args.targets.is_empty()) {
        (None, true) => {
            let hint =
                "name a service, a port or lease:42; `portus release --worktree` gives all of this worktree back";
            return Err(Failure::usage("nothing is named to be released", hint));
        }
        (Some(None), false) => {
            let hint = "name a directory with --worktree=DIR, or leave the services out to release all";
            return Err(Failure::usage("--worktree releases all of this worktree, and services are named too", hint));
        }
        (Some(_), true) => true,
        (None | Some(Some(_)), false) => false,
    };
    let here = context.workspace(Overrides { project: args.project.clone(), worktree: None })?;
    let there = match args.worktree.clone().flatten() {
        Some(dir) => context.workspace(Overrides { project: args.project, worktree: Some(dir) })?,
        None => here.clone(),
    };
    let targets = if is_whole {
        vec![Target::Worktree(there.worktree.clone())]
    } else {
        args.targets.iter().map(|target| target.target(&there)).collect()
    };
    // Whoever names a worktree in so many words speaks for it.
    let caller = there.caller(args.force);
    let reply = context.connect()?.release(ReleaseCall { targets, caller })?;
    if reply.leases.is_empty() {
        context.output.note("there was nothing to release");
    }
    text::show_done(reply, "released", context.output)
}
