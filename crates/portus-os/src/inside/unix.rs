//! By descriptors: each directory is opened below the one before, so nobody can put a symlink in between meanwhile.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, RawMode, RenameFlags};

use super::{InsideError, backup_names, draft_name, is_left_behind, parts};

/// Enough to open what lies below, also where the directory's names may not be read.
#[cfg(target_os = "linux")]
const LOOK_THROUGH: OFlags = OFlags::PATH;
#[cfg(not(target_os = "linux"))]
const LOOK_THROUGH: OFlags = OFlags::RDONLY;

/// A file that may be there or not, in a directory that is.
#[derive(Debug)]
pub struct Inside {
    dir: OwnedFd,
    name: OsString,
    /// For messages only.
    path: PathBuf,
}

impl Inside {
    /// Finds the place of `file` below `root`, which is an absolute path without symlinks.
    ///
    /// # Errors
    /// When the path leaves `root`, leads through a symlink, or its directory cannot be opened.
    pub fn open(root: &Path, file: &Path) -> Result<Self, InsideError> {
        let (below, name) = parts(file)?;
        let above = root.strip_prefix("/").map_err(|_| InsideError::Leaves(root.to_owned()))?;
        let (above, last) = parts(above)?;
        let mut path = PathBuf::from("/");
        let flags = LOOK_THROUGH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let opened = rustix::fs::openat(CWD, "/", flags, Mode::empty());
        let mut dir = opened.map_err(|error| failed("open", &path, error))?;
        for part in above.into_iter().chain([last]).chain(below) {
            path.push(part);
            let next = rustix::fs::openat(&dir, part, flags | OFlags::NOFOLLOW, Mode::empty());
            dir = next.map_err(|error| match kind_of(&dir, part) {
                Ok(Some((FileType::Symlink, _))) => InsideError::Symlink(path.clone()),
                _ => failed("open", &path, error),
            })?;
        }
        Ok(Self { dir, name: name.to_owned(), path: path.join(name) })
    }

    /// At most `len_max` bytes of what is there; `None` when nothing is.
    ///
    /// # Errors
    /// When it is no regular file, or cannot be read.
    pub fn read(&self, len_max: usize) -> Result<Option<Vec<u8>>, InsideError> {
        if self.mode()?.is_none() {
            return Ok(None);
        }
        // Somebody may have put a pipe there meanwhile, which must not be waited for.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let read = || -> io::Result<Vec<u8>> {
            let file = File::from(rustix::fs::openat(&self.dir, &self.name, flags, Mode::empty())?);
            let mut bytes = Vec::new();
            file.take(len_max as u64).read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        match read() {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(InsideError::Io { action: "read", path: self.path.clone(), source }),
        }
    }

    /// Puts these bytes there at once: whoever reads sees the old content or the new, whole. The file is as readable
    /// as the one before, or as its directory, and not executable.
    ///
    /// # Errors
    /// When it is no regular file, or cannot be written. What was there stays then.
    pub fn replace(&self, bytes: &[u8]) -> Result<(), InsideError> {
        let mode = self.mode()?;
        self.clear_left_behind();
        let draft = draft_name();
        let failed = |source| InsideError::Io { action: "write", path: self.path.clone(), source };
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&self.dir, &*draft, flags, Mode::RUSR | Mode::WUSR);
        // From here on the name is this writer's own, and removed by nobody else.
        let file = file.map_err(|error| failed(error.into()))?;
        let outcome = self.fill(file, mode, bytes).and_then(|()| {
            // A symlink put there meanwhile is replaced itself, and not followed.
            Ok(rustix::fs::renameat(&self.dir, &*draft, &self.dir, &self.name)?)
        });
        if outcome.is_err() {
            let _ = rustix::fs::unlinkat(&self.dir, &*draft, AtFlags::empty());
        }
        outcome.map_err(failed)
    }

    /// Keeps what is there under another name, which is returned. Until it is replaced it has both names, where the
    /// file system can do that.
    ///
    /// # Errors
    /// When that cannot be done. No other file is overwritten.
    pub fn set_aside(&self) -> Result<OsString, InsideError> {
        for backup in backup_names(&self.name) {
            let (dir, name) = (&self.dir, &self.name);
            let linked = rustix::fs::linkat(dir, name, dir, &backup, AtFlags::empty());
            let kept = linked.or_else(|error| match error {
                rustix::io::Errno::EXIST => Err(error),
                _ => rustix::fs::renameat_with(dir, name, dir, &backup, RenameFlags::NOREPLACE),
            });
            match kept {
                Ok(()) => return Ok(backup),
                Err(rustix::io::Errno::EXIST) => {}
                Err(error) => return Err(failed("set aside", &self.path, error)),
            }
        }
        Err(InsideError::TooManyBackups(self.path.clone()))
    }

    fn fill(&self, file: OwnedFd, mode: Option<RawMode>, bytes: &[u8]) -> io::Result<()> {
        let mode = match mode {
            Some(mode) => mode & 0o666,
            // What its maker's umask left of it, but that others never write.
            None => rustix::fs::fstat(&self.dir)?.st_mode & 0o664,
        };
        rustix::fs::fchmod(&file, Mode::from_raw_mode(mode))?;
        File::from(file).write_all(bytes)
    }

    /// Removes what dead writers left behind, as far as the directory can be read.
    fn clear_left_behind(&self) {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let entries = rustix::fs::openat(&self.dir, ".", flags, Mode::empty()).and_then(rustix::fs::Dir::new);
        let Ok(entries) = entries else { return };
        for entry in entries.filter_map(Result::ok) {
            let name = OsStr::from_bytes(entry.file_name().to_bytes());
            // Asked of few: the name is looked at first.
            let written = || {
                let found = rustix::fs::statat(&self.dir, name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
                UNIX_EPOCH.checked_add(Duration::from_secs(u64::try_from(found.st_mtime).ok()?))
            };
            if is_left_behind(name, written) {
                let _ = rustix::fs::unlinkat(&self.dir, name, AtFlags::empty());
            }
        }
    }

    /// The rights of the file that is there; `None` when none is.
    fn mode(&self) -> Result<Option<RawMode>, InsideError> {
        match kind_of(&self.dir, &self.name).map_err(|error| failed("look at", &self.path, error))? {
            None => Ok(None),
            Some((FileType::RegularFile, mode)) => Ok(Some(mode)),
            Some((FileType::Symlink, _)) => Err(InsideError::Symlink(self.path.clone())),
            Some(_) => Err(InsideError::NotAFile(self.path.clone())),
        }
    }
}

fn kind_of(dir: &OwnedFd, name: &OsStr) -> rustix::io::Result<Option<(FileType, RawMode)>> {
    match rustix::fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(found) => Ok(Some((FileType::from_raw_mode(found.st_mode), found.st_mode))),
        Err(rustix::io::Errno::NOENT) => Ok(None),
        Err(error) => Err(error),
    }
}

fn failed(action: &'static str, path: &Path, error: rustix::io::Errno) -> InsideError {
    InsideError::Io { action, path: path.to_owned(), source: error.into() }
}
