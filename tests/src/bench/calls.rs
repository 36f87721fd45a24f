//! Calls over an open connection, against the echo and against what others do.

use std::sync::Barrier;
use std::time::{Duration, Instant};

use portus_os::place::Home;
use portus_proto::Key;

use super::echo::Echo;
use super::neighbours::{Portserver, Redis};
use super::{Limit, Row, Samples, processor_us, rig_with_pool};
use crate::wish::{connect, for_one_port, numbered_key};

/// How often each thing is done,
const ROUNDS: usize = 3_000;
/// and how often before it is the next one's turn.
const BLOCK: usize = 25;

/// How long each of those that work side by side goes on.
const SPAN: Duration = Duration::from_secs(1);

const POOL: &str = "1100-65500";

/// Goals 1 and 2: a new lease, and the same one again.
pub(super) fn leases() -> Vec<Row> {
    let rig = rig_with_pool(POOL);
    let dir = tempfile::tempdir().unwrap();
    let mut echo = Echo::start(dir.path());
    let mut client = connect(&Home::at(rig.home()));
    let mut redis = Redis::start(dir.path(), &["--appendonly", "yes", "--appendfsync", "everysec"]);
    let mut portserver = Portserver::start(dir.path());
    let [mut fresh, mut again, mut echoed, mut set, mut given] = [(); 5].map(|()| Samples::default());
    // In turn, but several of a kind at a time: the first call after a pause pays for the pause.
    for block in (0..ROUNDS).step_by(BLOCK) {
        let numbers = block..block + BLOCK;
        numbers.clone().for_each(|_| echoed.time(|| echo.once()));
        for number in numbers.clone() {
            let wish = for_one_port(numbered_key(number));
            fresh.time(|| client.request(wish).unwrap());
        }
        for number in numbers.clone() {
            let wish = for_one_port(numbered_key(number));
            again.time(|| client.request(wish).unwrap());
        }
        if let Some(redis) = &mut redis {
            numbers.clone().for_each(|number| set.time(|| redis.set(&format!("k{number}"))));
        }
        // Its own pool is small.
        if let Some(portserver) = portserver.as_mut().filter(|_| block < 500) {
            numbers.for_each(|_| given.time(|| portserver.ask()));
        }
    }
    let commit = echoed.quantile(0.99) + 12.0;
    let figures =
        |other: &str, samples: &Samples| format!("{:.1} us : {other} {:.1} us", fresh.median(), samples.median());
    let mut rows = vec![
        Row::new(
            1,
            "new lease, p50 : echo",
            fresh.median() / echoed.median(),
            Limit::AtMost(3.0),
            figures("echo", &echoed),
        ),
        Row::new(
            1,
            "new lease, p99 : (echo p99 + a commit of 12 us)",
            fresh.quantile(0.99) / commit,
            Limit::AtMost(3.5),
            format!("{:.1} us : {commit:.1} us", fresh.quantile(0.99)),
        ),
    ];
    rows.push(match portserver {
        Some(_) => Row::new(
            1,
            "new lease : portserver",
            fresh.median() / given.median(),
            Limit::AtMost(0.2),
            figures("portserver", &given),
        ),
        None => Row::missing(1, "new lease : portserver", Limit::AtMost(0.2), Portserver::WANTED),
    });
    rows.push(match redis {
        Some(_) => Row::new(
            1,
            "new lease : Redis, everysec",
            fresh.median() / set.median(),
            Limit::AtMost(1.0),
            figures("Redis", &set),
        ),
        None => Row::missing(1, "new lease : Redis, everysec", Limit::AtMost(1.0), Redis::WANTED),
    });
    let how = format!("{:.1} us : echo {:.1} us", again.median(), echoed.median());
    rows.push(Row::new(2, "the same request again : echo", again.median() / echoed.median(), Limit::AtMost(1.3), how));
    rows
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
