//! Ports as the kernel sees them: holding one, looking at one, and who listens.

#[cfg(not(target_os = "linux"))]
mod foreign;
mod guard;
mod limits;
mod listeners;
mod owners;
#[cfg(target_os = "linux")]
mod proc_fd;
#[cfg(target_os = "linux")]
mod proc_net;
#[cfg(target_os = "linux")]
mod sock_diag;

pub use guard::{Guard, GuardError, probe};
pub use limits::{EphemeralPorts, network_namespace, raise_descriptor_limit};
pub use listeners::{Socket, SocketTable, all_listeners, listeners_on};
pub use owners::{owners, owners_among};
