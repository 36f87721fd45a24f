#![expect(clippy::unwrap_used, reason = "tests report by panicking")]

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use super::*;

const FILE: &str = ".ports.json";

fn place() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    (folder, root)
}

fn open(root: &Path, file: &str) -> Inside {
    Inside::open(root, Path::new(file)).unwrap()
}

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o7777
}

#[test]
fn a_file_is_made_read_and_replaced() {
    let (_folder, root) = place();
    fs::create_dir(root.join("sub")).unwrap();
    let file = open(&root, "./sub/.ports.json");
    assert_eq!(file.read(100).unwrap(), None);
    file.replace(b"one").unwrap();
    file.replace(b"two").unwrap();
    assert_eq!(file.read(100).unwrap().unwrap(), b"two");
    assert_eq!(file.read(2).unwrap().unwrap(), b"tw");
    assert_eq!(fs::read_dir(root.join("sub")).unwrap().count(), 1, "no draft is left");
}

#[test]
fn another_writers_draft_is_neither_written_to_nor_removed() {
    let (_folder, root) = place();
    let (own, other) = (draft_name(), draft_name());
    assert_ne!(own, other);
    let other = root.join(other);
    fs::write(&other, "half").unwrap();
    open(&root, FILE).replace(b"one").unwrap();
    assert_eq!(fs::read(other).unwrap(), b"half");
    assert_eq!(fs::read(root.join(FILE)).unwrap(), b"one");
}

#[test]
fn what_a_dead_writer_left_behind_is_removed_and_nothing_else() {
    let (_folder, root) = place();
    let outside = tempfile::tempdir().unwrap();
    let treasure = outside.path().join("treasure");
    let old = SystemTime::now() - DRAFT_AGE_MAX - Duration::from_secs(60);
    let age = |path: &Path| fs::File::options().write(true).open(path).unwrap().set_modified(old).unwrap();
    for name in [&*draft_name(), "portus-new-1", ".ports.json.backup"] {
        fs::write(root.join(name), "").unwrap();
        age(&root.join(name));
    }
    fs::write(&treasure, "kept").unwrap();
    age(&treasure);
    symlink(&treasure, root.join(draft_name())).unwrap();
    open(&root, FILE).replace(b"one").unwrap();
    let mut left: Vec<_> = fs::read_dir(&root).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left.len(), 4, "{left:?}");
    assert!(left.iter().any(|name| name == ".ports.json.backup") && left.iter().any(|name| name == "portus-new-1"));
    assert_eq!(fs::read(treasure).unwrap(), b"kept");
}

#[test]
fn it_is_as_readable_as_the_one_before_or_its_directory() {
    let (_folder, root) = place();
    for (dir, file) in [(0o755, 0o644), (0o700, 0o600), (0o775, 0o664), (0o777, 0o664)] {
        fs::set_permissions(&root, fs::Permissions::from_mode(dir)).unwrap();
        open(&root, FILE).replace(b"one").unwrap();
        assert_eq!(mode(&root.join(FILE)), file, "in a directory of {dir:o}");
        fs::remove_file(root.join(FILE)).unwrap();
    }
    fs::write(root.join(FILE), "").unwrap();
    fs::set_permissions(root.join(FILE), fs::Permissions::from_mode(0o755)).unwrap();
    open(&root, FILE).replace(b"one").unwrap();
    assert_eq!(mode(&root.join(FILE)), 0o644);
}

#[test]
fn no_symlink_is_followed() {
    let (_folder, root) = place();
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("treasure"), "kept").unwrap();
    symlink(outside.path(), root.join("link")).unwrap();
    symlink(outside.path().join("treasure"), root.join(FILE)).unwrap();
    let through = Inside::open(&root, Path::new("link/treasure")).unwrap_err();
    assert!(matches!(&through, InsideError::Symlink(path) if *path == root.join("link")), "{through}");
    let root_link = Inside::open(&root.join("link"), Path::new("treasure")).unwrap_err();
    assert!(matches!(root_link, InsideError::Symlink(_)), "{root_link}");
    let file = open(&root, FILE);
    for refused in [file.read(100).map(drop), file.replace(b"gone")] {
        assert!(matches!(&refused, Err(InsideError::Symlink(path)) if *path == root.join(FILE)), "{refused:?}");
    }
    assert_eq!(fs::read(outside.path().join("treasure")).unwrap(), b"kept");
}

#[test]
fn a_directory_that_is_swapped_for_a_link_is_not_written_through() {
    let (_folder, root) = place();
    let outside = tempfile::tempdir().unwrap();
    fs::create_dir(root.join("sub")).unwrap();
    let file = open(&root, "sub/.ports.json");
    fs::rename(root.join("sub"), root.join("moved")).unwrap();
    symlink(outside.path(), root.join("sub")).unwrap();
    file.replace(b"one").unwrap();
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
    assert_eq!(fs::read(root.join("moved").join(FILE)).unwrap(), b"one");
}

#[test]
fn what_is_no_file_is_left_alone() {
    let (_folder, root) = place();
    fs::create_dir(root.join(FILE)).unwrap();
    let file = open(&root, FILE);
    assert!(matches!(file.read(100), Err(InsideError::NotAFile(_))));
    assert!(matches!(file.replace(b"one"), Err(InsideError::NotAFile(_))));
}

#[test]
fn paths_that_lead_elsewhere_are_refused() {
    let (_folder, root) = place();
    for file in ["../x", "a/../../x", "/etc/x", "", "."] {
        let refused = Inside::open(&root, Path::new(file)).unwrap_err();
        assert!(matches!(refused, InsideError::Leaves(_)), "{file}: {refused}");
    }
    assert!(matches!(Inside::open(Path::new("relative"), Path::new(FILE)), Err(InsideError::Leaves(_))));
    assert!(Inside::open(&root, Path::new("missing/x")).unwrap_err().is_missing());
}

#[test]
fn copies_are_numbered_and_never_overwritten() {
    let (_folder, root) = place();
    let file = open(&root, FILE);
    for (content, backup) in [("a", ".ports.json.backup"), ("b", ".ports.json.backup.2"), ("c", ".ports.json.backup.3")]
    {
        file.replace(content.as_bytes()).unwrap();
        assert_eq!(file.set_aside().unwrap(), backup);
        assert!(root.join(FILE).exists(), "there is a file at every moment");
        file.replace(b"new").unwrap();
        assert_eq!(fs::read_to_string(root.join(backup)).unwrap(), content);
    }
}
