//! Directories: which worktrees have leases, and which are gone.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use super::patience::Patience;

/// The worktrees of live leases, shared with whoever gathers. A directory outside of git is a
/// worktree only because somebody asked from there, so nothing on the disk tells.
#[derive(Debug, Clone, Default)]
pub(crate) struct Worktrees {
    counts: Arc<Mutex<BTreeMap<Arc<str>, usize>>>,
}

impl Worktrees {
    /// One more lease of this worktree.
    pub(crate) fn add(&self, worktree: &Arc<str>) {
        *self.counts().entry(Arc::clone(worktree)).or_default() += 1;
    }

    /// One fewer.
    pub(crate) fn remove(&self, worktree: &Arc<str>) {
        let mut counts = self.counts();
        if let Some(count) = counts.get_mut(worktree) {
            *count -= 1;
            if *count == 0 {
                counts.remove(worktree);
            }
        }
    }

    /// The innermost worktree of a live lease that a directory lies in.
    pub(crate) fn around(&self, directory: &Path) -> Option<Arc<str>> {
        let counts = self.counts();
        directory.ancestors().find_map(|level| counts.get_key_value(level.to_str()?).map(|(known, _)| known.clone()))
    }

    fn counts(&self) -> MutexGuard<'_, BTreeMap<Arc<str>, usize>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Those of these worktrees whose path is missing while its parent is there. (A parent that is
/// missing as well may be a disk that is not mounted, as may be one that does not answer.)
pub(crate) fn missing_worktrees(worktrees: impl IntoIterator<Item = Arc<str>>) -> Vec<Arc<str>> {
    static DISKS: LazyLock<Patience<bool>> = LazyLock::new(|| Patience::new(is_gone));
    worktrees.into_iter().filter(|worktree| DISKS.ask(Path::new(&**worktree)) == Some(true)).collect()
}

fn is_gone(path: &Path) -> bool {
    matches!(path.try_exists(), Ok(false)) && path.parent().is_some_and(Path::is_dir)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_lies_in_the_innermost_worktree_that_is_in_use() {
        let worktrees = Worktrees::default();
        let (outer, inner): (Arc<str>, Arc<str>) = ("/w".into(), "/w/inner".into());
        worktrees.add(&outer);
        worktrees.add(&inner);
        worktrees.add(&inner);
        let around = |path: &str| worktrees.around(Path::new(path)).map(|found| found.to_string());
        assert_eq!(around("/w/inner/src").as_deref(), Some("/w/inner"));
        assert_eq!(around("/w/innermost").as_deref(), Some("/w"));
        assert_eq!(around("/elsewhere"), None);
        worktrees.remove(&inner);
        assert_eq!(around("/w/inner").as_deref(), Some("/w/inner"));
        worktrees.remove(&inner);
        assert_eq!(around("/w/inner").as_deref(), Some("/w"));
        worktrees.remove(&inner);
        worktrees.remove(&outer);
        assert_eq!(around("/w"), None);
    }

    #[test]
    fn only_a_worktree_whose_parent_is_there_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| -> Arc<str> { folder.path().join(name).to_str().unwrap().into() };
        std::fs::create_dir(folder.path().join("there")).unwrap();
        let all = [path("there"), path("gone"), path("unmounted/gone")];
        assert_eq!(missing_worktrees(all), [path("gone")]);
    }
}
