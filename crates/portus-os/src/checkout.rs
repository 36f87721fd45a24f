//! Where a directory lies: in which project, in which worktree, at which package.
//!
//! Reads `.git`, `gitdir:` files and `commondir` itself. Never runs git, and takes no notice of
//! `GIT_DIR` and its like: the same directory means the same place for everybody.

mod git;
mod service;

use std::io;
use std::path::{Path, PathBuf};

pub use service::default_service;

/// The file that makes a directory outside git a project.
const CONFIG_FILE: &str = "portus.toml";

/// What made a directory a project.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A git repository.
    Git,
    /// A directory outside git: one that holds `portus.toml`, or the one that was asked about.
    Directory,
}

/// Where a directory lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The directory that names the project: the main worktree of the repository (the superproject's,
    /// for a submodule), or the bare repository.
    pub project_dir: PathBuf,
    /// The project's name; never empty.
    pub project_name: String,
    /// The innermost checkout that contains the directory. Absolute, without symlinks.
    pub worktree: PathBuf,
    /// The name git gave the worktree, if it is not the repository's main one.
    pub linked: Option<String>,
    /// What made it a project.
    pub kind: Kind,
    /// What is wrong here, in a sentence for people: a `.git` file that leads nowhere.
    pub note: Option<String>,
}

/// Finds out where a directory lies.
///
/// # Errors
/// When the directory does not exist or may not be looked at, or is a file.
pub fn locate(dir: &Path) -> io::Result<Place> {
    let dir = canonical(dir)?;
    if !dir.is_dir() {
        return Err(io::Error::new(io::ErrorKind::NotADirectory, format!("{} is not a directory", dir.display())));
    }
    match dir.ancestors().find_map(|level| Some((level, git::checkout_at(level)?))) {
        Some((level, git::Checkout::Whole(repository))) => Ok(in_repository(level, &repository)),
        Some((level, git::Checkout::Broken(why))) => Ok(in_directory(level, Kind::Git, Some(why))),
        None => {
            let level = configured_directory(&dir).unwrap_or(&dir);
            Ok(in_directory(level, Kind::Directory, None))
        }
    }
}

/// The innermost checkout or `portus.toml` directory that contains a path. `None` outside of both: there
/// a path belongs to whichever directory somebody asked from. Looks at nothing but the path's ancestors,
/// and takes the path as it stands (absolute, without symlinks), whether or not it still exists.
#[must_use]
pub fn worktree_of(path: &Path) -> Option<PathBuf> {
    let checkout = path.ancestors().find(|level| git::checkout_at(level).is_some());
    checkout.or_else(|| configured_directory(path)).map(Path::to_owned)
}

fn in_repository(worktree: &Path, repository: &git::Repository) -> Place {
    let common = git::superproject_of(worktree, &repository.common).unwrap_or_else(|| repository.common.clone());
    let (project_dir, project_name) = git::named_after(&common);
    Place {
        project_dir,
        project_name,
        worktree: worktree.to_owned(),
        linked: repository.linked.clone(),
        kind: Kind::Git,
        note: None,
    }
}

fn in_directory(level: &Path, kind: Kind, note: Option<String>) -> Place {
    Place {
        project_dir: level.to_owned(),
        project_name: name_of(level),
        worktree: level.to_owned(),
        linked: None,
        kind,
        note,
    }
}

/// The nearest directory upward that holds `portus.toml`. Home and the root count only for themselves:
/// a file left there would make one project of everything.
fn configured_directory(dir: &Path) -> Option<&Path> {
    let home = std::env::home_dir().and_then(|home| canonical(&home).ok());
    let too_wide = |level: &Path| level != dir && (level.parent().is_none() || home.as_deref() == Some(level));
    dir.ancestors().find(|level| !too_wide(level) && level.join(CONFIG_FILE).is_file())
}

/// The last part of a path as text.
fn name_of(dir: &Path) -> String {
    dir.file_name().map_or_else(|| "root".to_owned(), |name| name.to_string_lossy().into_owned())
}

/// An absolute path without symlinks, in the form that people and other programs write it.
fn canonical(path: &Path) -> io::Result<PathBuf> {
    let path = path.canonicalize()?;
    // Windows answers with `\\?\C:\…`, which few programs understand and nobody types.
    let plain = path.to_str().and_then(|text| text.strip_prefix(r"\\?\")).filter(|rest| !rest.starts_with("UNC"));
    Ok(plain.map_or_else(|| path.clone(), PathBuf::from))
}

#[cfg(all(test, unix))]
mod tests;
