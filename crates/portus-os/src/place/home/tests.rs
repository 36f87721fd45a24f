//! Which directory it is, and when it may be used.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, lchown, symlink};

use super::*;

const STRANGER: u32 = 4_000_000;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn by_default() -> PathBuf {
    PathBuf::from("/the/default")
}

#[test]
fn the_variable_moves_the_home_and_an_empty_one_does_not() {
    let chosen = |variable: Option<&str>| Home::choose(variable.map(OsStr::new), by_default).unwrap();
    assert_eq!(chosen(Some("/elsewhere")).dir(), Path::new("/elsewhere"));
    assert_eq!(chosen(Some("")).dir(), by_default());
    assert_eq!(chosen(None).dir(), by_default());
}

#[test]
fn a_relative_home_is_refused() {
    let error = Home::choose(Some(OsStr::new("some/where")), by_default).unwrap_err();
    assert!(matches!(&error, PlaceError::NotAbsolute(path) if path == Path::new("some/where")));
    assert_eq!(error.to_string(), "PORTUS_HOME is `some/where`, which is not an absolute path");
    assert_eq!(error.hint(), "set PORTUS_HOME to an absolute path, or unset it");
}

#[test]
fn a_home_whose_socket_has_too_long_a_path_is_refused_exactly_then() {
    let longest = |len: usize| format!("/{}", "x".repeat(len - 1 - "/portus.sock".len()));
    let choose = |dir: &str| Home::choose(Some(OsStr::new(dir)), by_default);
    assert!(choose(&longest(SOCKET_PATH_LEN_MAX)).is_ok());
    let error = choose(&longest(SOCKET_PATH_LEN_MAX + 1)).unwrap_err();
    assert!(matches!(error, PlaceError::SocketPathTooLong { len, limit, .. } if len == limit + 1));
    assert!(error.hint().contains("shorter"));
    assert!(matches!(Home::at(longest(200)).ensure(), Err(PlaceError::SocketPathTooLong { len: 200, .. })));
}

#[test]
fn everything_lies_in_the_directory() {
    let home = Home::at("/somewhere");
    for path in [home.socket(), home.lock(), home.start_lock(), home.journal(), home.log()] {
        assert_eq!(path.parent(), Some(home.dir()));
    }
}

#[test]
fn ensuring_makes_all_directories_for_this_user_alone() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::at(folder.path().join("a/b"));
    home.ensure().unwrap();
    assert_eq!((mode(home.dir()), mode(home.dir().parent().unwrap())), (0o700, 0o700));
    home.ensure().unwrap();
}

#[test]
fn ensuring_shuts_an_open_directory() {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    Home::at(folder.path()).ensure().unwrap();
    assert_eq!(mode(folder.path()), 0o700);
}

#[test]
fn a_directory_of_another_user_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let dir = if is_root() {
        let dir = folder.path().join("theirs");
        fs::create_dir(&dir).unwrap();
        lchown(&dir, Some(STRANGER), None).unwrap();
        dir
    } else {
        PathBuf::from("/")
    };
    let error = Home::at(&dir).ensure().unwrap_err();
    assert!(matches!(&error, PlaceError::ForeignOwner { path, .. } if *path == dir), "{error}");
}

#[test]
fn a_link_of_ours_is_followed_and_one_of_another_user_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let (target, link) = (folder.path().join("target"), folder.path().join("link"));
    fs::create_dir(&target).unwrap();
    symlink(&target, &link).unwrap();
    Home::at(&link).ensure().unwrap();
    assert_eq!(mode(&target), 0o700);
    if is_root() {
        lchown(&link, Some(STRANGER), None).unwrap();
        let error = Home::at(&link).ensure().unwrap_err();
        assert!(matches!(error, PlaceError::ForeignOwner { owner: STRANGER, user: 0, .. }));
    }
}

#[test]
fn what_is_no_directory_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    assert!(matches!(Home::at(&file).ensure(), Err(PlaceError::NotADirectory(path)) if path == file));
    assert!(matches!(Home::at(file.join("below")).ensure(), Err(PlaceError::Io { action: "create", .. })));
}

#[test]
fn the_temporary_directory_stands_in_for_a_home_that_cannot_be_used() {
    let folder = tempfile::tempdir().unwrap();
    let stand_in = PathBuf::from("/tmp/portus-7");
    let chosen = |state: Option<PathBuf>| unix::state_or_temporary(state, Path::new("/tmp"), 7);

    let usable = folder.path().join(".local/state/portus");
    assert_eq!(chosen(Some(usable.clone())), usable);
    assert_eq!(chosen(None), stand_in);

    // Not even root makes a directory below a file.
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    assert_eq!(chosen(Some(file.join("portus"))), stand_in);
}

#[test]
fn a_home_in_use_is_used_even_where_this_process_may_not_write() {
    if is_root() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("portus");
    fs::create_dir(&dir).unwrap();
    fs::write(dir.join("portus.sock"), "").unwrap();
    fs::set_permissions(&dir, Permissions::from_mode(0o500)).unwrap();
    assert_eq!(unix::state_or_temporary(Some(dir.clone()), Path::new("/tmp"), 7), dir);
    fs::remove_file(dir.join("portus.sock")).unwrap_err();
    fs::set_permissions(&dir, Permissions::from_mode(0o700)).unwrap();
}
