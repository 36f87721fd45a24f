//! Whether a service that listens also answers: the one place that asks.
//!
//! Asking is the clients' part, since the daemon does nothing while nothing happens; what was found is told to it with
//! [`Client::report_health`](crate::Client::report_health). Only this machine is ever asked, and no name is looked up:
//! a check comes from a project's file, and answers come from whoever listens.

mod http;
mod url;

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use portus_core::{Port, Protocol, ServiceName};
use portus_proto::{Explanation, Health, HealthCall, Lease, Verdict};

use self::url::Url;
use crate::config::Config;
use crate::words::stranger_words;

/// How long one service may take to answer unless the asker says otherwise.
pub const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// How long one address may take to take a connection: on one machine it is a moment or a full queue.
const CONNECT_WITHIN: Duration = Duration::from_secs(1);
/// How long to pause between two questions to a service that is not well yet, at first and at most.
pub const ASK_AGAIN_AFTER: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));

/// How a service is asked.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Check {
    /// By whether it takes a connection.
    #[default]
    Tcp,
    /// By a path on its own port, which starts with `/`.
    Path(String),
    /// By a URL of this machine, in which `{port}` stands for its port and `{host}` for `localhost`.
    Url(String),
}

/// What a question came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// How the service is.
    pub health: Health,
    /// What was asked and what came back, in one sentence.
    pub detail: String,
}

impl Asked {
    /// Whether it answered as it should.
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        self.health == Health::Healthy
    }

    /// Whether nothing is wrong: it answered as it should, or speaks UDP only, which nobody can ask. Any other that
    /// could not be asked may be anything.
    #[must_use]
    pub fn is_fine(&self, protocol: Protocol) -> bool {
        match self.health {
            Health::Healthy => true,
            Health::Unhealthy => false,
            Health::Unknown => !protocol.tcp(),
        }
    }

    /// What is to be said without asking where a stranger listens on the service's port: the answers would be the
    /// stranger's. `None` where nobody but the tenant could answer.
    #[must_use]
    pub fn of_stranger(found: &Explanation) -> Option<Self> {
        (found.verdict == Verdict::Contested).then(|| Self::unhealthy(stranger_words(found)))
    }

    /// The call that tells the daemon of it.
    #[must_use]
    pub fn report(&self, lease: &Lease) -> HealthCall {
        HealthCall { lease: lease.id, health: self.health, detail: self.detail.clone() }
    }

    fn healthy(detail: String) -> Self {
        Self { health: Health::Healthy, detail }
    }

    fn unhealthy(detail: String) -> Self {
        Self { health: Health::Unhealthy, detail }
    }
}

impl std::str::FromStr for Check {
    type Err = String;

    /// Reads `tcp`, a path, or an http URL of this machine.
    fn from_str(text: &str) -> Result<Self, String> {
        let is_plain = !text.chars().any(|character| character.is_whitespace() || character.is_control());
        let no = || {
            format!("`{}` is neither a path (`/health`), nor `tcp`, nor an http URL on localhost", text.escape_debug())
        };
        match text {
            "tcp" => Ok(Self::Tcp),
            _ if is_plain && text.starts_with('/') => Ok(Self::Path(text.to_owned())),
            _ if is_plain && Url::parse(&filled(text, Port::MAX)).is_some() => Ok(Self::Url(text.to_owned())),
            _ => Err(no()),
        }
    }
}

impl Check {
    /// What the project declares for a service, if it declares anything.
    #[must_use]
    pub fn declared(config: &Config, service: &ServiceName) -> Option<Self> {
        let declared = config.services.get(service)?.health.as_ref()?;
        // It was read once already, with the file.
        declared.value.parse().ok()
    }

    /// Asks the service of a lease, within this time over all.
    #[must_use]
    pub fn ask(&self, lease: &Lease, within: Duration) -> Asked {
        if !lease.protocol.tcp() {
            return Asked { health: Health::Unknown, detail: "a UDP service cannot be asked".to_owned() };
        }
        let mut asked = self.ask_port(lease.port, within);
        if let Some(elsewhere) = lease.drifted_to.filter(|_| !asked.is_healthy()) {
            asked
                .detail
                .push_str(&format!("; its server listens on port {elsewhere} instead (`portus explain {elsewhere}`)"));
        }
        asked
    }

    /// Asks whoever has this port, within this time over all.
    #[must_use]
    pub fn ask_port(&self, port: Port, within: Duration) -> Asked {
        let deadline = Instant::now() + within;
        let url = match self {
            Self::Tcp => return takes_connections(port, deadline),
            Self::Path(path) => format!("http://localhost:{port}{path}"),
            Self::Url(url) => filled(url, port),
        };
        match Url::parse(&url) {
            Some(url) => http::answers(url, deadline),
            None => Asked { health: Health::Unknown, detail: format!("{url} is no http URL of this machine") },
        }
    }
}

fn filled(url: &str, port: Port) -> String {
    url.replace("{port}", &port.to_string()).replace("{host}", "localhost")
}

fn takes_connections(port: Port, deadline: Instant) -> Asked {
    match connect(&LOOPBACK, port.number(), deadline) {
        Ok(stream) => {
            let at = stream.peer_addr().map_or_else(|_| format!("port {port}"), |address| address.to_string());
            Asked::healthy(format!("{at} takes connections"))
        }
        Err(why) => Asked::unhealthy(why),
    }
}

/// Where `localhost` is: servers listen on either, and browsers try both, whatever the system's resolver says.
const LOOPBACK: [IpAddr; 2] = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];

/// Connects to the first address that takes the connection, or says why none did.
fn connect(hosts: &[IpAddr], port: u16, deadline: Instant) -> Result<TcpStream, String> {
    let mut why = Vec::new();
    for address in hosts.iter().map(|host| SocketAddr::new(*host, port)) {
        let limit = left(deadline).map(|left| left.min(CONNECT_WITHIN));
        match limit.and_then(|limit| TcpStream::connect_timeout(&address, limit)) {
            Ok(stream) => return Ok(stream),
            Err(error) => why.push(format!("{address}: {error}")),
        }
    }
    Err(why.join("; "))
}

/// What is left of the time, which is never nothing: a limit of zero would mean none at all.
fn left(deadline: Instant) -> io::Result<Duration> {
    match deadline.saturating_duration_since(Instant::now()) {
        Duration::ZERO => Err(io::ErrorKind::TimedOut.into()),
        left => Ok(left.max(Duration::from_millis(1))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_udp_service_is_fine_without_an_answer() {
        for (health, fine) in [
            (Health::Healthy, [true, true, true]),
            (Health::Unhealthy, [false, false, false]),
            (Health::Unknown, [false, true, false]),
        ] {
            let asked = Asked { health, detail: String::new() };
            assert_eq!([Protocol::Tcp, Protocol::Udp, Protocol::Both].map(|of| asked.is_fine(of)), fine, "{health:?}");
        }
    }
}
