//! From the settings to a daemon that serves, and back to a directory that the next one can use.

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use portus_core::{Broker, Port, PortRange, ProcessIdentity};
use portus_os::place::{Home, InstanceLock, StartLock, boot_id, user};
use portus_os::port::{EphemeralPorts, network_namespace, raise_descriptor_limit};
use portus_os::process::ExitWatcher;
use tokio::sync::mpsc;

use crate::engine::{Engine, Recorder};
use crate::exporter::Exporter;
use crate::hub::{self, Fixed, Hub, Job};
use crate::journal::SqliteJournal;
use crate::observer::{Gatherer, Looks, Worktrees};
use crate::server::Introduction;
use crate::trace::{TraceFile, Tracer};
use crate::translate::Defaults;
use crate::transport::{self, Listener, Signals};
use crate::world::Machine;
use crate::{DaemonError, Ready, Settings, log};

/// Jobs that may wait for the hub. Whoever has more waits, in the order of asking.
const JOBS_MAX: usize = 1_024;
/// Threads for what goes on beside: enough that some who wait for processes to end do not hold up a look.
const SLOW_THREADS_MAX: usize = 64;
/// A daemon that is leaving gets so long to be gone.
const LEAVING_WITHIN: Duration = Duration::from_secs(3);
/// Slow looks that are still going on when the daemon ends are left alone after this.
const SLOW_END_WITHIN: Duration = Duration::from_millis(500);

/// Serves until it is stopped, told to by a signal, or idle for long enough.
///
/// `ready` is called once, when clients can connect. Takes over the thread: one process runs one
/// daemon (tests run several, each with a [`Home`] of its own).
///
/// # Errors
/// [`DaemonError`] says why it did not start, or could not go on.
pub fn run(settings: Settings, home: Home, ready: impl FnOnce(&Ready)) -> Result<(), DaemonError> {
    transport::keep_files_private();
    home.ensure()?;
    let _lock = lock(&home)?;
    let (dispatch, _log) = log::open(&home.log(), settings.log_level).map_err(io("write the log"))?;
    tracing::dispatcher::with_default(&dispatch, || {
        tracing::info!(version = env!("CARGO_PKG_VERSION"), home = %home.dir().display(), "starting");
        let outcome = run_locked(settings, home, ready);
        match &outcome {
            Ok(()) => tracing::info!("stopped"),
            Err(error) => tracing::error!(%error, "stopped"),
        }
        outcome
    })
}

/// Becomes the one daemon of this directory. One that is just leaving is waited for.
fn lock(home: &Home) -> Result<InstanceLock, DaemonError> {
    let path = home.lock();
    let acquire = || InstanceLock::acquire(&path).map_err(io("take the instance lock"));
    if let Some(lock) = acquire()? {
        return Ok(lock);
    }
    // Who serves has a socket. Who has none has not bound it yet, or has taken it away already.
    let is_leaving = || StartLock::wait(&path, Instant::now() + LEAVING_WITHIN).is_ok();
    if !home.socket().exists()
        && is_leaving()
        && let Some(lock) = acquire()?
    {
        return Ok(lock);
    }
    let pid = std::fs::read_to_string(&path).ok().and_then(|text| text.trim().parse().ok());
    Err(DaemonError::AlreadyRunning { pid })
}

fn run_locked(settings: Settings, home: Home, ready: impl FnOnce(&Ready)) -> Result<(), DaemonError> {
    // A directory that somebody wants to remove or unmount must not be kept busy.
    std::env::set_current_dir("/").map_err(io("leave the working directory"))?;
    match raise_descriptor_limit() {
        Ok(limit) => tracing::debug!(limit, "descriptors"),
        Err(error) => tracing::warn!(%error, "the limit of descriptors stays as it is"),
    }
    let dispatch = tracing::dispatcher::get_default(Clone::clone);
    let log_here = move || {
        // For as long as the thread lives.
        std::mem::forget(tracing::dispatcher::set_default(&dispatch));
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(SLOW_THREADS_MAX)
        .on_thread_start(log_here)
        .build()
        .map_err(io("start the runtime"))?;
    let outcome = runtime.block_on(serve(settings, home, ready));
    runtime.shutdown_timeout(SLOW_END_WITHIN);
    outcome
}

async fn serve(mut settings: Settings, home: Home, ready: impl FnOnce(&Ready)) -> Result<(), DaemonError> {
    let began = Instant::now();
    // Its port is nobody's, also while somebody else sits there.
    let own = settings.metrics_address.and_then(|address| Port::new(address.port()));
    settings.policy.exclude.extend(own.map(PortRange::single));
    let signals = Signals::listen().map_err(io("listen for signals"))?;
    let (jobs, jobs_in) = mpsc::channel(JOBS_MAX);
    let worktrees = Worktrees::default();
    let gatherer = Gatherer::new(worktrees.clone());
    let machine = machine(&jobs, gatherer.clone())?;
    let journal = SqliteJournal::open(&home.journal(), settings.policy.history_max)?;
    // Whoever asked for a trace finds out at once that there will be none.
    let trace = settings.trace.as_deref().map(traced).transpose()?;
    let recorder = |journal: &SqliteJournal, broker: &Broker| -> Option<Box<dyn Recorder>> {
        trace.map(|file| Box::new(Tracer::begin(file, journal.uuid(), broker)) as Box<dyn Recorder>)
    };
    let engine = Engine::start_recorded(settings.policy.clone(), journal, machine, boot_id(), recorder)
        .map_err(DaemonError::Recovery)?;

    let exporter = exporter(&settings, engine.broker()).await;
    let uuid = engine.journal().uuid().to_owned();
    gatherer.name_journal(&uuid);
    let set_aside = engine.journal().aside().map(ToOwned::to_owned);
    if let Some(path) = &set_aside {
        tracing::error!(path = %path.display(), "the journal could not be read, and was set aside");
    }
    let introduction = Introduction { journal: uuid.clone(), network: Some(network_namespace()) };
    let defaults = Defaults { pool: settings.pool, user: user().uid, asks_max: settings.policy.asks_max };
    let fixed = Fixed {
        settings,
        home: home.clone(),
        journal: uuid,
        set_aside: set_aside.as_ref().map(|path| path.display().to_string()),
        ephemeral: EphemeralPorts::read().map(|ephemeral| ephemeral.range),
        defaults,
        began,
        metrics_address: exporter.as_ref().and_then(|tried| tried.as_ref().ok()).map(Exporter::address),
    };
    let scraped = jobs.clone();
    let mut hub = Hub::new(engine, fixed, gatherer, worktrees, jobs);
    match exporter {
        None => {}
        Some(Ok(exporter)) => {
            tracing::info!(address = %exporter.address(), "serving figures");
            tokio::spawn(exporter.serve(scraped));
        }
        Some(Err((address, why))) => hub.figures_not_served(address, why),
    }
    let listener = Listener::bind(&home).map_err(io("listen on the socket"))?;
    tracing::info!(milliseconds = began.elapsed().as_millis(), "serving");
    ready(&Ready { pid: std::process::id(), home, set_aside });
    hub::serve(hub, listener, jobs_in, signals, introduction).await
}

/// Listens where figures are to be served, if they are. That it cannot is told, and is no reason not to start.
async fn exporter(settings: &Settings, broker: &Broker) -> Option<Result<Exporter, (SocketAddr, String)>> {
    let address = settings.metrics_address?;
    Some(Exporter::bind(address, broker).await.map_err(|why| (address, why)))
}

/// The machine, with its two threads that tell the hub what happens.
fn machine(jobs: &mpsc::Sender<Job>, gatherer: Gatherer) -> Result<Machine, DaemonError> {
    let exits = jobs.clone();
    let on_exit = move |process: ProcessIdentity| {
        // Nobody hears it any more when the daemon leaves.
        let _ = exits.blocking_send(Job::Exited(process));
    };
    let watcher = ExitWatcher::new(on_exit).map_err(io("watch processes"))?;
    let seen = jobs.clone();
    let looks = Looks::start(gatherer, move |found| seen.blocking_send(Job::Seen(found)).is_ok());
    Ok(Machine::new(watcher, looks.map_err(io("start a thread"))?))
}

fn traced(path: &Path) -> Result<TraceFile, DaemonError> {
    TraceFile::create(path).map_err(|source| DaemonError::Trace { path: path.to_owned(), source })
}

fn io(action: &'static str) -> impl Fn(std::io::Error) -> DaemonError {
    move |source| DaemonError::Io { action, source }
}
