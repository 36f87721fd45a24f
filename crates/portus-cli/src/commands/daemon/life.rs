//! Starting, stopping and looking at the daemon from outside.

use std::time::Instant;

use portus_client::shapes::DaemonStatus;
use portus_client::{CallError, retire_older, wait_until_gone};
use portus_proto::Status;

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};

pub(super) fn start(context: &Context) -> Outcome {
    let status = context.connect()?.status()?;
    show(status, "running", context)
}

pub(super) fn stop(context: &Context) -> Outcome {
    let was_running = end(context)?;
    let output = context.output;
    if output.json {
        output.reply(none(context)?)?;
    } else {
        output.say(if was_running { "stopped" } else { "no daemon was running" });
    }
    Ok(Exit::DONE)
}

pub(super) fn restart(context: &Context) -> Outcome {
    // The next one would not start with it, and then there would be none.
    super::serve::check_config()?;
    end(context)?;
    start(context)
}

pub(super) fn status(context: &Context) -> Outcome {
    match context.connect_to_running()? {
        Some(mut client) => {
            let status = client.status()?;
            show(status, "running", context)
        }
        None if context.output.json => {
            context.output.reply(none(context)?)?;
            Ok(Exit::DONE)
        }
        None => {
            context.output.data(b"not running\n")?;
            Ok(Exit::DONE)
        }
    }
}

/// Has the daemon leave, and waits until it is gone. Whether there was one.
fn end(context: &Context) -> Result<bool, Failure> {
    let deadline = Instant::now() + context.options().deadline;
    if retire_older(context.home()?, &context.options())? {
        return Ok(true);
    }
    let Some(mut client) = context.connect_to_running()? else { return Ok(false) };
    match client.stop() {
        // It is leaving already, or left before it had said so.
        Ok(()) | Err(CallError::Lost { .. }) => {}
        Err(CallError::Refused(refusal)) if refusal.code == portus_proto::Code::Stopping => {}
        Err(error) => return Err(error.into()),
    }
    drop(client);
    wait_until_gone(context.home()?, deadline).map_err(|error| match error.kind() {
        std::io::ErrorKind::TimedOut => Failure::new(
            Exit::TIMED_OUT,
            "timed_out",
            "the daemon was told to leave, and is still there",
            "`portus daemon logs` may say why",
        ),
        _ => Failure::io("wait for the daemon's end", &error),
    })?;
    Ok(true)
}

fn none(context: &Context) -> Result<DaemonStatus, Failure> {
    Ok(DaemonStatus { running: false, status: None, home: Some(context.home()?.dir().display().to_string()) })
}

fn show(status: Status, word: &str, context: &Context) -> Outcome {
    let output = context.output;
    if output.json {
        output.reply(DaemonStatus { running: true, status: Some(status), home: None })?;
        return Ok(Exit::DONE);
    }
    let mut lines = format!("{word} (pid {}, version {}, up {}s)\n", status.pid, status.version, status.uptime_s);
    lines.push_str(&format!("home         {}\n", status.home));
    lines.push_str(&format!("leases       {}\n", status.leases));
    lines.push_str(&format!("claims       {}\n", status.claims));
    lines.push_str(&format!("guards       {}\n", status.guards));
    lines.push_str(&format!("connections  {}\n", status.connections));
    lines.push_str(&format!("pool         {}\n", status.pool));
    output.data(lines.as_bytes())?;
    if let Some(path) = &status.set_aside {
        output.note(&format!("a journal that could not be read was set aside as {path}"));
    }
    Ok(Exit::DONE)
}
