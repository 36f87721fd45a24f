//! Manifests: one place for versions and lints, and a reason for every dependency.

use super::{Findings, Tree};

/// Where a dependency is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Section {
    /// `dependencies` and `build-dependencies`, also those of one target.
    Shipped,
    /// `dev-dependencies`.
    Tests,
}

/// One entry of a manifest's tables of dependencies.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Dependency {
    pub(super) section: Section,
    /// The name in the manifest.
    pub(super) key: String,
    /// The package that the name stands for.
    pub(super) package: String,
    /// Whether its version comes from the workspace.
    pub(super) inherited: bool,
}

const REASONS: &str = "docs/decisions/0002-dependencies.md";

/// All dependencies of a manifest. One that is no TOML has none: cargo says so better than tidy could.
pub(super) fn dependencies(manifest: &str) -> Vec<Dependency> {
    let Ok(manifest) = manifest.parse::<toml::Table>() else { return Vec::new() };
    let mut all = Vec::new();
    collect(&manifest, &mut all);
    if let Some(targets) = manifest.get("target").and_then(toml::Value::as_table) {
        targets.values().filter_map(toml::Value::as_table).for_each(|target| collect(target, &mut all));
    }
    all
}

fn collect(table: &toml::Table, all: &mut Vec<Dependency>) {
    let sections = [
        ("dependencies", Section::Shipped),
        ("build-dependencies", Section::Shipped),
        ("dev-dependencies", Section::Tests),
    ];
    for (name, section) in sections {
        let Some(entries) = table.get(name).and_then(toml::Value::as_table) else { continue };
        all.extend(entries.iter().map(|(key, value)| Dependency {
            section,
            key: key.clone(),
            package: value.get("package").and_then(toml::Value::as_str).unwrap_or(key).to_owned(),
            inherited: value.get("workspace").and_then(toml::Value::as_bool) == Some(true),
        }));
    }
}

/// The line on which a manifest gives that name something; 0 when it cannot be found.
pub(super) fn line_naming(manifest: &str, key: &str) -> usize {
    let names = |line: &str| {
        let rest = line.trim_start().trim_start_matches('"').strip_prefix(key);
        rest.is_some_and(|rest| rest.trim_start_matches('"').trim_start().starts_with(['=', '.']))
    };
    manifest.lines().position(names).map_or(0, |at| at + 1)
}

/// No member has versions or lints of its own.
pub(super) fn inherit(tree: &Tree, findings: &mut Findings) {
    for (path, text) in tree.ending("/Cargo.toml") {
        for dependency in dependencies(text).into_iter().filter(|dependency| !dependency.inherited) {
            findings.add(
                path,
                line_naming(text, &dependency.key),
                format!("`{}` has a version of its own", dependency.key),
            );
        }
        let lints = text.parse::<toml::Table>().ok().and_then(|table| table.get("lints")?.get("workspace")?.as_bool());
        if lints != Some(true) {
            findings.add(path, 0, "does not inherit the workspace's lints");
        }
    }
}

/// Every dependency of the workspace has its row in the decision about them.
pub(super) fn reasons(tree: &Tree, findings: &mut Findings) {
    let Some(root) = tree.text("Cargo.toml") else { return };
    let Ok(manifest) = root.parse::<toml::Table>() else { return };
    let Some(named) = manifest.get("workspace").and_then(|workspace| workspace.get("dependencies")?.as_table()) else {
        return;
    };
    let rows: Vec<&str> = tree.text(REASONS).unwrap_or_default().lines().filter(|line| line.starts_with('|')).collect();
    let has_row = |name: &str| {
        let quoted = format!("`{name}`");
        rows.iter().any(|row| row.split('|').nth(1).is_some_and(|cell| cell.contains(&quoted)))
    };
    for name in named.keys().filter(|name| !name.starts_with("portus-")) {
        if !has_row(name) {
            findings.add("Cargo.toml", line_naming(root, name), format!("no reason is given for `{name}`"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dependencies_of_all_sections_and_targets_are_seen() {
        let manifest = "[dependencies]\na.workspace = true\nb = { package = \"real-b\", version = \"1\" }\n\
            [dev-dependencies]\nc.workspace = true\n[target.'cfg(unix)'.dependencies]\nd = \"2\"\n";
        let seen: Vec<_> =
            dependencies(manifest).into_iter().map(|found| (found.section, found.package, found.inherited)).collect();
        let expected = [
            (Section::Shipped, "a".to_owned(), true),
            (Section::Shipped, "real-b".to_owned(), false),
            (Section::Tests, "c".to_owned(), true),
            (Section::Shipped, "d".to_owned(), false),
        ];
        assert_eq!(seen, expected);
        assert_eq!((line_naming(manifest, "b"), line_naming(manifest, "c"), line_naming(manifest, "e")), (3, 5, 0));
    }
}
