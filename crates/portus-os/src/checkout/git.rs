//! Git's layout on disk (gitrepository-layout(5)), as far as it tells which repository a directory is of.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use super::{canonical, name_of};

/// `.git` and `commondir` hold one path; more than this is not read.
const POINTER_LEN_MAX: u64 = 64 << 10;

/// What `.git` in a directory (or the directory itself, if it is a bare repository) says.
pub(super) enum Checkout {
    /// It belongs to this repository.
    Whole(Repository),
    /// It was a checkout, but what `.git` points to is not there; why, in a sentence.
    Broken(String),
}

/// A repository as one of its checkouts sees it.
pub(super) struct Repository {
    /// The directory that all worktrees share.
    pub(super) common: PathBuf,
    /// The worktree's name in git, if it is not the main one.
    pub(super) linked: Option<String>,
}

/// Whether a checkout begins at this very directory, and of which repository.
pub(super) fn checkout_at(dir: &Path) -> Option<Checkout> {
    let dot_git = dir.join(".git");
    let Ok(found) = fs::metadata(&dot_git) else {
        // Inside `.git` itself, the checkout around it is the answer.
        let bare = is_git_dir(dir) && dir.file_name().is_none_or(|name| name != ".git");
        return bare.then(|| open(dir))?.map(Checkout::Whole);
    };
    if found.is_dir() {
        // Like git, take no notice of a `.git` directory that is no repository.
        return is_git_dir(&dot_git).then(|| open(&dot_git))?.map(Checkout::Whole);
    }
    if !found.is_file() {
        return None;
    }
    let Some(target) = pointer(&dot_git, "gitdir:") else {
        return Some(Checkout::Broken(format!("{} does not say where its repository is", dot_git.display())));
    };
    let target = dir.join(target);
    match is_git_dir(&target).then(|| open(&target)).flatten() {
        Some(repository) => Some(Checkout::Whole(repository)),
        None => Some(Checkout::Broken(format!(
            "{} points to {}, which is no repository (`git worktree repair` mends moved ones)",
            dot_git.display(),
            target.display()
        ))),
    }
}

/// The common directory of the repository that this one is a submodule of, through all levels.
pub(super) fn superproject_of(worktree: &Path, common: &Path) -> Option<PathBuf> {
    let mut outermost = None;
    let mut current = common.to_owned();
    while let Some(parent) = holder_of_module(&current) {
        outermost = Some(parent.clone());
        current = parent;
    }
    outermost.or_else(|| superproject_by_declaration(worktree))
}

/// Of `…/.git/modules/NAME`, the repository of `…/.git`, which may itself be a worktree's or a submodule's.
fn holder_of_module(common: &Path) -> Option<PathBuf> {
    common
        .ancestors()
        .skip(1)
        .filter(|level| level.file_name().is_some_and(|name| name == "modules"))
        .filter_map(Path::parent)
        .find(|holder| is_git_dir(holder))
        .and_then(open)
        .map(|repository| repository.common)
}

/// A submodule that keeps its own `.git` directory is known only by the `.gitmodules` around it.
fn superproject_by_declaration(worktree: &Path) -> Option<PathBuf> {
    let (around, checkout) = worktree.ancestors().skip(1).find_map(|level| Some((level, checkout_at(level)?)))?;
    let Checkout::Whole(repository) = checkout else { return None };
    let inside = worktree.strip_prefix(around).ok()?;
    let declared = read_bounded(&around.join(".gitmodules"))?;
    let is_declared = declared.lines().any(|line| {
        line.trim()
            .strip_prefix("path")
            .and_then(|rest| rest.trim_start().strip_prefix('='))
            .is_some_and(|path| Path::new(path.trim().trim_matches('"')) == inside)
    });
    is_declared.then(|| superproject_of(around, &repository.common).unwrap_or(repository.common))
}

/// The directory that names a repository, and the name: the directory around `.git`, `.bare` or another
/// hidden name; else the repository's own directory, without `.git` at the end.
pub(super) fn named_after(common: &Path) -> (PathBuf, String) {
    let own = name_of(common);
    match common.parent() {
        Some(parent) if own.starts_with('.') => (parent.to_owned(), name_of(parent)),
        _ => (common.to_owned(), own.strip_suffix(".git").unwrap_or(&own).to_owned()),
    }
}

fn open(git_dir: &Path) -> Option<Repository> {
    let git_dir = canonical(git_dir).ok()?;
    match pointer(&git_dir.join("commondir"), "") {
        Some(common) => {
            Some(Repository { common: canonical(&git_dir.join(common)).ok()?, linked: Some(name_of(&git_dir)) })
        }
        None => Some(Repository { common: git_dir, linked: None }),
    }
}

/// The same test as git's own: a HEAD, and objects and refs here or in a common directory.
fn is_git_dir(dir: &Path) -> bool {
    // A HEAD may be a symlink to a branch that does not exist yet.
    dir.join("HEAD").symlink_metadata().is_ok()
        && (dir.join("commondir").is_file() || (dir.join("objects").is_dir() && dir.join("refs").is_dir()))
}

/// The path in a file that holds nothing else, after a prefix.
fn pointer(file: &Path, prefix: &str) -> Option<PathBuf> {
    let text = read_bounded(file)?;
    let path = text.strip_prefix(prefix)?.trim_end_matches(['\n', '\r']);
    let path = if prefix.is_empty() { path } else { path.trim_start() };
    (!path.is_empty()).then(|| PathBuf::from(path))
}

fn read_bounded(file: &Path) -> Option<String> {
    let mut text = Vec::new();
    File::open(file).ok()?.take(POINTER_LEN_MAX).read_to_end(&mut text).ok()?;
    Some(String::from_utf8_lossy(&text).into_owned())
}
