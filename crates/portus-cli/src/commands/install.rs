//! `portus install`

use clap::ValueEnum;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use portus_mcp::install::{Agent, Direction, InstallError, Places, Plan, Scope};
use serde::Serialize;

use crate::args::Place;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};

/// Set a coding agent up to use Portus, or take it out again
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// The agent
    #[arg(long, value_name = "NAME", value_parser = agents())]
    client: Agent,
    /// The user's settings, or those of the project [default: user; vscode: project]
    #[arg(long, value_name = "user|project", value_enum, hide_possible_values = true)]
    scope: Option<ScopeWord>,
    /// Show what would be entered, and change nothing
    #[arg(long)]
    print: bool,
    /// Take it out again
    #[arg(long, conflicts_with = "print")]
    uninstall: bool,
    /// Also a block of rules in the project's AGENTS.md or CLAUDE.md
    #[arg(long)]
    instructions: bool,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ScopeWord {
    User,
    Project,
}

/// What became of one file.
#[derive(Debug, Serialize)]
struct File {
    file: String,
    changed: bool,
    text: String,
}

#[derive(Debug, Serialize)]
struct Reply {
    client: &'static str,
    files: Vec<File>,
}

pub(crate) fn run(args: Args, context: &Context) -> Outcome {
    let output = context.output;
    let agent = args.client;
    let scope = match args.scope {
        None => agent.default_scope(),
        Some(ScopeWord::User) => Scope::User,
        Some(ScopeWord::Project) => Scope::Project,
    };
    let home = std::env::home_dir()
        .ok_or_else(|| Failure::new(Exit::FAILED, "no_home", "your home directory is not known", "set HOME"))?;
    let workspace = context.workspace(args.place)?;
    let places = Places::of_user(home, workspace.worktree.into());
    let direction = if args.uninstall { Direction::Uninstall } else { Direction::Install };
    let mut plans = vec![Plan::settings(agent, scope, &places, direction)?];
    if args.instructions {
        plans.push(Plan::rules(agent, &places, direction)?);
    }
    let mut files = Vec::new();
    for plan in plans {
        let shown = plan.file().display().to_string();
        files.push(File { file: shown.clone(), changed: plan.is_change(), text: plan.snippet().to_owned() });
        if args.print {
            if !output.json {
                output.note(&format!("for {shown}:"));
                output.data(plan.snippet().as_bytes())?;
            }
            continue;
        }
        let said = match (plan.is_change(), args.uninstall) {
            (false, false) => format!("{shown} is as it should be"),
            (false, true) => format!("{shown} holds nothing of Portus"),
            (true, false) => format!("{shown} written; restart {} to see it", agent.word()),
            (true, true) => format!("{shown} is rid of Portus"),
        };
        plan.apply()?;
        output.note(&said);
    }
    if output.json {
        output.reply(Reply { client: agent.word(), files })?;
    }
    Ok(Exit::DONE)
}

/// Reads an agent's name; the list of them is the installer's.
fn agents() -> impl TypedValueParser<Value = Agent> {
    PossibleValuesParser::new(Agent::ALL.map(Agent::word)).try_map(|word| word.parse())
}

impl From<InstallError> for Failure {
    fn from(error: InstallError) -> Self {
        let (exit, code) = match error {
            InstallError::NoSuchScope { .. } => (Exit::USAGE, "no_such_scope"),
            InstallError::Unreadable { .. } => (Exit::FAILED, "unreadable"),
            InstallError::File(_) => (Exit::FAILED, "io"),
        };
        Self::new(exit, code, error.to_string(), error.hint())
    }
}
