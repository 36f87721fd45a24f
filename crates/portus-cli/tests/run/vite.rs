//! The real Vite, which does not heed `PORT`.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::rig::{House, get};

const VITE: &str = "7.1.12";

/// A directory with Vite installed, once for all runs of the tests. `None` when npm or its registry is not there,
/// which is said; with `CI` set, that is a failure instead.
fn vite() -> Option<PathBuf> {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("vite-{VITE}"));
    std::fs::create_dir_all(&dir).unwrap();
    let lock = OpenOptions::new().create(true).truncate(false).write(true).open(dir.join("lock")).unwrap();
    lock.lock().unwrap();
    let done = dir.join("installed");
    if done.exists() {
        return Some(dir);
    }
    std::fs::write(dir.join("package.json"), "{\"private\":true}").unwrap();
    let mut npm = Command::new("npm");
    npm.args(["install", "--no-audit", "--no-fund", "--ignore-scripts", &format!("vite@{VITE}")]);
    let installed = npm.current_dir(&dir).stdin(Stdio::null()).output();
    match installed {
        Ok(output) if output.status.success() => {
            std::fs::write(done, "").unwrap();
            Some(dir)
        }
        other => {
            let why = other.map_or_else(
                |error| error.to_string(),
                |output| String::from_utf8_lossy(&output.stderr).lines().take(5).collect::<Vec<_>>().join("; "),
            );
            assert!(std::env::var_os("CI").is_none(), "NOT TESTED: Vite cannot be installed: {why}");
            // Past the test's own capture, so that it shows although the test passes.
            let told = format!("NOT TESTED: Vite cannot be installed: {why}\n");
            std::io::stderr().write_all(told.as_bytes()).unwrap();
            None
        }
    }
}

/// A project with that Vite.
fn project() -> Option<House> {
    let installed = vite()?;
    let house = House::new();
    std::os::unix::fs::symlink(installed.join("node_modules"), house.project().join("node_modules")).unwrap();
    house.write("index.html", "<!doctype html><title>hello from vite</title>");
    house.write("package.json", r#"{"private":true,"type":"module","scripts":{"dev":"vite","start":"npm run dev"}}"#);
    Some(house)
}

#[test]
fn vite_behind_npm_listens_on_its_leased_port() {
    let Some(house) = project() else { return };
    for command in [&["npm", "run", "dev"][..], &["npm", "start"], &["npx", "vite"], &["node_modules/.bin/vite"]] {
        let mut run = house.run(&[&["-s", "web", "--"], command].concat());
        assert!(run.hears("added").contains("--strictPort"));
        run.hears("is up");
        let lease = house.leases()[0].clone();
        assert_eq!(lease["evidence"], "lineage");
        assert_eq!(lease["drifted_to"], serde_json::Value::Null);
        let port = u16::try_from(lease["port"].as_u64().unwrap()).unwrap();
        assert!(get(port, "/").contains("hello from vite"), "{command:?}");
        run.signal("TERM");
        run.end();
        assert!(house.leases().is_empty(), "{command:?}");
    }
}

#[test]
fn a_vite_that_goes_its_own_way_has_drifted() {
    let Some(house) = project() else { return };
    let free = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port().to_string();
    let mut run = house.run(&["-s", "web", "--", "npx", "vite", "--port", &free]);
    let told = run.hears("listens on");
    assert!(told.contains(&free), "{told}");
    run.signal("TERM");
    run.end();
}
