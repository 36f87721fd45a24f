//! The command line: one table of commands, and the way from words to one of them.
//!
//! A command line that begins with a command's name, as almost all do, builds the parser of that command alone:
//! building all of them would cost more than everything else that `portus request web` does by itself.

use std::ffi::OsString;

use clap::error::{ContextKind, ErrorKind};
use clap::{ArgMatches, Args as _, Command, FromArgMatches as _};

use crate::args::Global;
use crate::commands;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};
use crate::output::{Output, conclude};
use crate::run;

/// One command: its name, its arguments, and what it does.
pub(crate) struct Entry {
    pub(crate) name: &'static str,
    pub(crate) build: fn(Command) -> Command,
    run: fn(&ArgMatches, &Context) -> Outcome,
}

/// The entry of a module with a type of arguments and a function that carries them out.
macro_rules! entry {
    ($name:literal, $args:ty, $run:path) => {
        Entry {
            name: $name,
            build: <$args as clap::Args>::augment_args,
            run: |matches, context| {
                let args = <$args as clap::FromArgMatches>::from_arg_matches(matches)
                    .map_err(|error| Failure::usage(error.to_string(), ""))?;
                $run(args, context)
            },
        }
    };
}

/// Every command, in the order of the help.
pub(crate) const COMMANDS: &[Entry] = &[
    entry!("request", commands::request::Args, commands::request::run),
    entry!("run", run::RunArgs, run::main),
    entry!("get", commands::get::Args, commands::get::run),
    entry!("list", commands::list::Args, commands::list::run),
    entry!("env", commands::env::Args, commands::env::run),
    entry!("confirm", commands::confirm::Args, commands::confirm::run),
    entry!("renew", commands::renew::Args, commands::renew::run),
    entry!("release", commands::release::Args, commands::release::run),
    entry!("explain", commands::explain::Args, commands::explain::run),
    entry!("verify", commands::verify::Args, commands::verify::run),
    entry!("scan", commands::scan::Args, commands::scan::run),
    entry!("kill", commands::kill::Args, commands::kill::run),
    entry!("health", commands::health::Args, commands::health::run),
    entry!("claims", commands::claims::Args, commands::claims::run),
    entry!("pin", commands::pin::Args, commands::pin::run),
    entry!("unpin", commands::unpin::Args, commands::unpin::run),
    entry!("forget", commands::forget::Args, commands::forget::run),
    entry!("prune", commands::prune::Args, commands::prune::run),
    entry!("quarantine", commands::quarantine::Args, commands::quarantine::run),
    entry!("revive", commands::revive::Args, commands::revive::run),
    entry!("watch", commands::watch::Args, commands::watch::run),
    entry!("stats", commands::stats::Args, commands::stats::run),
    entry!("metrics", commands::metrics::Args, commands::metrics::run),
    entry!("dashboard", commands::dashboard::Args, commands::dashboard::run),
    entry!("mcp", commands::mcp::Args, commands::mcp::run),
    entry!("install", commands::install::Args, commands::install::run),
    entry!("hook", commands::hook::Args, commands::hook::run),
    entry!("daemon", commands::daemon::Args, commands::daemon::run),
    entry!("doctor", commands::doctor::Args, commands::doctor::run),
    entry!("import", commands::import::Args, commands::import::run),
    entry!("export", commands::export::Args, commands::export::run),
    entry!("completions", commands::completions::Args, commands::completions::run),
    entry!("man", commands::man::Args, commands::man::run),
];

/// Whether the command line is one of `run`, as far as can be told before it is read.
pub(crate) fn names_run(arguments: &[OsString]) -> bool {
    arguments.iter().skip(1).find(|argument| !argument.as_encoded_bytes().starts_with(b"-")).is_some_and(|a| a == "run")
}

/// Reads the command line, does what it says, and tells what came of it.
pub(crate) fn main(arguments: Vec<OsString>) -> Exit {
    let entry = arguments.get(1).and_then(|first| COMMANDS.iter().find(|entry| first == entry.name));
    let command = entry.map_or_else(whole, only);
    let before_command: &[OsString] = arguments.split(|argument| argument == "--").next().unwrap_or_default();
    let wants_json = before_command.iter().any(|argument| argument == "--json");
    let matches = match command.try_get_matches_from(&arguments) {
        Ok(matches) => matches,
        Err(error) => return unread(&error, wants_json),
    };
    let Some((name, matches)) = matches.subcommand() else { return Exit::USAGE };
    let (Some(entry), Ok(global)) =
        (COMMANDS.iter().find(|entry| entry.name == name), Global::from_arg_matches(matches))
    else {
        return Exit::USAGE;
    };
    let context = Context::new(&global);
    conclude(context.output, (entry.run)(matches, &context))
}

/// The parser of one command.
fn only(entry: &Entry) -> Command {
    skeleton().subcommand((entry.build)(Command::new(entry.name)))
}

/// The parser of all commands.
pub(crate) fn whole() -> Command {
    skeleton().subcommands(COMMANDS.iter().map(|entry| (entry.build)(Command::new(entry.name))))
}

fn skeleton() -> Command {
    Global::augment_args(Command::new("portus"))
        .about("Ports for dev servers, worktrees and coding agents that never collide")
        .version(env!("CARGO_PKG_VERSION"))
        .after_help("`portus help COMMAND` tells more about one. Exit codes: `portus man`.")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .max_term_width(100)
}

/// Tells why a command line cannot be read, or what was asked to be told.
fn unread(error: &clap::Error, wants_json: bool) -> Exit {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            drop(Output::plain(false).styled(&error.render().ansi().to_string()));
            Exit::DONE
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand if !wants_json => {
            drop(error.print());
            Exit::USAGE
        }
        _ if wants_json => {
            let usage = error.get(ContextKind::Usage).map(ToString::to_string);
            let (message, hint) = message_and_hint(&error.render().to_string(), usage.as_deref());
            Output::plain(true).failure(&Failure::usage(message, hint))
        }
        _ => {
            drop(error.print());
            Exit::USAGE
        }
    }
}

/// What is wrong with a command line, and what to do, each in one line: from a text in paragraphs, which ends with the
/// usage and with where help is.
fn message_and_hint(text: &str, usage: Option<&str>) -> (String, String) {
    let lines = || text.lines().map(str::trim).filter(|line| !line.is_empty());
    let is_end = |line: &&str| line.starts_with("Usage:") || line.starts_with("For more information");
    let (tips, said): (Vec<&str>, Vec<&str>) =
        lines().take_while(|line| !is_end(line)).partition(|line| line.starts_with("tip: "));
    let message = said.join(" ").trim_start_matches("error: ").to_owned();
    let usage = usage.map(|usage| usage.split_whitespace().collect::<Vec<_>>().join(" "));
    let tips = tips.into_iter().map(|tip| tip.trim_start_matches("tip: ").to_owned());
    let hint = tips.chain(usage).collect::<Vec<_>>().join("; ");
    (message, if hint.is_empty() { "portus --help".to_owned() } else { hint })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistake_is_told_whole_in_one_line() {
        for (line, message, hint) in [
            (
                &["portus", "confirm"][..],
                "the following required arguments were not provided: <SERVICE|PORT|LEASE>",
                "Usage: portus confirm <SERVICE|PORT|LEASE>",
            ),
            (
                &["portus", "list", "--clams"],
                "unexpected argument '--clams' found",
                "a similar argument exists: '--claims'; Usage: portus list --claims",
            ),
            (
                &["portus", "request", "--protocol", "tcpp"],
                "invalid value 'tcpp' for '--protocol <tcp|udp|both>' [possible values: tcp, udp, both]",
                "a similar value exists: 'tcp'",
            ),
        ] {
            let error = whole().try_get_matches_from(line).unwrap_err();
            let usage = error.get(ContextKind::Usage).map(ToString::to_string);
            let told = message_and_hint(&error.render().to_string(), usage.as_deref());
            assert_eq!(told, (message.to_owned(), hint.to_owned()), "{line:?}");
        }
    }

    #[test]
    fn the_definition_is_sound() {
        whole().debug_assert();
        for entry in COMMANDS {
            only(entry).debug_assert();
        }
    }

    #[test]
    fn every_command_says_what_it_does() {
        for command in whole().get_subcommands() {
            assert!(command.get_about().is_some(), "{}", command.get_name());
        }
    }

    #[test]
    fn run_is_known_before_the_line_is_read() {
        let names = |line: &str| names_run(&line.split(' ').map(OsString::from).collect::<Vec<_>>());
        assert!(names("portus run -- true") && names("portus --json run"));
        assert!(!names("portus request run") && !names("portus"));
    }
}
