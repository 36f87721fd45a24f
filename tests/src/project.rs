//! Repositories and worktrees as users have them, made by the real git.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A repository's main worktree.
#[derive(Debug)]
pub struct Project {
    path: PathBuf,
}

impl Project {
    pub(crate) fn init(path: &Path) -> Self {
        std::fs::create_dir_all(path).unwrap();
        let project = Self { path: path.canonicalize().unwrap() };
        project.git(&["init", "--quiet", "--initial-branch=main"]);
        project.git(&["commit", "--quiet", "--allow-empty", "--message=first"]);
        project
    }

    /// Its main worktree.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A linked worktree beside it.
    pub fn worktree(&self, name: &str) -> PathBuf {
        let path = self.path.parent().unwrap().join(name);
        self.git(&["worktree", "add", "--quiet", "-b", name, path.to_str().unwrap()]);
        path.canonicalize().unwrap()
    }

    /// A linked worktree inside it.
    pub fn nested_worktree(&self, path: &str) -> PathBuf {
        self.git(&["worktree", "add", "--quiet", "-b", &path.replace('/', "-"), path]);
        self.path.join(path).canonicalize().unwrap()
    }

    fn git(&self, args: &[&str]) {
        let identity = ["-c", "user.name=test", "-c", "user.email=test@localhost", "-c", "commit.gpgsign=false"];
        let mut git = Command::new("git");
        git.args(identity).args(args).current_dir(&self.path).env_remove("GIT_DIR");
        git.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_SYSTEM", "/dev/null");
        let output = git.output().unwrap();
        assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
}
