//! Which container is behind a port that is forwarded to one: Docker, or what speaks as it does, is asked for its name.

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use portus_core::Protocol;
use serde_json::Value;

use super::Seen;

/// Docker is waited for so long, all in all. Who asks about a port gets an answer without a name then.
const WITHIN: Duration = Duration::from_millis(300);
/// The longest answer of Docker's, in bytes: some hundred containers' worth.
const LEN_MAX: usize = 1024 * 1024;
/// Where Docker is, unless the daemon's environment says otherwise.
const SOCKET: &str = "/var/run/docker.sock";
/// The variable that says otherwise: `unix:///path`. A Docker elsewhere than on this machine serves no port of it.
const HOST: &str = "DOCKER_HOST";

/// The container that a listener forwards to, as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Container {
    /// Its address, by the command line of the process that forwards.
    At(String),
    /// What Docker calls it.
    Named {
        /// Its name.
        name: String,
        /// The project and the service of `docker compose` that it is.
        compose: Option<(String, String)>,
    },
}

impl Container {
    /// The command that stops it.
    pub(crate) fn stop(&self) -> Option<String> {
        match self {
            Self::At(_) => None,
            Self::Named { name, .. } => Some(format!("docker stop {name}")),
        }
    }

    /// For sentences.
    pub(crate) fn described(&self) -> String {
        match self {
            Self::Named { name, compose: Some((project, service)) } => {
                format!("container {name} (`{service}` of the compose project `{project}`)")
            }
            Self::Named { .. } | Self::At(_) => format!("container {self}"),
        }
    }
}

impl fmt::Display for Container {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::At(address) => write!(out, "at {address}"),
            Self::Named { name, .. } => out.write_str(name),
        }
    }
}

/// Names the containers behind those listeners that forward to one, or may: Docker's proxy is the administrator's
/// process, and the system may not show it.
pub(crate) fn name(seen: &mut [Seen]) {
    let is_set = std::env::var_os(HOST).filter(|host| !host.is_empty());
    let socket = match is_set {
        None => Some(PathBuf::from(SOCKET)),
        Some(host) => host.to_str().and_then(|host| host.strip_prefix("unix://")).map(PathBuf::from),
    };
    if let Some(socket) = socket {
        name_by(&socket, seen);
    }
}

fn name_by(socket: &Path, seen: &mut [Seen]) {
    if !seen.iter().any(may_forward) || !is_running(socket, seen) {
        return;
    }
    let answer = match portus_os::http::get(socket, "/containers/json", WITHIN, LEN_MAX) {
        Ok(answer) => answer,
        Err(error) => return tracing::debug!(socket = %socket.display(), %error, "Docker names no container"),
    };
    let Ok(containers) = serde_json::from_slice::<Vec<Value>>(&answer) else {
        return tracing::debug!(socket = %socket.display(), "Docker's answer is no list of containers");
    };
    for seen in seen.iter_mut().filter(|seen| may_forward(seen)) {
        let found = containers.iter().find(|container| publishes(container, seen)).and_then(named);
        seen.container = found.or(seen.container.take());
    }
}

/// Whether Docker runs: its proxy was seen, or the file with its process id lies beside its socket. The socket alone says
/// nothing, since the system may listen there for Docker and start it for whoever asks.
fn is_running(socket: &Path, seen: &[Seen]) -> bool {
    let is_proxy = |seen: &Seen| seen.listener.container_proxy && seen.listener.command.contains("docker-proxy");
    seen.iter().any(is_proxy) || socket.with_extension("pid").exists()
}

fn may_forward(seen: &Seen) -> bool {
    seen.listener.container_proxy || (seen.listener.process.is_none() && !seen.listener.same_user)
}

/// Whether one of the ports that a container publishes is where somebody was seen.
fn publishes(container: &Value, seen: &Seen) -> bool {
    let protocol = match seen.listener.protocol {
        Protocol::Udp => "udp",
        Protocol::Tcp | Protocol::Both => "tcp",
    };
    let ports = container["Ports"].as_array().into_iter().flatten();
    ports.filter(|port| port["PublicPort"] == seen.port.number() && port["Type"] == protocol).any(|port| {
        let address = port["IP"].as_str().and_then(|address| address.parse::<IpAddr>().ok());
        address.is_none_or(|address| address.is_unspecified() || address.to_string() == seen.address)
    })
}

fn named(container: &Value) -> Option<Container> {
    let mut names = container["Names"].as_array()?.iter().filter_map(|name| name.as_str()?.strip_prefix('/'));
    let name = names.find(|name| is_name(name))?.to_owned();
    let label = |what: &str| {
        let label = container["Labels"][format!("com.docker.compose.{what}")].as_str()?;
        is_name(label).then(|| label.to_owned())
    };
    Some(Container::Named { name, compose: label("project").zip(label("service")) })
}

/// What Docker allows as a name, and no more: it goes into a command that a person is told to type.
fn is_name(text: &str) -> bool {
    let may_follow = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    text.len() <= 255 && text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.chars().all(may_follow)
}

#[cfg(test)]
mod tests {
    use super::*;
    use portus_core::{Listener, Port};

    fn seen(port: u16, address: &str, container_proxy: bool) -> Seen {
        let listener = Listener {
            protocol: Protocol::Tcp,
            process: None,
            command: "".into(),
            same_user: false,
            lineage: Default::default(),
            marker: Default::default(),
            worktree: None,
            container_proxy,
        };
        let port = Port::new(port).unwrap();
        let (address, chain) = (address.to_owned(), Vec::new());
        Seen { port, address, listener, is_placed: true, cwd: None, project: None, container: None, chain }
    }

    fn named_by(containers: &str, seen: &Seen) -> Option<String> {
        let containers: Vec<Value> = serde_json::from_str(containers).unwrap();
        containers.iter().find(|one| publishes(one, seen)).and_then(named).map(|container| container.described())
    }

    #[test]
    fn a_container_is_found_by_what_it_publishes() {
        let all = r#"[
            {"Names": ["/other"], "Ports": [{"PrivatePort": 5432, "Type": "tcp"}]},
            {"Names": ["/here"], "Ports": [{"IP": "127.0.0.1", "PublicPort": 80, "Type": "tcp"}]},
            {"Names": ["/dns"], "Ports": [{"IP": "::", "PublicPort": 53, "Type": "udp"}], "Labels": null},
            {"Names": ["/a/b", "/shop-db-1"], "Ports": [{"IP": "0.0.0.0", "PublicPort": 5432, "Type": "tcp"}],
             "Labels": {"com.docker.compose.project": "shop", "com.docker.compose.service": "db"}}]"#;
        let by = |port, address| named_by(all, &seen(port, address, true));
        assert_eq!(by(5_432, "::").as_deref(), Some("container shop-db-1 (`db` of the compose project `shop`)"));
        assert_eq!(by(80, "127.0.0.1").as_deref(), Some("container here"));
        assert_eq!(by(80, "0.0.0.0"), None, "published on another address");
        assert_eq!(by(53, "0.0.0.0"), None, "published for UDP");
        let udp = seen(53, "::", true);
        let udp = Seen { listener: Listener { protocol: Protocol::Udp, ..udp.listener }, ..udp };
        assert_eq!(named_by(all, &udp).as_deref(), Some("container dns"));
    }

    #[test]
    fn docker_is_not_started_by_asking() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("docker.sock");
        let with = |command: &str, container_proxy| {
            let seen = seen(80, "::", container_proxy);
            Seen { listener: Listener { command: command.into(), ..seen.listener }, ..seen }
        };
        assert!(!is_running(&socket, &[with("", false), with("rootlessport", true), with("my-docker-proxy", false)]));
        assert!(is_running(&socket, &[with("", false), with("/usr/bin/docker-proxy -proto tcp", true)]));
        std::fs::write(folder.path().join("docker.pid"), "7").unwrap();
        assert!(is_running(&socket, &[with("", false)]));
    }

    #[test]
    fn only_what_docker_allows_is_taken_for_a_name() {
        for (name, is) in
            [("a", true), ("shop_db.1-x", true), ("", false), ("-rf", false), ("a; ls", false), ("ä", false)]
        {
            assert_eq!(is_name(name), is, "{name}");
        }
        for odd in [r#"[{}]"#, r#"[7, null]"#, r#"[{"Ports": [{"PublicPort": 80, "Type": "tcp"}], "Names": ["$(x)"]}]"#]
        {
            assert_eq!(named_by(odd, &seen(80, "::", true)), None, "{odd}");
        }
    }
}
