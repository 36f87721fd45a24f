//! Starting, stopping and looking at the daemon from outside.

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use portus_client::shapes::DaemonStatus;
use portus_client::{
    CallError, Client, ConnectError, Options, end_incumbent, incumbent, retire_older, wait_until_gone,
};
use portus_os::place::Home;
use portus_proto::Status;

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};

/// A daemon that says nothing for so long hangs: it greets within some milliseconds.
const ANSWER_WITHIN: Duration = Duration::from_secs(3);

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
        output.say(if was_running { "stopped" } else { "no daemon is running" });
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

/// Has the daemon leave, and waits until it is gone; one that does not answer is ended by signals. Whether there was
/// one.
fn end(context: &Context) -> Result<bool, Failure> {
    let home = context.home()?;
    let failure = match leave(home, &context.options()) {
        Ok(was_running) => return Ok(was_running),
        Err(CallError::TimedOut | CallError::Connect(ConnectError::TimedOut { .. })) if incumbent(home).is_none() => {
            let message = "the daemon does not answer, and which process it is is not to be told";
            Failure::new(Exit::NO_DAEMON, "daemon_timed_out", message, "`portus doctor` looks for the reason")
        }
        Err(error @ (CallError::TimedOut | CallError::Connect(ConnectError::TimedOut { .. }))) => {
            if let Some(ended) = end_incumbent(home) {
                context.output.note_ahead(&format!("the daemon (pid {}) did not answer, and was ended", ended.pid));
                return Ok(true);
            }
            error.into()
        }
        Err(error) => return Err(error.into()),
    };
    // It has ended by itself while it was looked for.
    if wait_until_gone(home, Instant::now()).is_ok() { Ok(true) } else { Err(failure) }
}

/// Asks the daemon to leave, and waits until it has.
fn leave(home: &Home, options: &Options) -> Result<bool, CallError> {
    let deadline = Instant::now() + options.deadline;
    let options = Options { autostart: false, deadline: options.deadline.min(ANSWER_WITHIN), ..options.clone() };
    if retire_older(home, &options)? {
        return Ok(true);
    }
    let mut client = match Client::connect(home, options) {
        Ok(client) => client,
        Err(ConnectError::NotRunning { .. }) => return Ok(false),
        Err(error) => return Err(error.into()),
    };
    match client.stop() {
        // It is leaving already, or left before it had said so.
        Ok(()) | Err(CallError::Lost { .. }) => {}
        Err(CallError::Refused(refusal)) if refusal.code == portus_proto::Code::Stopping => {}
        Err(error) => return Err(error),
    }
    drop(client);
    // Whatever goes wrong but the time is no reason to think that it is still there.
    match wait_until_gone(home, deadline) {
        Err(error) if error.kind() == ErrorKind::TimedOut => Err(CallError::TimedOut),
        _ => Ok(true),
    }
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
