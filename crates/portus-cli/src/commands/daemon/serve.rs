//! `portus daemon run`: this process becomes the daemon.

use std::path::{Path, PathBuf};
use std::time::Duration;

use portus_client::config::{Config, Sourced};
use portus_client::{READY_LINE, failed_line};
use portus_core::Span;
use portus_daemon::{DaemonError, LogLevel, Settings};
use portus_os::place::{Home, announce, has_starter};

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};

/// Where the trace goes, if no option says so: an absolute path. Empty is not set.
const TRACE_VARIABLE: &str = "PORTUS_TRACE";

pub(super) fn run(home: Option<PathBuf>, trace: Option<PathBuf>, context: &Context) -> Outcome {
    let outcome = serve(home, trace, context);
    if let (Err(failure), true) = (&outcome, has_starter()) {
        // Whoever started this process waits for a line.
        drop(announce(&failed_line(failure.code == "already_running", &failure.message)));
    }
    outcome
}

fn serve(home: Option<PathBuf>, trace: Option<PathBuf>, context: &Context) -> Outcome {
    let home = home.map(std::path::absolute).transpose();
    let home = home.map_err(|error| Failure::io("make the home absolute", &error))?;
    let settings = configured(home.as_deref(), trace)?;
    if let Some(home) = home {
        context.set_home(Home::at(home));
    }
    let at = context.home()?.dir().display();
    portus_daemon::run(settings, context.home()?.clone(), |_ready| {
        if has_starter() {
            // Nobody may be listening; that is no reason not to serve.
            drop(announce(READY_LINE));
        } else {
            context.output.say(&format!("serving {at}: Ctrl-C or `portus daemon stop` ends it, leases stay"));
        }
    })?;
    Ok(Exit::DONE)
}

/// Whether a daemon would start with what the user configured.
pub(crate) fn check_config() -> Result<(), Failure> {
    configured(None, None).map(drop)
}

fn configured(home: Option<&Path>, trace: Option<PathBuf>) -> Result<Settings, Failure> {
    let config = Config::load_user(home).map_err(portus_client::WorkspaceError::from)?;
    Ok(Settings { trace: trace_file(trace)?, ..settings(&config)? })
}

/// The option's file, else the environment's. The environment is that of whoever started the daemon, in whatever
/// directory, so that what it names must not depend on one.
fn trace_file(option: Option<PathBuf>) -> Result<Option<PathBuf>, Failure> {
    if let Some(file) = option {
        return std::path::absolute(file).map(Some).map_err(|error| Failure::io("make the trace absolute", &error));
    }
    let Some(file) = std::env::var_os(TRACE_VARIABLE).filter(|file| !file.is_empty()).map(PathBuf::from) else {
        return Ok(None);
    };
    if file.is_absolute() {
        return Ok(Some(file));
    }
    let message = format!("{TRACE_VARIABLE} is `{}`, which is not an absolute path", file.display());
    let hint = format!("set {TRACE_VARIABLE} to an absolute path, or unset it");
    Err(Failure::new(Exit::USAGE, "invalid_config", message, hint))
}

/// What the user configured, in the daemon's own terms.
fn settings(config: &Config) -> Result<Settings, Failure> {
    let mut settings = Settings::default();
    let from = &config.settings;
    let span = |set: &Option<Sourced<Duration>>, default: Span| {
        set.as_ref().map_or(default, |set| Span::from_millis(crate::args::millis(set.value)))
    };
    let policy = &mut settings.policy;
    policy.pending = span(&from.pending, policy.pending);
    policy.lapsing = span(&from.lapsing, policy.lapsing);
    policy.ttl_max = span(&from.ttl_max, policy.ttl_max);
    policy.cool_down = span(&from.cool_down, policy.cool_down);
    policy.claim_unused = span(&from.claim_unused, policy.claim_unused);
    policy.claim_missing = span(&from.claim_missing, policy.claim_missing);
    policy.exclude = config.pool.exclude.iter().map(|range| range.value).collect();
    if let Some(range) = &config.pool.range {
        settings.pool = range.value;
    }
    settings.metrics_address = from.metrics_address.as_ref().map(|address| address.value);
    if let Some(percent) = &from.alert_pool_percent {
        settings.alerts.pool_percent = percent.value;
    }
    if let Some(idle) = &from.idle_exit {
        settings.idle_exit = (!idle.value.is_zero()).then_some(idle.value);
    }
    if let Some(level) = &from.log_level {
        settings.log_level = level
            .value
            .parse::<LogLevel>()
            .map_err(|error| Failure::new(Exit::USAGE, "invalid_config", error.to_string(), ""))?;
    }
    Ok(settings)
}

impl From<DaemonError> for Failure {
    fn from(error: DaemonError) -> Self {
        let (exit, code) = match &error {
            DaemonError::AlreadyRunning { .. } => (Exit::NO_PORT, "already_running"),
            DaemonError::Place(_) => (Exit::NO_DAEMON, "no_home"),
            DaemonError::Journal(_) | DaemonError::Recovery(_) | DaemonError::Doubt => (Exit::FAILED, "journal_failed"),
            DaemonError::Io { .. } | DaemonError::Trace { .. } => (Exit::FAILED, "io"),
        };
        Self::new(exit, code, error.to_string(), error.hint())
    }
}
