//! What `run` tells its user, on standard error: one line each, or one JSON object each.

use std::io::Write as _;

use portus_client::shapes::Envelope;
use portus_core::Port;
use portus_proto::{Lease, Process};
use serde::Serialize;

use crate::output::Output;

/// Where a service can be reached by a browser, if it can.
pub(super) fn url(lease: &Lease) -> Option<String> {
    lease.protocol.tcp().then(|| format!("http://localhost:{}", lease.port))
}

/// Says things, unless told not to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Voice(pub(super) Output);

/// One line of what happened, for programs.
#[derive(Debug, Serialize)]
struct Told<'a> {
    event: &'a str,
    leases: &'a [&'a Lease],
    notes: [&'a str; 1],
}

impl Voice {
    /// Something worth knowing.
    pub(super) fn tell(self, event: &str, leases: &[&Lease], sentence: &str) {
        if !self.0.quiet {
            self.warn(event, leases, sentence);
        }
    }

    /// Something that must be known.
    pub(super) fn warn(self, event: &str, leases: &[&Lease], sentence: &str) {
        // One write, so that the command's own output does not come in between; and nobody to tell if it fails.
        let line = if self.0.json {
            let told = Envelope::of(Told { event, leases, notes: [sentence] });
            serde_json::to_string(&told).unwrap_or_default()
        } else {
            format!("portus: {sentence}")
        };
        let _ = std::io::stderr().lock().write_all(format!("{line}\n").as_bytes());
    }
}

/// The service is up.
pub(super) fn up(lease: &Lease) -> String {
    let place = url(lease).unwrap_or_else(|| format!("{} port {}", lease.protocol, lease.port));
    format!("{} is up on {place} ({}, worktree {})", lease.service, lease.project, lease.worktree)
}

/// It listens, and does not answer as `--ready` wants it to.
pub(super) fn not_ready(lease: &Lease, detail: &str) -> String {
    format!("{} listens on port {}, and is not ready after 10 minutes: {detail}", lease.service, lease.port)
}

/// It listens, and is not well.
pub(super) fn unhealthy(lease: &Lease, detail: &str) -> String {
    format!(
        "{service} listens on port {}, and is not healthy: {detail}; `portus health {service}` asks again",
        lease.port,
        service = lease.service
    )
}

/// Its tree listens elsewhere.
pub(super) fn drifted(lease: &Lease, other: Port) -> String {
    format!(
        "{} listens on {other} instead of its own port {}: name the port with {{port}} in the command, or have it read PORT",
        lease.service, lease.port
    )
}

/// Somebody else listens there.
pub(super) fn contested(lease: &Lease) -> String {
    format!(
        "somebody else listens on port {port} of {}: `portus explain {port}` says who",
        lease.service,
        port = lease.port
    )
}

/// The lease ended before the command did.
pub(super) fn ended(lease: &Lease) -> String {
    let why = lease.ended.as_ref().map_or("unknown", |ended| ended.reason.word());
    format!("the lease of {} on port {} has ended ({why}); the command goes on", lease.service, lease.port)
}

/// The command could not bind its port.
pub(super) fn taken(port: Port, by: &[Process]) -> String {
    if by.is_empty() {
        return format!("port {port} cannot be bound, though nobody shows there");
    }
    let by: Vec<String> = by.iter().map(|process| format!("{} (pid {})", process.command, process.pid)).collect();
    format!("port {port} is taken by {}", by.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_sits_on_a_port_is_named() {
        let port = Port::new(3000).unwrap();
        let process = |pid, command: &str| Process { pid, command: command.to_owned() };
        for (by, wanted) in [
            (vec![], "port 3000 cannot be bound, though nobody shows there"),
            (vec![process(12, "node")], "port 3000 is taken by node (pid 12)"),
            (vec![process(1, "a"), process(2, "b c")], "port 3000 is taken by a (pid 1), b c (pid 2)"),
        ] {
            assert_eq!(taken(port, &by), wanted);
        }
    }
}
