//! Moves what the write-ahead log holds into the database, beside the requests instead of in front
//! of them.
//!
//! SQLite would do so inside the commit that makes the log long. Here a thread of its own does, on
//! a connection of its own: readers and the writer go on meanwhile. Only a log that grows faster
//! than the thread copies is cut short by the writer itself, so that it stays bounded.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

/// How many more pages of 4 KiB the log may gain until the thread is asked.
const ASK_AFTER_PAGES: u32 = 512;

/// How many pages the log may hold until the writer itself cuts it short.
const LOG_MAX_PAGES: u32 = 1_536;

/// Watches the length of the log, and keeps it short.
#[derive(Debug)]
pub(super) struct Checkpointer {
    path: PathBuf,
    /// How many pages the log held after the last commit.
    pages: Arc<AtomicU32>,
    /// How many pages the log held when the thread was asked last.
    asked_at: u32,
    /// Started when it is first needed: most daemons never write that much.
    thread: Option<(SyncSender<()>, JoinHandle<()>)>,
}

impl Checkpointer {
    /// Takes over from SQLite's own checkpoints on `db`.
    pub(super) fn of(db: &mut Connection, path: &Path) -> rusqlite::Result<Self> {
        let pages = Arc::new(AtomicU32::new(0));
        let length = Arc::clone(&pages);
        db.wal_hook(Some(move |_: &mut rusqlite::hooks::Wal, pages| {
            length.store(u32::try_from(pages).unwrap_or(0), Ordering::Relaxed);
            Ok(())
        }))?;
        Ok(Self { path: path.to_owned(), pages, asked_at: 0, thread: None })
    }

    /// Called after each commit: a comparison, nearly always.
    pub(super) fn committed(&mut self, db: &Connection) {
        let pages = self.pages.load(Ordering::Relaxed);
        if pages < self.asked_at {
            self.asked_at = 0; // The log began anew.
        }
        if pages >= LOG_MAX_PAGES {
            checkpoint(db);
            self.asked_at = pages;
        } else if pages >= self.asked_at + ASK_AFTER_PAGES {
            self.asked_at = pages;
            self.ask();
        }
    }

    fn ask(&mut self) {
        if self.thread.is_none() {
            let (sender, receiver) = sync_channel(1);
            let path = self.path.clone();
            let builder = std::thread::Builder::new().name("checkpoint".to_owned()).stack_size(256 * 1024);
            // Without a thread the writer does it when the log is longest.
            let thread = builder.spawn(move || serve(&path, &receiver));
            self.thread = thread.ok().map(|thread| (sender, thread));
        }
        if let Some((sender, _)) = &self.thread {
            // Full: it has not even begun with what it was asked before.
            let _ = sender.try_send(());
        }
    }

    /// Ends the thread, and with it its connection: before the file is moved away.
    pub(super) fn stop(&mut self) {
        if let Some((sender, thread)) = self.thread.take() {
            drop(sender);
            drop(thread.join());
        }
    }
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        self.stop();
    }
}

fn serve(path: &Path, asked: &Receiver<()>) {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let Ok(db) = Connection::open_with_flags(path, flags) else { return };
    // It must never hold up the writer, so it does not wait for anybody either.
    let ready = db.busy_timeout(Duration::ZERO).and_then(|()| db.pragma_update(None, "synchronous", "NORMAL"));
    if ready.is_ok() {
        asked.iter().for_each(|()| checkpoint(&db));
    }
}

/// Copies as much as can be copied without waiting. That it failed is no loss: the log is longer,
/// and the next one copies more.
fn checkpoint(db: &Connection) {
    if let Err(error) = db.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(())) {
        tracing::warn!(%error, "the journal's log could not be copied into its database");
    }
}
