//! Turns command lines into calls and answers into text.
//!
//! May import every crate of ours, clap and what prints. Never opens a socket or holds a rule.
//! Start reading at [`mod@line`], the table of commands, then any file below `commands/`: one each.
//! Tested in `tests/` by the real binary in an environment of its own, and by tables beside the code.
#![forbid(unsafe_code)]

mod args;
mod asking;
mod commands;
mod context;
mod exit;
mod failure;
mod line;
mod output;
mod run;
mod text;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<std::ffi::OsString> = std::env::args_os().collect();
    // `run` must not miss a signal that comes while the command line is still being read.
    if line::names_run(&arguments) {
        run::first_instant();
    }
    line::main(arguments).into()
}
