//! Every kind of reply and of event.

use super::{claim, eventful_lease, key, lease, listener, port, process, range, service, time};
use portus_core::{ClaimEnd, Evidence, QuarantineUntil};
use portus_proto::{
    AlertState, Event, Explanation, Killed, LeasesReply, ListingReply, Mirrored, Quarantine, Reply, Status, Suspected,
    Verdict, Verification, VerifiedService, What,
};

fn quarantine(until: QuarantineUntil) -> Quarantine {
    Quarantine { port: port(20666), until, reason: "the printer sits there".to_owned(), since: time(1) }
}

fn explanation() -> Explanation {
    Explanation {
        port: port(20123),
        verdict: Verdict::OtherWorktree,
        mine: true,
        lease: Some(lease()),
        listeners: vec![listener()],
        ancestors: vec![process(4201, "node server.js"), process(1, "init")],
        why: Some("nobody listens; it is the number of `web` of shop (/w)".to_owned()),
        next: "portus request web".to_owned(),
    }
}

fn status() -> Status {
    Status {
        pid: 4000,
        version: "0.1.0".to_owned(),
        home: "/home/ada/.local/state/portus".to_owned(),
        leases: 1,
        claims: 2,
        connections: 3,
        guards: 4,
        uptime_s: 5,
        journal: "0192f0c1-7a5e-7c3b-9d52-5f0d8f1c2b3a".to_owned(),
        set_aside: Some("journal.db.unreadable".to_owned()),
        pool: range(20000, 29999),
    }
}

pub(crate) fn replies() -> Vec<Reply> {
    let verified = VerifiedService {
        service: service("web"),
        port: Some(port(20123)),
        evidence: Some(Evidence::Marker),
        ok: true,
        why: "its environment names lease 42".to_owned(),
    };
    vec![
        Reply::Done,
        Reply::Leases(LeasesReply {
            leases: vec![lease(), eventful_lease()],
            notes: vec!["3000 was taken, so you have 20123".to_owned()],
            mirror: Some(".ports.json".to_owned()),
        }),
        Reply::Listing(ListingReply { leases: vec![lease()], elsewhere: 7 }),
        Reply::Claims(vec![claim()]),
        Reply::Quarantines(vec![quarantine(QuarantineUntil::Revived), quarantine(QuarantineUntil::Reboot)]),
        Reply::Suspected(Suspected::Cleared),
        Reply::Suspected(Suspected::Abandoned { by: vec![process(4300, "redis-server")] }),
        Reply::Listeners(vec![listener()]),
        Reply::Explained(Box::new(explanation())),
        Reply::Verified(Verification { ok: true, services: vec![verified] }),
        Reply::Killed(Killed {
            port: port(20123),
            killed: vec![process(4201, "node server.js")],
            dry_run: true,
            notes: vec!["only with `--force`".to_owned()],
        }),
        Reply::Status(status()),
        Reply::Stats(Box::new(super::stats::stats())),
        Reply::Mirrored(Mirrored {
            path: Some(".ports.json".to_owned()),
            notes: vec!["it was kept as .ports.json.backup".to_owned()],
        }),
    ]
}

pub(crate) fn events() -> Vec<Event> {
    let kinds = [
        What::Granted(lease()),
        What::Updated(lease()),
        What::Confirmed(lease()),
        What::Lapsing(lease()),
        What::Contested(lease()),
        What::Uncontested(lease()),
        What::Orphaned(lease()),
        What::Drifted(lease()),
        What::Ended(eventful_lease()),
        What::Claimed(claim()),
        What::Unclaimed { claim: claim(), reason: ClaimEnd::WorktreeGone },
        What::Quarantined(quarantine(QuarantineUntil::Revived)),
        What::Revived(port(20666)),
        What::Queued { key: key("web"), port: port(3000), waiting: 2 },
        What::Alert { state: AlertState::Raised, alert: super::stats::alert() },
        What::Missed(17),
        What::Health { lease: lease(), detail: "http://localhost:20123/health answered 200".to_owned() },
    ];
    (2..).zip(kinds).map(|(ms, what)| Event { at: time(ms), what }).collect()
}
