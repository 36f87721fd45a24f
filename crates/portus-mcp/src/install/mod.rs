//! Puts Portus into the settings of coding agents, and takes it out again.
//!
//! A settings file belongs to its user: what is not understood is kept, comments included, a file that cannot be read
//! as what it should be is left alone, and taking Portus out gives back the file as it was, byte for byte.

mod agents;
mod edit;
mod file;
mod json;
mod rules;
mod toml;

use std::path::{Path, PathBuf};

pub use agents::{Agent, Places, Scope, UnknownAgent};
use edit::Edit;
pub use file::{Change, FileError};

/// Why a file was left alone.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// The agent has no settings of this scope.
    #[error("{agent} has no settings of one {}", scope.word())]
    NoSuchScope {
        /// The agent.
        agent: &'static str,
        /// The scope asked for.
        scope: Scope,
    },
    /// The file is not what it should be.
    #[error("{} was left alone: {why}", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// Where, and what is wrong.
        why: String,
    },
    /// The system refused.
    #[error(transparent)]
    File(#[from] FileError),
}

impl InstallError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::NoSuchScope { scope: Scope::Project, .. } => "use --scope user".to_owned(),
            Self::NoSuchScope { scope: Scope::User, .. } => "use --scope project".to_owned(),
            Self::Unreadable { .. } => "correct the file, or add by hand what --print shows".to_owned(),
            Self::File(error) => error.hint().to_owned(),
        }
    }
}

/// What is to be put in or taken out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// In.
    Install,
    /// Out.
    Uninstall,
}

/// One edit of one file, worked out and not yet carried out.
#[derive(Debug)]
pub struct Plan {
    change: Change,
    snippet: String,
}

impl Plan {
    /// The server's entry in an agent's settings.
    ///
    /// # Errors
    /// [`InstallError`].
    pub fn settings(agent: Agent, scope: Scope, places: &Places, direction: Direction) -> Result<Self, InstallError> {
        let file = agent.file(scope, places).ok_or(InstallError::NoSuchScope { agent: agent.word(), scope })?;
        Self::of(&file, agent.edit().as_ref(), direction)
    }

    /// The block of rules in the file of instructions that an agent reads.
    ///
    /// # Errors
    /// [`InstallError`].
    pub fn rules(agent: Agent, places: &Places, direction: Direction) -> Result<Self, InstallError> {
        Self::of(&places.project.join(agent.rules_file()), &rules::Rules, direction)
    }

    fn of(file: &Path, edit: &dyn Edit, direction: Direction) -> Result<Self, InstallError> {
        let unreadable = |why: String| InstallError::Unreadable { file: file.to_owned(), why };
        let snippet = edit.put_in("").map_err(unreadable)?;
        let change = match direction {
            Direction::Install => file::installing(file, edit),
            Direction::Uninstall => file::uninstalling(file, edit, &snippet),
        };
        Ok(Self { change: change?.map_err(unreadable)?, snippet })
    }

    /// The file.
    #[must_use]
    pub fn file(&self) -> &Path {
        self.change.file()
    }

    /// What a file with nothing else in it would hold.
    #[must_use]
    pub fn snippet(&self) -> &str {
        &self.snippet
    }

    /// Whether anything is to be done.
    #[must_use]
    pub fn is_change(&self) -> bool {
        self.change.is_change()
    }

    /// Does it: at once or not at all, with a backup beside the file.
    ///
    /// # Errors
    /// [`InstallError::File`].
    pub fn apply(self) -> Result<(), InstallError> {
        Ok(self.change.apply()?)
    }
}

#[cfg(test)]
mod tests;
