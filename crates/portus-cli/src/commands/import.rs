//! `portus import`

mod diff;
mod project_file;
mod registry;
mod section;

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use portus_proto::{Claim, Lease, ports_json};
use serde::Serialize;

use crate::args::Place;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};

/// Take over what an earlier port registry knew
///
/// From its `.ports.json`: a service whose process listens on its port gets a lease, any other a claim. From its YAML:
/// the `port:` section becomes a service of portus.toml, whose comments and other content stay; variables such as
/// ${SERVICE_PORT:-8001} are replaced by what they are now. The file itself is only read.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// A `.ports.json`, or a YAML file with a `port:` section
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Only show what would be done
    #[arg(long)]
    dry_run: bool,
    /// Let the file's word count where this worktree says otherwise
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    place: Place,
}

/// What was taken over.
#[derive(Debug, Default, Serialize)]
struct Imported {
    claims: Vec<Claim>,
    leases: Vec<Lease>,
    /// How `portus.toml` changes, as lines that begin with `+` and `-`.
    #[serde(skip_serializing_if = "Option::is_none")]
    diff: Option<String>,
    dry_run: bool,
    notes: Vec<String>,
}

/// What to do about a file from which nothing can be taken over.
const UNCHANGED: &str = "nothing was changed; correct the file, or import another";

pub(crate) fn run(args: Args, context: &Context) -> Outcome {
    let bytes = content(&args.file)?;
    let workspace = context.workspace(args.place.clone())?;
    let imported = match form(&args.file, &bytes)? {
        Form::Registry => registry::import(&args, &bytes, &workspace, context)?,
        Form::Section => {
            let text = String::from_utf8(bytes).map_err(|_| unreadable(&args.file, "is not UTF-8"))?;
            section::import(&args, &text, &workspace)?
        }
    };
    show(imported, context)
}

fn show(imported: Imported, context: &Context) -> Outcome {
    let output = context.output;
    if output.json {
        output.reply(imported)?;
        return Ok(Exit::DONE);
    }
    if let Some(diff) = &imported.diff {
        output.styled(&diff::colored(diff))?;
    }
    let done = if imported.dry_run { "would" } else { "did" };
    let said = |kind: &str| match (done, kind) {
        ("would", "lease") => "would lease",
        ("would", _) => "would claim",
        (_, "lease") => "leased",
        _ => "claimed",
    };
    for lease in &imported.leases {
        output.say(&format!("{} {} for {} of {}", said("lease"), lease.port, lease.service, lease.project));
    }
    for claim in &imported.claims {
        output.say(&format!("{} {} for {} of {}", said("claim"), claim.port, claim.service, claim.project));
    }
    imported.notes.iter().for_each(|note| output.note(note));
    Ok(Exit::DONE)
}

/// Which of the two it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Registry,
    Section,
}

fn form(file: &Path, bytes: &[u8]) -> Result<Form, Failure> {
    let extension = file.extension().and_then(|extension| extension.to_str()).map(str::to_ascii_lowercase);
    match extension.as_deref() {
        Some("json") => Ok(Form::Registry),
        Some("yaml" | "yml") => Ok(Form::Section),
        // A corrupt one is set aside under such a name.
        _ if bytes.trim_ascii_start().starts_with(b"{") => Ok(Form::Registry),
        _ => Err(unreadable(file, "is neither a `.ports.json` nor YAML: its name ends in none of json, yaml, yml")),
    }
}

/// A file's content, no longer than a registry's may be.
fn content(file: &Path) -> Result<Vec<u8>, Failure> {
    let failed = |error: std::io::Error| {
        let (exit, hint) = match error.kind() {
            std::io::ErrorKind::NotFound => (Exit::NOT_FOUND, "name an earlier registry's `.ports.json` or YAML"),
            _ => (Exit::USAGE, "make it readable for you, or name another file"),
        };
        Failure::new(exit, "unreadable", format!("{}: cannot be read: {error}", file.display()), hint)
    };
    // Opening a pipe would wait for its writer.
    if !std::fs::metadata(file).map_err(failed)?.is_file() {
        return Err(unreadable(file, "is no file"));
    }
    let mut bytes = Vec::new();
    File::open(file)
        .and_then(|opened| opened.take(ports_json::LEN_MAX as u64 + 1).read_to_end(&mut bytes))
        .map_err(failed)?;
    if bytes.len() > ports_json::LEN_MAX {
        return Err(unreadable(file, &format!("is longer than {} bytes", ports_json::LEN_MAX)));
    }
    Ok(bytes)
}

/// Nothing can be taken over from this file, and nothing was.
fn unreadable(file: &Path, what: &str) -> Failure {
    Failure::new(Exit::USAGE, "invalid_file", format!("{}: {what}", file.display()), UNCHANGED)
}
