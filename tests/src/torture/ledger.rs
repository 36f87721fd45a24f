//! The journal's file, read without the product: what it says is leased.

use std::collections::BTreeMap;
use std::path::Path;

use rusqlite::{Connection, OpenFlags};

/// A lease that lives, as the file has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Whose: worktree and service.
    pub key: (String, String),
    /// Its port.
    pub port: u16,
}

/// What a journal's file says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ledger {
    /// The journal's name.
    pub uuid: String,
    /// The leases that live, by number.
    pub live: BTreeMap<u64, Row>,
    /// How many have ended and are remembered.
    pub ended: u64,
    /// Ports, or keys, of which more than one lease lives.
    pub doubled: Vec<String>,
}

/// Reads the file of a journal, which a daemon may be using.
///
/// # Errors
/// Why it cannot be read, or what SQLite finds broken in it.
pub fn read(path: &Path) -> Result<Ledger, String> {
    let said = |error: rusqlite::Error| format!("{}: {error}", path.display());
    let db = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(said)?;
    let whole: String = db.query_row("PRAGMA integrity_check", [], |row| row.get(0)).map_err(said)?;
    if whole != "ok" {
        return Err(format!("{} is broken: {whole}", path.display()));
    }
    // One moment for all that follows.
    let db = db.unchecked_transaction().map_err(said)?;
    let uuid = db.query_row("SELECT uuid FROM meta", [], |row| row.get(0)).map_err(said)?;
    let ended = db.query_row("SELECT count(*) FROM lease WHERE state = 'ended'", [], |row| row.get::<_, i64>(0));
    let ended = ended.map_err(said)?.unsigned_abs();
    let mut rows = db.prepare("SELECT id, worktree, service, port FROM lease WHERE state <> 'ended'").map_err(said)?;
    let rows = rows.query_map([], |row| {
        let id: i64 = row.get(0)?;
        Ok((id.unsigned_abs(), Row { key: (row.get(1)?, row.get(2)?), port: row.get(3)? }))
    });
    let live: BTreeMap<u64, Row> = rows.map_err(said)?.collect::<Result<_, _>>().map_err(said)?;
    let (mut ports, mut keys) = (BTreeMap::new(), BTreeMap::new());
    let mut doubled = Vec::new();
    for (id, row) in &live {
        for other in [ports.insert(row.port, id), keys.insert(&row.key, id)].into_iter().flatten() {
            doubled.push(format!("leases {other} and {id} both live: {row:?}"));
        }
    }
    Ok(Ledger { uuid, live, ended, doubled })
}
