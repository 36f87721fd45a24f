//! `portus man`

use std::path::{Path, PathBuf};

use clap::Command;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};
use crate::line;

/// Print the manual page, or write all pages into a directory
///
/// It is troff in any case, also with --json.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// Write portus.1, portus-request.1 and the others there
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// What exit codes mean, for people.
const EXIT_CODES: [(&str, &str); 11] = [
    ("0", "done"),
    ("1", "failed; the message says why"),
    ("2", "usage, or invalid configuration"),
    ("3", "no such service, lease, port or listener"),
    ("4", "no port available, the wanted one is taken, or already running"),
    ("5", "refused: not yours"),
    ("6", "the daemon cannot be reached or started (also: sandboxed, another network namespace)"),
    ("7", "timed out waiting"),
    ("8", "verification or health failed"),
    ("125", "run, verify: a failure of Portus once the command was meant to run"),
    ("126, 127, others", "run, verify: the command's own, or 128 and the signal's number"),
];

pub(crate) fn run(args: Args, context: &Context) -> Outcome {
    let mut whole = line::whole();
    whole.build();
    match args.dir {
        None => context.output.data(&page(&whole, true)?)?,
        Some(dir) => {
            std::fs::create_dir_all(&dir).map_err(|error| Failure::io("create the directory", &error))?;
            write_pages(&whole, "portus", &dir)?;
        }
    }
    Ok(Exit::DONE)
}

/// Writes a command's page and those of its subcommands.
fn write_pages(command: &Command, name: &str, dir: &Path) -> Result<(), Failure> {
    let text = page(&command.clone().name(&*name.to_owned().leak()), name == "portus")?;
    std::fs::write(dir.join(format!("{name}.1")), text).map_err(|error| Failure::io("write a page", &error))?;
    let shown = command.get_subcommands().filter(|command| command.get_name() != "help");
    for subcommand in shown {
        write_pages(subcommand, &format!("{name}-{}", subcommand.get_name()), dir)?;
    }
    Ok(())
}

fn page(command: &Command, with_exit_codes: bool) -> Result<Vec<u8>, Failure> {
    let mut text = Vec::new();
    let unwritten = |error: std::io::Error| Failure::io("write a page", &error);
    let title = command.get_name().to_uppercase();
    Man::new(command.clone()).title(title).manual("Portus").render(&mut text).map_err(unwritten)?;
    if with_exit_codes {
        let mut codes = Roff::default();
        codes.control("SH", ["EXIT STATUS"]);
        for (code, meaning) in EXIT_CODES {
            codes.control("TP", []);
            codes.text([bold(code)]);
            codes.text([roman(meaning)]);
        }
        codes.to_writer(&mut text).map_err(unwritten)?;
    }
    Ok(text)
}
