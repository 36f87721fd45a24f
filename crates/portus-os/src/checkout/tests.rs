//! Layouts made by git itself, and by hand where git would not make them.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::*;

struct Disk {
    _dir: TempDir,
    root: PathBuf,
}

impl Disk {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        Self { _dir: dir, root }
    }

    fn path(&self, inside: &str) -> PathBuf {
        self.root.join(inside)
    }

    fn dir(&self, inside: &str) -> PathBuf {
        fs::create_dir_all(self.path(inside)).unwrap();
        self.path(inside)
    }

    fn file(&self, inside: &str, text: &str) -> PathBuf {
        let path = self.path(inside);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    fn repository(&self, inside: &str) -> PathBuf {
        let dir = self.dir(inside);
        git(&dir, ["init", "-q"]);
        git(&dir, ["commit", "-q", "--allow-empty", "-m", "first"]);
        dir
    }
}

fn git<S: AsRef<OsStr>>(dir: &Path, args: impl IntoIterator<Item = S>) {
    let mut command = Command::new("git");
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("GIT_")) {
        command.env_remove(name);
    }
    let config = ["user.name=t", "user.email=t@example.com", "protocol.file.allow=always", "commit.gpgsign=false"];
    command.args(config.iter().flat_map(|setting| ["-c", setting])).arg("-C").arg(dir).args(args);
    command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// The parts that most tests look at.
fn found(dir: &Path) -> (String, PathBuf, Option<String>) {
    let place = locate(dir).unwrap();
    assert_eq!((place.kind, place.note), (Kind::Git, None));
    assert_eq!(worktree_of(&dir.canonicalize().unwrap()), Some(place.worktree.clone()));
    (place.project_name, place.worktree, place.linked)
}

#[test]
fn a_repository_is_named_after_its_directory() {
    let disk = Disk::new();
    let shop = disk.repository("shop");
    let deep = disk.dir("shop/apps/web");
    assert_eq!(found(&shop), ("shop".into(), shop.clone(), None));
    assert_eq!(found(&deep), ("shop".into(), shop.clone(), None));
    assert_eq!(found(&shop.join(".git/hooks")), ("shop".into(), shop.clone(), None));
    assert_eq!(locate(&deep).unwrap().project_dir, shop);
}

#[test]
fn all_worktrees_are_one_project() {
    let disk = Disk::new();
    let shop = disk.repository("shop");
    git(&shop, ["worktree", "add", "-q", "../feature-x"]);
    git(&shop, ["worktree", "add", "-q", "nested/inner"]);
    let (beside, nested) = (disk.path("feature-x"), disk.path("shop/nested/inner"));
    assert_eq!(found(&beside), ("shop".into(), beside.clone(), Some("feature-x".into())));
    assert_eq!(found(&nested), ("shop".into(), nested.clone(), Some("inner".into())));
    assert_eq!(found(&shop.join("nested")), ("shop".into(), shop.clone(), None));
    assert_eq!(locate(&beside).unwrap().project_dir, shop);
}

#[test]
fn a_symlink_leads_to_the_same_place() {
    let disk = Disk::new();
    let shop = disk.repository("shop");
    std::os::unix::fs::symlink(&shop, disk.path("link")).unwrap();
    assert_eq!(locate(&disk.path("link")).unwrap(), locate(&shop).unwrap());
}

#[test]
fn bare_repositories_are_named_without_their_suffix() {
    let disk = Disk::new();
    let source = disk.repository("source");
    for (bare, name) in [("shop.git", "shop"), ("mono/.bare", "mono"), ("plain", "plain")] {
        git(&disk.root, ["clone".as_ref(), "-q".as_ref(), "--bare".as_ref(), source.as_os_str(), bare.as_ref()]);
        let bare = disk.path(bare);
        assert_eq!(found(&bare), (name.into(), bare.clone(), None));
        let tree = disk.path(&format!("trees-of-{name}/one"));
        git(&bare, ["worktree".as_ref(), "add".as_ref(), "-q".as_ref(), tree.as_os_str()]);
        assert_eq!(found(&tree), (name.into(), tree.clone(), Some("one".into())));
    }
}

#[test]
fn the_directory_around_a_hidden_bare_repository_is_a_checkout() {
    let disk = Disk::new();
    let source = disk.repository("source");
    git(&disk.dir("shop"), ["clone".as_ref(), "-q".as_ref(), "--bare".as_ref(), source.as_os_str(), ".bare".as_ref()]);
    disk.file("shop/.git", "gitdir: ./.bare\n");
    let shop = disk.path("shop");
    git(&shop, ["worktree", "add", "-q", "main-copy"]);
    assert_eq!(found(&shop), ("shop".into(), shop.clone(), None));
    let tree = shop.join("main-copy");
    assert_eq!(found(&tree), ("shop".into(), tree.clone(), Some("main-copy".into())));
    assert_eq!(locate(&tree).unwrap().project_dir, shop);
}

#[test]
fn a_submodule_belongs_to_its_superproject() {
    let disk = Disk::new();
    let (library, leaf, shop) = (disk.repository("library"), disk.repository("leaf"), disk.repository("shop"));
    let add = |dir: &Path, source: &Path, path: &str| {
        git(dir, ["submodule".as_ref(), "add".as_ref(), "-q".as_ref(), source.as_os_str(), path.as_ref()]);
        git(dir, ["commit", "-q", "-m", "add"]);
    };
    add(&library, &leaf, "deep/leaf");
    add(&shop, &library, "vendor/library");
    git(&shop, ["submodule", "update", "-q", "--init", "--recursive"]);
    let (inner, innermost) = (shop.join("vendor/library"), shop.join("vendor/library/deep/leaf"));
    assert_eq!(found(&inner), ("shop".into(), inner.clone(), None));
    assert_eq!(found(&innermost), ("shop".into(), innermost.clone(), None));

    git(&shop, ["worktree", "add", "-q", "../feature"]);
    git(&disk.path("feature"), ["submodule", "update", "-q", "--init"]);
    let in_linked = disk.path("feature/vendor/library");
    assert_eq!(found(&in_linked), ("shop".into(), in_linked.clone(), None));
}

#[test]
fn a_submodule_with_its_own_git_directory_is_known_by_the_declaration() {
    let disk = Disk::new();
    disk.repository("shop");
    let (declared, unrelated) = (disk.repository("shop/vendor/lib"), disk.repository("shop/scratch"));
    disk.file("shop/.gitmodules", "[submodule \"lib\"]\n\tpath = vendor/lib\n\turl = ../lib\n");
    assert_eq!(found(&declared).0, "shop");
    assert_eq!(found(&unrelated), ("scratch".into(), unrelated.clone(), None));
}

#[test]
fn a_git_directory_kept_elsewhere_names_the_project() {
    let disk = Disk::new();
    disk.dir("gits");
    git(&disk.root, ["init", "-q", "--separate-git-dir", "gits/shop.git", "work"]);
    assert_eq!(found(&disk.path("work")), ("shop".into(), disk.path("work"), None));
}

#[test]
fn a_git_file_that_leads_nowhere_is_a_note() {
    let disk = Disk::new();
    for text in ["gitdir: ../gone/.git/worktrees/x\n", "", "nonsense"] {
        disk.file("tree/.git", text);
        let place = locate(&disk.dir("tree/inner")).unwrap();
        assert_eq!((place.worktree, place.kind), (disk.path("tree"), Kind::Git));
        assert_eq!(place.project_name, "tree");
        assert!(place.note.unwrap().contains("tree/.git"));
    }
}

#[test]
fn an_empty_git_directory_is_none() {
    let disk = Disk::new();
    disk.dir("plain/.git");
    assert_eq!(locate(&disk.path("plain")).unwrap().kind, Kind::Directory);
    assert_eq!(worktree_of(&disk.path("plain")), None);
}

#[test]
fn outside_git_the_configured_directory_or_the_one_asked_about_counts() {
    let disk = Disk::new();
    let plain = disk.dir("plain/inner");
    let place = locate(&plain).unwrap();
    assert_eq!((place.worktree, place.project_name.as_str()), (plain.clone(), "inner"));
    assert_eq!(place.kind, Kind::Directory);
    assert_eq!(worktree_of(&plain), None);

    disk.file("plain/portus.toml", "");
    assert_eq!(locate(&plain).unwrap().worktree, disk.path("plain"));
    assert_eq!(worktree_of(&plain), Some(disk.path("plain")));
    assert_eq!(worktree_of(&disk.path("plain/removed/since")), Some(disk.path("plain")));
}

#[test]
fn what_is_not_there_or_no_directory_is_an_error() {
    let disk = Disk::new();
    assert_eq!(locate(&disk.path("missing")).unwrap_err().kind(), io::ErrorKind::NotFound);
    let file = disk.file("file", "");
    assert_eq!(locate(&file).unwrap_err().kind(), io::ErrorKind::NotADirectory);
    assert_eq!(locate(Path::new("/")).unwrap().project_name, "root");
}

#[test]
fn a_service_is_named_after_its_package() {
    let disk = Disk::new();
    let root = disk.dir("shop");
    let service = |inside: &str| default_service(&root, &disk.dir(&format!("shop/{inside}")));
    assert_eq!(service(""), "default");
    assert_eq!(service("tools/gen"), "tools-gen");
    disk.file("shop/apps/web/package.json", "{}");
    assert_eq!(service("apps/web"), "apps-web");
    assert_eq!(service("apps/web/src/pages"), "apps-web");
    assert_eq!(service("apps"), "apps");
    disk.file("shop/package.json", "{}");
    assert_eq!(service("apps"), "default");
    assert_eq!(service("apps/web/src"), "apps-web");
    assert_eq!(service(""), "default");
    assert_eq!(default_service(&root, &disk.dir("elsewhere")), "default");
}
