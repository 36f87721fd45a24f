//! Files that nobody but this user reads, writes, or has put there.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

/// Makes an empty file for this user alone (mode 0600). A plain file that lies there already is renamed to the same
/// name with `.1` at its end, in place of an older one.
///
/// Its directory must be this user's, and writable by nobody else; a link is not followed.
///
/// # Errors
/// [`io::ErrorKind::PermissionDenied`] when others could have a hand in it; [`io::ErrorKind::AlreadyExists`] when
/// something else than a plain file lies there; else what the system says.
pub fn replace_private(path: &Path) -> io::Result<File> {
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    refuse_shared(dir)?;
    match path.symlink_metadata() {
        Ok(found) if found.is_file() => std::fs::rename(path, older(path))?,
        Ok(_) => {
            let text = format!("{} is there, and is no plain file: name another one", path.display());
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, text));
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let mut options = OpenOptions::new();
    // What is made anew is no link, whoever is quick in between.
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn older(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".1");
    PathBuf::from(name)
}

#[cfg(unix)]
fn refuse_shared(dir: &Path) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt as _;
    let found = dir.metadata()?;
    if found.uid() == super::user::uid() && found.mode() & 0o022 == 0 {
        return Ok(());
    }
    let text = format!("others can write in {}: name a file in a directory of your own", dir.display());
    Err(io::Error::new(io::ErrorKind::PermissionDenied, text))
}

/// Below the user's profile, directories inherit an access list that keeps other users out.
#[cfg(windows)]
fn refuse_shared(_dir: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    fn mode(file: &File) -> u32 {
        file.metadata().map_or(0, |found| found.permissions().mode() & 0o777)
    }

    #[test]
    fn what_lay_there_is_kept_once_and_the_new_one_is_private() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("trace");
        for text in ["one", "two", "three"] {
            let file = replace_private(&path).unwrap();
            assert_eq!((std::fs::read(&path).unwrap().len(), mode(&file)), (0, 0o600));
            std::fs::write(&path, text).unwrap();
        }
        assert_eq!(std::fs::read_to_string(older(&path)).unwrap(), "two");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn no_link_is_followed_and_nothing_strange_is_moved() {
        let folder = tempfile::tempdir().unwrap();
        let (path, target) = (folder.path().join("trace"), folder.path().join("target"));
        std::fs::write(&target, "precious").unwrap();
        std::os::unix::fs::symlink(&target, &path).unwrap();
        assert_eq!(replace_private(&path).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        std::fs::remove_file(&path).unwrap();
        std::fs::create_dir(&path).unwrap();
        assert_eq!(replace_private(&path).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(std::fs::read_to_string(&target).unwrap(), "precious");
    }

    #[test]
    fn a_directory_in_which_others_write_will_not_do() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("trace");
        for shared in [0o770, 0o707, 0o1777] {
            std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(shared)).unwrap();
            assert_eq!(replace_private(&path).unwrap_err().kind(), io::ErrorKind::PermissionDenied, "{shared:o}");
        }
        assert!(!path.exists());
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        replace_private(&path).unwrap();
    }
}
