//! The real daemon killed in the midst of work: a short version of `cargo xtask torture`.
#![cfg(target_os = "linux")]

use portus_os::place::Home;
use portus_os::process::{Signal, identity_of, signal};
use portus_tests::torture::{Plan, kill_and_spoil, kill_daemon, kill_often};
use portus_tests::{Rig, Running, native};

const PLAN: Plan = Plan { kills: 10, clients: 8, runners: 3, seed: 7, until: None };

#[test]
fn ten_kills_lose_and_double_nothing() {
    let outcome = kill_often(PLAN);
    assert_eq!(outcome.wrongs(), [""; 0], "{}", outcome.figures());
    assert_eq!(outcome.unshown(&PLAN), [""; 0], "{}", outcome.figures());
    assert!(outcome.kills == PLAN.kills && outcome.counts.acknowledged > 50, "{}", outcome.figures());
}

#[test]
fn a_journal_that_is_gone_is_noticed() {
    let outcome = kill_and_spoil(Plan { kills: 1, clients: 4, runners: 1, ..PLAN }, &|home| {
        let names = ["", "-wal", "-shm"].map(|end| format!("{}{end}", home.journal().display()));
        names.iter().for_each(|name| drop(std::fs::remove_file(name)));
    });
    assert!(outcome.compared > 0 && outcome.counts.lost.len() >= 2 * outcome.compared, "{}", outcome.figures());
}

/// A harness that has shown nothing says so.
#[test]
fn a_run_in_which_nobody_was_killed_is_none() {
    let plan = Plan { kills: 0, clients: 1, runners: 0, ..PLAN };
    assert!(kill_often(plan).unshown(&plan).contains(&"the daemon was never killed"));
}

/// Nobody is told that a service is running already, by a process that died with the daemon.
#[test]
fn a_service_runs_again_after_its_run_and_its_daemon_were_killed() {
    let rig = Rig::new();
    let (dir, server) = (rig.directory("app"), native::program(&rig.work(), "listener.c"));
    for round in 0..5 {
        let mut command = rig.portus(&dir, ["run", "-s", "web", "--"]);
        command.arg(&server);
        let mut run = Running::start(command);
        let line = run.line();
        let served_by = line.rsplit(' ').next().and_then(|pid| pid.parse().ok());
        let Some(served_by) = served_by else { panic!("round {round}: {}", run.wait().stderr) };
        let served_by = identity_of(served_by).unwrap().unwrap();
        assert!(kill_daemon(&Home::at(rig.home())));
        run.signal("KILL");
        signal(&served_by, Signal::Kill).unwrap();
        run.wait();
    }
}
