//! The hub by itself: jobs in, answers out, and nothing found out beside unless the test lets it.

use std::time::Duration;

use portus_core::{EndReason, Holder, Policy, Purpose, Requester, Stale, Strategy};
use portus_os::process::{ExitWatcher, own_identity};
use portus_proto::{ListCall, Reply, Scope};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::*;
use crate::engine::Journal as _;
use crate::observer::Looks;
use crate::server::Answers;

/// Nothing takes longer unless it hangs.
const PATIENCE: Duration = Duration::from_secs(20);

/// A hub whose one thread for what goes on beside is busy until the test lets it go.
struct Bench {
    hub: Hub,
    jobs: mpsc::Receiver<Job>,
    busy: Option<std::sync::mpsc::Sender<()>>,
    runtime: Runtime,
    folder: TempDir,
}

/// A wish for a port of one service, by a process.
fn wish(service: &str, holder: ProcessIdentity) -> portus_core::Request {
    let key = Key { project: "shop".into(), worktree: "/w".into(), service: service.parse().unwrap() };
    let ask = portus_core::Ask {
        key,
        purpose: Purpose::Lease,
        protocol: Protocol::Tcp,
        preferred: None,
        strict: false,
        range: None,
        pool: Settings::default().pool,
        fallback: None,
        expand: None,
        strategy: Strategy::Sequential,
        exclude: Vec::new(),
    };
    portus_core::Request {
        asks: vec![ask],
        contiguous: false,
        holder: Some(Holder { process: holder, command: "holder".into() }),
        requester: Requester::default(),
        ttl: None,
        guard: None,
        queued: false,
        stale: Stale::Unknown,
    }
}

/// A call for a port of a range.
fn wanted(service: &str, range: portus_core::PortRange) -> portus_proto::RequestCall {
    let key = portus_proto::Key { project: "shop".into(), worktree: "/w".into(), service: service.parse().unwrap() };
    let ask = portus_proto::Ask {
        key,
        claim_only: false,
        protocol: Protocol::Tcp,
        preferred: None,
        strict: false,
        range: Some(range),
        pool: None,
        fallback: None,
        expand: None,
        sequential: false,
        linked: None,
        exclude: Vec::new(),
    };
    portus_proto::RequestCall {
        asks: vec![ask],
        contiguous: false,
        holder: None,
        requester: Default::default(),
        ttl_ms: None,
        guard: None,
        wait_ms: None,
    }
}

/// A process that is no more.
fn gone() -> ProcessIdentity {
    ProcessIdentity { birth: 1, ..own_identity().unwrap() }
}

impl Bench {
    /// Begins with the journal of `folder`.
    fn start(folder: TempDir) -> Self {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(1).build().unwrap();
        let (busy, free) = std::sync::mpsc::channel();
        runtime.spawn_blocking(move || free.recv());
        let home = Home::at(folder.path());
        let worktrees = Worktrees::default();
        let gatherer = Gatherer::new(worktrees.clone());
        let looks = Looks::start(gatherer.clone(), |_| true).unwrap();
        let machine = Machine::new(ExitWatcher::new(|_| ()).unwrap(), looks);
        let journal = SqliteJournal::open(&home.journal(), 100).unwrap();
        let uuid = journal.uuid().to_owned();
        gatherer.name_journal(&uuid);
        let engine = Engine::start(Policy::default(), journal, machine, own_identity().unwrap().boot).unwrap();
        let settings = Settings::default();
        let fixed = Fixed {
            defaults: Defaults { pool: settings.pool, user: 1, asks_max: 10 },
            settings,
            home,
            journal: uuid,
            set_aside: None,
            ephemeral: None,
            began: Instant::now(),
            metrics_address: None,
        };
        let (sender, jobs) = mpsc::channel(100);
        let hub = {
            let _entered = runtime.enter();
            Hub::new(engine, fixed, gatherer, worktrees, sender)
        };
        Self { hub, jobs, busy: Some(busy), runtime, folder }
    }

    /// Begins once more with the same journal.
    fn again(self) -> Self {
        let Self { hub, folder, .. } = self;
        drop(hub);
        Self::start(folder)
    }

    fn take(&mut self, job: Job) {
        let _entered = self.runtime.enter();
        self.hub.take(job);
    }

    fn turn(&mut self) {
        let _entered = self.runtime.enter();
        self.hub.turn().unwrap();
    }

    fn call(&mut self, connection: u64, call: Call, to: Responder) {
        self.take(Job::Call { connection: ConnectionId(connection), pid: None, call: Box::new(call), to });
    }

    /// Grants what is wished for, before anything is served.
    fn grant(&mut self, request: portus_core::Request) {
        let batch = self.hub.engine.run(vec![Command::Request { request, survey: Default::default() }]);
        assert!(batch.answers[0].is_ok());
        // Nobody tells this daemon of ends.
        self.hub.engine.world_mut().take_gone();
    }

    fn live(&self) -> usize {
        self.hub.engine.broker().live_leases().len()
    }

    /// Lets go on what goes on beside, and takes in all that comes of it.
    fn let_go(&mut self) {
        self.busy = None;
        while self.hub.has_work() || self.hub.busy_count() > 0 || !self.jobs.is_empty() {
            if !self.hub.has_work() {
                let job = self.runtime.block_on(async { tokio::time::timeout(PATIENCE, self.jobs.recv()).await });
                self.take(job.unwrap().unwrap());
            }
            self.turn();
        }
    }
}

fn all() -> Call {
    Call::List(ListCall { scope: Scope::All, ended: false, after: None })
}

#[test]
fn nobody_waits_for_ever_for_the_look_at_the_start_and_some_not_at_all() {
    let mut bench = Bench::start(tempfile::tempdir().unwrap());
    bench.grant(wish("web", gone()));

    let mut bench = bench.again();
    let mut answers = Answers::new();
    bench.call(1, all(), answers.duty(1));
    bench.call(1, Call::Status, answers.duty(2));
    bench.turn();
    assert!(matches!(answers.next(), Some((2, Ok(Reply::Status(_))))));
    assert!(answers.next().is_none(), "it is not known yet whose leases ended");
    let until = bench.hub.recovering_until.unwrap();
    assert!(bench.hub.next_alarm().unwrap() <= until);
    bench.hub.recovery_alarm(until);
    bench.turn();
    assert!(matches!(answers.next(), Some((1, Ok(Reply::Listing(listing)))) if listing.leases.len() == 1));
    bench.let_go();
    assert_eq!(bench.live(), 0, "what is found out late is found out");

    bench.grant(wish("web", gone()));
    let mut bench = bench.again();
    bench.call(1, Call::Stop, answers.duty(3));
    assert!(bench.hub.leaving.is_some());
    assert!(matches!(answers.next(), Some((3, Ok(Reply::Done)))));
}

#[test]
fn whose_end_nobody_has_told_of_is_found_by_a_sweep() {
    let mut bench = Bench::start(tempfile::tempdir().unwrap());
    bench.grant(wish("web", gone()));
    bench.grant(wish("api", own_identity().unwrap()));
    let mut answers = Answers::new();
    bench.call(1, Call::Sweep, answers.duty(1));
    bench.turn();
    bench.let_go();
    let Some((1, Ok(Reply::Leases(ended)))) = answers.next() else { panic!("no such answer") };
    assert_eq!(ended.leases.iter().map(|lease| lease.service.as_str()).collect::<Vec<_>>(), ["web"]);
    assert_eq!((ended.leases[0].ended.as_ref().unwrap().reason, bench.live()), (EndReason::HolderExited, 1));
    let port = ended.leases[0].port;
    assert!(bench.hub.engine.broker().cooling_on(port).is_some(), "its number is kept for it for a while");
}

#[test]
fn a_full_range_is_cleaned_of_stale_leases_before_it_expands() {
    let mut bench = Bench::start(tempfile::tempdir().unwrap());
    bench.grant(wish("web", gone()));
    let range = portus_core::PortRange::single(bench.hub.engine.broker().live_leases().next().unwrap().port);
    let mut answers = Answers::new();
    bench.call(1, Call::Request(wanted("api", range)), answers.duty(1));
    bench.turn();
    assert!(answers.next().is_none(), "it is looked for room");
    bench.let_go();
    let Some((1, Ok(Reply::Leases(granted)))) = answers.next() else { panic!("no such answer") };
    assert_eq!(granted.leases[0].port, range.first(), "at once");
    assert_eq!(granted.notes[0], "recovered: cleaned 1 stale lease");
}

#[test]
fn who_goes_while_its_request_is_looked_into_stands_in_no_line() {
    let mut bench = Bench::start(tempfile::tempdir().unwrap());
    bench.grant(wish("web", own_identity().unwrap()));
    let port = bench.hub.engine.broker().live_leases().next().unwrap().port;
    let mut answers = Answers::new();
    let strict = || {
        let mut call = wanted("api", portus_core::PortRange::single(port));
        call.asks[0].preferred = Some(port);
        call.asks[0].strict = true;
        // Whether its holder serves the port is found out beside.
        portus_proto::RequestCall { holder: Some(std::process::id()), wait_ms: Some(20_000), ..call }
    };
    let (goes, stays) = (ConnectionId(1), ConnectionId(2));
    for (id, connection) in [(1, goes), (2, stays)] {
        bench.hub.admit(connection);
        bench.call(connection.0, Call::Request(strict()), answers.duty(id));
    }
    bench.turn();
    bench.take(Job::Gone(goes));
    bench.turn();
    bench.let_go();
    assert_eq!((bench.hub.line.len(), answers.left()), (1, 1), "the one that stays");
    assert!(answers.next().is_none());
}

#[test]
fn the_system_is_asked_for_its_ports_only_when_a_range_may_be_among_them() {
    let range = |first, last| portus_core::PortRange::new(Port::new(first).unwrap(), Port::new(last).unwrap()).unwrap();
    let ephemeral = range(32_768, 60_999);
    let apart = wish("web", gone());
    assert!(begin::range_notes(&apart, ephemeral, || panic!("nobody needs to know")).is_empty());
    let mut both = wish("web", gone());
    both.asks[0].fallback = Some(range(40_000, 40_099));
    both.asks.push(both.asks[0].clone());
    let mut asked = 0;
    let _ = begin::range_notes(&both, ephemeral, || {
        asked += 1;
        None
    });
    assert_eq!(asked, 1);
}

#[test]
fn it_is_looked_for_room_once_for_all_who_want_it() {
    let mut bench = Bench::start(tempfile::tempdir().unwrap());
    bench.grant(wish("web", gone()));
    bench.grant(wish("db", gone()));
    bench.let_go();
    let runs = bench.hub.metrics.counters().cleanup_runs;
    let ports: Vec<Port> = bench.hub.engine.broker().live_leases().map(|lease| lease.port).collect();
    let [first, second] = [0, 1].map(|place| portus_core::PortRange::single(ports[place]));
    let mut answers = Answers::new();
    for (id, service, range) in [(1, "a", first), (2, "b", first), (3, "c", second)] {
        bench.call(1, Call::Request(wanted(service, range)), answers.duty(id));
    }
    bench.turn();
    bench.let_go();
    let outcomes: BTreeMap<_, _> = std::iter::from_fn(|| answers.next()).collect();
    assert_eq!([1, 2, 3].map(|id| outcomes[&id].is_ok()), [true, false, true]);
    assert_eq!(bench.hub.metrics.counters().cleanup_runs - runs, 2, "the second range was looked through for itself");

    let known = |bench: &mut Bench, ago| bench.hub.room.known_since(Instant::now().checked_sub(ago).unwrap());
    for (ago, looks) in [(Duration::ZERO, 2), (Duration::from_secs(2), 3)] {
        known(&mut bench, ago);
        bench.call(1, Call::Request(wanted("d", second)), answers.duty(4));
        bench.turn();
        bench.let_go();
        assert!(matches!(answers.next(), Some((4, Err(_)))));
        assert_eq!(bench.hub.metrics.counters().cleanup_runs - runs, looks);
    }
}

#[test]
fn a_journal_that_was_locked_for_a_moment_is_tried_again_and_that_is_said() {
    let mut bench = Bench::start(tempfile::tempdir().unwrap());
    bench.let_go();
    let mut other = SqliteJournal::open(&Home::at(bench.folder.path()).journal(), 0).unwrap();
    other.append(&[portus_core::Change::Numbered { next: LeaseId(1) }]).unwrap();
    let mut answers = Answers::new();
    bench.call(1, Call::Request(wanted("web", Settings::default().pool)), answers.duty(1));
    bench.turn();
    // Its pause goes by only while what goes on beside does: others are served meanwhile.
    bench.call(1, Call::Status, answers.duty(2));
    bench.turn();
    assert!(matches!(answers.next(), Some((2, Ok(Reply::Status(_))))));
    other.rollback().unwrap();
    bench.let_go();
    let Some((1, Ok(Reply::Leases(reply)))) = answers.next() else { panic!("no lease") };
    assert_eq!(reply.leases.len(), 1);
    assert_eq!(reply.notes[0], "recovered: tried again 1 time, because another program kept the journal locked");
}
