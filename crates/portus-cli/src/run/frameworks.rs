//! Tools that do not heed `PORT`: recognising them, and what to add so that they listen where they should.
//!
//! [`table`] says which tools there are. [`unwrap`] finds the tool behind what starts it (`npx`,
//! `python -m`, `npm run dev`), and knows how to hand it more arguments from there.

mod script;
mod table;
mod unwrap;

#[cfg(test)]
mod tests;

use std::path::Path;

use portus_core::Port;

use self::table::{Given, TOOLS, Tool, When};

/// What is added to a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Addition {
    /// The tool's name, for people.
    pub(crate) tool: &'static str,
    /// Where in the command the arguments go.
    pub(crate) at: usize,
    /// The arguments, as the command needs them (with a `--` for `npm run`, say).
    pub(crate) arguments: Vec<String>,
}

/// What to add to a command so that its tool listens on the port. `None` when it heeds `PORT`, is not
/// known, does not listen, or has been given a port by the user. Reads `package.json` where the command
/// runs one of its scripts.
#[must_use]
pub(crate) fn addition(command: &[String], cwd: &Path, port: Port) -> Option<Addition> {
    let call = unwrap::unwrap(command, &mut |start| script::read(cwd, start))?;
    let tool = TOOLS.iter().find(|tool| tool.programs.contains(&call.program.as_str()))?;
    let flags = tool.flags(&call.arguments, port)?;
    let (at, arguments) = call.hand_over(flags);
    Some(Addition { tool: tool.name, at, arguments })
}

impl Tool {
    /// The flags that this call of the tool needs, if it needs any.
    fn flags(&self, arguments: &[String], port: Port) -> Option<Vec<String>> {
        let asks_only = |argument: &String| matches!(argument.as_str(), "--help" | "-h" | "--version" | "-V");
        let own = arguments.iter().take_while(|argument| *argument != "--");
        if own.clone().any(asks_only) || !self.listens(own.clone()) || self.has_port(own.clone()) {
            return None;
        }
        let has = |flag: &str| own.clone().any(|argument| argument == flag);
        let wanted = self.adds.iter().filter(|flag| !(flag.starts_with("--") && has(flag)));
        Some(wanted.map(|flag| flag.replace("{port}", &port.to_string())).collect())
    }

    fn listens<'a>(&self, mut arguments: impl Iterator<Item = &'a String>) -> bool {
        match self.when {
            When::Always => true,
            When::With(words) => arguments.any(|argument| words.contains(&argument.as_str())),
            When::Without(words) => !arguments.any(|argument| words.contains(&argument.as_str())),
        }
    }

    fn has_port<'a>(&self, mut arguments: impl Iterator<Item = &'a String>) -> bool {
        match self.given {
            Given::By(options) => arguments.any(|argument| options.iter().any(|option| is_given(argument, option))),
            Given::Address => arguments.any(|argument| is_address(argument)),
        }
    }
}

/// Whether an argument is this option: `--port`, `--port=80`, `-p`, `-p80`.
fn is_given(argument: &str, option: &str) -> bool {
    let Some(rest) = argument.strip_prefix(option) else { return false };
    let is_short = !option.starts_with("--");
    rest.is_empty() || rest.starts_with('=') || (is_short && rest.starts_with(|first: char| first.is_ascii_digit()))
}

/// Whether an argument is `8000` or `localhost:8000`.
fn is_address(argument: &str) -> bool {
    let number = argument.rsplit_once(':').map_or(argument, |(_, number)| number);
    !argument.starts_with('-') && number.parse::<u16>().is_ok()
}
