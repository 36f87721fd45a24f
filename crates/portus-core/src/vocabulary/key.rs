//! Who asks: a service of a worktree of a project.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// The longest service name, in bytes.
pub const SERVICE_NAME_LEN_MAX: usize = 64;

/// A service's name: `[A-Za-z0-9][A-Za-z0-9._-]{0,63}`, and not all digits (digits name ports).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(try_from = "String", into = "String")
)]
pub struct ServiceName(Arc<str>);

/// Why a text is no service name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ServiceNameError {
    /// Nothing at all.
    #[error("a service name is empty")]
    Empty,
    /// Longer than [`SERVICE_NAME_LEN_MAX`].
    #[error("a service name of {len} characters is too long: the limit is {SERVICE_NAME_LEN_MAX}")]
    TooLong {
        /// Its length in bytes.
        len: usize,
    },
    /// Digits only: it would read as a port.
    #[error("`{0}` is all digits, which names a port, not a service")]
    AllDigits(String),
    /// A character that is not allowed, or not allowed in front.
    #[error(
        "`{name}` is no service name: {found:?} may not stand there (letters, digits, `.`, `_`, `-`; first a letter or digit)"
    )]
    BadCharacter {
        /// The name as given.
        name: String,
        /// The first character that may not stand where it does.
        found: char,
    },
}

impl ServiceName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ServiceName {
    type Err = ServiceNameError;

    fn from_str(name: &str) -> Result<Self, ServiceNameError> {
        if name.is_empty() {
            return Err(ServiceNameError::Empty);
        }
        if name.len() > SERVICE_NAME_LEN_MAX {
            return Err(ServiceNameError::TooLong { len: name.len() });
        }
        let allowed = |(at, c): (usize, char)| c.is_ascii_alphanumeric() || (at > 0 && matches!(c, '.' | '_' | '-'));
        if let Some((_, found)) = name.char_indices().find(|&place| !allowed(place)) {
            return Err(ServiceNameError::BadCharacter { name: name.to_owned(), found });
        }
        if name.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(ServiceNameError::AllDigits(name.to_owned()));
        }
        Ok(Self(name.into()))
    }
}

impl TryFrom<String> for ServiceName {
    type Error = ServiceNameError;

    fn try_from(name: String) -> Result<Self, ServiceNameError> {
        name.parse()
    }
}

impl From<ServiceName> for String {
    fn from(name: ServiceName) -> Self {
        name.0.as_ref().to_owned()
    }
}

impl fmt::Display for ServiceName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// Who asks for a port. Two asks of one key are the same wish; a port never goes to two keys.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// The project's name: the repository's, or as configured.
    pub project: Arc<str>,
    /// The worktree: a canonical, absolute path.
    pub worktree: Arc<str>,
    /// The service within the worktree.
    pub service: ServiceName,
}

impl fmt::Display for Key {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} of {} ({})", self.service, self.project, self.worktree)
    }
}
