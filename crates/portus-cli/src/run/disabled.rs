//! `run` while Portus is switched off: the command gets the port it would have taken anyway.

use portus_client::Assigned;
use portus_os::supervise::{Event, TerminalPolicy};

use super::command::{Command, Known};
use super::{Job, OUR_FAILURE, exit_of, ours};
use crate::asking::{declared_without_daemon, port_without_daemon};
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};

impl Job {
    /// Starts the command without a daemon, as `variable` wishes.
    pub(super) fn without_daemon(&mut self, variable: &str) -> Outcome {
        let asks = self.asks()?;
        let asks: Vec<_> = asks.iter().filter(|ask| !ask.claim_only).collect();
        let mut assigned: Vec<Assigned> = Vec::new();
        for ask in &asks {
            let service = &ask.key.service;
            let port = port_without_daemon(service, ask.preferred, asks.len() == 1, variable)?;
            let sentence = format!("switched off by {variable}: {service} gets port {port}, unchecked");
            self.voice.warn("disabled", &[], &sentence);
            assigned.push(Assigned { service: service.clone(), port, protocol: ask.protocol });
        }
        let Some(service) = assigned.first().map(|first| first.service.clone()) else {
            return Err(Failure::usage("no service is named", ""));
        };
        for sibling in declared_without_daemon(&self.workspace)? {
            if !assigned.iter().any(|known| known.service == sibling.service) {
                assigned.push(sibling);
            }
        }
        let known = Known::only(assigned);
        let command = Command::with(&self.args, &self.workspace, known, &service, None)?;
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
