use super::*;
use portus_core::{
    Broker, Change, Holder, Key, Lease, LeaseId, LeaseState, Limited, Moment, Note, Policy, Port, PortRange,
    ProcessIdentity, Protocol, Requester, Span, Timestamp,
};

fn key(worktree: &str) -> Key {
    Key { project: "shop".into(), worktree: worktree.into(), service: "web".parse().unwrap() }
}

fn port() -> Port {
    Port::new(3_000).unwrap()
}

fn process() -> ProcessIdentity {
    ProcessIdentity { pid: 77, birth: 1, boot: portus_core::BootId(1) }
}

/// A ledger with one lease, number 1, of `/w` on port 3000, held by process 77.
fn broker() -> Broker {
    let lease = Lease {
        id: LeaseId(1),
        key: key("/w"),
        port: port(),
        protocol: Protocol::Tcp,
        state: LeaseState::Pending { until: None },
        holder: Some(Holder { process: process(), command: "portus run".into() }),
        orphaned: false,
        requester: Requester::default(),
        watched: Default::default(),
        guard: None,
        ttl: None,
        contested: false,
        drifted_to: None,
        granted_at: Timestamp(0),
    };
    Broker::from_history(Policy::default(), [Change::Granted { lease: Box::new(lease), cool_until: None }])
}

fn told(no: &core::Refusal) -> Refusal {
    told_of(&broker(), no)
}

fn told_of(broker: &Broker, no: &core::Refusal) -> Refusal {
    refusal(
        no,
        &View { broker, now: Moment::default(), guarded: &|_| false, health: &|_| portus_proto::Health::Unknown },
    )
}

#[test]
fn every_refusal_says_what_happened_and_what_to_do() {
    let ranges = vec![PortRange::single(port())];
    let reasons = core::Reasons { leased: 3, taken: 1, ..core::Reasons::default() };
    let lease = LeaseId(1);
    let listener = core::Listener {
        protocol: Protocol::Tcp,
        process: Some(process()),
        command: "node other.js".into(),
        same_user: true,
        lineage: Default::default(),
        marker: Default::default(),
        worktree: Some("/v".into()),
        container_proxy: false,
    };
    let unavailable = |why| core::Refusal::PortUnavailable { key: key("/v"), port: port(), why };
    let all = [
        (
            core::Refusal::NoPort {
                key: key("/v"),
                ranges: ranges.clone(),
                reasons,
                taken: Vec::new(),
                preferred: Some((port(), Why::Taken)),
            },
            "3 leased, 1 taken by other programs; the preferred port 3000: a program outside",
        ),
        (core::Refusal::NoBlock { key: key("/v"), count: 4, ranges, reasons }, "no 4 ports in a row"),
        (unavailable(Why::Leased { lease, by: key("/w") }), "held by pid 77 (portus run)"),
        (unavailable(Why::Claimed { by: key("/w"), pinned: true }), "`web` of shop (/w, pinned)"),
        (unavailable(Why::Claimed { by: key("/w"), pinned: false }), "`web` of shop (/w)"),
        (unavailable(Why::Quarantined { reason: "a printer".into() }), "quarantine (a printer)"),
        (unavailable(Why::Cooling { remaining: Span(1_500) }), "another 2 s"),
        (unavailable(Why::Excluded), "browsers block it"),
        (unavailable(Why::Chosen), "another service of the same request"),
        (unavailable(Why::Taken), "outside of Portus"),
        (unavailable(Why::Forbidden), "forbids"),
        (unavailable(Why::NoDescriptors), "descriptor"),
        (core::Refusal::AlreadyRunning { lease }, "already running: lease 1 of `web` of shop (/w) on port 3000"),
        (core::Refusal::WrongProtocol { lease, wanted: Protocol::Udp }, "asked for udp"),
        (core::Refusal::NoSuchLease { target: Target::Key(key("/v")) }, "`web` of shop has no lease (/v)"),
        (core::Refusal::NoSuchLease { target: Target::Port(port()) }, "port 3000 is not leased"),
        (core::Refusal::NoSuchLease { target: Target::Lease(LeaseId(9)) }, "there is no lease 9"),
        (core::Refusal::NoSuchLease { target: Target::Worktree("/v".into()) }, "/v has no lease"),
        (core::Refusal::NoSuchClaim { key: key("/v") }, "no number of its own"),
        (core::Refusal::NotQuarantined { port: port() }, "not in quarantine"),
        (core::Refusal::NoListener { lease }, "nobody listens there"),
        (core::Refusal::ForeignListener { lease, by: listener }, "pid 77 of /v (node other.js)"),
        (core::Refusal::NotYours { lease }, "not this worktree's"),
        (core::Refusal::TooMany { what: Limited::Asks, max: 64 }, "64 services"),
        (core::Refusal::TooMany { what: Limited::ProjectLeases, max: 9 }, "the project has 9 leases"),
        (core::Refusal::TooMany { what: Limited::Leases, max: 9 }, "there are 9 leases"),
        (core::Refusal::TooMany { what: Limited::Watched, max: 64 }, "64 processes are watched"),
        (core::Refusal::TtlTooLong { max: Span::from_days(1) }, "more than 24 h"),
        (core::Refusal::Senseless { what: "nothing is asked for" }, "nothing is asked for"),
        (core::Refusal::NoDescriptors, "descriptor"),
    ];
    for (no, says) in &all {
        let told = told(no);
        assert!(told.message.contains(says), "{:?} does not say {says:?}", told.message);
        assert!(!told.hint.is_empty(), "no hint for {:?}", told.message);
        assert!(!told.message.ends_with('.') && !told.message.ends_with(' '), "{:?}", told.message);
    }
}

#[test]
fn facts_are_there_for_programs() {
    let in_the_way = told(&core::Refusal::PortUnavailable {
        key: key("/v"),
        port: port(),
        why: Why::Leased { lease: LeaseId(1), by: key("/w") },
    });
    assert_eq!(in_the_way.facts.port, Some(port()));
    assert_eq!(in_the_way.facts.lease_id, Some(LeaseId(1)));
    assert_eq!(in_the_way.facts.processes[0].pid, 77);
    assert_eq!(in_the_way.facts.lease.unwrap().worktree, "/w");
    let cooling = Why::Cooling { remaining: Span(1_500) };
    let later = told(&core::Refusal::PortUnavailable { key: key("/v"), port: port(), why: cooling });
    assert_eq!((later.code, later.facts.retry_after_ms), (Code::PortUnavailable, Some(1_500)));
    let full = told(&core::Refusal::NoPort {
        key: key("/v"),
        ranges: vec![PortRange::ALL],
        reasons: core::Reasons { excluded: 2, ..core::Reasons::default() },
        taken: Vec::new(),
        preferred: None,
    });
    assert_eq!((full.facts.ranges.len(), full.facts.reasons.unwrap().excluded), (1, 2));
    let limited = told(&core::Refusal::TooMany { what: Limited::Asks, max: 64 });
    assert_eq!((limited.code, limited.facts.max), (Code::LimitReached, Some(64)));
}

#[test]
fn a_full_range_says_what_cools_down_and_what_gives_room() {
    let ended = |lease: Lease| Change::Ended {
        lease: lease.id,
        reason: portus_core::EndReason::Released,
        at: Moment::default(),
        cool_until: Timestamp(21_000),
    };
    let ledger = broker();
    let lease = ledger.lease(LeaseId(1)).unwrap().clone();
    let claim = portus_core::Claim {
        key: key("/w"),
        port: port(),
        protocol: Protocol::Tcp,
        pinned: false,
        last_used: Timestamp(0),
        missing_since: None,
    };
    let grant = Change::Granted { lease: Box::new(lease.clone()), cool_until: None };
    let told = |history: Vec<Change>| {
        let full = core::Refusal::NoPort {
            key: key("/v"),
            ranges: vec![PortRange::single(port())],
            reasons: core::Reasons { claimed: 1, ..core::Reasons::default() },
            taken: Vec::new(),
            preferred: None,
        };
        told_of(&Broker::from_history(Policy::default(), history), &full)
    };
    let cools = told(vec![grant.clone(), Change::Claimed { claim: claim.clone() }, ended(lease)]);
    assert!(cools.message.ends_with("1 of them kept after use, the first for another 21 s"), "{}", cools.message);
    assert!(cools.hint.starts_with("ask again in 21 s") && !cools.hint.contains("forget"), "{}", cools.hint);
    assert_eq!(cools.facts.retry_after_ms, Some(21_000));
    let pinned = told(vec![Change::Claimed { claim: portus_core::Claim { pinned: true, ..claim } }]);
    assert!(pinned.hint.contains("`portus claims --all`, `portus forget PORT`"), "{}", pinned.hint);
    assert!(!pinned.hint.contains("portus list") && pinned.facts.retry_after_ms.is_none(), "{}", pinned.hint);
}

#[test]
fn who_listens_elsewhere_is_not_only_missed() {
    let ledger = broker();
    let drifted = Lease { drifted_to: Port::new(4_000), ..ledger.lease(LeaseId(1)).unwrap().clone() };
    let ledger =
        Broker::from_history(Policy::default(), [Change::Granted { lease: Box::new(drifted), cool_until: None }]);
    let view = View {
        broker: &ledger,
        now: Moment::default(),
        guarded: &|_| false,
        health: &|_| portus_proto::Health::Unknown,
    };
    let late = never_listened(LeaseId(1), &view);
    assert!(late.message.ends_with("its server listens on port 4000 instead"), "{}", late.message);
    assert!(late.hint.contains("PORT=3000") && late.hint.contains("portus explain 4000"), "{}", late.hint);
    let verified = crate::inspect::verify(&view, &[key("/w")], &[], false);
    assert!(verified.services[0].why.contains("listens on 4000 instead"), "{verified:?}");
}

#[test]
fn nobody_is_to_be_ended_where_nobody_is_to_be_seen() {
    let mut refusal = told(&core::Refusal::PortUnavailable { key: key("/v"), port: port(), why: Why::Taken });
    assert!(refusal.hint.contains("portus kill"));
    name_culprits(&mut refusal, &core::Sighting { port: port(), listeners: Vec::new() });
    assert!(refusal.message.contains("bound without listening"), "{}", refusal.message);
    assert!(!refusal.hint.contains("kill"), "{}", refusal.hint);
}

#[test]
fn spans_are_rounded_up_to_what_people_say() {
    for (millis, says) in [(0, "0 s"), (1, "1 s"), (59_999, "60 s"), (119_000, "119 s"), (120_001, "3 min")] {
        assert_eq!(span(Span(millis)), says);
    }
    assert_eq!(span(Span::from_days(1)), "24 h");
}

#[test]
fn every_note_names_the_service_it_is_about() {
    let broker = broker();
    let view = View {
        broker: &broker,
        now: Moment::default(),
        guarded: &|_| false,
        health: &|_| portus_proto::Health::Unknown,
    };
    for one in [
        Note::PreferredUnavailable { key: key("/v"), port: port(), why: Why::Taken },
        Note::ClaimUnavailable { key: key("/v"), port: port(), why: Why::Excluded },
        Note::FellBack { key: key("/v"), to: PortRange::ALL },
        Note::Expanded { key: key("/v"), to: PortRange::ALL },
        Note::ClaimTaken { from: key("/w"), port: port() },
        Note::SiblingUnclaimed { key: key("/v") },
        Note::KeptOther { key: key("/v"), preferred: port() },
        Note::GaveUp { key: key("/v"), port: port() },
    ] {
        assert!(note(&one, &view).contains("`web`"), "{one:?}");
    }
}
