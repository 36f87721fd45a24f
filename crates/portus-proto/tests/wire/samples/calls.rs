//! Every method, with every argument there is; and once more with only what must be there.

use super::{key, port, range, requester};
use portus_core::{LeaseId, Protocol};
use portus_proto::{
    Ask, AttachCall, AwaitCall, Call, Caller, ConfirmCall, ExplainCall, ForgetCall, GuardWish, Health, HealthCall,
    KeyCall, KillCall, LaunchCall, ListCall, MirrorCall, PinCall, PortCall, PruneCall, QuarantineCall, ReleaseCall,
    RenewCall, RequestCall, Requester, ScanCall, Scope, ScopeCall, SuspectCall, Target, VerifyCall,
};

fn caller() -> Caller {
    Caller { worktree: "/home/ada/shop".to_owned(), force: true }
}

fn full_request() -> RequestCall {
    let ask = Ask {
        key: key("web"),
        claim_only: true,
        protocol: Protocol::Both,
        preferred: Some(port(3000)),
        strict: true,
        range: Some(range(3000, 3099)),
        pool: Some(range(20000, 29999)),
        fallback: Some(range(3999, 3999)),
        expand: Some(range(10000, 19999)),
        sequential: true,
        linked: Some("shop-feature".to_owned()),
        exclude: vec![range(20080, 20080), range(21000, 21010)],
    };
    RequestCall {
        asks: vec![ask.clone(), Ask { key: key("api"), ..ask }],
        contiguous: true,
        holder: Some(4200),
        requester: requester(),
        ttl_ms: Some(300_000),
        guard: Some(GuardWish::UntilLaunch),
        wait_ms: Some(30_000),
    }
}

/// What a client in another language would send.
pub(crate) fn plain_request() -> RequestCall {
    let ask = Ask {
        key: key("web"),
        claim_only: false,
        protocol: Protocol::Tcp,
        preferred: None,
        strict: false,
        range: None,
        pool: None,
        fallback: None,
        expand: None,
        sequential: false,
        linked: None,
        exclude: vec![],
    };
    RequestCall {
        asks: vec![ask],
        contiguous: false,
        holder: None,
        requester: Requester::default(),
        ttl_ms: None,
        guard: None,
        wait_ms: None,
    }
}

pub(crate) fn calls() -> Vec<Call> {
    let worktree = || Scope::Worktree("/home/ada/shop".to_owned());
    vec![
        Call::Request(full_request()),
        Call::Request(plain_request()),
        Call::Confirm(ConfirmCall { target: Target::Key(key("web")), caller: caller(), pid: Some(4201) }),
        Call::Renew(RenewCall { target: Target::Lease(LeaseId(42)), caller: caller(), ttl_ms: Some(60_000) }),
        Call::Release(ReleaseCall {
            targets: vec![
                Target::Key(key("web")),
                Target::Port(port(20123)),
                Target::Lease(LeaseId(42)),
                Target::Worktree("/home/ada/shop".to_owned()),
            ],
            caller: caller(),
        }),
        Call::Launch(LaunchCall { leases: vec![LeaseId(42), LeaseId(43)], hand_over: true }),
        Call::Attach(AttachCall { leases: vec![LeaseId(42)], pid: 4200 }),
        Call::Suspect(SuspectCall { lease: LeaseId(42), certain: true, keep: true }),
        Call::List(ListCall { scope: worktree(), ended: true, after: Some(LeaseId(542)) }),
        Call::Await(AwaitCall { target: Target::Port(port(20123)), wait_ms: 30_000 }),
        Call::Claims(ScopeCall { scope: Scope::Project("shop".to_owned()), after: Some(key("web")) }),
        Call::Pin(PinCall { key: key("web"), port: Some(port(3000)), claim_only: false }),
        Call::Unpin(KeyCall { key: key("web") }),
        Call::Forget(ForgetCall { keys: vec![key("web")] }),
        Call::Prune(PruneCall { drop: true }),
        Call::Sweep,
        Call::Quarantine(QuarantineCall { port: port(20666), reason: "the printer sits there".to_owned() }),
        Call::Revive(PortCall { port: port(20666) }),
        Call::Quarantines,
        Call::Scan(ScanCall { range: Some(range(20000, 20999)) }),
        Call::Explain(ExplainCall { target: Target::Port(port(20123)), caller: caller() }),
        Call::Verify(VerifyCall { keys: vec![key("web")], accept_presumed: true }),
        Call::Kill(KillCall {
            target: Target::Worktree("/home/ada/shop".to_owned()),
            caller: caller(),
            dry_run: true,
            grace_ms: Some(5_000),
        }),
        Call::Subscribe,
        Call::Status,
        Call::Stats,
        Call::Stop,
        Call::List(ListCall { scope: Scope::All, ended: false, after: None }),
        Call::ReportHealth(HealthCall {
            lease: LeaseId(42),
            health: Health::Unhealthy,
            detail: "http://localhost:20123/health answered 503".to_owned(),
        }),
        Call::Mirror(MirrorCall { worktree: "/home/ada/shop".to_owned(), path: Some(".ports.json".to_owned()) }),
    ]
}
