//! Who asks: the project, the worktree and the service that a directory stands for.

use std::env;
use std::io;
use std::path::{Path, PathBuf};

use portus_core::{ServiceName, ServiceNameError};
use portus_os::checkout::{self, Place};
use portus_proto::{Caller, Key, Scope};

use crate::config::{Config, ConfigError, Effective, project_name};

/// What the caller says about who it is, instead of letting it be found out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overrides {
    /// The project's name.
    pub project: Option<String>,
    /// A directory of the worktree.
    pub worktree: Option<PathBuf>,
}

/// Why it cannot be told who asks.
#[derive(Debug, thiserror::Error)]
pub enum WorkspaceError {
    /// There is no such directory, or it may not be looked at.
    #[error("cannot look at {}: {source}", dir.display())]
    NoDirectory {
        /// The directory.
        dir: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A path that cannot be written as text.
    #[error("the path {} is not UTF-8", .0.display())]
    NotUtf8(PathBuf),
    /// A project's name that cannot be one.
    #[error("{0}")]
    ProjectName(String),
    /// `PORTUS_SERVICE` is no service's name.
    #[error("PORTUS_SERVICE: {0}")]
    ServiceName(ServiceNameError),
    /// The configuration has a mistake.
    #[error(transparent)]
    Config(#[from] ConfigError),
}

impl WorkspaceError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::NoDirectory { .. } => "name a directory of the worktree with --worktree".to_owned(),
            Self::NotUtf8(_) => "rename the directory: paths are keys, and keys are text".to_owned(),
            Self::ProjectName(_) => "name the project with --project or PORTUS_PROJECT".to_owned(),
            Self::ServiceName(_) => "correct the variable, or unset it".to_owned(),
            Self::Config(error) => error.hint.clone(),
        }
    }
}

/// Who asks.
#[derive(Debug, Clone)]
pub struct Workspace {
    /// The project's name.
    pub project: String,
    /// The worktree's canonical path.
    pub worktree: String,
    /// The worktree's name in git, if it is not the repository's main one.
    pub linked: Option<String>,
    /// The canonical directory that was asked about.
    pub dir: PathBuf,
    /// What is configured there.
    pub config: Config,
    /// What is wrong with the checkout, for people.
    pub note: Option<String>,
}

impl Workspace {
    /// Finds out who asks from `dir`, unless the overrides or the environment say so.
    ///
    /// # Errors
    /// [`WorkspaceError`].
    pub fn find(dir: &Path, overrides: &Overrides) -> Result<Self, WorkspaceError> {
        let dir = overrides.worktree.as_deref().map_or_else(|| dir.to_owned(), |named| dir.join(named));
        let missing = |source| WorkspaceError::NoDirectory { dir: dir.clone(), source };
        let place = checkout::locate(&dir).map_err(missing)?;
        let inner = inner_dir(&place, &dir).map_err(missing)?;
        let worktree = place.worktree.to_str().ok_or_else(|| WorkspaceError::NotUtf8(place.worktree.clone()))?;
        let config = Config::load(&place.worktree, &inner)?;
        let named =
            overrides.project.clone().or_else(|| env::var("PORTUS_PROJECT").ok().filter(|name| !name.is_empty()));
        let project = match (named, &config.project_name) {
            (Some(name), _) => project_name(&name).map_err(WorkspaceError::ProjectName)?.to_owned(),
            (None, Some(name)) => name.value.clone(),
            (None, None) => place.project_name,
        };
        Ok(Self { project, worktree: worktree.to_owned(), linked: place.linked, dir: inner, config, note: place.note })
    }

    /// Whether this is the root or `home`: they hold projects, and are none.
    #[must_use]
    pub fn is_nobodys(&self, home: Option<&Path>) -> bool {
        let worktree = Path::new(&self.worktree);
        let home = home.map(|home| home.canonicalize().unwrap_or_else(|_| home.to_owned()));
        worktree.parent().is_none() || home.is_some_and(|home| home == worktree)
    }

    /// The service that the directory stands for: `PORTUS_SERVICE`, else the path of its package, or `default` at the root.
    ///
    /// # Errors
    /// [`WorkspaceError::ServiceName`] when that variable holds no service's name.
    pub fn service(&self) -> Result<ServiceName, WorkspaceError> {
        let named = env::var("PORTUS_SERVICE").ok().filter(|name| !name.is_empty());
        let name = named.unwrap_or_else(|| checkout::default_service(Path::new(&self.worktree), &self.dir));
        name.parse().map_err(WorkspaceError::ServiceName)
    }

    /// Every value that counts here, the defaults included, and where it was said.
    #[must_use]
    pub fn effective(&self) -> Vec<Effective> {
        let said = |name: &str, variable: &str, value: &str, otherwise: &str| {
            let is_set = env::var(variable).is_ok_and(|text| !text.is_empty());
            let source = if is_set { format!("${variable}") } else { otherwise.to_owned() };
            Effective { name: name.to_owned(), value: value.to_owned(), source }
        };
        let named =
            self.config.project_name.as_ref().map_or_else(|| "repository".to_owned(), |name| name.source.to_string());
        let service = self.service().map_or_else(|error| error.to_string(), |service| service.to_string());
        let who = [
            said("project", "PORTUS_PROJECT", &self.project, &named),
            said("service", "PORTUS_SERVICE", &service, "directory"),
        ];
        who.into_iter().chain(self.config.effective()).collect()
    }

    /// The key of one of its services.
    #[must_use]
    pub fn key(&self, service: ServiceName) -> Key {
        Key { project: self.project.clone(), worktree: self.worktree.clone(), service }
    }

    /// On whose behalf calls are made from here.
    #[must_use]
    pub fn caller(&self, force: bool) -> Caller {
        Caller { worktree: self.worktree.clone(), force }
    }

    /// The ledger's part that is this worktree's.
    #[must_use]
    pub fn scope(&self) -> Scope {
        Scope::Worktree(self.worktree.clone())
    }

    /// The ledger's part that is this project's.
    #[must_use]
    pub fn project_scope(&self) -> Scope {
        Scope::Project(self.project.clone())
    }
}

/// The canonical form of the directory asked about, which lies in the worktree.
fn inner_dir(place: &Place, dir: &Path) -> io::Result<PathBuf> {
    // The current directory, as the system gives it, is canonical already.
    if dir.starts_with(&place.worktree) { Ok(dir.to_owned()) } else { dir.canonicalize() }
}
