//! `portus explain`

use portus_client::verdict_words;
use portus_proto::{ExplainCall, Explanation};

use crate::args::{Named, Place};
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Outcome;
use crate::text;

/// Say whose port it is, who listens, and what to do next
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// A port, a service of this worktree, or lease:42
    #[arg(value_name = "PORT|SERVICE|LEASE")]
    target: Named,
    #[command(flatten)]
    place: Place,
}

pub(crate) fn run(args: Args, context: &Context) -> Outcome {
    let workspace = context.workspace(args.place)?;
    let call = ExplainCall { target: args.target.target(&workspace), caller: workspace.caller(false) };
    let explanation = context.connect()?.explain(call)?;
    if context.output.json {
        context.output.reply(explanation)?;
    } else {
        context.output.styled(&told(&explanation))?;
    }
    Ok(Exit::DONE)
}

fn told(explanation: &Explanation) -> String {
    let bold = anstyle::Style::new().bold();
    let mut lines = vec![format!("{bold}{}{bold:#}: {}", explanation.port, verdict_words(explanation))];
    lines.extend(explanation.why.iter().map(|why| format!("why        {why}")));
    if let Some(lease) = &explanation.lease {
        lines.push(format!(
            "lease      lease:{}, {} of {}, {} ({})",
            lease.id,
            lease.service,
            lease.project,
            text::state(lease),
            lease.worktree
        ));
    }
    for listener in &explanation.listeners {
        let pid = listener.pid.map_or_else(|| "a process we cannot see".to_owned(), |pid| format!("pid {pid}"));
        let container = listener.container.as_ref().map(|name| format!(", container {name}")).unwrap_or_default();
        let place = listener.worktree.as_ref().or(listener.cwd.as_ref()).map(|dir| format!(" in {dir}"));
        lines.push(format!(
            "listener   {} {}: {pid} {}{container}{}",
            listener.protocol,
            listener.address,
            listener.command,
            place.unwrap_or_default()
        ));
    }
    for (depth, process) in explanation.ancestors.iter().enumerate() {
        let label = if depth == 0 { "process" } else { "" };
        lines.push(format!("{label:<9}  {}{} ({})", "  ".repeat(depth), process.command, process.pid));
    }
    lines.push(format!("next       {}", explanation.next));
    // All but the first, which is ours and has a style, tell of other people's names.
    let safe = |(at, line): (usize, String)| if at == 0 { line } else { text::safe(&line).into_owned() };
    lines.into_iter().enumerate().map(safe).collect::<Vec<_>>().join("\n") + "\n"
}
