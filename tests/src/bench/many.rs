//! Sixty thousand leases, and a million requests.

use portus_os::place::Home;
use portus_proto::{Caller, ReleaseCall, Target};

use super::commands::quiet;
use super::{Limit, Row, Samples, rig_with_pool};
use crate::Rig;
use crate::torture::load::resident_kib;
use crate::wish::{connect, for_one_port, numbered_key};

/// As many as a user may have.
const LEASES: usize = 60_000;
/// Of how many the first and the last are compared.
const PART: usize = 5_000;
/// Nearly every port there is.
const POOL: &str = "1100-65500";
const RESTARTS: usize = 5;

/// Goals 9, 10 and 12.
pub(super) fn leases() -> Vec<Row> {
    let rig = rig_with_pool(POOL);
    let home = Home::at(rig.home());
    let mut client = connect(&home);
    let pid = client.welcome().pid;
    let empty = resident_kib(pid);
    let before = restarts(&rig);
    drop(client);
    client = connect(&home);
    let pid = client.welcome().pid;
    let mut took = Samples::default();
    let mut full = 0;
    for number in 0..LEASES - 1 {
        let wish = for_one_port(numbered_key(number));
        took.time(|| client.request(wish).unwrap());
        if number == 50_000 {
            full = resident_kib(pid);
        }
    }
    let (early, late) = (took.part(0..PART), took.part(LEASES - 1 - PART..LEASES - 1));
    let worst = took.quantile(1.0);
    drop(client);
    let after = restarts(&rig);
    #[expect(clippy::cast_precision_loss, reason = "some thousands")]
    let mib = |kib: u64| kib as f64 / 1_024.0;
    let ms = |samples: &Samples| samples.median() / 1e3;
    vec![
        Row::new(
            9,
            "a lease among 60,000 : among none, p50",
            late.median() / early.median(),
            Limit::AtMost(1.2),
            format!("{:.1} us : {:.1} us", late.median(), early.median()),
        ),
        Row::new(
            9,
            "the worst of 60,000 : p50",
            worst / took.median(),
            Limit::AtMost(20.0),
            format!("{:.1} us : {:.1} us (p99.9 {:.1} us)", worst, took.median(), took.quantile(0.999)),
        ),
        Row::new(
            10,
            "first answer after kill -9, 60,000 leases : none",
            after.median() / before.median(),
            Limit::AtMost(6.0),
            format!("{:.1} ms : {:.1} ms", ms(&after), ms(&before)),
        ),
        Row::new(12, "resident, empty, MiB", mib(empty), Limit::AtMost(8.0), String::new()),
        Row::new(12, "resident, 50,000 leases, MiB", mib(full), Limit::AtMost(12.0), String::new()),
    ]
}

/// From kill -9 of the daemon to the first answer of the next.
fn restarts(rig: &Rig) -> Samples {
    let mut took = Samples::default();
    let dir = rig.work();
    for _ in 0..RESTARTS {
        let pid = rig.daemon_pid().unwrap();
        let mut kill = std::process::Command::new("kill");
        quiet(kill.args(["-9", &pid.to_string()]));
        let mut request = rig.portus(&dir, ["request", "web"]);
        took.time(|| quiet(&mut request));
    }
    took
}

/// Goal 14: what a million requests leave on disk.
pub(super) fn journal() -> Vec<Row> {
    const REQUESTS: usize = 1_000_000;
    const KEYS: usize = 500;
    let rig = rig_with_pool("5000-31999");
    let home = Home::at(rig.home());
    drop(connect(&home));
    let clients = 8;
    std::thread::scope(|scope| {
        for client in 0..clients {
            let home = &home;
            scope.spawn(move || {
                let mut connection = connect(home);
                for round in 0..REQUESTS / clients / 2 {
                    let key = numbered_key(client * KEYS + round % KEYS);
                    let caller = Caller { worktree: key.worktree.clone(), force: false };
                    let lease = connection.request(for_one_port(key)).unwrap().leases[0].id;
                    connection.release(ReleaseCall { targets: vec![Target::Lease(lease)], caller }).unwrap();
                }
            });
        }
    });
    let files = std::fs::read_dir(rig.home()).unwrap().flatten();
    let journal = files.filter(|file| file.file_name().to_string_lossy().starts_with("journal"));
    let bytes: u64 = journal.map(|file| file.metadata().unwrap().len()).sum();
    #[expect(clippy::cast_precision_loss, reason = "megabytes")]
    let mib = bytes as f64 / (1_024.0 * 1_024.0);
    vec![Row::new(
        14,
        "the journal after 1,000,000 requests, MiB",
        mib,
        Limit::AtMost(16.0),
        "half of them give back".to_owned(),
    )]
}
