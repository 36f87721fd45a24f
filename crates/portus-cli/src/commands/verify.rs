//! `portus verify`

use std::ffi::OsString;

use portus_core::ServiceName;
use portus_os::supervise::{Event, SignalTrap, Spec, Supervisor, TerminalPolicy};
use portus_proto::{Verification, VerifyCall};

use crate::args::Place;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};
use crate::text;

/// Fail unless every listener on the services' ports is this worktree's own
///
/// With a command after --, runs it only then, and exits with its status: portus verify web -- npx playwright test
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// The services [default: PORTUS_SERVICE, else the package's directory: `default` at the root, `apps-web` in apps/web]
    #[arg(value_name = "SERVICE")]
    services: Vec<ServiceName>,
    /// Take it for its own also when there is no proof, only nothing against it
    #[arg(long)]
    accept_presumed: bool,
    #[command(flatten)]
    place: Place,
    /// What to run if so
    #[arg(last = true, value_name = "CMD")]
    command: Vec<OsString>,
}

pub(crate) fn run(args: Args, context: &Context) -> Outcome {
    let workspace = context.workspace(args.place)?;
    let services = if args.services.is_empty() { vec![workspace.service()?] } else { args.services };
    let keys = services.into_iter().map(|service| workspace.key(service)).collect();
    let found = context.connect()?.verify(VerifyCall { keys, accept_presumed: args.accept_presumed })?;
    let is_ok = found.ok;
    if is_ok && !args.command.is_empty() {
        return start(args.command);
    }
    if context.output.json {
        context.output.reply(found)?;
    } else {
        context.output.styled(&told(&found))?;
    }
    Ok(if is_ok { Exit::DONE } else { Exit::UNVERIFIED })
}

fn told(found: &Verification) -> String {
    let rows: Vec<_> = found
        .services
        .iter()
        .map(|service| {
            let port = service.port.map_or_else(|| "-".to_owned(), |port| port.to_string());
            let verdict = if service.ok { "ok" } else { "failed" }.to_owned();
            [service.service.to_string(), port, verdict, service.why.clone()]
        })
        .collect();
    text::table(["SERVICE", "PORT", "VERDICT", "WHY"], &rows)
}

/// Runs the command in the foreground and gives back its status.
fn start(mut words: Vec<OsString>) -> Outcome {
    let ours = |what: &str, error: &std::io::Error| Failure { exit: Exit(125), ..Failure::io(what, error) };
    let trap = SignalTrap::install().map_err(|error| ours("catch signals", &error))?;
    let mut supervisor = Supervisor::new(trap);
    let program = words.remove(0);
    let spec = Spec { program, args: words, ..Spec::default() };
    supervisor.spawn(&spec, TerminalPolicy::HandOver).map_err(|error| {
        let exit = u8::try_from(error.exit_code()).map_or(Exit(125), Exit);
        Failure::new(exit, "cannot_start", error.to_string(), "")
    })?;
    loop {
        // Signals are passed on by the supervisor itself.
        let event = supervisor.next_event(None, None).map_err(|error| ours("wait for the command", &error))?;
        if let Event::Exited(status) = event {
            return Ok(u8::try_from(status.exit_code() & 0xff).map_or(Exit(125), Exit));
        }
    }
}
