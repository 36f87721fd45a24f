//! `portus metrics`

use portus_client::shapes::Exposition;
use portus_proto::prometheus;

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Outcome;

/// Print the daemon's figures in Prometheus' text format
///
/// The same text is served at /metrics where `metrics.address` is set. `portus stats` tells it to people.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {}

pub(crate) fn run(_args: Args, context: &Context) -> Outcome {
    let text = prometheus::text(&*context.connect()?.stats()?);
    if context.output.json {
        context.output.reply(Exposition { content_type: prometheus::CONTENT_TYPE, text })?;
    } else {
        context.output.data(text.as_bytes())?;
    }
    Ok(Exit::DONE)
}
