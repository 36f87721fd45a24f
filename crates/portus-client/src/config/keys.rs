//! Every key of both files, once: what the readers accept, and what editors are told ([`super::schema`]).

/// How a value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A project's name.
    Name,
    /// A port.
    Port,
    /// A range of ports, or one port, in quotes.
    Range,
    /// A port or a range.
    PortOrRange,
    /// A list of ports and ranges; one alone will do.
    PortsAndRanges,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A length of time.
    Duration,
    /// A length of time, or `never`.
    DurationOrNever,
    /// An address and a port of the loopback interface.
    Loopback,
    /// A whole number from 1 to 100.
    Percent,
    /// A list of variables' names; one alone will do.
    Variables,
    /// Values by variables' names.
    Environment,
    /// A path on the service's port, `tcp`, or a URL of this machine.
    Health,
    /// A path within the worktree that ends in `ports.json`.
    MirrorPath,
}

/// One key of a section.
#[derive(Debug)]
pub(super) struct Key {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    /// What it says, in a sentence for people.
    pub(super) about: &'static str,
    /// What counts where nothing is said, as it would be written; empty where that is nothing.
    pub(super) default: &'static str,
}

/// One section of a file. That of services stands for a section each, below their names.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    pub(super) keys: &'static [Key],
}

const fn key(name: &'static str, kind: Kind, default: &'static str, about: &'static str) -> Key {
    Key { name, kind, about, default }
}

pub(super) const PROJECT: Table = Table {
    name: "project",
    about: "The project that the worktree belongs to.",
    keys: &[key("name", Kind::Name, "", "The project's name, instead of the repository's.")],
};

pub(super) const POOL: Table = Table {
    name: "pool",
    about: "Where ports come from.",
    keys: &[
        key("range", Kind::Range, "20000-29999", "Where ports come from, unless a service has a range of its own."),
        key("exclude", Kind::PortsAndRanges, "", "Never these ports."),
        key("on_exhausted", Kind::Word(&["fail", "expand"]), "fail", "What happens when no port is left."),
        key("expand_range", Kind::Range, "", "Where to look then, with on_exhausted = \"expand\"."),
        key(
            "dead",
            Kind::Word(&["reboot", "keep"]),
            "reboot",
            "How long a port is avoided whose bind failed though nobody shows there: until the machine is started \
             anew, or until it is revived.",
        ),
    ],
};

pub(super) const SERVICE: Table = Table {
    name: "services",
    about: "The services of this project, by name.",
    keys: &[
        key("preferred", Kind::Port, "", "The port that the service likes best."),
        key("range", Kind::Range, "", "Where to look for its port."),
        key("fallback", Kind::PortOrRange, "", "Where to look when the range is full."),
        key("env", Kind::Variables, "", "Variables that hold its port."),
        key("health", Kind::Health, "tcp", "What to ask to learn whether it is well."),
        key(
            "protocol",
            Kind::Word(&["tcp", "udp", "both"]),
            "tcp",
            "What the port is for; both is one number for both.",
        ),
        key(
            "command_env",
            Kind::Environment,
            "",
            "Variables for its command; {port} and {services.NAME.port} are replaced.",
        ),
    ],
};

pub(super) const MIRROR: Table = Table {
    name: "mirror",
    about: "The worktree's leases and claims as a file, for programs that read the earlier registries' form.",
    keys: &[key("ports_json", Kind::MirrorPath, "", "The file, relative to the worktree's root.")],
};

pub(super) const LEASES: Table = Table {
    name: "leases",
    about: "How long leases live.",
    keys: &[
        key("pending", Kind::Duration, "5m", "How long a lease waits for its server."),
        key("lapsing", Kind::Duration, "30s", "How long a lease outlives its server."),
        key("ttl_max", Kind::Duration, "24h", "The longest time to live that may be asked for."),
        key("cool_down", Kind::Duration, "1m", "How long a freed port is kept from others."),
    ],
};

pub(super) const CLAIMS: Table = Table {
    name: "claims",
    about: "How long services keep their numbers.",
    keys: &[
        key("unused", Kind::Duration, "30d", "When a number that nobody uses is given up."),
        key("missing", Kind::Duration, "7d", "When the numbers of a worktree that is gone are given up."),
    ],
};

pub(super) const DAEMON: Table = Table {
    name: "daemon",
    about: "The daemon itself.",
    keys: &[
        key("idle_exit", Kind::DurationOrNever, "10m", "After how long without leases and clients it leaves."),
        key(
            "log_level",
            Kind::Word(&["off", "error", "warn", "info", "debug", "trace"]),
            "info",
            "How much it writes to its log.",
        ),
    ],
};

pub(super) const METRICS: Table = Table {
    name: "metrics",
    about: "Figures for Prometheus.",
    keys: &[key("address", Kind::Loopback, "", "Where they are served, such as 127.0.0.1:9464; off without it.")],
};

pub(super) const ALERTS: Table = Table {
    name: "alerts",
    about: "When to warn.",
    keys: &[key("pool_percent", Kind::Percent, "90", "From how much of the pool in use on, in percent.")],
};

/// The sections of `portus.toml`.
pub(super) const PROJECT_FILE: &[Table] = &[PROJECT, POOL, SERVICE, MIRROR];

/// The sections of the user's `config.toml`. Each key can also be set as `PORTUS_SECTION_KEY`.
pub(super) const USER_FILE: &[Table] = &[POOL, LEASES, CLAIMS, DAEMON, METRICS, ALERTS];

impl Table {
    /// The words that a key may be; none where it is no word.
    pub(super) fn words(&self, key: &str) -> &'static [&'static str] {
        match self.keys.iter().find(|known| known.name == key) {
            Some(Key { kind: Kind::Word(words), .. }) => words,
            _ => &[],
        }
    }

    /// What counts where nothing is said; `none` where that is nothing.
    pub(super) fn default(&self, key: &str) -> &'static str {
        let default = self.keys.iter().find(|known| known.name == key).map_or("", |key| key.default);
        if default.is_empty() { "none" } else { default }
    }
}
