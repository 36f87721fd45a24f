//! Whether this process runs in a container: its ports are the container's own, and whoever started the container
//! decides which of them are to be reached from outside.

use std::env;
use std::path::Path;

/// How a container shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Container {
    /// `KUBERNETES_SERVICE_HOST` is set.
    Kubernetes,
    /// `/.dockerenv` exists.
    Docker,
}

impl Container {
    /// The container around this process, if one shows.
    #[must_use]
    pub fn around() -> Option<Self> {
        Self::found(env::var("KUBERNETES_SERVICE_HOST").is_ok_and(|host| !host.is_empty()), Path::new("/.dockerenv"))
    }

    fn found(is_kubernetes: bool, sign_of_docker: &Path) -> Option<Self> {
        if is_kubernetes { Some(Self::Kubernetes) } else { sign_of_docker.exists().then_some(Self::Docker) }
    }

    /// What people should know about ports there.
    #[must_use]
    pub const fn note(self) -> &'static str {
        match self {
            Self::Kubernetes => {
                "KUBERNETES_SERVICE_HOST is set: ports are the pod's own, and usually fixed by its manifest"
            }
            Self::Docker => {
                "/.dockerenv exists: ports are the container's own, and usually published by whoever started it"
            }
        }
    }

    /// What to do about it.
    #[must_use]
    pub const fn hint(self) -> &'static str {
        "set PORTUS_DISABLED=1 to take the preferred ports, or <SERVICE>_PORT, as they are, without a daemon"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_shows_by_its_variable_or_its_file() {
        let dir = tempfile::tempdir().unwrap();
        let sign = dir.path().join(".dockerenv");
        assert_eq!(Container::found(false, &sign), None);
        assert_eq!(Container::found(true, &sign), Some(Container::Kubernetes));
        std::fs::write(&sign, "").unwrap();
        assert_eq!(Container::found(false, &sign), Some(Container::Docker));
    }
}
