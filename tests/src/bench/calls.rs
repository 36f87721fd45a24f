//! Calls over an open connection, against the echo and against what others do.

use std::sync::Barrier;
use std::time::{Duration, Instant};

use portus_os::place::Home;
use portus_proto::Key;

use super::echo::Echo;
use super::neighbours::{Portserver, Redis};
use super::{Limit, Row, Samples, processor_us, rig_with_pool};
use crate::wish::{connect, for_one_port, numbered_key};

/// How often each thing is done.
const ROUNDS: usize = 3_000;

/// What one row and one commit of SQLite cost by themselves, without an fsync.
const COMMIT_US: f64 = 12.0;

/// How long each of those that work side by side goes on.
const SPAN: Duration = Duration::from_secs(1);

const POOL: &str = "1100-65500";

/// Goals 1 and 2: a new lease, and the same one again. Each is taken in turn with what it is compared to, one by one,
/// so that both find the processors in the same state.
pub(super) fn leases() -> Vec<Row> {
    let rig = rig_with_pool(POOL);
    let dir = tempfile::tempdir().unwrap();
    let mut echo = Echo::start(dir.path());
    let mut client = connect(&Home::at(rig.home()));
    let mut numbers = 0..;
    let mut fresh = || {
        let wish = for_one_port(numbered_key(numbers.next().unwrap()));
        client.request(wish).unwrap();
    };
    let echoed = in_turn(ROUNDS, &mut fresh, || echo.once());
    let (slow, commit) = (echoed.0.quantile(0.99), echoed.1.quantile(0.99) + COMMIT_US);
    let mut rows = vec![
        ratio(1, "new lease, p50 : echo", &echoed, 3.0),
        Row::new(
            1,
            "new lease, p99 : (echo p99 + a commit)",
            slow / commit,
            Limit::AtMost(3.5),
            format!("{slow:.1} us : {commit:.1} us"),
        ),
    ];
    rows.push(match Portserver::start(dir.path()) {
        // Its pool is small, and grows slow as it empties.
        Some(server) => ratio(1, "new lease : portserver", &in_turn(500, &mut fresh, || server.ask()), 0.2),
        None => Row::missing(1, "new lease : portserver", Limit::AtMost(0.2), Portserver::WANTED),
    });
    rows.push(match Redis::start(dir.path(), &["--appendonly", "yes", "--appendfsync", "everysec"]) {
        Some(mut redis) => {
            let mut count = 0;
            let set = || {
                count += 1;
                redis.set(&format!("k{count}"));
            };
            ratio(1, "new lease : Redis, everysec", &in_turn(ROUNDS, &mut fresh, set), 1.0)
        }
        None => Row::missing(1, "new lease : Redis, everysec", Limit::AtMost(1.0), Redis::WANTED),
    });
    let mut again = || drop(client.request(for_one_port(numbered_key(0))).unwrap());
    rows.push(ratio(2, "the same request again : echo", &in_turn(ROUNDS, &mut again, || echo.once()), 1.3));
    rows
}

/// Does two things in turn.
fn in_turn(rounds: usize, mut ours: impl FnMut(), mut theirs: impl FnMut()) -> (Samples, Samples) {
    let (mut first, mut second) = (Samples::default(), Samples::default());
    for _ in 0..rounds {
        second.time(&mut theirs);
        first.time(&mut ours);
    }
    (first, second)
}

/// The medians of two things against each other.
fn ratio(goal: u8, what: &str, (ours, theirs): &(Samples, Samples), limit: f64) -> Row {
    let [ours, theirs] = [ours, theirs].map(Samples::median);
    Row::new(goal, what, ours / theirs, Limit::AtMost(limit), format!("{ours:.1} us : {theirs:.1} us"))
}

/// Goal 3: leases a second, with many clients at once.
pub(super) fn throughput() -> Vec<Row> {
    let dir = tempfile::tempdir().unwrap();
    let ours = |clients: usize| {
        let rig = rig_with_pool(POOL);
        let home = Home::at(rig.home());
        let pid = connect(&home).welcome().pid;
        let before = processor_us(pid);
        let rate = side_by_side(clients, |number| {
            let mut client = connect(&home);
            let mut count = 0;
            move || {
                let service = format!("c{number}-{count}").parse().unwrap();
                let project = format!("p{number}-{}", count / 4_000);
                let key = Key { worktree: format!("/bench/{project}"), project, service };
                client.request(for_one_port(key)).unwrap();
                count += 1;
            }
        });
        let each = (processor_us(pid) - before) / (rate * SPAN.as_secs_f64());
        (rate, format!("{rate:.0}/s, {each:.0} us of processor time each"))
    };
    let (sixteen, figures) = ours(16);
    let mut rows = vec![match Portserver::start(dir.path()) {
        Some(server) => {
            let theirs = side_by_side(16, |_| {
                let server = &server;
                move || server.ask()
            });
            let how = format!("{figures} : {theirs:.0}/s");
            Row::new(3, "leases a second, 16 clients : portserver", sixteen / theirs, Limit::AtLeast(8.0), how)
        }
        None => Row::missing(3, "leases a second, 16 clients : portserver", Limit::AtLeast(8.0), Portserver::WANTED),
    }];
    let (many, figures) = ours(64);
    rows.push(match Redis::start(dir.path(), &["--save", ""]) {
        Some(server) => {
            let theirs = side_by_side(64, |number| {
                let mut redis = server.another();
                let mut count = 0;
                move || {
                    redis.set(&format!("t{number}-{count}"));
                    count += 1;
                }
            });
            let how = format!("{figures} : {theirs:.0}/s");
            Row::new(3, "leases a second, 64 clients : Redis, no persistence", many / theirs, Limit::AtLeast(0.3), how)
        }
        None => Row::missing(3, "leases a second, 64 clients : Redis", Limit::AtLeast(0.3), Redis::WANTED),
    });
    rows
}

/// How many times a second all of them together do their work.
fn side_by_side<W: FnMut()>(clients: usize, worker: impl Fn(usize) -> W + Sync) -> f64 {
    let ready = Barrier::new(clients);
    let (ready, worker) = (&ready, &worker);
    let done: u32 = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..clients)
            .map(|number| {
                scope.spawn(move || {
                    let mut work = worker(number);
                    ready.wait();
                    let until = Instant::now() + SPAN;
                    let mut done = 0_u32;
                    while Instant::now() < until {
                        work();
                        done += 1;
                    }
                    done
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    f64::from(done) / SPAN.as_secs_f64()
}
