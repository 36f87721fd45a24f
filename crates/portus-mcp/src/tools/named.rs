//! Which lease or port a model means.

use portus_client::Workspace;
use portus_core::{LeaseId, Port, ServiceName};
use portus_proto::Target;

use super::{Arguments, ToolError};

/// A service of this worktree, a port, or a lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Named {
    Service(ServiceName),
    Port(Port),
    Lease(LeaseId),
}

impl Named {
    /// The one that the arguments name, of those that the tool takes; `None` when they name none.
    pub(crate) fn of(arguments: &Arguments, takes: &[&str]) -> Result<Option<Self>, ToolError> {
        let mut found = Vec::new();
        for name in takes {
            let named = match *name {
                "service" => arguments.service(name)?.map(Self::Service),
                "port" => arguments.port(name)?.map(Self::Port),
                _ => arguments.number(name, 0..=u64::MAX)?.map(|id| Self::Lease(LeaseId(id))),
            };
            found.extend(named);
        }
        match found.len() {
            0 | 1 => Ok(found.pop()),
            _ => {
                let list = takes.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" and ");
                Err(ToolError::new("bad_argument", format!("{list} exclude each other"), "Pass only one of them"))
            }
        }
    }

    /// The same on the wire.
    pub(crate) fn target(&self, workspace: &Workspace) -> Target {
        match self {
            Self::Service(service) => Target::Key(workspace.key(service.clone())),
            Self::Port(port) => Target::Port(*port),
            Self::Lease(id) => Target::Lease(*id),
        }
    }
}
