use super::*;
use portus_core::{Policy, Port};
use portus_proto::Code;

fn defaults() -> Defaults {
    Defaults { pool: PortRange::ALL, user: 1_000, asks_max: Policy::default().asks_max }
}

fn wire_key(project: &str, worktree: &str) -> proto::Key {
    proto::Key { project: project.to_owned(), worktree: worktree.to_owned(), service: "web".parse().unwrap() }
}

fn wire_ask() -> proto::Ask {
    proto::Ask {
        key: wire_key("shop", "/w"),
        claim_only: false,
        protocol: Default::default(),
        preferred: None,
        strict: false,
        range: None,
        pool: None,
        fallback: None,
        expand: None,
        sequential: false,
        linked: None,
        exclude: Vec::new(),
    }
}

fn wire_request(asks: Vec<proto::Ask>) -> proto::RequestCall {
    proto::RequestCall {
        asks,
        contiguous: false,
        holder: None,
        requester: proto::Requester::default(),
        ttl_ms: None,
        guard: None,
        wait_ms: None,
    }
}

fn read(call: &proto::RequestCall) -> Result<core::Request, Refusal> {
    request(call, None, Some(42), &defaults())
}

#[test]
fn keys_that_make_no_sense_are_refused_with_what_is_wrong() {
    let long_path = format!("/{}", "x".repeat(WORKTREE_LEN_MAX));
    let long_name = "x".repeat(PROJECT_LEN_MAX + 1);
    for (project, worktree, says) in [
        ("shop", "w", "no absolute path"),
        ("shop", "", "no absolute path"),
        ("shop", "/w\n", "control character"),
        ("shop", long_path.as_str(), "4097 bytes"),
        ("", "/w", "is empty"),
        ("sh\x1bop", "/w", "control character"),
        (long_name.as_str(), "/w", "256 bytes"),
    ] {
        let refusal = key(&wire_key(project, worktree)).unwrap_err();
        assert_eq!(refusal.code, Code::BadRequest);
        assert!(refusal.message.contains(says), "{:?} does not say {says:?}", refusal.message);
        assert!(!refusal.message.contains(char::is_control), "{:?}", refusal.message);
    }
    key(&wire_key("shop with spaces and ümlauts", "/tmp/a b")).unwrap();
}

#[test]
fn requests_that_make_no_sense_are_refused() {
    let strict = proto::Ask { strict: true, ..wire_ask() };
    let linked = proto::Ask { linked: Some("x".repeat(300)), ..wire_ask() };
    let excluding = proto::Ask { exclude: vec![PortRange::ALL; 4_097], ..wire_ask() };
    for (call, code) in [
        (wire_request(Vec::new()), Code::BadRequest),
        (wire_request(vec![wire_ask(); 65]), Code::LimitReached),
        (wire_request(vec![strict]), Code::BadRequest),
        (wire_request(vec![linked]), Code::BadRequest),
        (wire_request(vec![excluding]), Code::LimitReached),
        (proto::RequestCall { ttl_ms: Some(0), ..wire_request(vec![wire_ask()]) }, Code::BadRequest),
    ] {
        assert_eq!(read(&call).unwrap_err().code, code, "{call:?}");
    }
}

#[test]
fn what_a_request_leaves_out_comes_from_the_daemon() {
    let read_ask = |ask| read(&wire_request(vec![ask])).unwrap().asks.remove(0);
    let plain = read_ask(wire_ask());
    assert_eq!(plain.pool, PortRange::ALL);
    assert_eq!(plain.purpose, Purpose::Lease);
    assert_eq!(plain.strategy, Strategy::Spread(core::spread(1_000, "shop", "web", None)));
    let linked = read_ask(proto::Ask { linked: Some("fix".to_owned()), ..wire_ask() });
    assert_eq!(linked.strategy, Strategy::Spread(core::spread(1_000, "shop", "web", Some("fix"))));
    assert_eq!(read_ask(proto::Ask { sequential: true, ..wire_ask() }).strategy, Strategy::Sequential);
    assert_eq!(read_ask(proto::Ask { claim_only: true, ..wire_ask() }).purpose, Purpose::Claim);
    let pool = PortRange::single(Port::MAX);
    assert_eq!(read_ask(proto::Ask { pool: Some(pool), ..wire_ask() }).pool, pool);
}

#[test]
fn who_asks_is_recorded_in_bearable_length_and_without_control_characters() {
    let mut call = wire_request(vec![wire_ask()]);
    assert_eq!(read(&call).unwrap().requester.pid, Some(42), "the socket tells");
    call.requester.pid = Some(7);
    call.requester.command = format!("bad\x1b[2J{}", "x".repeat(1_000));
    call.requester.session = Some("one\ntwo".to_owned());
    let requester = read(&call).unwrap().requester;
    assert_eq!(requester.pid, Some(7));
    assert!(requester.command.starts_with("bad\u{fffd}[2J"));
    assert_eq!(requester.command.chars().count(), TEXT_LEN_MAX);
    assert_eq!(requester.session.as_deref(), Some("one\u{fffd}two"));
}

#[test]
fn a_scope_holds_what_lies_in_it() {
    let inside = key(&wire_key("shop", "/w")).unwrap();
    let scope = |scope| Scope::read(&scope).unwrap();
    assert!(scope(proto::Scope::All).contains(&inside));
    assert!(scope(proto::Scope::Project("shop".to_owned())).contains(&inside));
    assert!(!scope(proto::Scope::Project("sho".to_owned())).contains(&inside));
    assert!(scope(proto::Scope::Worktree("/w".to_owned())).contains(&inside));
    assert!(!scope(proto::Scope::Worktree("/w/sub".to_owned())).contains(&inside));
    assert!(Scope::read(&proto::Scope::Worktree("w".to_owned())).is_err());
}

#[test]
fn udp_is_held_only_for_a_launch() {
    let wish = |guard, protocol, claim_only| {
        let asks = vec![proto::Ask { protocol, claim_only, ..wire_ask() }];
        read(&proto::RequestCall { guard: Some(guard), ..wire_request(asks) })
    };
    for protocol in [core::Protocol::Udp, core::Protocol::Both] {
        let refusal = wish(proto::GuardWish::UntilConfirm, protocol, false).unwrap_err();
        assert_eq!(refusal.code, Code::BadRequest);
        assert!(refusal.hint.contains("portus run -s web"), "{}", refusal.hint);
        wish(proto::GuardWish::UntilConfirm, protocol, true).unwrap();
        wish(proto::GuardWish::UntilLaunch, protocol, false).unwrap();
    }
    wish(proto::GuardWish::UntilConfirm, core::Protocol::Tcp, false).unwrap();
}
