//! The file of a daemon's trace: this user's alone, and of bounded size.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use portus_os::place::replace_private;

use super::Out;

/// A trace with so many bytes of decisions becomes the old one, so that two are kept at most.
const LEN_MAX: u64 = 32 * 1024 * 1024;

/// A trace that goes into a file. What lay there before is `FILE.1`.
#[derive(Debug)]
pub(crate) struct TraceFile {
    path: PathBuf,
    file: File,
    /// Bytes since the trace's first line, however long that is: a ledger may be larger than the limit.
    len: u64,
    len_max: u64,
    is_headed: bool,
}

impl TraceFile {
    /// Makes the file.
    ///
    /// # Errors
    /// When it cannot be made, or others could have a hand in it: see [`replace_private`].
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        Self::create_with(path, LEN_MAX)
    }

    pub(super) fn create_with(path: &Path, len_max: u64) -> io::Result<Self> {
        Ok(Self { path: path.to_owned(), file: replace_private(path)?, len: 0, len_max, is_headed: false })
    }
}

impl Out for TraceFile {
    fn write(&mut self, lines: &str) -> io::Result<()> {
        self.file.write_all(lines.as_bytes())?;
        if self.is_headed {
            self.len += lines.len() as u64;
        }
        self.is_headed = true;
        Ok(())
    }

    fn is_full(&self) -> bool {
        self.len >= self.len_max
    }

    fn begin_anew(&mut self) -> io::Result<()> {
        *self = Self::create_with(&self.path, self.len_max)?;
        Ok(())
    }
}
