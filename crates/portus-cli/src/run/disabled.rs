//! `run` while Portus is switched off: the command gets the port it would have taken anyway.

use portus_client::{Assigned, disabled_port};
use portus_core::Protocol;
use portus_os::supervise::{Event, TerminalPolicy};

use super::command::Command;
use super::{Job, OUR_FAILURE, exit_of, ours};
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};

impl Job {
    /// Starts the command without a daemon, as `variable` wishes.
    pub(super) fn without_daemon(&mut self, variable: &str) -> Outcome {
        let service = self.services()?.swap_remove(0);
        let declared = self.workspace.config.services.get(&service);
        let preferred = self.args.wish.port.or_else(|| declared?.preferred.as_ref().map(|port| port.value));
        let port = disabled_port(preferred)
            .map_err(|error| Failure::usage(format!("SERVICE_PORT: {error}"), "correct the variable, or unset it"))?;
        let Some(port) = port else {
            return Err(Failure::usage(
                format!("{variable} switches Portus off, and no port is preferred"),
                "name one with --port, SERVICE_PORT or portus.toml, or unset that variable",
            ));
        };
        self.voice.warn("disabled", &[], &format!("switched off by {variable}: {service} gets port {port}, unchecked"));
        let protocol = self.args.wish.wish().protocol.unwrap_or(Protocol::Tcp);
        let assigned = [Assigned { service: service.clone(), port, protocol }];
        let command = Command::with(&self.args, &self.workspace, &assigned, &service, None)?;
        self.see_through(&command)
    }

    /// Starts a command whose leases are no affair of this `run`, and waits for its end.
    pub(super) fn see_through(&mut self, command: &Command) -> Outcome {
        command.tell(self.voice);
        if let Some(exit) = self.interrupted()? {
            return Ok(exit);
        }
        self.supervisor.spawn(command.spec(), TerminalPolicy::HandOver).map_err(|error| {
            let code = u8::try_from(error.exit_code()).map_or(OUR_FAILURE, Exit);
            Failure::new(code, "cannot_start", error.to_string(), "")
        })?;
        loop {
            let event = self.supervisor.next_event(None, None);
            match event.map_err(|error| ours(Failure::io("wait for the command", &error)))? {
                Event::Exited(status) => return Ok(exit_of(status)),
                _ => continue,
            }
        }
    }
}
