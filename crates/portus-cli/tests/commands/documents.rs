//! Help, pages and completions, and readers who go away.

use std::process::Stdio;

use crate::rig::World;

#[test]
fn every_command_has_help() {
    let world = World::new();
    let here = world.dir("here");
    let help = world.say(&here, &["--help"]).ended_with(0).out;
    let (_, commands) = help.split_once("Commands:\n").unwrap();
    let (commands, _) = commands.split_once("\n\n").unwrap();
    // Further lines of one command are indented more.
    let first_lines = commands.lines().filter(|line| !line.starts_with("   "));
    let names: Vec<&str> = first_lines.filter_map(|line| line.split_whitespace().next()).collect();
    assert!(names.contains(&"request") && names.contains(&"doctor"), "{help}");
    for name in names.into_iter().filter(|name| *name != "help") {
        let own = world.say(&here, &[name, "--help"]).ended_with(0).out;
        assert!(own.contains(&format!("Usage: portus {name}")), "{name}: {own}");
    }
    let version = world.say(&here, &["--version"]).ended_with(0).out;
    assert_eq!(version, format!("portus {}\n", env!("CARGO_PKG_VERSION")));
    assert!(world.say(&here, &["help", "request"]).ended_with(0).out.contains("--contiguous"));
}

#[test]
fn pages_and_completions_are_made() {
    let world = World::new();
    let here = world.dir("here");
    assert!(world.say(&here, &["man"]).ended_with(0).out.contains("EXIT STATUS"));
    world.say(&here, &["man", "--dir", "pages"]).ended_with(0);
    for page in ["portus.1", "portus-request.1", "portus-run.1", "portus-daemon.1", "portus-daemon-start.1"] {
        let text = std::fs::read_to_string(here.join("pages").join(page)).unwrap();
        assert!(text.contains(".SH NAME"), "{page}");
    }
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        assert!(world.say(&here, &["completions", shell]).ended_with(0).out.contains("quarantine"), "{shell}");
    }
}

#[test]
fn a_reader_who_goes_away_is_no_reason_to_panic() {
    let world = World::new();
    let here = world.dir("here");
    let (reader, writer) = std::io::pipe().unwrap();
    let child = world.portus(&here, &["completions", "bash"]).stdout(writer).stderr(Stdio::piped()).spawn().unwrap();
    drop(reader);
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn colours_are_for_those_who_want_them() {
    let world = World::new();
    let shop = world.shop();
    world.say(&shop, &["request", "web"]).ended_with(0);
    assert!(!world.say(&shop, &["list"]).ended_with(0).out.contains('\u{1b}'));
    assert!(world.say(&shop, &["list", "--color", "always"]).ended_with(0).out.contains('\u{1b}'));
    assert!(!world.say(&shop, &["list", "--color", "never"]).ended_with(0).out.contains('\u{1b}'));
}
