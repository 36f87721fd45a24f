use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use portus_core::{
    Broker, Change, Evidence, Holder, Key, Lease, LeaseId, LeaseState, Policy, Port, ProcessIdentity, Protocol,
    Requester, Timestamp,
};
use portus_proto::WallTime;
use portus_proto::ports_json::Allocation;

use super::*;

const FILE: &str = ".ports.json";

fn named(worktree: &str) -> Arc<str> {
    worktree.into()
}

fn done(written: Written) -> Result<Done, MirrorError> {
    Ok(Done { written, digest: 7 })
}

fn due(mirrors: &mut Mirrors) -> Vec<String> {
    mirrors.take_due(Instant::now()).into_iter().map(|due| due.worktree.to_string()).collect()
}

#[test]
fn however_much_changes_one_write_goes_on_at_a_time() {
    let mut mirrors = Mirrors::default();
    assert!(mirrors.is_empty());
    mirrors.keep(&named("/a"), FILE);
    assert_eq!(due(&mut mirrors), ["/a"]);
    for _ in 0..20 {
        mirrors.touch("/a");
        mirrors.touch("/elsewhere");
        assert!(due(&mut mirrors).is_empty(), "a write goes on");
    }
    assert_eq!(mirrors.ended("/a", FILE, done(Written::Anew)), Told::Nothing);
    assert_eq!(due(&mut mirrors), ["/a"], "what changed meanwhile is written once");
    assert_eq!(mirrors.ended("/a", FILE, done(Written::Anew)), Told::Nothing);
    assert!(due(&mut mirrors).is_empty());
}

#[test]
fn those_the_journal_knows_are_written_once_and_known_again() {
    let known = |worktree: &str, path: &str| KnownMirror {
        worktree: worktree.to_owned(),
        path: path.to_owned(),
        written: Some(7),
    };
    let mut mirrors = Mirrors::load([known("/a", FILE), known("/b", "b/ports.json")]);
    let due = mirrors.take_due(Instant::now());
    assert_eq!(due.len(), 2);
    assert!(due.iter().all(|due| due.written == Some(7)));
    assert_eq!(mirrors.path("/b").map(|path| &**path), Some("b/ports.json"));
}

#[test]
fn disks_that_do_not_answer_take_a_bounded_number_of_threads() {
    let mut mirrors = Mirrors::default();
    for number in 0..=WRITES_MAX {
        mirrors.keep(&named(&format!("/{number:02}")), FILE);
    }
    let first = due(&mut mirrors);
    assert_eq!(first.len(), WRITES_MAX);
    assert!(due(&mut mirrors).is_empty());
    mirrors.ended(&first[0], FILE, done(Written::Same));
    assert_eq!(due(&mut mirrors).len(), 1);
}

#[test]
fn who_waits_is_told_by_a_write_that_began_afterwards() {
    let mut mirrors = Mirrors::default();
    mirrors.keep(&named("/a"), FILE);
    let first = mirrors.take_due(Instant::now());
    mirrors.keep(&named("/a"), FILE);
    let mut waiting = mirrors.wait("/a").unwrap();
    drop(first);
    mirrors.ended("/a", FILE, done(Written::Anew));
    assert_eq!(waiting.try_recv(), Err(oneshot::error::TryRecvError::Empty));
    drop(mirrors.take_due(Instant::now()));
    assert_eq!(waiting.try_recv(), Err(oneshot::error::TryRecvError::Closed));
}

#[test]
fn trouble_is_logged_once_and_told_until_it_is_over() {
    let mut mirrors = Mirrors::default();
    mirrors.keep(&named("/a"), FILE);
    for again in [false, true] {
        assert_eq!(due(&mut mirrors), ["/a"]);
        let told = mirrors.ended("/a", FILE, Err(MirrorError::Broken));
        assert_eq!(matches!(told, Told::Trouble(_)), !again, "{told:?}");
        assert_eq!(mirrors.notes("/a", Instant::now()).len(), 1);
        mirrors.touch("/a");
    }
    assert_eq!(due(&mut mirrors), ["/a"]);
    assert!(matches!(mirrors.ended("/a", FILE, done(Written::Anew)), Told::News(_)));
    assert!(mirrors.notes("/a", Instant::now()).is_empty());
}

#[test]
fn a_write_that_takes_too_long_is_told_of() {
    let mut mirrors = Mirrors::default();
    mirrors.keep(&named("/a"), FILE);
    let began = Instant::now();
    mirrors.take_due(began);
    assert!(mirrors.notes("/a", began).is_empty());
    assert_eq!(mirrors.notes("/a", began + WAIT_MAX).len(), 1);
}

#[test]
fn one_that_waits_for_others_is_told_of() {
    let mut mirrors = Mirrors::default();
    let last = format!("/{WRITES_MAX:02}");
    for number in 0..=WRITES_MAX {
        mirrors.keep(&named(&format!("/{number:02}")), FILE);
    }
    let began = Instant::now();
    assert_eq!(mirrors.take_due(began).len(), WRITES_MAX);
    assert!(mirrors.notes(&last, began).is_empty());
    mirrors.touch(&last);
    assert!(mirrors.take_due(began + WAIT_MAX).is_empty());
    let notes = mirrors.notes(&last, began + WAIT_MAX);
    assert!(notes.len() == 1 && notes[0].contains("waits for other mirrors"), "{notes:?}");
    mirrors.ended("/00", FILE, done(Written::Same));
    assert_eq!(mirrors.take_due(began + WAIT_MAX).len(), 1);
    assert!(mirrors.notes(&last, began + WAIT_MAX).is_empty());
}

#[test]
fn who_waits_no_more_is_forgotten_while_a_write_is_stuck() {
    let mut mirrors = Mirrors::default();
    mirrors.keep(&named("/a"), FILE);
    due(&mut mirrors);
    for _ in 0..20 {
        mirrors.keep(&named("/a"), FILE);
        drop(mirrors.wait("/a"));
    }
    let _waits = mirrors.wait("/a");
    assert_eq!(mirrors.all["/a"].waiting.len(), 1);
}

#[test]
fn one_that_was_moved_or_given_up_while_it_is_written_stays_so() {
    let mut mirrors = Mirrors::default();
    mirrors.keep(&named("/a"), FILE);
    due(&mut mirrors);
    mirrors.keep(&named("/a"), "b/ports.json");
    assert!(due(&mut mirrors).is_empty(), "never two writes for one worktree");
    mirrors.ended("/a", FILE, Err(MirrorError::Broken));
    let moved = mirrors.take_due(Instant::now());
    assert_eq!((&*moved[0].path, moved[0].written), ("b/ports.json", None));
    mirrors.forget("/a");
    assert_eq!(mirrors.path("/a"), None);
    mirrors.touch("/a");
    assert!(due(&mut mirrors).is_empty());
    mirrors.ended("/a", "b/ports.json", done(Written::Anew));
    assert!(mirrors.is_empty());
}

#[test]
fn a_path_that_is_no_mirrors_is_refused_with_what_to_do() {
    assert_eq!(check("./sub/my-ports.json"), Ok(()));
    let refusal = check("../ports.json").unwrap_err();
    assert_eq!(refusal.message, "the mirror `../ports.json` leaves the worktree");
    assert!(refusal.hint.contains("`.ports.json`"), "{}", refusal.hint);
}

fn place() -> (tempfile::TempDir, Arc<str>, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    let file = root.join(FILE);
    (folder, root.to_str().unwrap().into(), file)
}

fn web(port: u16) -> BTreeMap<String, Allocation> {
    let allocation = Allocation { port: Port::new(port).unwrap(), pid: None, started: Some(WallTime(7)), host: None };
    BTreeMap::from([("web".to_owned(), allocation)])
}

#[test]
fn what_is_equal_is_not_written() {
    let (_folder, worktree, file) = place();
    assert_eq!(write(&worktree, FILE, web(3000), None).unwrap().written, Written::Anew);
    let text = std::fs::read(&file).unwrap();
    assert_eq!(ports_json::parse(&text).unwrap().allocations, web(3000));
    std::fs::write(&file, "{\"allocations\": {}}").unwrap();
    assert_eq!(write(&worktree, FILE, BTreeMap::new(), None).unwrap().written, Written::Same);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "{\"allocations\": {}}");
}

#[test]
fn what_cannot_be_read_or_is_somebody_elses_is_kept() {
    let (_folder, worktree, file) = place();
    let own = write(&worktree, FILE, web(3000), None).unwrap().digest;
    let theirs = ports_json::render(&ports_json::PortsJson { version: None, updated: None, allocations: web(8001) });
    let too_long = " ".repeat(ports_json::LEN_MAX + 1);
    for (content, last, backup) in [
        ("{\"allocations\":", Some(own), ".ports.json.backup"),
        ("[1]", Some(own), ".ports.json.backup.2"),
        (&theirs, None, ".ports.json.backup.3"),
        (&theirs, Some(own), ".ports.json.backup.4"),
        (&too_long, Some(own), ".ports.json.backup.5"),
    ] {
        std::fs::write(&file, content).unwrap();
        let done = write(&worktree, FILE, web(3000), last).unwrap();
        let Written::SetAside { backup: found, .. } = done.written else {
            panic!("{content:.40} is not set aside");
        };
        assert_eq!(found, backup);
        assert_eq!(std::fs::read_to_string(file.with_file_name(backup)).unwrap(), content);
        assert_eq!(ports_json::parse(&std::fs::read(&file).unwrap()).unwrap().allocations, web(3000));
    }
}

#[test]
fn its_own_is_not_kept_however_often_it_changes() {
    let (_folder, worktree, file) = place();
    let mut last = None;
    for port in 3000..3003 {
        let done = write(&worktree, FILE, web(port), last).unwrap();
        assert_eq!(done.written, Written::Anew);
        last = Some(done.digest);
    }
    std::fs::write(&file, "{\"allocations\": {}}").unwrap();
    let done = write(&worktree, FILE, web(3004), last).unwrap();
    assert_eq!(done.written, Written::Anew, "nothing is lost with a file that names no port");
    std::fs::remove_file(&file).unwrap();
    assert_eq!(write(&worktree, FILE, web(3005), Some(done.digest)).unwrap().written, Written::Anew);
}

#[test]
fn a_worktree_that_is_gone_is_told_from_one_whose_disk_is() {
    let (folder, worktree, _) = place();
    let gone: Arc<str> = format!("{worktree}/gone").into();
    assert!(matches!(write(&gone, FILE, web(3000), None), Err(MirrorError::Gone)));
    let unmounted: Arc<str> = format!("{worktree}/disk/gone").into();
    assert!(matches!(write(&unmounted, FILE, web(3000), None), Err(MirrorError::File(_))));
    assert!(matches!(write(&worktree, "sub/ports.json", web(3000), None), Err(MirrorError::File(_))));
    drop(folder);
}

fn process(pid: u32, birth: u64) -> ProcessIdentity {
    ProcessIdentity { pid, birth, boot: portus_core::BootId(1) }
}

fn lease(id: u64, service: &str) -> Lease {
    let key = Key { project: "shop".into(), worktree: "/shop".into(), service: service.parse().unwrap() };
    Lease {
        id: LeaseId(id),
        key,
        port: Port::new(20_000 + u16::try_from(id).unwrap()).unwrap(),
        protocol: Protocol::Tcp,
        state: LeaseState::Pending { until: None },
        holder: None,
        orphaned: false,
        requester: Requester::default(),
        watched: BTreeSet::new(),
        guard: None,
        ttl: None,
        contested: false,
        drifted_to: None,
        granted_at: Timestamp(id),
    }
}

#[test]
fn the_process_is_the_server_or_else_the_holder() {
    let holder = Some(Holder { process: process(10, 1), command: "run".into() });
    let (child, server) = (process(20, 2), process(15, 3));
    let active = LeaseState::Active { evidence: Evidence::Lineage };
    let leases = [
        lease(1, "nobody"),
        Lease { holder: holder.clone(), watched: BTreeSet::from([child]), ..lease(2, "starting") },
        Lease { holder: holder.clone(), watched: [child, server].into(), state: active.clone(), ..lease(3, "up") },
        Lease { holder: holder.clone(), state: active.clone(), ..lease(4, "unseen") },
        Lease { holder, orphaned: true, watched: [child].into(), ..lease(5, "orphaned") },
        Lease { key: Key { worktree: "/other".into(), ..lease(6, "web").key }, ..lease(6, "web") },
    ];
    let grants = leases.map(|lease| Change::Granted { lease: Box::new(lease), cool_until: None });
    let found = content(&Broker::from_history(Policy::default(), grants), "/shop");
    let pids: Vec<_> = found.iter().map(|(name, allocation)| (name.as_str(), allocation.pid)).collect();
    let expected =
        [("nobody", None), ("orphaned", Some(20)), ("starting", Some(10)), ("unseen", Some(10)), ("up", Some(15))];
    assert_eq!(pids, expected);
    assert_eq!(found["up"].started, Some(WallTime(3)));
}
