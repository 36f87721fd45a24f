//! `cargo xtask mcp-clients`: installs the real MCP clients that the tests use, pinned, into target/mcp-clients.
//!
//! What is there already, from the same list of versions, is left as it is.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::tools;

/// Where the versions stand.
const LISTS: &str = "tests/mcp-clients";
/// What is installed from which list of Python packages.
const PYTHONS: [(&str, &str); 2] = [("python-old", "python-old.txt"), ("python-new", "python-new.txt")];
/// The lists of npm packages.
const NPM: [&str; 2] = ["package.json", "package-lock.json"];

/// Installs them.
pub(crate) fn run() -> Result<()> {
    let lists = tools::root().join(LISTS);
    let target = tools::root().join("target/mcp-clients");
    let wanted = wanted(&lists)?;
    let stamp = target.join("installed");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        println!("mcp-clients: up to date");
        return Ok(());
    }
    // Whatever fails below leaves no stamp, and is begun anew.
    drop(fs::remove_file(&stamp));
    for (name, list) in PYTHONS {
        python(&target.join(name), &lists.join(list)).with_context(|| unreachable("pip", list))?;
    }
    npm(&target.join("npm"), &lists).with_context(|| unreachable("npm", "package.json"))?;
    fs::write(&stamp, wanted).with_context(|| format!("cannot write {}", stamp.display()))?;
    println!("mcp-clients: installed");
    Ok(())
}

fn unreachable(program: &str, list: &str) -> String {
    format!(
        "the MCP clients of {LISTS}/{list} could not be installed: can {program} reach its registry? (The tests with real \
         clients need it once.)"
    )
}

/// All lists as one text.
fn wanted(lists: &Path) -> Result<String> {
    let names = PYTHONS.iter().map(|(_, list)| *list).chain(NPM);
    let texts = names.map(|name| {
        let file = lists.join(name);
        fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))
    });
    Ok(texts.collect::<Result<Vec<_>>>()?.join("\n"))
}

fn python(home: &Path, list: &Path) -> Result<()> {
    println!("mcp-clients: {}", home.display());
    quietly(Command::new("python3").args(["-m", "venv", "--clear"]).arg(home))?;
    // Windows calls the directory otherwise; the tests with real clients run where it is `bin`.
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"];
    quietly(Command::new(home.join("bin/python")).args(pip).arg(list))
}

fn npm(home: &Path, lists: &Path) -> Result<()> {
    println!("mcp-clients: {}", home.display());
    fs::create_dir_all(home).with_context(|| format!("cannot make {}", home.display()))?;
    for name in NPM {
        fs::copy(lists.join(name), home.join(name)).with_context(|| format!("cannot copy {name}"))?;
    }
    quietly(Command::new("npm").args(["ci", "--no-audit", "--no-fund", "--loglevel=error"]).current_dir(home))
}

/// Runs a command and shows what it printed only when it fails.
fn quietly(command: &mut Command) -> Result<()> {
    let spelled = tools::spelled(command);
    let output = command.output().with_context(|| format!("cannot start `{spelled}`"))?;
    if !output.status.success() {
        let said = [output.stdout, output.stderr].concat();
        bail!("`{spelled}` ended with {}:\n{}", output.status, String::from_utf8_lossy(&said).trim());
    }
    Ok(())
}
