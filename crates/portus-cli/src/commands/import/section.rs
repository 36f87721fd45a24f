//! The `port:` section of an earlier registry's YAML, as a service of `portus.toml`.

use std::path::Path;

use portus_client::Workspace;
use portus_client::config::{ConfigError, EarlierSection};

use super::project_file::{Edit, Setting};
use super::{Args, Imported, UNCHANGED};
use crate::exit::Exit;
use crate::failure::Failure;

pub(super) fn import(args: &Args, text: &str, workspace: &Workspace) -> Result<Imported, Failure> {
    let worktree = Path::new(&workspace.worktree);
    let section =
        EarlierSection::read(&args.file, text, worktree, &|name| std::env::var(name).ok()).map_err(misread)?;
    let settings = settings(&section, workspace)?;
    let edit = Edit::of(worktree, &settings, args.force)?;
    let mut notes = section.notes;
    notes.extend(edit.notes.iter().cloned());
    if edit.diff.is_empty() {
        notes.push("portus.toml stays as it is".to_owned());
    } else if args.dry_run {
        notes.push("nothing was written: this is what portus.toml would become".to_owned());
    } else {
        edit.write()?;
    }
    Ok(Imported { diff: Some(edit.diff), dry_run: args.dry_run, notes, ..Imported::default() })
}

/// What it says, in the terms of the project's file.
fn settings(section: &EarlierSection, workspace: &Workspace) -> Result<Vec<Setting>, Failure> {
    let service = match &section.service {
        Some(service) => service.clone(),
        None => workspace.service()?,
    };
    let port = |port: portus_core::Port| i64::from(port.number()).into();
    let of_service = [
        ("preferred", section.preferred.map(port)),
        ("range", section.range.map(|range| range.to_string().into())),
        ("fallback", section.fallback.map(port)),
    ];
    let tables = || vec!["services".to_owned(), service.to_string()];
    let mut settings: Vec<Setting> = of_service
        .into_iter()
        .filter_map(|(key, value)| Some(Setting { tables: tables(), key, value: value? }))
        .collect();
    if let Some(path) = &section.mirror {
        settings.push(Setting { tables: vec!["mirror".to_owned()], key: "ports_json", value: path.as_str().into() });
    }
    Ok(settings)
}

fn misread(error: ConfigError) -> Failure {
    Failure::new(Exit::USAGE, "invalid_file", error.to_string(), UNCHANGED)
}
