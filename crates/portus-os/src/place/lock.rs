//! Two locks: who is the daemon, and who is starting one.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::Instant;

/// Held by the daemon as long as it lives. The system lets go of it when the process ends,
/// however it ends, so it is never stale.
#[derive(Debug)]
pub struct InstanceLock {
    _file: File,
}

impl InstanceLock {
    /// Takes the lock and writes this process's id into the file, for people; `None` when
    /// another process holds it.
    ///
    /// # Errors
    /// When the file cannot be opened or written, or the file system knows no locks.
    pub fn acquire(path: &Path) -> io::Result<Option<Self>> {
        let mut file = open_private(path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        file.set_len(0)?;
        file.seek(SeekFrom::Start(0))?;
        writeln!(file, "{}", std::process::id())?;
        Ok(Some(Self { _file: file }))
    }

    /// The process id that whoever holds the lock wrote into the file; `None` when nobody holds it, or none can be read.
    #[must_use]
    pub fn holder(path: &Path) -> Option<u32> {
        let file = File::open(path).ok()?;
        match file.try_lock_shared() {
            Err(TryLockError::WouldBlock) => std::io::read_to_string(file).ok()?.trim().parse().ok(),
            Ok(()) | Err(TryLockError::Error(_)) => None,
        }
    }
}

/// Held by a client while it starts the daemon, so that many clients start one.
#[derive(Debug)]
pub struct StartLock {
    _file: File,
}

impl StartLock {
    /// Waits for the lock until `deadline`.
    ///
    /// # Errors
    /// [`io::ErrorKind::TimedOut`] at the deadline; else when the file cannot be opened or the
    /// file system knows no locks.
    pub fn wait(path: &Path, deadline: Instant) -> io::Result<Self> {
        let file = open_private(path)?;
        match file.try_lock() {
            Ok(()) => return Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => return Err(error),
        }
        // The system's own wait has no deadline, so a thread waits. One that comes too late
        // finds nobody to hand the lock to and drops it.
        let (sender, receiver) = sync_channel(1);
        std::thread::Builder::new().name("start-lock".to_owned()).spawn(move || {
            let result = file.lock().map(|()| file);
            drop(sender.send(result));
        })?;
        match receiver.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(locked) => Ok(Self { _file: locked? }),
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                Err(io::Error::new(io::ErrorKind::TimedOut, format!("{} is held by another process", path.display())))
            }
        }
    }
}

/// Opens a file for reading and writing, made for this user alone (mode 0600) if it is not there.
///
/// # Errors
/// What the system says.
pub fn open_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}
