//! The name of a service that was given none: where its package lies in the worktree.

use std::path::{Component, Path};

/// What a package's directory holds, in any of the ecosystems.
const MANIFESTS: [&str; 14] = [
    "portus.toml",
    "package.json",
    "Cargo.toml",
    "pyproject.toml",
    "go.mod",
    "deno.json",
    "deno.jsonc",
    "composer.json",
    "Gemfile",
    "mix.exs",
    "pom.xml",
    "build.gradle",
    "build.gradle.kts",
    "pubspec.yaml",
];
/// The name at the worktree's root.
const AT_ROOT: &str = "default";
/// The longest name (portus-core's `SERVICE_NAME_LEN_MAX`).
const NAME_LEN_MAX: usize = portus_core::SERVICE_NAME_LEN_MAX;
/// The length of the digest that stands in for what was cut.
const DIGEST_LEN: usize = 8;

/// The service that a directory stands for: the nearest package's path below the worktree's root with `-`
/// for `/`; `default` at the root, and for directories whose only package is the root. Without any package,
/// the directory's own path. Always a valid service name, and always the same one.
#[must_use]
pub fn default_service(worktree: &Path, dir: &Path) -> String {
    let Ok(inside) = dir.strip_prefix(worktree) else { return AT_ROOT.to_owned() };
    let below_root = inside.ancestors().filter(|level| !level.as_os_str().is_empty());
    let package = below_root.into_iter().find(|level| holds_manifest(&worktree.join(level)));
    match package {
        Some(package) => name_for(package),
        None if holds_manifest(worktree) => AT_ROOT.to_owned(),
        None => name_for(inside),
    }
}

fn holds_manifest(dir: &Path) -> bool {
    MANIFESTS.iter().any(|manifest| dir.join(manifest).is_file())
}

fn name_for(inside: &Path) -> String {
    let parts = inside.components().filter_map(|part| match part {
        Component::Normal(name) => Some(name.to_string_lossy()),
        _ => None,
    });
    let path = parts.collect::<Vec<_>>().join("-");
    if path.is_empty() {
        return AT_ROOT.to_owned();
    }
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') { c } else { '-' };
    let name: String = path.chars().map(plain).collect();
    let name = name.trim_start_matches(|c: char| !c.is_ascii_alphanumeric());
    if name.is_empty() {
        return format!("s-{}", digest(&path));
    }
    let name = if name.bytes().all(|byte| byte.is_ascii_digit()) { format!("s-{name}") } else { name.to_owned() };
    if name.len() <= NAME_LEN_MAX {
        return name;
    }
    format!("{}-{}", &name[..NAME_LEN_MAX - DIGEST_LEN - 1], digest(&path))
}

/// FNV-1a, folded to 32 bits: the same on every machine and in every version.
fn digest(text: &str) -> String {
    let hash = text
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    format!("{:0DIGEST_LEN$x}", (hash >> 32) ^ (hash & 0xffff_ffff))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_valid_whatever_the_directory_is_called() {
        let name = |path: &str| name_for(Path::new(path));
        assert_eq!(name("apps/web"), "apps-web");
        assert_eq!(name(".storybook"), "storybook");
        assert_eq!(name("a b/c(d)"), "a-b-c-d-");
        assert_eq!(name("2024"), "s-2024");
        assert_eq!(name(""), "default");
        for path in ["日本", "中文", "-", "x/../..", &"a".repeat(200), &"7".repeat(64), &"ü/".repeat(40)] {
            let made = name(path);
            assert!(made.parse::<portus_core::ServiceName>().is_ok(), "{path} gave {made}");
        }
        assert_ne!(name("日本"), name("中文"));
        assert_ne!(name(&format!("{}b", "a".repeat(99))), name(&format!("{}c", "a".repeat(99))));
    }
}
