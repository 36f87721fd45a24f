//! What was configured, by whom: the project's files, the user's file, the environment.
//!
//! Nearer wins: flag, environment, project file, user file, default. Flags are the front ends' own; they lay them over
//! what is found here ([`Config::ask`]). A project's file is not trusted: it names ports and variables, nothing more.

mod ask;
mod earlier;
mod effective;
mod error;
mod keys;
mod names;
mod project;
mod read;
mod schema;
mod settings;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use portus_core::{Port, PortRange, Protocol, ServiceName};
use portus_os::place::HOME_VARIABLE;

pub use ask::Wish;
pub use earlier::{EarlierSection, EnvironmentWish};
pub use effective::Effective;
pub use error::{ConfigError, Source, Sourced};
pub use project::{check_project_text, mirror_path};
pub use schema::{project_schema, user_schema};
pub use settings::{OnExhausted, Pool, Settings, UnboundPorts};

use crate::disabled::switched_off;

pub(crate) use project::project_name;

/// The name of a project's file.
pub const PROJECT_FILE: &str = "portus.toml";

/// The name of the user's file, in the user's configuration directory.
pub const USER_FILE: &str = "config.toml";

/// One service as a project's file declares it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// Its name.
    pub name: ServiceName,
    /// Where it is declared.
    pub source: Source,
    /// The port it likes best.
    pub preferred: Option<Sourced<Port>>,
    /// Where to look.
    pub range: Option<Sourced<PortRange>>,
    /// Where to look when that is full.
    pub fallback: Option<Sourced<PortRange>>,
    /// What it needs the port for.
    pub protocol: Option<Sourced<Protocol>>,
    /// Variables that are to hold its port.
    pub env: Vec<Sourced<String>>,
    /// What to ask to learn whether it is well: a path on its port, or a URL on this machine.
    pub health: Option<Sourced<String>>,
    /// Variables for its command, with placeholders for ports.
    pub command_env: Vec<(String, Sourced<String>)>,
}

/// All that is configured for one directory.
#[derive(Debug, Clone, Default)]
pub struct Config {
    /// The files that were read.
    pub files: Vec<PathBuf>,
    /// The project's name.
    pub project_name: Option<Sourced<String>>,
    /// Where ports come from: the project's wishes over the user's.
    pub pool: Pool,
    /// The declared services.
    pub services: BTreeMap<ServiceName, Service>,
    /// What the environment wishes for the services that are asked for.
    pub environment: EnvironmentWish,
    /// The variable that switches Portus off, if one does.
    pub disabled_by: Option<&'static str>,
    /// Where the leases are mirrored as a file, relative to the worktree.
    pub mirror: Option<Sourced<PathBuf>>,
    /// What the daemon goes by.
    pub settings: Settings,
    /// What people should know about their files.
    pub notes: Vec<String>,
}

/// Variables of an environment, by name.
pub type Variables<'a> = &'a dyn Fn(&str) -> Option<String>;

impl Config {
    /// Reads what is configured for a directory of a worktree. Both paths must be canonical.
    ///
    /// # Errors
    /// [`ConfigError`] names the file, the line and the column of the first mistake.
    pub fn load(worktree: &Path, dir: &Path) -> Result<Self, ConfigError> {
        Self::load_from(worktree, dir, user_file().as_deref(), &|name| std::env::var(name).ok())
    }

    /// Reads what is configured for this user: what the daemon goes by. One that was told its `home` reads the file
    /// there, as if the environment had moved it.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn load_user(home: Option<&Path>) -> Result<Self, ConfigError> {
        let mut config = Self::default();
        let file = home.map_or_else(user_file, |home| Some(home.join(USER_FILE)));
        config.read_settings(file.as_deref(), &|name| std::env::var(name).ok())?;
        Ok(config)
    }

    /// Like [`Self::load`], with the user's file and the environment named.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn load_from(
        worktree: &Path,
        dir: &Path,
        user_file: Option<&Path>,
        variable: Variables<'_>,
    ) -> Result<Self, ConfigError> {
        let mut config = Self::default();
        let root = worktree.join(PROJECT_FILE);
        let nearest = dir.ancestors().take_while(|level| *level != worktree && level.starts_with(worktree));
        let nearest = nearest.map(|level| level.join(PROJECT_FILE)).find(|file| file.is_file());
        let mut project_pool = Pool::default();
        for (file, is_root) in [(Some(root), true), (nearest, false)] {
            let Some(file) = file else { continue };
            let Some(text) = read::text_of(&file)? else { continue };
            let found = project::parse(&file, &text)?;
            if is_root {
                config.project_name = found.name;
            } else if let Some(name) = found.name {
                config.notes.push(format!(
                    "{} names the project, which only {PROJECT_FILE} at the worktree's root can do",
                    name.source
                ));
            }
            project_pool = found.pool.over(project_pool);
            config.services.extend(found.services.into_iter().map(|service| (service.name.clone(), service)));
            config.mirror = found.mirror.or(config.mirror);
            config.files.push(file);
        }
        project::check_names(&config.services)?;
        config.mirror = earlier::registry(worktree, variable)?.or(config.mirror);
        config.environment = EnvironmentWish::read(variable)?;
        config.disabled_by = switched_off(variable)?;
        config.read_settings(user_file, variable)?;
        let environment = settings::pool_of_environment(variable)?;
        config.pool = environment.over(project_pool.over(std::mem::take(&mut config.pool)));
        Ok(config)
    }

    /// Reads the user's file and the environment; the pool they name is left in `pool`.
    fn read_settings(&mut self, user_file: Option<&Path>, variable: Variables<'_>) -> Result<(), ConfigError> {
        if let Some(file) = user_file
            && let Some(text) = read::text_of(file)?
        {
            self.settings = settings::parse(file, &text)?;
            self.files.push(file.to_owned());
        }
        self.settings.take_environment(variable)?;
        self.pool = self.settings.pool.clone();
        Ok(())
    }
}

/// Where the user's file lies: beside all the rest when that was moved, else in the user's configuration directory.
#[must_use]
pub fn user_file() -> Option<PathBuf> {
    use etcetera::BaseStrategy as _;
    match std::env::var_os(HOME_VARIABLE).filter(|home| !home.is_empty()) {
        Some(home) => Some(Path::new(&home).join(USER_FILE)),
        None => etcetera::choose_base_strategy().ok().map(|base| base.config_dir().join("portus").join(USER_FILE)),
    }
}

#[cfg(test)]
mod tests;
