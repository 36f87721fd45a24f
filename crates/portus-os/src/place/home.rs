//! The one directory per user in which socket, locks, journal and log lie.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};

/// The environment variable that moves all of it.
pub const HOME_VARIABLE: &str = "PORTUS_HOME";

/// The longest path of a socket, without the zero at its end.
#[cfg(not(target_os = "macos"))]
const SOCKET_PATH_LEN_MAX: usize = 107;
#[cfg(target_os = "macos")]
const SOCKET_PATH_LEN_MAX: usize = 103;

/// The daemon's directory. All paths within it are made here and nowhere else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Home {
    dir: PathBuf,
}

/// Why the daemon's directory cannot be found or used.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    /// `PORTUS_HOME` is set to something that depends on the current directory.
    #[error("{HOME_VARIABLE} is `{}`, which is not an absolute path", .0.display())]
    NotAbsolute(PathBuf),
    /// The socket's path does not fit into the system's address of a socket.
    #[error("the socket's path {} is {len} bytes long, and the system allows {limit}", path.display())]
    SocketPathTooLong {
        /// The path of the socket.
        path: PathBuf,
        /// Its length in bytes.
        len: usize,
        /// The longest length in bytes that is allowed.
        limit: usize,
    },
    /// The directory, or a link in its place, is another user's.
    #[error("{} belongs to user {owner}, and this is user {user}", path.display())]
    ForeignOwner {
        /// The directory or link.
        path: PathBuf,
        /// The user id of its owner.
        owner: u32,
        /// This process's user id.
        user: u32,
    },
    /// Something else lies where the directory should be.
    #[error("{} is not a directory", .0.display())]
    NotADirectory(PathBuf),
    /// The system refused.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried: a verb such as "create".
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl PlaceError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::NotAbsolute(_) => format!("set {HOME_VARIABLE} to an absolute path, or unset it"),
            Self::SocketPathTooLong { .. } => format!("set {HOME_VARIABLE} to a shorter path"),
            Self::ForeignOwner { .. } => {
                format!("run this as that directory's owner, or set {HOME_VARIABLE} to a directory of your own")
            }
            Self::NotADirectory(path) => format!("move {} away, or set {HOME_VARIABLE}", path.display()),
            Self::Io { .. } => format!("make it writable for this user, or set {HOME_VARIABLE} to another directory"),
        }
    }
}

impl Home {
    /// Finds the directory: `PORTUS_HOME` if it is set and not empty; else `.local/state/portus`
    /// in the home that the user database names (never the environment's, which sandboxes move);
    /// else, where that lies on a network file system or cannot be written, `portus-<uid>` in the
    /// system's temporary directory. Windows: `portus` in the user's local application data.
    ///
    /// Nothing is created; see [`Home::ensure`].
    ///
    /// # Errors
    /// [`PlaceError::NotAbsolute`] and [`PlaceError::SocketPathTooLong`].
    pub fn find() -> Result<Self, PlaceError> {
        Self::choose(std::env::var_os(HOME_VARIABLE).as_deref(), default_dir)
    }

    /// The daemon's directory is this one.
    #[must_use]
    pub fn at(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into() }
    }

    fn choose(variable: Option<&OsStr>, default: impl FnOnce() -> PathBuf) -> Result<Self, PlaceError> {
        let home = match variable.filter(|value| !value.is_empty()).map(Path::new) {
            Some(dir) if !dir.is_absolute() => return Err(PlaceError::NotAbsolute(dir.to_owned())),
            Some(dir) => Self::at(dir),
            None => Self::at(default()),
        };
        home.check_socket_path()?;
        Ok(home)
    }

    /// Makes the directory, and every missing one above it, usable by this user alone: mode 0700.
    ///
    /// # Errors
    /// When it is another user's, is no directory, cannot be made, or its socket's path is too
    /// long.
    pub fn ensure(&self) -> Result<(), PlaceError> {
        self.check_socket_path()?;
        ensure_private(&self.dir)
    }

    /// The directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Where the daemon listens. (Windows listens on a named pipe instead.)
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.dir.join("portus.sock")
    }

    /// Held by the daemon as long as it lives.
    #[must_use]
    pub fn lock(&self) -> PathBuf {
        self.dir.join("daemon.lock")
    }

    /// Held by a client while it starts the daemon.
    #[must_use]
    pub fn start_lock(&self) -> PathBuf {
        self.dir.join("start.lock")
    }

    /// The journal of leases and claims.
    #[must_use]
    pub fn journal(&self) -> PathBuf {
        self.dir.join("journal.db")
    }

    /// What the daemon logs.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.dir.join("daemon.log")
    }

    fn check_socket_path(&self) -> Result<(), PlaceError> {
        let path = self.socket();
        let len = path.as_os_str().len();
        if cfg!(unix) && len > SOCKET_PATH_LEN_MAX {
            return Err(PlaceError::SocketPathTooLong { path, len, limit: SOCKET_PATH_LEN_MAX });
        }
        Ok(())
    }
}

#[cfg(unix)]
fn default_dir() -> PathBuf {
    let uid = super::user::uid();
    let state = super::user::account(uid).and_then(|account| account.home).map(|home| home.join(".local/state/portus"));
    unix::state_or_temporary(state, Path::new("/tmp"), uid)
}

#[cfg(unix)]
use unix::ensure_private;

#[cfg(unix)]
mod unix {
    use std::fs::{DirBuilder, Metadata, Permissions};
    use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};

    use rustix::fs::{Access, AtFlags, CWD};

    use super::{Path, PathBuf, PlaceError, io};
    use crate::place::user;

    /// A directory with a socket in it is in use, even where this process may not write: a
    /// sandboxed client must find the daemon that everybody else uses.
    pub(super) fn state_or_temporary(state: Option<PathBuf>, temporary: &Path, uid: u32) -> PathBuf {
        match state {
            Some(dir) if dir.join("portus.sock").symlink_metadata().is_ok() || is_usable(&dir) => dir,
            _ => temporary.join(format!("portus-{uid}")),
        }
    }

    /// Whether `dir`, or else the nearest directory above it that exists, is local and writable.
    fn is_usable(dir: &Path) -> bool {
        let Some(existing) = dir.ancestors().find(|ancestor| ancestor.exists()) else { return false };
        let wanted = Access::WRITE_OK | Access::EXEC_OK;
        rustix::fs::accessat(CWD, existing, wanted, AtFlags::EACCESS).is_ok() && is_local(existing)
    }

    /// File systems that other machines share do not carry sockets, and not all carry locks. Of
    /// those in user space (FUSE) the system does not say which are local, so none is trusted.
    #[cfg(target_os = "linux")]
    fn is_local(path: &Path) -> bool {
        const SHARED: [u64; 13] = [
            0x6969,      // NFS
            0x517B,      // SMB
            0xFE53_4D42, // SMB2
            0xFF53_4D42, // CIFS
            0x6573_5546, // FUSE: sshfs, virtiofs
            0x0102_1997, // 9P
            0x5346_414F, // AFS
            0x6B41_4653, // AFS in the kernel
            0x7375_7245, // Coda
            0x00C3_6400, // Ceph
            0x0BD0_0BD0, // Lustre
            0x4750_4653, // GPFS
            0x1983_0326, // BeeGFS
        ];
        // The kernel's field is signed on some machines, and 32 bits wide on others.
        let kind = |found: rustix::fs::StatFs| u64::from((found.f_type as u64) as u32);
        rustix::fs::statfs(path).is_ok_and(|found| !SHARED.contains(&kind(found)))
    }

    #[cfg(target_os = "macos")]
    fn is_local(path: &Path) -> bool {
        rustix::fs::statfs(path).is_ok_and(|found| found.f_flags & libc::MNT_LOCAL.cast_unsigned() != 0)
    }

    #[cfg(not(any(target_os = "linux", target_os = "macos")))]
    fn is_local(_path: &Path) -> bool {
        true
    }

    pub(super) fn ensure_private(dir: &Path) -> Result<(), PlaceError> {
        let failed = |action| move |source| PlaceError::Io { action, path: dir.to_owned(), source };
        let user = user::uid();
        let own = |found: &Metadata| {
            if found.uid() == user {
                Ok(())
            } else {
                Err(PlaceError::ForeignOwner { path: dir.to_owned(), owner: found.uid(), user })
            }
        };

        match DirBuilder::new().recursive(true).mode(0o700).create(dir) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            other => other.map_err(failed("create"))?,
        }
        // Whoever owns a link may point it elsewhere at any time, so it is not enough that its
        // target is ours.
        own(&dir.symlink_metadata().map_err(failed("look at"))?)?;
        let found = dir.metadata().map_err(failed("look at"))?;
        if !found.is_dir() {
            return Err(PlaceError::NotADirectory(dir.to_owned()));
        }
        own(&found)?;
        if found.mode() & 0o077 != 0 {
            dir.set_permissions(0o700).map_err(failed("make private"))?;
        }
        Ok(())
    }

    trait SetPermissions {
        fn set_permissions(&self, mode: u32) -> io::Result<()>;
    }

    impl SetPermissions for Path {
        fn set_permissions(&self, mode: u32) -> io::Result<()> {
            std::fs::set_permissions(self, Permissions::from_mode(mode))
        }
    }
}

/// The user's local application data, whatever the environment says.
#[cfg(windows)]
#[expect(unsafe_code, reason = "known folders are reached through the system's interface only")]
fn default_dir() -> PathBuf {
    use std::os::windows::ffi::OsStringExt as _;
    use windows_sys::Win32::System::Com::CoTaskMemFree;
    use windows_sys::Win32::UI::Shell::{FOLDERID_LocalAppData, SHGetKnownFolderPath};

    let mut text = std::ptr::null_mut();
    // SAFETY: the folder's id is a constant, no token is given, `text` is live and filled below.
    let code = unsafe { SHGetKnownFolderPath(&FOLDERID_LocalAppData, 0, std::ptr::null_mut(), &raw mut text) };
    let dir = if code >= 0 && !text.is_null() {
        // SAFETY: on success the text is UTF-16 and ends with a zero.
        let wide = unsafe { std::slice::from_raw_parts(text, (0..).take_while(|&at| *text.add(at) != 0).count()) };
        PathBuf::from(std::ffi::OsString::from_wide(wide))
    } else {
        std::env::temp_dir()
    };
    // SAFETY: the text was allocated by the call above, also when it failed, or is null.
    unsafe { CoTaskMemFree(text.cast()) };
    dir.join("portus")
}

/// Below the user's profile, directories inherit an access list that keeps other users out.
#[cfg(windows)]
fn ensure_private(dir: &Path) -> Result<(), PlaceError> {
    let failed = |source| PlaceError::Io { action: "create", path: dir.to_owned(), source };
    if dir.exists() && !dir.is_dir() {
        return Err(PlaceError::NotADirectory(dir.to_owned()));
    }
    std::fs::create_dir_all(dir).map_err(failed)
}

#[cfg(all(test, unix))]
mod tests;
