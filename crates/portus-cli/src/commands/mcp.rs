//! `portus mcp`

use std::sync::Arc;

use portus_client::{Client, ConnectError};
use portus_mcp::{ServeError, Setup, serve_stdio};
use portus_os::place::Home;

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};

/// Serve coding agents over MCP on standard input and output
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {}

pub(crate) fn run(_args: Args, context: &Context) -> Outcome {
    let options = context.options();
    // The home is looked for with each call: a server whose home cannot be used must live to tell the model why.
    let connect = move || Client::connect(&Home::find().map_err(ConnectError::from)?, options.clone());
    serve_stdio(Setup::of_environment(Arc::new(connect)))?;
    Ok(Exit::DONE)
}

impl From<ServeError> for Failure {
    fn from(error: ServeError) -> Self {
        let hint = "this command is started by coding agents: `portus install --client NAME` sets it up";
        Self::new(Exit::FAILED, "mcp", error.to_string(), hint)
    }
}
