//! `portus quarantine`

use portus_client::shapes;
use portus_core::{Port, QuarantineUntil};
use portus_proto::{Quarantine, QuarantineCall};

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Outcome;
use crate::output::Output;
use crate::text;

/// Mark a port dead, so that nobody gets it until it is revived
///
/// Without a port: show those that are not handed out.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// The port
    #[arg(value_name = "PORT")]
    port: Option<Port>,
    /// Why, for people
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true, requires = "port")]
    reason: String,
}

pub(crate) fn run(args: Args, context: &Context) -> Outcome {
    let mut client = context.connect()?;
    match args.port {
        Some(port) => {
            let found = client.quarantine(QuarantineCall { port, reason: args.reason })?;
            show_done(found, &format!("{port} is not handed out until it is revived"), context.output)
        }
        None => show(client.quarantines()?, context.output),
    }
}

fn show(quarantines: Vec<Quarantine>, output: Output) -> Outcome {
    if output.json {
        output.reply(shapes::Quarantines { quarantines })?;
        return Ok(Exit::DONE);
    }
    if quarantines.is_empty() {
        output.note("no port is in quarantine");
        return Ok(Exit::DONE);
    }
    let until = |found: &Quarantine| match found.until {
        QuarantineUntil::Revived => "until revived".to_owned(),
        QuarantineUntil::Reboot => "until reboot".to_owned(),
    };
    let row = |found: &Quarantine| [found.port.to_string(), until(found), text::age(found.since), found.reason.clone()];
    let rows: Vec<_> = quarantines.iter().map(row).collect();
    output.styled(&text::table(["PORT", "UNTIL", "SINCE", "REASON"], &rows))?;
    Ok(Exit::DONE)
}

/// Prints what became of a quarantine.
pub(super) fn show_done(quarantines: Vec<Quarantine>, sentence: &str, output: Output) -> Outcome {
    if output.json {
        output.reply(shapes::Quarantines { quarantines })?;
    } else {
        output.say(sentence);
    }
    Ok(Exit::DONE)
}
