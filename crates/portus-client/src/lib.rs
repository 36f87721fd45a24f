//! Typed, blocking calls to the daemon, which is started if need be, and what callers say of themselves.
//!
//! May import portus-core, portus-proto, portus-os, and what reads configuration. Never prints, never waits without a
//! deadline, and needs no async runtime, so that a command starts in about a millisecond.
//! Start reading at [`Client::connect`], then [`Workspace`] (who asks) and [`config`] (for what).
//! Tested by a daemon of the tests' own over real sockets, and by tables for configuration and words.
#![forbid(unsafe_code)]

mod agent;
mod calls;
mod client;
pub mod config;
mod connect;
mod container;
mod disabled;
mod duration;
mod environment;
mod error;
mod events;
pub mod health;
mod incumbent;
mod link;
mod mirror;
mod pages;
mod requester;
mod server_port;
pub mod shapes;
mod words;
mod workspace;

pub use agent::{Agent, sandboxed};
pub use client::Client;
pub use connect::{Options, READY_LINE, failed_line, retire_older, wait_until_gone};
pub use container::Container;
pub use disabled::{DisabledPortError, disabled_by, disabled_port};
pub use duration::{DurationError, parse_duration, show_duration};
pub use environment::{Assigned, EnvironmentError, environment, variable_part};
pub use error::{CallError, ConnectError};
pub use events::Events;
pub use incumbent::{end_incumbent, incumbent};
pub use requester::requester;
pub use server_port::{ServerPort, ServerPortError, ServerWish, portus_on_path};
pub use words::{listener_words, stranger_words, verdict_words};
pub use workspace::{Overrides, Workspace, WorkspaceError};
