//! One message of every kind, with every field filled, so that a golden file shows each name there is.

mod calls;
mod replies;
mod stats;

pub(crate) use calls::calls;
pub(crate) use replies::{events, replies};
pub(crate) use stats::alerts;

use portus_core::{EndReason, Evidence, LeaseId, Port, PortRange, Protocol, ServiceName, StateWord};
use portus_proto::{
    Claim, ClientFrame, Code, Codec, Ended, Facts, Greeting, Health, Hello, Key, Lease, Listener, Outcome, Process,
    Reasons, Refusal, ReplyFrame, Requester, ServerFrame, WallTime, Welcome,
};

pub(crate) fn port(number: u16) -> Port {
    Port::new(number).unwrap()
}

pub(crate) fn range(first: u16, last: u16) -> PortRange {
    PortRange::new(port(first), port(last)).unwrap()
}

pub(crate) fn service(name: &str) -> ServiceName {
    name.parse().unwrap()
}

fn key(name: &str) -> Key {
    Key { project: "shop".to_owned(), worktree: "/home/ada/shop".to_owned(), service: service(name) }
}

/// 2026-11-21, 17:00 UTC, and so many milliseconds.
fn time(ms: u64) -> WallTime {
    WallTime(1_795_280_400_000 + ms)
}

fn process(pid: u32, command: &str) -> Process {
    Process { pid, command: command.to_owned() }
}

fn requester() -> Requester {
    Requester {
        pid: Some(4100),
        command: "portus request web".to_owned(),
        session: Some("7f3a".to_owned()),
        client: Some("claude-code".to_owned()),
    }
}

/// A lease as it is most of the time.
fn lease() -> Lease {
    Lease {
        id: LeaseId(42),
        project: "shop".to_owned(),
        worktree: "/home/ada/shop".to_owned(),
        service: service("web"),
        port: port(20123),
        protocol: Protocol::Tcp,
        state: StateWord::Active,
        reused: true,
        contested: false,
        orphaned: false,
        drifted_to: None,
        evidence: Some(Evidence::Lineage),
        health: Health::Unknown,
        guarded: false,
        pinned: false,
        holder: Some(process(4200, "npm run dev")),
        requester: requester(),
        granted_at: time(0),
        expires_at: None,
        ended: None,
    }
}

/// A lease with whatever a lease can have.
fn eventful_lease() -> Lease {
    Lease {
        state: StateWord::Ended,
        protocol: Protocol::Both,
        contested: true,
        orphaned: true,
        drifted_to: Some(port(20124)),
        evidence: Some(Evidence::Presumed),
        health: Health::Unhealthy,
        guarded: true,
        pinned: true,
        holder: None,
        expires_at: Some(time(300_000)),
        ended: Some(Ended { reason: EndReason::HolderExited, at: time(61_007) }),
        ..lease()
    }
}

fn claim() -> Claim {
    Claim {
        project: "shop".to_owned(),
        worktree: "/home/ada/shop".to_owned(),
        service: service("web"),
        port: port(20123),
        protocol: Protocol::Tcp,
        pinned: true,
        last_used: time(5),
    }
}

fn listener() -> Listener {
    Listener {
        port: port(20123),
        protocol: Protocol::Udp,
        address: "::1".to_owned(),
        pid: Some(4201),
        command: "node server.js".to_owned(),
        cwd: Some("/home/ada/shop".to_owned()),
        project: Some("shop".to_owned()),
        worktree: Some("/home/ada/shop".to_owned()),
        lease: Some(LeaseId(42)),
        container: Some("shop-db-1".to_owned()),
        guard: true,
    }
}

/// A refusal with this code and every fact there can be.
pub(crate) fn refusal(code: Code) -> Refusal {
    let facts = Facts {
        port: Some(port(20123)),
        lease: Some(lease()),
        lease_id: Some(LeaseId(42)),
        ranges: vec![range(20000, 29999), range(3999, 3999)],
        reasons: Some(Reasons {
            leased: 1,
            claimed: 2,
            quarantined: 3,
            cooling: 4,
            excluded: 5,
            taken: 6,
            forbidden: 7,
        }),
        processes: vec![process(4201, "node server.js")],
        max: Some(64),
        retry_after_ms: Some(60_000),
    };
    Refusal { facts: Box::new(facts), ..Refusal::new(code, "what happened", "what to do") }
}

/// A refusal of every code, without facts but for the first.
pub(crate) fn refusals() -> Vec<Refusal> {
    let words = Code::WORDS.iter().map(|word| serde_json::from_value(serde_json::json!(word)).unwrap());
    words
        .enumerate()
        .map(|(nth, code)| match nth {
            0 => refusal(code),
            _ => Refusal::new(code, format!("what happened: {code}"), "what to do"),
        })
        .collect()
}

pub(crate) fn hello() -> Hello {
    Hello {
        protocol: 1,
        build: "0.1.0+a1b2c3d4".to_owned(),
        codec: Codec::Bincode,
        network: Some("4026531840".to_owned()),
    }
}

pub(crate) fn greetings() -> Vec<Greeting> {
    vec![
        Greeting::Welcome(Welcome {
            protocol: 1,
            build: "0.1.0+a1b2c3d4".to_owned(),
            codec: Codec::Json,
            journal: "0192f0c1-7a5e-7c3b-9d52-5f0d8f1c2b3a".to_owned(),
            pid: 4000,
        }),
        Greeting::Refused(Refusal::new(Code::OtherNetwork, "what happened", "what to do")),
    ]
}

/// Everything a client can say.
pub(crate) fn client_frames() -> Vec<ClientFrame> {
    (1..).zip(calls()).map(|(id, call)| ClientFrame { id, call }).collect()
}

/// Everything a daemon can say.
pub(crate) fn server_frames() -> Vec<ServerFrame> {
    let yes = replies().into_iter().map(Outcome::Ok);
    let no = refusals().into_iter().map(Outcome::Refused);
    let replies = (1..).zip(yes.chain(no)).map(|(id, outcome)| ServerFrame::Reply(ReplyFrame { id, outcome }));
    let goodbye = ServerFrame::Goodbye(Refusal::new(Code::Stopping, "what happened", "what to do"));
    replies.chain(events().into_iter().map(ServerFrame::Event)).chain([goodbye]).collect()
}
