//! Children that wait on a pipe, so that nothing here depends on time.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};

use super::super::*;
use super::PATIENCE;

/// Of a grace that is meant to run out.
const SHORT: Duration = Duration::from_millis(50);

/// A shell in a process group of its own; killed with its group when dropped.
struct Shell {
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Shell {
    fn start(script: &str) -> Self {
        Self::start_with(script, |_| {})
    }

    fn start_with(script: &str, change: impl FnOnce(&mut Command)) -> Self {
        let mut command = Command::new("sh");
        command.args(["-c", script]).process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped());
        change(&mut command);
        let mut child = command.spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Self { child, output }
    }

    fn identity(&self) -> ProcessIdentity {
        identity_of(self.child.id()).unwrap().unwrap()
    }

    /// The next line it writes, as the identity of the process with that number.
    fn named(&mut self) -> ProcessIdentity {
        identity_of(self.line().parse().unwrap()).unwrap().unwrap()
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line.trim().to_owned()
    }

    /// Lets it end (its standard input closes) and waits until it is a zombie.
    fn end_unreaped(&mut self) {
        drop(self.child.stdin.take());
        let pid = Pid::from_child(&self.child);
        waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT).unwrap();
    }

    fn reap(mut self) -> std::process::ExitStatus {
        self.child.wait().unwrap()
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            let _ = rustix::process::kill_process_group(Pid::from_child(&self.child), rustix::process::Signal::KILL);
            let _ = self.child.wait();
        }
    }
}

fn watcher() -> (ExitWatcher, Receiver<ProcessIdentity>) {
    let (tell, told) = channel();
    (ExitWatcher::new(move |process| tell.send(process).unwrap()).unwrap(), told)
}

#[test]
fn a_zombie_is_dead() {
    let mut shell = Shell::start("read x");
    let identity = shell.identity();
    assert!(is_alive(&identity));
    shell.end_unreaped();
    assert!(!is_alive(&identity));
    assert_eq!(identity_of(identity.pid).unwrap(), None);
    assert_eq!(describe(identity.pid), None);
    assert_eq!(identity_even_of_a_zombie(identity.pid).unwrap(), Some(identity));
    assert!(lineage(identity.pid).is_empty());
    assert_eq!(watcher().0.watch(identity).unwrap(), Watch::AlreadyGone);
}

#[test]
fn a_process_is_described() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().canonicalize().unwrap();
    let mut shell = Shell::start_with("echo; read x # \x1b[2J", |command| {
        command.env("PORTUS_LEASE", "a b=c").current_dir(&dir);
    });
    let pid = shell.child.id();
    // A program that is just being loaded shows no arguments yet.
    shell.line();
    let described = describe(pid).unwrap();
    assert_eq!(described.command, "sh -c echo; read x # \\u{1b}[2J");
    assert_eq!((described.parent, described.group), (std::process::id(), pid));
    assert_eq!(described.uid, rustix::process::getuid().as_raw());
    assert_eq!(cwd(pid).unwrap(), dir);
    assert_eq!(environment(pid, "PORTUS_LEASE").unwrap(), "a b=c");
    assert_eq!(environment(pid, "PORTUS"), None);
    assert_eq!(ancestors(pid)[..2], [shell.identity(), own_identity().unwrap()]);
}

#[test]
fn lineage_names_the_leaders_too() {
    // The middle shell ends, so that its child has another parent, but the group's leader remains.
    let mut shell = Shell::start("sh -c 'sh -c \"echo \\$\\$; read x <&3\" &' 3<&0; read x");
    let orphan = shell.named();
    assert!(lineage(orphan.pid).contains(&shell.identity()));
    assert!(lineage(orphan.pid).contains(&orphan));
}

#[test]
fn a_tree_is_the_root_and_all_below() {
    let mut shell = Shell::start("sh -c 'echo $$; sh -c \"echo \\$\\$; read x\"; :'; :");
    let (child, grandchild) = (shell.named(), shell.named());
    assert_eq!(tree(&shell.identity()).unwrap(), [shell.identity(), child, grandchild]);
    assert_eq!(tree(&child).unwrap(), [child, grandchild]);
    assert!(tree(&own_identity().unwrap()).unwrap().contains(&grandchild));
    let gone = ProcessIdentity { birth: child.birth + 1, ..child };
    assert!(tree(&gone).unwrap().is_empty());
}

#[test]
fn what_a_dead_root_left_behind_is_found_by_group_or_marker() {
    let mut shell = Shell::start_with("exec 3<&0; sh -c 'echo $$; read x <&3' & exit", |command| {
        command.env("PORTUS_LEASE", "journal:7");
    });
    let root = shell.child.id();
    let orphan = shell.named();
    waitid(WaitId::Pid(Pid::from_child(&shell.child)), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT).unwrap();

    let by_group = Survivors { groups: BTreeSet::from([root]), ..Survivors::default() };
    assert!(survivors(&by_group).unwrap().contains(&orphan));
    let by_root = Survivors { roots: BTreeSet::from([orphan]), ..Survivors::default() };
    assert_eq!(survivors(&by_root).unwrap(), [orphan]);
    let by_marker = |wanted: &str| {
        let means = |value: &OsStr| value == wanted;
        let marker = Some(Marker { name: "PORTUS_LEASE", means: &means });
        survivors(&Survivors { marker, ..Survivors::default() }).unwrap()
    };
    assert!(by_marker("journal:7").contains(&orphan));
    assert!(!by_marker("journal:8").contains(&orphan));
    let means = |value: &OsStr| value == "journal:7";
    let marked = || Survivors { marker: Some(Marker { name: "PORTUS_LEASE", means: &means }), ..Survivors::default() };
    let each = survivors_of_each(&[by_root, marked(), Survivors::default(), marked()]).unwrap();
    assert_eq!(each[0], [orphan]);
    assert!(each[1].contains(&orphan) && each[1] == each[3]);
    assert_eq!((each[2].len(), each.len()), (0, 4));
    assert!(survivors(&Survivors::default()).unwrap().is_empty());
}

#[test]
fn what_a_dead_root_left_behind_is_found_by_session() {
    // A session of the test's own: the one that it was started in may belong to another pid
    // namespace, as in a container, where its number cannot be seen.
    let mut shell = Shell::start(
        "exec 3<&0; python3 -c 'import os; os.setsid(); os.execvp(\"sh\", [\"sh\", \"-c\", \"echo $$; read x <&3\"])' & exit",
    );
    let orphan = shell.named();
    waitid(WaitId::Pid(Pid::from_child(&shell.child)), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT).unwrap();
    assert_eq!(describe(orphan.pid).unwrap().session, orphan.pid);
    let by_session = Survivors { sessions: BTreeSet::from([orphan.pid]), ..Survivors::default() };
    assert_eq!(survivors(&by_session).unwrap(), [orphan]);
}

#[test]
fn a_group_number_that_was_reused_finds_nobody() {
    let shell = Shell::start("read x");
    let earlier = ProcessIdentity { birth: shell.identity().birth - 1, ..shell.identity() };
    let criteria =
        Survivors { groups: BTreeSet::from([earlier.pid]), roots: BTreeSet::from([earlier]), ..Survivors::default() };
    assert!(survivors(&criteria).unwrap().is_empty());
}

#[test]
fn an_end_is_told_once() {
    let (watcher, told) = watcher();
    let mut shell = Shell::start("read x");
    let identity = shell.identity();
    assert_eq!(watcher.watch(identity).unwrap(), Watch::Watching);
    assert_eq!(watcher.watch(identity).unwrap(), Watch::Watching);
    assert_eq!(watcher.watched_count(), 1);
    shell.end_unreaped();
    assert_eq!(told.recv_timeout(PATIENCE).unwrap(), identity);
    shell.reap();
    assert_eq!(watcher.watch(identity).unwrap(), Watch::AlreadyGone);
    assert_eq!(watcher.watched_count(), 0);
    // The thread ends with the watcher, and the sender with the thread: nothing else was told.
    drop(watcher);
    assert!(told.recv().is_err());
}

#[test]
fn nobody_else_of_the_same_number_is_watched() {
    let (watcher, _told) = watcher();
    let shell = Shell::start("read x");
    let earlier = ProcessIdentity { birth: shell.identity().birth - 1, ..shell.identity() };
    assert_eq!(watcher.watch(earlier).unwrap(), Watch::AlreadyGone);
    assert_eq!(watcher.watched_count(), 0);
}

#[test]
fn the_end_of_an_unwatched_process_is_not_told() {
    let (watcher, told) = watcher();
    let (mut forgotten, mut watched) = (Shell::start("read x"), Shell::start("read x"));
    watcher.watch(forgotten.identity()).unwrap();
    watcher.watch(watched.identity()).unwrap();
    let expected = watched.identity();
    watcher.unwatch(&forgotten.identity());
    forgotten.end_unreaped();
    watched.end_unreaped();
    assert_eq!(told.recv_timeout(PATIENCE).unwrap(), expected);
    drop(watcher);
    assert!(told.recv().is_err());
}

#[test]
fn a_callback_may_watch_and_unwatch() {
    use std::sync::{Arc, OnceLock};
    let (tell, told) = channel();
    let handed = Arc::new(OnceLock::<ExitWatcher>::new());
    let in_callback = Arc::clone(&handed);
    let watcher = ExitWatcher::new(move |process| {
        let watcher = in_callback.wait();
        watcher.unwatch(&process);
        tell.send(watcher.watch(process).unwrap()).unwrap();
    });
    assert!(handed.set(watcher.unwrap()).is_ok());
    let mut shell = Shell::start("read x");
    handed.wait().watch(shell.identity()).unwrap();
    shell.end_unreaped();
    assert_eq!(told.recv_timeout(PATIENCE).unwrap(), Watch::AlreadyGone);
}

#[test]
fn a_signal_reaches_that_very_process_only() {
    let shell = Shell::start("read x");
    let identity = shell.identity();
    let earlier = ProcessIdentity { birth: identity.birth - 1, ..identity };
    assert!(matches!(signal(&earlier, Signal::Kill), Err(SignalError::Gone(_))));
    assert!(is_alive(&identity));
    signal(&identity, Signal::User1).unwrap();
    assert_eq!(shell.reap().signal(), Some(libc::SIGUSR1));
    assert!(matches!(signal(&identity, Signal::Kill), Err(SignalError::Gone(_))));
}

#[test]
fn some_processes_are_never_signalled() {
    let own = own_identity().unwrap();
    assert!(matches!(signal(&own, Signal::Kill), Err(SignalError::Forbidden(_))));
    if let Ok(Some(first)) = identity_of(1) {
        assert!(matches!(signal(&first, Signal::Continue), Err(SignalError::Forbidden(_))));
    }
    if rustix::process::getuid().is_root() {
        let shell = Shell::start_with("read x", |command| {
            command.uid(65_534);
        });
        let refused = signal(&shell.identity(), Signal::Kill);
        assert!(matches!(refused, Err(SignalError::NotYours { uid: 65_534, .. })), "{refused:?}");
        assert!(!is_own_user(shell.child.id()));
    }
}

#[test]
fn a_tree_is_asked_to_end() {
    let mut shell = Shell::start("sh -c 'echo $$; read x'; :");
    let (root, child) = (shell.identity(), shell.named());
    let outcome = end_trees([root], &BTreeSet::new(), PATIENCE).unwrap();
    assert_eq!(outcome.survivors, []);
    let ended: BTreeSet<ProcessIdentity> = outcome.ended.iter().map(|(process, _)| *process).collect();
    assert_eq!(ended, BTreeSet::from([root, child]));
    assert!(outcome.ended.iter().any(|(process, command)| *process == child && command == "sh -c echo $$; read x"));
    assert_eq!(shell.reap().signal(), Some(libc::SIGTERM));
}

#[test]
fn who_does_not_listen_is_killed() {
    let mut shell = Shell::start("trap '' TERM; echo ready; read x; :");
    let root = shell.identity();
    assert_eq!(shell.line(), "ready");
    assert_eq!(end_trees([root], &BTreeSet::new(), SHORT).unwrap().ended.len(), 1);
    assert_eq!(shell.reap().signal(), Some(libc::SIGKILL));
}

#[test]
fn several_trees_are_asked_at_once_and_share_one_grace() {
    // The first ends only once the second was asked to.
    let (asked, asks) = std::io::pipe().unwrap();
    let mut first = Shell::start_with("trap '' TERM; echo ready; read x; exit 7", |command| {
        command.stdin(asked);
    });
    let mut second = Shell::start_with("trap 'echo asked >&2; exit 7' TERM; echo ready; read x; :", |command| {
        command.stderr(asks);
    });
    assert_eq!((first.line().as_str(), second.line().as_str()), ("ready", "ready"));
    let outcome = end_trees([first.identity(), second.identity()], &BTreeSet::new(), PATIENCE).unwrap();
    assert_eq!((outcome.ended.len(), outcome.survivors.len()), (2, 0));
    assert_eq!((first.reap().code(), second.reap().code()), (Some(7), Some(7)), "one was killed");
}

#[test]
fn the_stopped_hear_the_request() {
    let shell = Shell::start("kill -STOP $$; read x");
    let pid = Pid::from_child(&shell.child);
    waitid(WaitId::Pid(pid), WaitIdOptions::STOPPED | WaitIdOptions::NOWAIT).unwrap();
    assert_eq!(end_trees([shell.identity()], &BTreeSet::new(), PATIENCE).unwrap().survivors, []);
    assert_eq!(shell.reap().signal(), Some(libc::SIGTERM));
}

#[test]
fn the_spared_live_on() {
    let mut shell = Shell::start("exec 3<&0; sh -c 'echo $$; read x <&3' & read y; :");
    let (root, spared) = (shell.identity(), shell.named());
    let outcome = end_trees([root], &BTreeSet::from([spared]), PATIENCE).unwrap();
    assert_eq!(outcome.survivors, [spared]);
    assert!(is_alive(&spared));
}

#[test]
fn a_tree_whose_root_is_gone_is_left_alone() {
    let shell = Shell::start("read x");
    let earlier = ProcessIdentity { birth: shell.identity().birth - 1, ..shell.identity() };
    assert_eq!(end_trees([earlier], &BTreeSet::new(), SHORT).unwrap(), Ended::default());
    assert!(is_alive(&shell.identity()));
}

#[test]
fn what_detached_itself_within_the_roots_group_is_ended_too() {
    let mut shell = Shell::start("exec 3<&0; (sh -c 'echo $$; read x <&3' &); echo; read y; :");
    let lines = [shell.line(), shell.line()];
    let orphan = lines.iter().find_map(|line| line.parse().ok()).unwrap();
    let described = describe(orphan).unwrap();
    let outcome = end_trees([shell.identity()], &BTreeSet::new(), PATIENCE).unwrap();
    // Where somebody else adopts orphans, this one has a parent of its own.
    assert_eq!(is_alive(&described.identity), described.parent != 1);
    assert_eq!(outcome.survivors, []);
}

#[test]
fn those_who_shared_a_pipeline_with_the_root_are_left_alone() {
    // As with `server | tee log`: one group, led by the root, and a sibling whose parent lives.
    let leader = Shell::start("read x");
    let sibling = Shell::start_with("read x", |command| {
        command.process_group(i32::try_from(leader.child.id()).unwrap());
    });
    let outcome = end_trees([leader.identity()], &BTreeSet::new(), PATIENCE).unwrap();
    assert_eq!((outcome.ended.len(), outcome.survivors.len()), (1, 0));
    assert!(is_alive(&sibling.identity()));
}

#[test]
fn a_daemon_that_something_of_the_tree_started_is_not_of_the_tree() {
    let mut shell = Shell::start("sleep 1000 & echo $!; read line");
    let (root, daemon) = (shell.identity(), shell.named());
    assert!(descendants_of_this_process().unwrap().contains(&daemon));
    keep_out_of_our_tree(daemon.pid);
    let tree = descendants_of_this_process().unwrap();
    assert!(tree.contains(&root) && !tree.contains(&daemon), "{tree:?}");
}
