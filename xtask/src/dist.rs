//! `cargo xtask dist`: the archive that people download, and its hash.

use crate::archive::{Contents, Mode, sha256};
use crate::tools;
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode};

/// Each shell's name for `portus completions`, and the file name under which that shell looks for them.
const COMPLETIONS: [(&str, &str); 5] = [
    ("bash", "portus.bash"),
    ("zsh", "_portus"),
    ("fish", "portus.fish"),
    ("powershell", "_portus.ps1"),
    ("elvish", "portus.elv"),
];

const PLAIN_FILES: [&str; 3] = ["LICENSE-APACHE", "LICENSE-MIT", "README.md"];

/// Builds, collects, packs, hashes, and prints where the result lies.
pub(crate) fn run() -> Result<ExitCode> {
    let root = tools::root();
    tools::must_run(&mut tools::cargo(&["build", "--profile", "archive", "--locked", "-p", "portus-cli"]))?;
    let target = tools::target_dir();
    let binary_name = tools::executable("portus");
    let binary = target.join("archive").join(&binary_name);
    let out = target.join("dist");

    let name = format!("portus-{}-{}", env!("CARGO_PKG_VERSION"), host_triple()?);
    let contents = collect(&root, &binary, &binary_name, &out.join("man"), &name)?;
    let archive = contents.pack(modified_s()?)?;
    let hash = sha256(&archive);

    let path = out.join(format!("{name}.tar.gz"));
    fs::write(&path, &archive).with_context(|| format!("cannot write {}", path.display()))?;
    let hash_path = out.join(format!("{name}.tar.gz.sha256"));
    fs::write(&hash_path, format!("{hash}  {name}.tar.gz\n"))
        .with_context(|| format!("cannot write {}", hash_path.display()))?;
    println!("{}\n{} bytes\nsha256 {hash}", path.display(), archive.len());
    Ok(ExitCode::SUCCESS)
}

fn collect(root: &Path, binary: &Path, binary_name: &str, man: &Path, name: &str) -> Result<Contents> {
    let mut contents = Contents::default();
    contents.add(format!("{name}/{binary_name}"), Mode::Program, read(binary)?);
    for file in PLAIN_FILES {
        contents.add(format!("{name}/{file}"), Mode::Plain, read(&root.join(file))?);
    }
    for (page, text) in man_pages(binary, man)? {
        contents.add(format!("{name}/man/man1/{page}"), Mode::Plain, text);
    }
    for (shell, file) in COMPLETIONS {
        let script = tools::output_of(Command::new(binary).args(["completions", shell]))?;
        if script.is_empty() {
            bail!("`portus completions {shell}` printed nothing");
        }
        contents.add(format!("{name}/completions/{file}"), Mode::Plain, script);
    }
    Ok(contents)
}

/// The pages that this very binary writes, into a directory that holds nothing from an earlier build.
fn man_pages(binary: &Path, directory: &Path) -> Result<Vec<(String, Vec<u8>)>> {
    if directory.exists() {
        fs::remove_dir_all(directory).with_context(|| format!("cannot empty {}", directory.display()))?;
    }
    fs::create_dir_all(directory).with_context(|| format!("cannot create {}", directory.display()))?;
    tools::output_of(Command::new(binary).arg("man").arg("--dir").arg(directory))?;
    let mut pages = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        pages.push((name, read(&path)?));
    }
    if pages.is_empty() {
        bail!("`portus man --dir` wrote no page into {}", directory.display());
    }
    Ok(pages)
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

fn host_triple() -> Result<String> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = tools::text_of(Command::new(rustc).arg("-vV"))?;
    triple_in(&version).map(str::to_owned).context("`rustc -vV` names no host")
}

fn triple_in(version: &str) -> Option<&str> {
    version.lines().find_map(|line| line.strip_prefix("host: "))
}

/// The time that all files of the archive bear: `SOURCE_DATE_EPOCH`, else that of the commit it was built from.
fn modified_s() -> Result<u64> {
    let seconds = match std::env::var("SOURCE_DATE_EPOCH") {
        Ok(given) => given,
        Err(_) => tools::text_of(Command::new("git").args(["log", "-1", "--format=%ct"]).current_dir(tools::root()))?,
    };
    seconds.parse().with_context(|| format!("`{seconds}` is no number of seconds since 1970"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_triple_is_the_hosts() {
        let version = "rustc 1.95.0\nbinary: rustc\nhost: x86_64-unknown-linux-gnu\nrelease: 1.95.0\n";
        assert_eq!(triple_in(version), Some("x86_64-unknown-linux-gnu"));
        assert_eq!(triple_in("rustc 1.95.0"), None);
    }
}
