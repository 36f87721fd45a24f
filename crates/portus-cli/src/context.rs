//! What commands need to know, found out when it is needed and not before.

use std::cell::OnceCell;
use std::path::Path;
use std::time::Duration;

use portus_client::config::PROJECT_FILE;
use portus_client::{CallError, Client, ConnectError, Options, Overrides, Workspace, WorkspaceError};
use portus_os::place::{self, Home, PlaceError};

use crate::args::{Global, Place};
use crate::commands::daemon::check_config;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;

/// What commands need to know.
pub(crate) struct Context {
    /// How to print.
    pub(crate) output: Output,
    timeout: Option<Duration>,
    home: OnceCell<Home>,
}

impl Context {
    pub(crate) const fn new(global: &Global) -> Self {
        Self { output: Output::new(global), timeout: global.timeout, home: OnceCell::new() }
    }

    /// What `--timeout` says.
    pub(crate) const fn timeout(&self) -> Option<Duration> {
        self.timeout
    }

    /// The daemon's directory.
    pub(crate) fn home(&self) -> Result<&Home, Failure> {
        if let Some(home) = self.home.get() {
            return Ok(home);
        }
        if let Some(user) = place::sudo_user() {
            self.output.note_ahead(&format!("this is root's own Portus, not that of {user}: run it without sudo"));
        }
        let home = Home::find()?;
        Ok(self.home.get_or_init(|| home))
    }

    /// The daemon lives here, whatever the environment says.
    pub(crate) fn set_home(&self, home: Home) {
        drop(self.home.set(home));
    }

    /// How to connect.
    pub(crate) fn options(&self) -> Options {
        let mut options = Options::default();
        if let Some(timeout) = self.timeout {
            options.deadline = timeout;
        }
        options
    }

    /// Connects to the daemon, starting it if it does not run.
    pub(crate) fn connect(&self) -> Result<Client, Failure> {
        Client::connect(self.home()?, self.options()).map_err(|error| match error {
            // The daemon's own reason would be the same; here it is known to be the configuration's mistake.
            ConnectError::StartFailed { .. } => check_config().err().unwrap_or_else(|| error.into()),
            error => error.into(),
        })
    }

    /// Connects to the daemon if it runs.
    pub(crate) fn connect_to_running(&self) -> Result<Option<Client>, Failure> {
        let options = Options { autostart: false, ..self.options() };
        match Client::connect(self.home()?, options) {
            Ok(client) => Ok(Some(client)),
            Err(ConnectError::NotRunning { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Who asks from the current directory.
    pub(crate) fn workspace(&self, overrides: impl Into<Overrides>) -> Result<Workspace, Failure> {
        let dir = std::env::current_dir().map_err(|error| Failure::io("tell the current directory", &error))?;
        let workspace = Workspace::find(&dir, &overrides.into())?;
        for note in workspace.note.iter().chain(&workspace.config.notes) {
            self.output.note_ahead(note);
        }
        Ok(workspace)
    }
}

/// What to know before ports are leased in a place that is no project: nothing below it would be told apart.
pub(crate) fn note_on_place(workspace: &Workspace, named: &Place) -> Option<String> {
    let says_so = || Path::new(&workspace.worktree).join(PROJECT_FILE).exists();
    let home = std::env::home_dir();
    if named.worktree.is_some() || !workspace.is_nobodys(home.as_deref()) || says_so() {
        return None;
    }
    let at = &workspace.worktree;
    Some(format!(
        "{at} is no project, so everything below it counts as this one worktree: change into the project's directory, \
         name it with --worktree DIR, or put a {PROJECT_FILE} here if this is meant"
    ))
}

impl From<PlaceError> for Failure {
    fn from(error: PlaceError) -> Self {
        Self::new(Exit::NO_DAEMON, "no_home", error.to_string(), error.hint())
    }
}

impl From<ConnectError> for Failure {
    fn from(error: ConnectError) -> Self {
        Self::new(Exit::NO_DAEMON, error.code(), error.to_string(), error.hint())
    }
}

impl From<CallError> for Failure {
    fn from(error: CallError) -> Self {
        let (exit, code) = match error {
            CallError::Refused(refusal) => return refusal.into(),
            CallError::Connect(error) => return error.into(),
            CallError::TimedOut => (Exit::TIMED_OUT, "timed_out"),
            CallError::Lost { .. } => (Exit::NO_DAEMON, "connection_lost"),
            CallError::Senseless { .. } => (Exit::FAILED, "malformed"),
        };
        Self::new(exit, code, error.to_string(), error.hint())
    }
}

impl From<WorkspaceError> for Failure {
    fn from(error: WorkspaceError) -> Self {
        let code = match error {
            WorkspaceError::Config(_) => "invalid_config",
            WorkspaceError::NoDirectory { .. } => "no_directory",
            WorkspaceError::NotUtf8(_) => "not_utf8",
            WorkspaceError::ProjectName(_) | WorkspaceError::ServiceName(_) => "usage",
        };
        Self::new(Exit::USAGE, code, error.to_string(), error.hint())
    }
}
