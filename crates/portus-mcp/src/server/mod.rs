//! The MCP server: from protocol to tools and back.

mod confirm;
mod feed;
mod handler;
mod place;
mod roots;

use std::path::PathBuf;
use std::sync::Arc;

use portus_client::{Client, ConnectError, requester};
use portus_proto::Requester;
use rmcp::service::{RoleServer, ServiceExt as _};
use rmcp::transport::IntoTransport;

use handler::Handler;

/// How to reach the daemon: a connection for each call.
pub type Connect = Arc<dyn Fn() -> Result<Client, ConnectError> + Send + Sync>;

/// What the server knows of its surroundings.
#[derive(Clone)]
pub struct Setup {
    /// How to reach the daemon.
    pub connect: Connect,
    /// Where the server was started.
    pub current_dir: PathBuf,
    /// The user's home directory, which is never taken for a project.
    pub home_dir: Option<PathBuf>,
    /// The project as the client's environment names it (`CLAUDE_PROJECT_DIR`).
    pub project_dir: Option<PathBuf>,
    /// Who asks; the client's own name is put in when it gives one.
    pub requester: Requester,
}

impl Setup {
    /// The surroundings of this process.
    #[must_use]
    pub fn of_environment(connect: Connect) -> Self {
        let project_dir = std::env::var_os("CLAUDE_PROJECT_DIR").filter(|dir| !dir.is_empty()).map(PathBuf::from);
        Self {
            connect,
            current_dir: std::env::current_dir().unwrap_or_default(),
            home_dir: std::env::home_dir(),
            project_dir,
            requester: requester(),
        }
    }
}

/// Why the server ended before its client did.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The client did not speak the protocol.
    #[error("the client does not speak MCP: {0}")]
    Protocol(String),
    /// The system refused.
    #[error("cannot start: {0}")]
    Io(#[from] std::io::Error),
}

/// Serves one client over standard input and output until it goes.
///
/// # Errors
/// [`ServeError`].
pub fn serve_stdio(setup: Setup) -> Result<(), ServeError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let outcome = runtime.block_on(serve(setup, rmcp::transport::stdio()));
    // A thread may wait for the daemon's next event, or for standard input; neither is waited for.
    runtime.shutdown_background();
    outcome
}

/// Serves one client over a transport until it goes.
///
/// # Errors
/// [`ServeError::Protocol`].
pub async fn serve<T, E, A>(setup: Setup, transport: T) -> Result<(), ServeError>
where
    T: IntoTransport<RoleServer, E, A>,
    E: std::error::Error + Send + Sync + 'static,
{
    use rmcp::service::ServerInitializeError as Failed;
    match Handler::new(setup).serve(transport).await {
        Ok(running) => match running.waiting().await {
            Ok(_) => Ok(()),
            Err(error) => Err(ServeError::Protocol(error.to_string())),
        },
        // It looked, and went.
        Err(Failed::ConnectionClosed(_)) => Ok(()),
        Err(error) => Err(ServeError::Protocol(error.to_string())),
    }
}
