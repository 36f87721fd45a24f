//! Which crate may depend on which: the arrows of docs/architecture.md, and what the pure crates may import at all.

use super::manifests::{Section, dependencies, line_naming};
use super::{Findings, Tree};

struct Arrows {
    name: &'static str,
    /// Crates of ours below this one.
    ours: &'static [&'static str],
    others: Others,
}

enum Others {
    /// These, and nothing else.
    Only(&'static [&'static str]),
    /// Anything but these.
    AllBut(&'static [&'static str]),
}

/// The database belongs to the daemon, and an async runtime to those who serve many at once.
const NEITHER_RUNTIME_NOR_DATABASE: Others = Others::AllBut(&["tokio", "rusqlite"]);

const TABLE: &[Arrows] = &[
    Arrows { name: "portus-core", ours: &[], others: Others::Only(&["thiserror", "serde"]) },
    Arrows {
        name: "portus-proto",
        ours: &["portus-core"],
        others: Others::Only(&["bincode", "jiff", "serde", "serde_json", "thiserror"]),
    },
    Arrows {
        name: "portus-os",
        ours: &["portus-core"],
        others: Others::AllBut(&["tokio", "rusqlite", "serde", "serde_json", "tracing", "anyhow", "clap"]),
    },
    Arrows {
        name: "portus-client",
        ours: &["portus-core", "portus-proto", "portus-os"],
        others: Others::AllBut(&["tokio", "rusqlite", "anyhow", "anstream", "clap", "tracing"]),
    },
    Arrows {
        name: "portus-daemon",
        ours: &["portus-core", "portus-proto", "portus-os"],
        others: Others::AllBut(&["anyhow", "anstream", "clap"]),
    },
    Arrows {
        name: "portus-mcp",
        ours: &["portus-core", "portus-proto", "portus-client"],
        others: Others::AllBut(&["rusqlite"]),
    },
    Arrows {
        name: "portus-tui",
        ours: &["portus-core", "portus-proto", "portus-client"],
        others: NEITHER_RUNTIME_NOR_DATABASE,
    },
    Arrows {
        name: "portus-cli",
        ours: &[
            "portus-core",
            "portus-proto",
            "portus-os",
            "portus-client",
            "portus-daemon",
            "portus-mcp",
            "portus-tui",
        ],
        others: NEITHER_RUNTIME_NOR_DATABASE,
    },
];

/// Looks at what ships (`dependencies` and `build-dependencies`); tests may import what they need.
pub(super) fn check(tree: &Tree, findings: &mut Findings) {
    for (name, path, text) in tree.crate_manifests() {
        let Some(arrows) = TABLE.iter().find(|arrows| arrows.name == name) else {
            findings.add(path, 0, format!("`{name}` is not in the table of crates"));
            continue;
        };
        for dependency in dependencies(text).into_iter().filter(|dependency| dependency.section == Section::Shipped) {
            if let Some(why) = arrows.forbids(&dependency.package) {
                findings.add(
                    path,
                    line_naming(text, &dependency.key),
                    format!("`{name}` depends on `{}`, {why}", dependency.package),
                );
            }
        }
    }
}

impl Arrows {
    fn forbids(&self, package: &str) -> Option<&'static str> {
        if package.starts_with("portus-") {
            return (!self.ours.contains(&package)).then_some("which is not below it");
        }
        match &self.others {
            Others::Only(list) => (!list.contains(&package)).then_some("which is not among the few it may import"),
            Others::AllBut(list) => list.contains(&package).then_some("which it must do without"),
        }
    }
}
