//! `portus completions`

use clap_complete::Shell;

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Outcome;
use crate::line;

/// Print a shell's completions
///
/// It is a script for that shell in any case, also with --json.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

pub(crate) fn run(args: Args, context: &Context) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut line::whole(), "portus", &mut script);
    context.output.data(&script)?;
    Ok(Exit::DONE)
}
