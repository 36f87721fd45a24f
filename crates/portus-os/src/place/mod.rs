//! Where the daemon is found: its directory, its locks, its socket, and who is at the other end.

mod boot;
mod connection;
mod detach;
mod home;
mod host;
mod lock;
mod private;
#[cfg(unix)]
mod socket;
mod user;

pub use boot::boot_id;
#[cfg(target_os = "macos")]
pub(crate) use boot::sysctl_number;
#[cfg(unix)]
pub(crate) use connection::connect_to;
#[cfg(windows)]
pub use connection::pipe_name;
pub use connection::{Connection, connect, connect_within};
pub use detach::{Detached, Readiness, announce, has_starter, spawn_detached};
pub use home::{HOME_VARIABLE, Home, PlaceError};
pub use host::host_name;
pub use lock::{InstanceLock, StartLock, open_private};
pub use private::replace_private;
#[cfg(unix)]
pub use socket::{Peer, bind, peer, remove_stale_socket};
pub use user::{User, sudo_user, user};
