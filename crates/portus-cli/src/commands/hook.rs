//! `portus hook`

use clap::ValueEnum;
use portus_client::{Client, Options};
use portus_mcp::hook::{self, Agent};
use portus_os::place::Home;

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Outcome;

/// Answer a coding agent's hook: its event on standard input, the verdict on standard output
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// The agent
    #[arg(value_enum)]
    agent: AgentWord,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum AgentWord {
    Claude,
    Codex,
    Cursor,
    Gemini,
    Windsurf,
}

/// Fails open: whatever goes wrong here, the agent goes on as if there were no hook.
pub(crate) fn run(args: Args, context: &Context) -> Outcome {
    let agent = match args.agent {
        AgentWord::Claude => Agent::Claude,
        AgentWord::Codex => Agent::Codex,
        AgentWord::Cursor => Agent::Cursor,
        AgentWord::Gemini => Agent::Gemini,
        AgentWord::Windsurf => Agent::Windsurf,
    };
    let connect = |deadline| {
        let options = Options { autostart: false, deadline, ..Options::default() };
        Home::find().ok().and_then(|home| Client::connect(&home, options).ok())
    };
    let answer = hook::answer(agent, std::io::stdin(), connect);
    drop(context.output.data(answer.stdout.as_bytes()));
    if !answer.stderr.is_empty() {
        drop(std::io::Write::write_all(&mut std::io::stderr(), answer.stderr.as_bytes()));
    }
    Ok(Exit(answer.code))
}
