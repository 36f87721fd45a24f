//! By paths: each part is looked at first. Whoever can swap one for a link meanwhile is the user.

use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use super::{InsideError, backup_names, draft_name, is_left_behind, parts};

/// A file that may be there or not, in a directory that is.
#[derive(Debug)]
pub struct Inside {
    dir: PathBuf,
    name: OsString,
}

impl Inside {
    /// Finds the place of `file` below `root`, which is an absolute path without symlinks.
    ///
    /// # Errors
    /// When the path leaves `root`, leads through a symlink, or its directory cannot be looked at.
    pub fn open(root: &Path, file: &Path) -> Result<Self, InsideError> {
        let (below, name) = parts(file)?;
        if !root.is_absolute() {
            return Err(InsideError::Leaves(root.to_owned()));
        }
        let mut dir = root.to_owned();
        for part in std::iter::once(None).chain(below.into_iter().map(Some)) {
            dir.extend(part);
            let found = fs::symlink_metadata(&dir).map_err(|source| failed("open", &dir, source))?;
            if found.is_symlink() {
                return Err(InsideError::Symlink(dir));
            }
        }
        Ok(Self { dir, name: name.to_owned() })
    }

    /// At most `len_max` bytes of what is there; `None` when nothing is.
    ///
    /// # Errors
    /// When it is no regular file, or cannot be read.
    pub fn read(&self, len_max: usize) -> Result<Option<Vec<u8>>, InsideError> {
        let path = self.path();
        if !self.is_there()? {
            return Ok(None);
        }
        let mut bytes = Vec::new();
        let read = fs::File::open(&path).and_then(|file| file.take(len_max as u64).read_to_end(&mut bytes));
        read.map_err(|source| failed("read", &path, source))?;
        Ok(Some(bytes))
    }

    /// Puts these bytes there at once: whoever reads sees the old content or the new, whole.
    ///
    /// # Errors
    /// When it is no regular file, or cannot be written. What was there stays then.
    pub fn replace(&self, bytes: &[u8]) -> Result<(), InsideError> {
        self.is_there()?;
        self.clear_left_behind();
        let (path, draft) = (self.path(), self.dir.join(draft_name()));
        let made = OpenOptions::new().write(true).create_new(true).open(&draft);
        let mut file = made.map_err(|source| failed("write", &path, source))?;
        let written = file.write_all(bytes);
        // What is open cannot be renamed here.
        drop(file);
        written.and_then(|()| fs::rename(&draft, &path)).map_err(|source| {
            let _ = fs::remove_file(&draft);
            failed("write", &path, source)
        })
    }

    /// Keeps what is there under another name, which is returned. Until it is replaced it has both names.
    ///
    /// # Errors
    /// When that cannot be done. No other file is overwritten.
    pub fn set_aside(&self) -> Result<OsString, InsideError> {
        for backup in backup_names(&self.name) {
            match fs::hard_link(self.path(), self.dir.join(&backup)) {
                Ok(()) => return Ok(backup),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(source) => return Err(failed("set aside", &self.path(), source)),
            }
        }
        Err(InsideError::TooManyBackups(self.path()))
    }

    /// Removes what dead writers left behind, as far as the directory can be read.
    fn clear_left_behind(&self) {
        for entry in fs::read_dir(&self.dir).into_iter().flatten().filter_map(Result::ok) {
            if is_left_behind(&entry.file_name(), || entry.metadata().and_then(|found| found.modified()).ok()) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    fn path(&self) -> PathBuf {
        self.dir.join(&self.name)
    }

    fn is_there(&self) -> Result<bool, InsideError> {
        let path = self.path();
        match fs::symlink_metadata(&path) {
            Ok(found) if found.is_symlink() => Err(InsideError::Symlink(path)),
            Ok(found) if !found.is_file() => Err(InsideError::NotAFile(path)),
            Ok(_) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(source) => Err(failed("look at", &path, source)),
        }
    }
}

fn failed(action: &'static str, path: &Path, source: io::Error) -> InsideError {
    InsideError::Io { action, path: path.to_owned(), source }
}
