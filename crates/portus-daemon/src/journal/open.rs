//! Finds a journal, begins one, brings an older one up to date, and sets aside what is none.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::error::{OpenError, file_error, journal_error};
use crate::engine::JournalError;

/// Marks a SQLite file as a journal of Portus: the letters `Port`. Stands in `schema/1.sql` too.
const APPLICATION_ID: i64 = 0x506F_7274;

/// How long the log's file stays when the log begins anew: room that need not be asked for again.
const LOG_KEPT_BYTES: i64 = 4 << 20;

/// From each format to the next, from nothing on. What was released once is never edited.
const MIGRATIONS: [&str; 3] =
    [include_str!("schema/1.sql"), include_str!("schema/2.sql"), include_str!("schema/3.sql")];

/// How long the start waits for somebody who has the file locked with another program.
const OPEN_WAIT: Duration = Duration::from_millis(250);

/// How long a commit does. Everybody waits with it: whoever has more patience asks again.
const COMMIT_WAIT: Duration = Duration::from_millis(10);

/// How many pages of 4 KiB may lie idle in the file until it is made smaller.
const IDLE_PAGES_MAX: i64 = 1_024;

/// Opens the journal, or begins one where there is none.
///
/// [`JournalError::Unreadable`] means that what lies there is no journal, or a broken one.
pub(super) fn open(path: &Path) -> Result<Connection, OpenError> {
    let failed = |source| OpenError::Journal { path: path.to_owned(), source };
    // Made here, so that nobody else can read it from its first byte on; SQLite gives the files beside it the
    // same rights.
    portus_os::place::open_private(path).map_err(|error| failed(file_error(&error)))?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let sql = |error| failed(journal_error(&error));
    let db = Connection::open_with_flags(path, flags).map_err(sql)?;
    let found = format(&db).map_err(failed)?;
    let known = known_format();
    if found > known {
        return Err(OpenError::Newer { path: path.to_owned(), found, known });
    }
    prepare(&db, found).map_err(sql)?;
    db.busy_timeout(COMMIT_WAIT).map_err(sql)?;
    Ok(db)
}

fn known_format() -> i64 {
    i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX)
}

/// The format of what lies there; 0 for an empty file.
fn format(db: &Connection) -> Result<i64, JournalError> {
    let number = |sql| db.query_row(sql, [], |row| row.get::<_, i64>(0)).map_err(|error| journal_error(&error));
    db.busy_timeout(OPEN_WAIT).map_err(|error| journal_error(&error))?;
    if number("SELECT count(*) FROM sqlite_schema")? == 0 {
        return Ok(0);
    }
    if number("PRAGMA application_id")? != APPLICATION_ID {
        return Err(JournalError::Unreadable("it is another program's database".to_owned()));
    }
    number("PRAGMA user_version")
}

fn prepare(db: &Connection, found: i64) -> rusqlite::Result<()> {
    // A commit survives this process without an fsync, and after a loss of power nobody holds a port.
    db.pragma_update(None, "synchronous", "NORMAL")?;
    let mode: String = db.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
    if mode != "wal" {
        tracing::warn!(mode, "the file system does not let the journal have a write-ahead log: commits take longer");
    }
    db.pragma_update_and_check(None, "journal_size_limit", LOG_KEPT_BYTES, |_| Ok(()))?;
    db.pragma_update(None, "foreign_keys", false)?;
    db.pragma_update(None, "cache_size", -1_024)?;
    db.set_prepared_statement_cache_capacity(64);
    // A plan stays whatever is bound to it. Without this, a table with a partial index has its statements prepared
    // anew at every use, which costs more than the use.
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    migrate(db, found)?;
    let idle = |sql| db.query_row(sql, [], |row| row.get::<_, i64>(0));
    let free = idle("PRAGMA freelist_count")?;
    if free > IDLE_PAGES_MAX && free > idle("PRAGMA page_count")? / 2 {
        db.execute_batch("VACUUM")?;
    }
    Ok(())
}

/// One transaction for each step, so that whoever is interrupted goes on where it stopped.
fn migrate(db: &Connection, found: i64) -> rusqlite::Result<()> {
    for (format, sql) in (1..).zip(MIGRATIONS).filter(|(format, _)| *format > found) {
        let step = db.unchecked_transaction()?;
        step.execute_batch(sql)?;
        step.pragma_update(None, "user_version", format)?;
        step.commit()?;
    }
    Ok(())
}

/// Moves the journal and the files beside it to a name with the time in it. Returns the new name.
pub(super) fn set_aside(path: &Path) -> std::io::Result<PathBuf> {
    let now = SystemTime::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_secs());
    let aside = (0_u32..)
        .map(|again| if again == 0 { format!(".broken-{now}") } else { format!(".broken-{now}-{again}") })
        .map(|suffix| suffixed(path, &suffix))
        .find(|aside| !aside.exists())
        .unwrap_or_else(|| suffixed(path, ".broken"));
    std::fs::rename(path, &aside)?;
    for beside in ["-wal", "-shm"] {
        match std::fs::rename(suffixed(path, beside), suffixed(&aside, beside)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(aside)
}

fn suffixed(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    PathBuf::from(name)
}
