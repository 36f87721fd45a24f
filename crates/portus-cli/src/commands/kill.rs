//! `portus kill`

use std::time::Duration;

use portus_proto::{KillCall, Killed};

use crate::args::{Named, Place, millis, positive_duration};
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Outcome;
use crate::text;

/// End what listens on a port, by its process tree, and nothing else
///
/// What is another worktree's, or nobody's that is known, is only shown (exit code 5), unless forced.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// A service of this worktree, a port, or lease:42
    #[arg(value_name = "SERVICE|PORT|LEASE")]
    target: Named,
    /// Also what is not this worktree's
    #[arg(long)]
    force: bool,
    /// Only tell what would be ended
    #[arg(long)]
    dry_run: bool,
    /// How long to wait between asking and forcing, such as 5s
    #[arg(long, value_name = "DURATION", value_parser = positive_duration)]
    grace: Option<Duration>,
    #[command(flatten)]
    place: Place,
}

pub(crate) fn run(args: Args, context: &Context) -> Outcome {
    let workspace = context.workspace(args.place)?;
    let call = KillCall {
        target: args.target.target(&workspace),
        caller: workspace.caller(args.force),
        dry_run: args.dry_run,
        grace_ms: args.grace.map(millis),
    };
    let killed = context.connect()?.kill(call)?;
    if context.output.json {
        context.output.reply(killed)?;
    } else {
        context.output.data(told(&killed).as_bytes())?;
        killed.notes.iter().for_each(|note| context.output.note(note));
    }
    Ok(Exit::DONE)
}

fn told(killed: &Killed) -> String {
    if killed.killed.is_empty() {
        return format!("port {}: what listened has ended already\n", killed.port);
    }
    let what = if killed.dry_run { "would end" } else { "ended" };
    let line = |process: &portus_proto::Process| format!("{what} {} ({})\n", text::safe(&process.command), process.pid);
    killed.killed.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use portus_core::Port;

    #[test]
    fn each_process_is_told_and_so_is_that_none_was_left() {
        let process = |pid, command: &str| portus_proto::Process { pid, command: command.to_owned() };
        let port = Port::new(3_000).unwrap();
        let killed = |killed, dry_run| told(&Killed { port, killed, dry_run, notes: Vec::new() });
        let two = || vec![process(7, "npm run dev"), process(8, "node")];
        assert_eq!(killed(two(), false), "ended npm run dev (7)\nended node (8)\n");
        assert_eq!(killed(two(), true), "would end npm run dev (7)\nwould end node (8)\n");
        assert_eq!(killed(Vec::new(), false), "port 3000: what listened has ended already\n");
    }
}
