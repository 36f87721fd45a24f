//! A fixed model for tests and for the picture in the README: five worktrees, some agents, and everything that can
//! stand out.

use portus_core::{ClaimEnd, EndReason, Evidence, LeaseId, Port, PortRange, Protocol, QuarantineUntil, StateWord};
use portus_proto::{
    Alert, AlertCode, AlertState, Claim, Ended, Event, Explanation, Health, Key, Lease, Listener, Process, Quarantine,
    Requester, Severity, Status, Verdict, WallTime, What,
};

use crate::message::{Msg, News, Snapshot};
use crate::model::{Here, Model};
use crate::update::update;

/// "Now", in milliseconds since 1970.
pub(crate) const NOW_MS: u64 = 1_800_000_000_000;
const SECOND: u64 = 1_000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;

pub(crate) fn port(number: u16) -> Port {
    Port::new(number).unwrap()
}

fn process(pid: u32, command: &str) -> Process {
    Process { pid, command: command.to_owned() }
}

/// A pending lease, asked for by a shell.
pub(crate) fn lease(id: u64, place: (&str, &str), service: &str, number: u16, age_ms: u64) -> Lease {
    Lease {
        id: LeaseId(id),
        project: place.0.to_owned(),
        worktree: place.1.to_owned(),
        service: service.parse().unwrap(),
        port: port(number),
        protocol: Protocol::Tcp,
        state: StateWord::Pending,
        reused: false,
        contested: false,
        orphaned: false,
        drifted_to: None,
        evidence: None,
        health: Health::Unknown,
        guarded: false,
        pinned: false,
        holder: None,
        requester: Requester { pid: Some(900), command: "zsh".to_owned(), session: None, client: None },
        granted_at: WallTime(NOW_MS - age_ms),
        expires_at: None,
        ended: None,
    }
}

fn active(lease: Lease, evidence: Evidence, holder: (u32, &str)) -> Lease {
    Lease { state: StateWord::Active, evidence: Some(evidence), holder: Some(process(holder.0, holder.1)), ..lease }
}

const SHOP: (&str, &str) = ("shop", "/code/shop");
const SEARCH: (&str, &str) = ("shop", "/code/shop-search");
const PAY: (&str, &str) = ("shop", "/code/shop/.worktrees/pay");
const BOOKS: (&str, &str) = ("books", "/code/books");
const TOKYO: (&str, &str) = ("東京の店", "/code/東京の店とその長い長い名前");

fn agent(client: &str, session: &str) -> Requester {
    Requester {
        pid: Some(4_000),
        command: client.to_owned(),
        session: Some(session.to_owned()),
        client: Some(client.to_owned()),
    }
}

pub(crate) fn leases() -> Vec<Lease> {
    vec![
        Lease {
            pinned: true,
            health: Health::Healthy,
            ..active(lease(41, SHOP, "web", 20_411, 3 * HOUR), Evidence::Lineage, (4_242, "npm run dev"))
        },
        active(lease(42, SHOP, "api", 20_873, 26 * MINUTE), Evidence::Marker, (4_250, "cargo run --bin api")),
        Lease {
            requester: agent("claude-code", "7f3a19c2"),
            contested: true,
            ..lease(43, SEARCH, "web", 21_096, 4 * MINUTE)
        },
        Lease {
            drifted_to: Some(port(5_174)),
            requester: agent("codex", "b81e"),
            ..active(
                lease(44, SEARCH, "storybook", 22_310, 9 * MINUTE),
                Evidence::Lineage,
                (5_101, "vite --port 22310"),
            )
        },
        Lease {
            guarded: true,
            expires_at: Some(WallTime(NOW_MS + 4 * MINUTE + 10 * SECOND)),
            requester: agent("claude-code", "7f3a19c2"),
            ..lease(45, PAY, "web", 23_555, 12 * SECOND)
        },
        Lease {
            state: StateWord::Lapsing,
            expires_at: Some(WallTime(NOW_MS + 21 * SECOND)),
            ..active(lease(46, PAY, "worker", 24_001, 51 * MINUTE), Evidence::Worktree, (5_500, "python3 worker.py"))
        },
        Lease {
            orphaned: true,
            ..active(lease(47, BOOKS, "default", 25_120, 26 * HOUR), Evidence::Marker, (6_001, "rails server"))
        },
        Lease {
            protocol: Protocol::Both,
            ..active(
                lease(48, TOKYO, "dns", 27_053, 72 * HOUR),
                Evidence::Presumed,
                (7_000, "名前サーバー --とても長い引数"),
            )
        },
    ]
}

fn claim_of(lease: &Lease, age_ms: u64) -> Claim {
    Claim {
        project: lease.project.clone(),
        worktree: lease.worktree.clone(),
        service: lease.service.clone(),
        port: lease.port,
        protocol: lease.protocol,
        pinned: lease.pinned,
        last_used: WallTime(NOW_MS - age_ms),
    }
}

fn claims() -> Vec<Claim> {
    let mut all: Vec<Claim> = leases().iter().map(|lease| claim_of(lease, 5 * MINUTE)).collect();
    all.push(claim_of(&lease(0, BOOKS, "jobs", 25_999, 0), 9 * 24 * HOUR));
    all
}

pub(crate) fn snapshot() -> Snapshot {
    Snapshot {
        leases: leases(),
        claims: claims(),
        quarantines: vec![
            Quarantine {
                port: port(20_080),
                until: QuarantineUntil::Revived,
                reason: "answers nothing, ever".to_owned(),
                since: WallTime(NOW_MS - 8 * 24 * HOUR),
            },
            Quarantine {
                port: port(28_000),
                until: QuarantineUntil::Reboot,
                reason: "a bind failed though nobody showed".to_owned(),
                since: WallTime(NOW_MS - HOUR),
            },
        ],
        status: Status {
            pid: 1_234,
            version: "0.1.0".to_owned(),
            home: "/home/me/.local/state/portus".to_owned(),
            leases: 8,
            claims: 9,
            connections: 2,
            guards: 1,
            uptime_s: 3_600,
            journal: "00000000-0000-0000-0000-000000000000".to_owned(),
            set_aside: None,
            pool: PortRange::new(port(20_000), port(29_999)).unwrap(),
        },
        alerts: Vec::new(),
    }
}

pub(crate) fn listener(number: u16, pid: Option<u32>, command: &str) -> Listener {
    Listener {
        port: port(number),
        protocol: Protocol::Tcp,
        address: "127.0.0.1".to_owned(),
        pid,
        command: command.to_owned(),
        cwd: None,
        project: None,
        worktree: None,
        lease: None,
        container: None,
        guard: false,
    }
}

fn listeners() -> Vec<Listener> {
    let within = |place: (&str, &str), lease: u64, one: Listener| Listener {
        project: Some(place.0.to_owned()),
        worktree: Some(place.1.to_owned()),
        lease: Some(LeaseId(lease)),
        ..one
    };
    vec![
        Listener { address: "0.0.0.0".to_owned(), ..listener(22, None, "") },
        Listener { cwd: Some("/code/shop-search".to_owned()), ..listener(5_174, Some(5_102), "node vite.js") },
        Listener {
            address: "::".to_owned(),
            container: Some("shop-db".to_owned()),
            ..listener(5_432, Some(800), "docker-proxy")
        },
        within(SHOP, 41, listener(20_411, Some(4_260), "/usr/bin/node server.js --inspect")),
        within(SHOP, 42, listener(20_873, Some(4_261), "target/debug/api")),
        Listener { cwd: Some("/tmp".to_owned()), ..listener(21_096, Some(9_999), "python3 -m http.server 21096") },
        within(BOOKS, 47, listener(25_120, Some(6_002), "puma 6.4 (tcp://localhost:25120)")),
        within(TOKYO, 48, Listener { protocol: Protocol::Udp, ..listener(27_053, Some(7_000), "名前サーバー") }),
        Listener { protocol: Protocol::Udp, guard: true, ..listener(23_555, Some(1_234), "portus daemon run") },
    ]
}

/// Two alerts, as they come in.
pub(crate) fn alerts() -> Vec<Msg> {
    let alert = |code, subject: &str, severity, message: &str| Alert {
        code,
        subject: subject.to_owned(),
        severity,
        since: WallTime(NOW_MS - MINUTE),
        message: message.to_owned(),
        hint: String::new(),
    };
    let full = "9500 of the 9978 usable ports of 20000-29999 are leased (95 %)";
    let disk = "nothing can be granted or given back, because journal.db cannot be written: the disk is full";
    [
        alert(AlertCode::PoolNearlyFull, "20000-29999", Severity::Warning, full),
        alert(AlertCode::JournalNotWritable, "", Severity::Critical, disk),
    ]
    .map(|alert| event(MINUTE, What::Alert { state: AlertState::Raised, alert }))
    .into()
}

fn event(age_ms: u64, what: What) -> Msg {
    Msg::Event(Box::new(Event { at: WallTime(NOW_MS - age_ms), what }))
}

fn events() -> Vec<Msg> {
    let all = leases();
    let gone = Lease {
        state: StateWord::Ended,
        ended: Some(Ended { reason: EndReason::HolderExited, at: WallTime(NOW_MS - 8 * MINUTE) }),
        ..lease(40, PAY, "api", 23_900, 20 * MINUTE)
    };
    let unused = Claim { pinned: false, ..claim_of(&lease(0, BOOKS, "docs", 25_800, 0), 0) };
    let queued = Key { project: "shop".to_owned(), worktree: SHOP.1.to_owned(), service: "web".parse().unwrap() };
    vec![
        event(9 * MINUTE, What::Granted(all[3].clone())),
        event(8 * MINUTE, What::Ended(gone)),
        event(7 * MINUTE, What::Drifted(all[3].clone())),
        event(6 * MINUTE, What::Unclaimed { claim: unused, reason: ClaimEnd::Unused }),
        event(4 * MINUTE, What::Granted(all[2].clone())),
        event(3 * MINUTE, What::Contested(all[2].clone())),
        event(2 * MINUTE, What::Confirmed(all[0].clone())),
        event(90 * SECOND, What::Orphaned(all[6].clone())),
        event(30 * SECOND, What::Queued { key: queued, port: port(3_000), waiting: 2 }),
        event(12 * SECOND, What::Granted(all[4].clone())),
        event(9 * SECOND, What::Lapsing(all[5].clone())),
    ]
}

pub(crate) fn explanation() -> Explanation {
    let lease = leases().swap_remove(2);
    Explanation {
        port: lease.port,
        verdict: Verdict::Contested,
        mine: false,
        listeners: vec![listener(21_096, Some(9_999), "python3 -m http.server 21096")],
        ancestors: vec![
            process(9_999, "python3 -m http.server 21096"),
            process(9_100, "bash"),
            process(8_000, "tmux: server"),
            process(1, "systemd"),
        ],
        why: None,
        next: "portus kill 21096 --force".to_owned(),
        lease: Some(lease),
    }
}

/// Before anything is known.
pub(crate) fn empty(size: (u16, u16)) -> Model {
    Model::new(Here { project: SHOP.0.to_owned(), worktree: SHOP.1.to_owned() }, NOW_MS, size)
}

/// With everything in it.
pub(crate) fn model(size: (u16, u16)) -> Model {
    let mut model = empty(size);
    let mut tell = |message| drop(update(&mut model, NOW_MS, message));
    tell(Msg::Link(News::Up(Box::new(snapshot()))));
    events().into_iter().for_each(&mut tell);
    tell(Msg::Listeners(Ok(listeners())));
    model.settle();
    model
}
