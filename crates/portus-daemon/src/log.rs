//! The daemon's log: one line an event, in two files of bounded size.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tracing::Dispatch;
use tracing_appender::non_blocking::WorkerGuard;
use tracing_subscriber::filter::LevelFilter;

use crate::LogLevel;

/// A log longer than this, in bytes, becomes the old one. So two of them are kept at most.
const LEN_MAX: u64 = 4 * 1024 * 1024;

/// Opens the log. Lines are written by a thread of its own, and dropped rather than waited for;
/// those still waiting are written when the guard is dropped.
///
/// # Errors
/// When the file cannot be written.
pub(crate) fn open(path: &Path, level: LogLevel) -> io::Result<(Dispatch, WorkerGuard)> {
    let (writer, guard) = tracing_appender::non_blocking(Rotating::open(path)?);
    let subscriber =
        tracing_subscriber::fmt().with_writer(writer).with_ansi(false).with_target(false).with_max_level(filter(level));
    Ok((Dispatch::new(subscriber.finish()), guard))
}

const fn filter(level: LogLevel) -> LevelFilter {
    match level {
        LogLevel::Off => LevelFilter::OFF,
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    }
}

/// A file that makes way for a new one when it is full.
struct Rotating {
    path: PathBuf,
    file: File,
    len: u64,
    len_max: u64,
}

impl Rotating {
    fn open(path: &Path) -> io::Result<Self> {
        Self::open_with(path, LEN_MAX)
    }

    fn open_with(path: &Path, len_max: u64) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        let len = file.metadata()?.len();
        let mut opened = Self { path: path.to_owned(), file, len, len_max };
        if len >= len_max {
            opened.rotate()?;
        }
        Ok(opened)
    }

    /// `daemon.log` becomes `daemon.log.1`, in place of an older one.
    fn rotate(&mut self) -> io::Result<()> {
        let mut old = self.path.clone().into_os_string();
        old.push(".1");
        std::fs::rename(&self.path, old)?;
        self.file = OpenOptions::new().create(true).append(true).open(&self.path)?;
        self.len = 0;
        Ok(())
    }
}

impl Write for Rotating {
    /// Takes one whole line. What would move a terminal's cursor, or begin another line, is shown
    /// as its code.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = line.strip_suffix(b"\n").unwrap_or(line);
        let mut shown = String::with_capacity(text.len() + 1);
        for character in String::from_utf8_lossy(text).chars() {
            if character.is_control() {
                shown.extend(character.escape_default());
            } else {
                shown.push(character);
            }
        }
        shown.push('\n');
        if self.len > 0 && self.len + shown.len() as u64 > self.len_max {
            self.rotate()?;
        }
        self.file.write_all(shown.as_bytes())?;
        self.len += shown.len() as u64;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_log_becomes_the_old_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("daemon.log");
        let mut log = Rotating::open_with(&path, 20).unwrap();
        for line in ["first line\n", "second line\n", "third line\n"] {
            log.write_all(line.as_bytes()).unwrap();
        }
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "third line\n");
        assert_eq!(std::fs::read_to_string(folder.path().join("daemon.log.1")).unwrap(), "second line\n");
        std::fs::write(&path, "x".repeat(30)).unwrap();
        drop(Rotating::open_with(&path, 20).unwrap());
        assert_eq!(std::fs::metadata(&path).unwrap().len(), 0, "a log that is full at the start makes way");
    }

    #[test]
    fn a_line_stays_one_line_and_moves_no_cursor() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("daemon.log");
        Rotating::open(&path).unwrap().write_all(b"a\nb\x1b[2Jc\r\n").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "a\\nb\\u{1b}[2Jc\\r\n");
    }

    #[test]
    fn what_the_level_leaves_out_is_not_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("daemon.log");
        let (dispatch, guard) = open(&path, LogLevel::Warn).unwrap();
        tracing::dispatcher::with_default(&dispatch, || {
            tracing::info!("left out");
            tracing::warn!(port = 3000, "written");
        });
        drop(guard);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains("WARN written port=3000") && !text.contains("left out"), "{text}");
    }
}
