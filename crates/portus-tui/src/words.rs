//! What things are called on the screen: states with their signs, holders, events.

use portus_core::{Port, Protocol, StateWord};
use portus_proto::{AlertState, Event, Health, Lease, Listener, Severity, What};

use crate::model::Ledger;

/// How much something asks to be looked at. Each has a sign and a colour of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Tone {
    /// Nothing to see.
    Quiet,
    /// As it should be.
    Good,
    /// On its way.
    Waiting,
    /// Worth a look.
    Odd,
    /// Wrong.
    Bad,
}

/// How much a lease asks to be looked at: what stands out, then how far it is.
pub(crate) fn urgency(lease: &Lease) -> Tone {
    if lease.contested {
        return Tone::Bad;
    }
    if lease.orphaned || lease.drifted_to.is_some() {
        return Tone::Odd;
    }
    match lease.state {
        StateWord::Active if lease.health == Health::Unhealthy => Tone::Bad,
        StateWord::Active => Tone::Good,
        StateWord::Pending | StateWord::Lapsing => Tone::Waiting,
        StateWord::Ended => Tone::Quiet,
    }
}

/// The sign of a lease's state, a character that is told from the others without colour.
pub(crate) fn sign(lease: &Lease) -> &'static str {
    if lease.contested {
        return "!";
    }
    if lease.drifted_to.is_some() {
        return "»";
    }
    if lease.orphaned {
        return "?";
    }
    match lease.state {
        StateWord::Active if lease.health == Health::Unhealthy => "✗",
        StateWord::Active => "●",
        StateWord::Pending => "○",
        StateWord::Lapsing => "◌",
        StateWord::Ended => "·",
    }
}

/// The one word for a lease's state: what stands out comes first.
pub(crate) fn state(lease: &Lease) -> &'static str {
    if lease.contested {
        return "contested";
    }
    if lease.drifted_to.is_some() {
        return "drifted";
    }
    if lease.orphaned {
        return "orphaned";
    }
    match lease.state {
        StateWord::Active => match lease.health {
            Health::Healthy | Health::Unhealthy => lease.health.word(),
            Health::Unknown => "active",
        },
        StateWord::Pending => "pending",
        StateWord::Lapsing => "lapsing",
        StateWord::Ended => "ended",
    }
}

/// The same with where it drifted to, and with marks for what is kept.
pub(crate) fn state_in_full(lease: &Lease) -> String {
    let mut text = format!("{} {}", sign(lease), state(lease));
    if let Some(port) = lease.drifted_to {
        text.push_str(&format!(" {port}"));
    }
    if lease.guarded {
        text.push_str(" [g]");
    }
    if lease.pinned {
        text.push_str(" [p]");
    }
    text
}

/// A port, and what it is for where that is not TCP.
pub(crate) fn port(port: Port, protocol: Protocol) -> String {
    match protocol {
        Protocol::Tcp => port.to_string(),
        Protocol::Udp | Protocol::Both => format!("{port}/{}", protocol.word()),
    }
}

/// A command line, by the name of its program instead of the path: that is what tells programs apart.
pub(crate) fn command(line: &str) -> &str {
    let program = line.split(' ').next().unwrap_or(line);
    // Only what is a path from the root: elsewhere a slash may be anything.
    if !program.starts_with('/') {
        return line;
    }
    let start = program.rfind('/').map_or(0, |at| at + 1);
    if start < program.len() { &line[start..] } else { line }
}

/// Who holds a lease, and the agent that asked for it, as `portus list` shows it; who only asked holds nothing.
pub(crate) fn holder(lease: &Lease) -> String {
    if lease.holder.is_some() {
        return whose(lease);
    }
    lease.requester.client.as_ref().map_or_else(|| "-".to_owned(), |client| format!("- [{client}]"))
}

/// Whose a lease is: its holder, else who asked.
pub(crate) fn whose(lease: &Lease) -> String {
    let holder = lease.holder.as_ref().map(|holder| (Some(holder.pid), holder.command.as_str()));
    let (pid, command) = holder.unwrap_or((lease.requester.pid, lease.requester.command.as_str()));
    // Where the client itself asked, its name is said already.
    let client = lease.requester.client.as_ref().filter(|client| !self::command(command).starts_with(client.as_str()));
    let client = client.map(|client| format!("[{client}] ")).unwrap_or_default();
    let command = self::command(command);
    match pid {
        Some(pid) => format!("{client}{command} ({pid})"),
        None => format!("{client}{command}"),
    }
}

/// The lease that a listener serves, or that there is none.
pub(crate) fn lease_of(listener: &Listener, ledger: &Ledger) -> String {
    match (listener.guard, listener.lease) {
        (true, _) => "guard".to_owned(),
        (false, None) => "unmanaged".to_owned(),
        (false, Some(id)) => match ledger.leases.get(&id) {
            Some(lease) => format!("{} of {}", lease.service, lease.project),
            None => format!("lease:{id}"),
        },
    }
}

/// An event in words.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) who: String,
    pub(crate) port: Option<Port>,
    pub(crate) what: String,
    pub(crate) tone: Tone,
}

/// An event in words.
pub(crate) fn event(event: &Event) -> Told {
    match &event.what {
        What::Contested(lease) => of_lease(lease, "somebody else listens".to_owned(), Tone::Bad),
        What::Orphaned(lease) => of_lease(lease, "the holder is gone, the server is not".to_owned(), Tone::Odd),
        What::Drifted(lease) => {
            let where_to = lease.drifted_to.map_or_else(|| "back".to_owned(), |port| format!("listens on {port}"));
            of_lease(lease, where_to, Tone::Odd)
        }
        What::Ended(lease) => {
            let why = lease.ended.as_ref().map(|ended| ended.reason.word().replace('_', " ")).unwrap_or_default();
            of_lease(lease, why, Tone::Quiet)
        }
        What::Confirmed(lease) => {
            let evidence = lease.evidence.map(|evidence| format!("up, by {evidence}"));
            of_lease(lease, evidence.unwrap_or_else(|| "up".to_owned()), Tone::Good)
        }
        What::Lapsing(lease) => of_lease(lease, "nobody listens any more".to_owned(), Tone::Waiting),
        What::Granted(lease) => of_lease(lease, whose(lease), Tone::Waiting),
        What::Updated(lease) | What::Uncontested(lease) => of_lease(lease, state_in_full(lease), Tone::Quiet),
        What::Claimed(claim) => {
            let what = if claim.pinned { "pinned" } else { "keeps its number" };
            told(format!("{} of {}", claim.service, claim.project), Some(claim.port), what.to_owned(), Tone::Quiet)
        }
        What::Unclaimed { claim, reason } => {
            let why = reason.word().replace('_', " ");
            told(format!("{} of {}", claim.service, claim.project), Some(claim.port), why, Tone::Quiet)
        }
        What::Quarantined(one) => told(String::new(), Some(one.port), one.reason.clone(), Tone::Odd),
        What::Revived(port) => told(String::new(), Some(*port), "handed out again".to_owned(), Tone::Quiet),
        What::Queued { key, port, waiting } => {
            let what = format!("{waiting} in line");
            told(format!("{} of {}", key.service, key.project), Some(*port), what, Tone::Waiting)
        }
        What::Health { lease, detail } => {
            let tone = if lease.health == Health::Unhealthy { Tone::Bad } else { Tone::Good };
            of_lease(lease, detail.clone(), tone)
        }
        What::Alert { state: AlertState::Raised, alert } => {
            told(alert.code.to_string(), None, alert.message.clone(), alarm(alert.severity))
        }
        What::Alert { state: AlertState::Cleared, alert } => {
            told(alert.code.to_string(), None, alert.message.clone(), Tone::Good)
        }
        What::Missed(count) => told(String::new(), None, format!("{count} events were lost"), Tone::Odd),
    }
}

/// How much an alert asks to be looked at.
pub(crate) const fn alarm(severity: Severity) -> Tone {
    match severity {
        Severity::Critical => Tone::Bad,
        Severity::Warning => Tone::Odd,
    }
}

fn of_lease(lease: &Lease, what: String, tone: Tone) -> Told {
    told(format!("{} of {}", lease.service, lease.project), Some(lease.port), what, tone)
}

const fn told(who: String, port: Option<Port>, what: String, tone: Tone) -> Told {
    Told { who, port, what, tone }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_named_by_its_program() {
        for (line, shown) in [
            ("/usr/bin/node /code/x.js", "node /code/x.js"),
            ("node /code/x.js", "node /code/x.js"),
            ("target/debug/api", "target/debug/api"),
            ("/", "/"),
            ("", ""),
            ("/bin/ -x", "/bin/ -x"),
        ] {
            assert_eq!(command(line), shown);
        }
    }
}
