//! Ports that are kept until a command's first instruction.

use portus_core::{Port, Protocol};

use crate::port::Guard;

/// Guards of this process's own. Handed to [`Supervisor::spawn_keeping`](super::Supervisor::spawn_keeping) they
/// are inherited by the command's process and closed by its exec: up to the command's first
/// instruction nobody else can bind the ports, and from it on the command can.
#[derive(Debug, Default)]
pub struct KeptPorts(Vec<Guard>);

impl KeptPorts {
    /// Takes over ports whose guards in another process let `SO_REUSEADDR` past. Best effort: a port that
    /// cannot be taken is not kept, and the command's own bind will tell. UDP has no way to be taken over.
    #[must_use]
    pub fn take(ports: &[(Port, Protocol)]) -> Self {
        let tcp = ports.iter().filter(|(_, protocol)| protocol.tcp());
        Self(tcp.filter_map(|(port, _)| Guard::take(*port, Protocol::Tcp).ok()).collect())
    }

    /// Whether there is nothing to keep.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
