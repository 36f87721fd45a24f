//! Which scripts end processes by port or by name, and which start a server on a port of their own choice.
//!
//! Pure: from the text of a script to what it would do, as far as that can be told.

use portus_core::Port;

use super::call::{Started, started};
use super::shell::Word;

/// What a script would do that concerns other worktrees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Finding {
    /// End whoever listens on these ports; none are named when they cannot be told.
    KillsByPort(Vec<Port>),
    /// End all programs of this name.
    KillsByName(String),
    /// Start a server on this port, in this directory if it goes there first.
    Binds { port: Port, dir: Option<String> },
}

/// Programs whose one purpose it is.
const PORT_KILLERS: [&str; 6] = ["kill-port", "killport", "kill-my-port", "port-killer", "cross-port-killer", "fkill"];

/// Programs that tell who listens.
const LOOKUPS: [&str; 7] = ["lsof", "fuser", "ss", "netstat", "sockstat", "get-nettcpconnection", "nmap"];

/// Names that dev servers of all worktrees run under.
const SERVERS: [&str; 52] = [
    "node",
    "npm",
    "npx",
    "pnpm",
    "yarn",
    "bun",
    "deno",
    "tsx",
    "ts-node",
    "nodemon",
    "next",
    "next-server",
    "vite",
    "nuxt",
    "astro",
    "remix",
    "ng",
    "webpack",
    "parcel",
    "esbuild",
    "storybook",
    "http-server",
    "serve",
    "server",
    "dev",
    "python",
    "python3",
    "uvicorn",
    "gunicorn",
    "hypercorn",
    "flask",
    "django",
    "runserver",
    "streamlit",
    "ruby",
    "rails",
    "puma",
    "php",
    "artisan",
    "java",
    "gradle",
    "mvn",
    "go",
    "air",
    "cargo",
    "dotnet",
    "beam",
    "mix",
    "hugo",
    "jekyll",
    "caddy",
    "portus",
];

/// What a script would do; each thing once.
pub(super) fn recognise(script: &str) -> Vec<Finding> {
    let all = started(script);
    let mut findings = Vec::new();
    let looks_up = all.iter().any(|started| LOOKUPS.contains(&started.name.as_str()));
    let kills_what_it_found = all.iter().any(kills_unknown);
    if looks_up && kills_what_it_found && all.iter().any(names_ports) {
        findings.push(Finding::KillsByPort(all.iter().flat_map(ports_named).collect()));
    }
    for started in &all {
        findings.extend(killer(started));
    }
    let mut surroundings = Surroundings::default();
    for started in &all {
        if !surroundings.take(started) {
            findings.extend(surroundings.binds(started));
        }
    }
    findings.dedup();
    findings
}

/// A kill whose target is only known when it runs.
fn kills_unknown(started: &Started) -> bool {
    let is_own = |word: &Word| ["$$", "$!", "$PPID", "$P"].contains(&word.text.as_str());
    match started.name.as_str() {
        "kill" => started.is_fed || started.args.iter().any(|word| word.is_dynamic && !is_own(word)),
        "taskkill" | "stop-process" | "spps" => started.is_fed || started.args.iter().any(|word| word.is_dynamic),
        _ => false,
    }
}

/// Whether it asks about ports, and not about files.
fn names_ports(started: &Started) -> bool {
    match started.name.as_str() {
        "lsof" => started
            .args
            .iter()
            .any(|word| word.text.starts_with("-i") || word.text.contains("i:") || word.text.starts_with("-ti")),
        "fuser" => !ports_named(started).is_empty(),
        "ss" | "netstat" | "sockstat" | "get-nettcpconnection" => true,
        _ => false,
    }
}

/// The ports that a look-up names: `-i:3000`, `tcp:3000`, `3000/tcp`, `sport = :3000`, `-LocalPort 3000`, `grep 3000`.
fn ports_named(started: &Started) -> Vec<Port> {
    let is_filter = ["grep", "rg", "findstr", "awk"].contains(&started.name.as_str());
    let asks = LOOKUPS.contains(&started.name.as_str()) || is_filter;
    let mut ports: Vec<Port> = Vec::new();
    for (place, word) in started.args.iter().enumerate().filter(|_| asks) {
        let text = word.text.as_str();
        let after_colon = text.rsplit_once(':').map(|(_, port)| port);
        let before_slash = text.strip_suffix("/tcp").or_else(|| text.strip_suffix("/udp"));
        let option = place.checked_sub(1).and_then(|before| started.args.get(before)).map(|word| word.text.as_str());
        let is_bare = is_filter || matches!(option, Some("-LocalPort" | "-localport" | "tcp" | "udp"));
        let number = before_slash.or(after_colon).or_else(|| is_bare.then_some(text));
        let digits = number.unwrap_or_default().trim_end_matches(|letter: char| !letter.is_ascii_digit());
        for port in digits.split(',').filter_map(|digits| digits.parse().ok()) {
            if !ports.contains(&port) {
                ports.push(port);
            }
        }
    }
    ports
}

/// A program that itself ends by port or by name.
fn killer(started: &Started) -> Option<Finding> {
    let numbers = || {
        let words = started.operands().flat_map(|text| text.split(','));
        words.filter_map(|text| text.trim_start_matches(':').parse().ok()).collect::<Vec<Port>>()
    };
    match started.name.as_str() {
        "fuser" => {
            let short =
                |word: &Word| word.text.starts_with('-') && !word.text.starts_with("--") && word.text.contains('k');
            let kills = started.args.iter().any(|word| short(word) || word.text == "--kill");
            let ports = ports_named(started);
            (kills && !ports.is_empty()).then_some(Finding::KillsByPort(ports))
        }
        "fkill" => {
            let ports = numbers();
            let by_port = started.operands().any(|text| text.starts_with(':'));
            if by_port { Some(Finding::KillsByPort(ports)) } else { by_name(started.operands()) }
        }
        name if PORT_KILLERS.contains(&name) => Some(Finding::KillsByPort(numbers())),
        "pkill" => by_name(operands_behind(started, &["-u", "-U", "-P", "-g", "-G", "-s", "-t", "-F", "--signal"])),
        "killall" => by_name(operands_behind(started, &["-u", "-s", "-o", "-y", "-Z"])),
        "taskkill" => {
            let place = started.args.iter().position(|word| word.text.eq_ignore_ascii_case("/im"))?;
            by_name(started.args.get(place + 1).map(|word| word.text.as_str()).into_iter())
        }
        "stop-process" | "spps" => by_name(started.option(&["-Name", "-name", "-ProcessName"]).into_iter()),
        _ => None,
    }
}

/// The operands of a program some of whose options take a value.
fn operands_behind<'a>(started: &'a Started, valued: &'a [&'a str]) -> impl Iterator<Item = &'a str> {
    let mut skips = false;
    started.args.iter().map(|word| word.text.as_str()).filter(move |text| {
        let is_value = std::mem::replace(&mut skips, valued.contains(text));
        !is_value && !text.starts_with('-')
    })
}

/// Names that other worktrees' servers have as well.
fn by_name<'a>(patterns: impl Iterator<Item = &'a str>) -> Option<Finding> {
    for pattern in patterns {
        let lower = pattern.to_ascii_lowercase();
        let mut words = lower.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '-');
        let is_port = |word: &str| word.len() >= 4 && word.parse::<Port>().is_ok();
        if words.any(|word| SERVERS.contains(&word) || is_port(word)) {
            return Some(Finding::KillsByName(pattern.chars().take(60).collect()));
        }
    }
    None
}

/// What earlier commands of a script leave for later ones.
#[derive(Debug, Default)]
struct Surroundings {
    port: Option<String>,
    dir: Option<String>,
}

/// Programs that serve, and their options for the port. All of them heed `PORT` or do not mind it.
const PORT_OPTIONS: &[(&[&str], &[&str])] = &[
    (
        &[
            "npm",
            "pnpm",
            "yarn",
            "bun",
            "deno",
            "node",
            "next",
            "vite",
            "nuxt",
            "astro",
            "remix",
            "ng",
            "webpack",
            "serve",
            "http-server",
            "live-server",
            "json-server",
            "nodemon",
            "tsx",
            "parcel",
            "storybook",
            "wrangler",
            "gatsby",
            "react-scripts",
            "expo",
            "turbo",
            "nx",
            "vue-cli-service",
            "webpack-dev-server",
            "uvicorn",
            "hypercorn",
            "gunicorn",
            "flask",
            "rails",
            "puma",
            "hugo",
            "python",
            "python3",
            "php",
            "cargo",
            "go",
            "dotnet",
            "make",
            "streamlit",
            "jupyter",
            "ruby",
        ],
        &["--port", "-p", "--server.port"],
    ),
    (&["jekyll"], &["--port", "-P"]),
    (&["nc", "ncat"], &["-p"]),
];

/// Verbs of package managers that serve nothing.
const NO_SERVERS: [&str; 15] = [
    "install",
    "i",
    "ci",
    "add",
    "remove",
    "uninstall",
    "update",
    "build",
    "lint",
    "test",
    "t",
    "publish",
    "pack",
    "init",
    "create",
];

impl Surroundings {
    /// Whether the command only changed these.
    fn take(&mut self, started: &Started) -> bool {
        match started.name.as_str() {
            "cd" | "pushd" => {
                let target = started.args.first().filter(|word| !word.is_dynamic).map(|word| word.text.clone());
                self.dir = target.map(|target| match &self.dir {
                    Some(dir) if !target.starts_with('/') => format!("{dir}/{target}"),
                    _ => target,
                });
            }
            "export" | "set" | "setx" => {
                let named = started.operands().find_map(|text| text.strip_prefix("PORT="));
                self.port = named.map(str::to_owned).or(self.port.take());
            }
            _ => return false,
        }
        true
    }

    fn binds(&self, started: &Started) -> Option<Finding> {
        let name = started.name.as_str();
        let text = match name {
            "docker" | "podman" if started.has("run") => published(started),
            "nc" | "ncat" if !started.args.iter().any(|word| is_flag(&word.text, 'l')) => None,
            "nc" | "ncat" => started.option(&["-p"]).or_else(|| started.operands().last()),
            "socat" => {
                started.operands().find_map(|text| text.to_ascii_lowercase().find("listen:").map(|at| &text[at + 7..]))
            }
            _ => self.served(started),
        }?;
        let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
        Some(Finding::Binds { port: digits.parse().ok()?, dir: self.dir.clone() })
    }

    fn served<'a>(&'a self, started: &'a Started) -> Option<&'a str> {
        let name = started.name.as_str();
        let (_, options) = PORT_OPTIONS.iter().find(|(names, _)| names.contains(&name))?;
        let verb = started.operands().next().unwrap_or_default();
        if ["npm", "pnpm", "yarn", "bun", "cargo", "go", "dotnet"].contains(&name) && NO_SERVERS.contains(&verb) {
            return None;
        }
        let address = |text: &'a str| text.rsplit_once(':').map_or(text, |(_, port)| port);
        let named = match name {
            "python" | "python3" if started.has("http.server") => {
                started.operands().skip_while(|text| *text != "http.server").nth(1)
            }
            _ if started.has("runserver") => {
                started.operands().skip_while(|text| *text != "runserver").nth(1).map(address)
            }
            "php" => started.option(&["-S"]).map(address),
            "gunicorn" | "hypercorn" => started.option(&["-b", "--bind"]).map(address),
            "dotnet" => started.option(&["--urls"]).map(address),
            _ => None,
        };
        let own = || started.variables.iter().rev().find(|(name, _)| name == "PORT").map(|(_, value)| value.as_str());
        named.or_else(|| started.option(options)).or_else(own).or(self.port.as_deref())
    }
}

/// The port of this machine in `-p 3000:80` or `-p 127.0.0.1:3000:80`.
fn published(started: &Started) -> Option<&str> {
    let mapping = started.option(&["-p", "--publish"])?;
    let mut parts = mapping.rsplit(':');
    parts.next()?;
    parts.next()
}

fn is_flag(text: &str, letter: char) -> bool {
    text.starts_with('-') && !text.starts_with("--") && text.contains(letter)
}

#[cfg(test)]
mod tests;
