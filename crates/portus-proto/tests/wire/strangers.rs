//! Clients and daemons of other versions, in other languages, or in error.

use crate::samples;
use portus_core::{LeaseId, Protocol};
use portus_proto::codec::{self, DecodeError};
use portus_proto::frame::{FRAME_LEN_MAX, FrameError, HEADER_LEN};
use portus_proto::{
    Call, ClientFrame, Code, Codec, Facts, Hello, LeasesReply, Outcome, PROTOCOL_VERSION, Refusal, Reply, ReplyFrame,
    ServerFrame, Target, build_id, negotiate,
};

fn call(json: &str) -> Result<ClientFrame, DecodeError> {
    codec::decode_client(Codec::Json, json.as_bytes())
}

fn said(json: &str) -> Result<ServerFrame, DecodeError> {
    codec::decode_server(Codec::Json, json.as_bytes())
}

#[test]
fn what_is_optional_may_be_missing() {
    let json = r#"{"id":7,"call":{"request":{"asks":[{"key":{"project":"shop","worktree":"/w","service":"web"}}]}}}"#;
    let Call::Request(request) = call(json).unwrap().call else { panic!("another call") };
    assert_eq!((request.holder, request.ttl_ms, request.guard, request.wait_ms), (None, None, None, None));
    assert!(!request.contiguous);
    assert_eq!((request.asks[0].protocol, request.asks[0].strict), (Protocol::Tcp, false));
    let json = r#"{"id":7,"call":{"kill":{"target":{"port":20123},"caller":{"worktree":"/w"}}}}"#;
    let Call::Kill(kill) = call(json).unwrap().call else { panic!("another call") };
    assert!(!kill.caller.force && !kill.dry_run);
    assert_eq!(codec::decode_hello(br#"{"protocol":1}"#).unwrap().codec, Codec::Json);
    let refused = said(r#"{"goodbye":{"code":"stopping","message":"m","hint":"h"}}"#).unwrap();
    assert_eq!(refused, ServerFrame::Goodbye(Refusal::new(Code::Stopping, "m", "h")));
    let refused = said(r#"{"goodbye":{"code":"limit_reached","message":"m","hint":"h","facts":{"max":3}}}"#).unwrap();
    let ServerFrame::Goodbye(refusal) = refused else { panic!("another frame") };
    assert_eq!(*refusal.facts, Facts { max: Some(3), ..Facts::default() });
}

#[test]
fn unknown_fields_are_ignored() {
    let deep = "[".repeat(100) + &"]".repeat(100);
    let json = format!(
        r#"{{"trace":{deep},"id":7,"call":{{"release":{{"targets":[{{"lease":42}}],"caller":{{"worktree":"/w","mood":1}},"soon":true}}}}}}"#
    );
    let Call::Release(release) = call(&json).unwrap().call else { panic!("another call") };
    assert_eq!(release.targets, [Target::Lease(LeaseId(42))]);
    let hello = codec::decode_hello(br#"{"protocol":1,"colour":"red","codec":"morse"}"#).unwrap();
    assert_eq!(hello.codec, Codec::Json, "a codec that is not known here is no reason not to talk");
}

/// `"status"`, and for those who would rather write every call alike, `{"status":{}}` and `{"status":null}`.
#[test]
fn a_method_without_arguments_has_three_forms() {
    for form in [r#""status""#, r#"{"status":{}}"#, r#"{"status":null}"#] {
        assert_eq!(call(&format!(r#"{{"id":3,"call":{form}}}"#)), Ok(ClientFrame { id: 3, call: Call::Status }));
    }
    assert!(matches!(call(r#"{"id":3,"call":{"status":1}}"#), Err(DecodeError::BadArguments { id: 3, .. })));
}

#[test]
fn an_unknown_method_is_answered_on_its_id() {
    for form in [r#""frobnicate""#, r#"{"frobnicate":{}}"#, r#"{"frobnicate":{"a":[1,{"b":null}]}}"#] {
        let error = call(&format!(r#"{{"call":{form},"id":18446744073709551615}}"#)).unwrap_err();
        assert_eq!(error, DecodeError::UnknownMethod { id: u64::MAX, method: "frobnicate".to_owned() });
        assert_eq!(error.id(), Some(u64::MAX));
        let refusal = error.refusal();
        assert_eq!((refusal.code, refusal.message.as_str()), (Code::UnknownMethod, "there is no method `frobnicate`"));
    }
    let error = call(&format!(r#"{{"id":1,"call":"{}"}}"#, "\\u001b".repeat(100_000))).unwrap_err();
    let message = error.refusal().message;
    assert!(message.len() < 3_000 && !message.contains('\u{1b}'), "{message}");
}

#[test]
fn arguments_that_do_not_fit_are_answered_on_their_id() {
    for (form, method, reason) in [
        (r#"{"request":{}}"#, "request", "missing field `asks`"),
        (r#""request""#, "request", "invalid type"),
        (r#"{"request":{"asks":"web"}}"#, "request", "expected a sequence"),
        (r#"{"revive":{"port":0}}"#, "revive", "`0` is not a port"),
        (r#"{"revive":{"port":65536}}"#, "revive", "expected u16"),
        (r#"{"scan":{"range":[2,1]}}"#, "scan", "did you mean 1-2?"),
        (r#"{"list":{"scope":"street"}}"#, "list", "unknown variant `street`"),
        (r#"{"unpin":{"key":{"project":"p","worktree":"/w","service":"80"}}}"#, "unpin", "is all digits"),
        (r#"{"status":{},"stop":{}}"#, "call", "expected unit"),
        ("{}", "call", "expected value"),
        ("[]", "call", ""),
        ("null", "call", ""),
    ] {
        let error = call(&format!(r#"{{"id":9,"call":{form}}}"#)).unwrap_err();
        let DecodeError::BadArguments { id: 9, method: named, reason: why } = &error else {
            panic!("{form} gives {error:?}")
        };
        assert_eq!(*named, method, "{form}");
        assert!(why.contains(reason), "{form}: {why}");
        assert!(why.contains("column"), "{form}: {why}");
        assert_eq!(error.refusal().code, Code::BadRequest);
    }
    assert!(matches!(call(r#"{"id":9}"#), Err(DecodeError::BadArguments { id: 9, .. })));
}

#[test]
fn what_is_no_message_is_malformed() {
    let deep = "[".repeat(400_000);
    for text in ["", "{", "nonsense", "7", "[]", "null", r#"{"call":"status"}"#, r#"{"id":-1,"call":"status"}"#, &deep]
    {
        let error = call(text).unwrap_err();
        assert!(matches!(error, DecodeError::Malformed { .. }), "{text:.20} gives {error:?}");
        assert_eq!((error.id(), error.refusal().code), (None, Code::Malformed));
    }
    for text in [r#"{"id":1.5,"call":"status"}"#, r#"{"id":"1","call":"status"}"#, r#"{"id":1,"call":"status"} x"#] {
        assert!(matches!(call(text), Err(DecodeError::Malformed { .. })), "{text}");
    }
    let invalid = codec::decode_client(Codec::Json, b"{\"id\":1,\"call\":\"\xff\"}").unwrap_err();
    assert!(matches!(invalid, DecodeError::Malformed { .. }), "{invalid:?}");
    // The depth is limited wherever it is, also in what is ignored.
    let nested = format!(r#"{{"id":1,"call":{{"request":{deep}}}}}"#);
    assert!(call(&nested).is_err());
}

#[test]
fn words_of_a_newer_daemon_do_no_harm() {
    let refused = said(r#"{"reply":{"id":1,"outcome":{"refused":{"code":"moon_phase","message":"m","hint":"h"}}}}"#);
    let outcome = Outcome::Refused(Refusal::new(Code::Internal, "m", "h"));
    assert_eq!(refused, Ok(ServerFrame::Reply(ReplyFrame { id: 1, outcome })));
    let event = said(r#"{"event":{"at":"2026-11-21T17:00:00Z","what":{"sang":{"song":1}}}}"#);
    assert_eq!(event, Err(DecodeError::UnknownEvent { what: "sang".to_owned() }));
    let event = said(r#"{"event":{"at":"2026-11-21T17:00:00Z","what":{"granted":{"song":1}}}}"#);
    assert!(matches!(event, Err(DecodeError::Malformed { .. })));
}

#[test]
fn an_answer_that_is_too_long_becomes_a_refusal() {
    for codec in [Codec::Json, Codec::Bincode] {
        let notes = vec!["a long note ".repeat(1_000); 100];
        let reply = Reply::Leases(LeasesReply { leases: vec![], notes, mirror: None });
        let frame = ServerFrame::Reply(ReplyFrame { id: 5, outcome: Outcome::Ok(reply) });
        let mut out = b"before".to_vec();
        codec::encode_server(codec, &frame, &mut out).unwrap();
        let ServerFrame::Reply(ReplyFrame { id: 5, outcome: Outcome::Refused(refusal) }) =
            codec::decode_server(codec, &out[b"before".len() + HEADER_LEN..]).unwrap()
        else {
            panic!("another frame")
        };
        assert_eq!((refusal.code, refusal.facts.max), (Code::FrameTooLong, Some(FRAME_LEN_MAX as u64)));
    }
}

#[test]
fn a_broken_stream_is_refused_with_the_facts() {
    let refusal = Refusal::from(&FrameError::TooLong { len: 2_000_000, max: FRAME_LEN_MAX });
    assert_eq!((refusal.code, refusal.facts.max), (Code::FrameTooLong, Some(FRAME_LEN_MAX as u64)));
    assert!(refusal.message.contains("2000000") && refusal.message.contains("1048576"), "{}", refusal.message);
    assert_eq!(Refusal::from(&FrameError::Empty).code, Code::Malformed);
}

#[test]
fn bincode_is_for_equals() {
    let hello = |protocol, build: &str, codec| Hello { protocol, build: build.to_owned(), codec, network: None };
    let agree = |hello: &Hello, build| negotiate(hello, build, None);
    assert_eq!(agree(&hello(1, "a", Codec::Bincode), "a"), Ok(Codec::Bincode));
    assert_eq!(agree(&hello(1, "a", Codec::Json), "a"), Ok(Codec::Json));
    assert_eq!(agree(&hello(1, "a", Codec::Bincode), "b"), Ok(Codec::Json));
    assert_eq!(agree(&hello(1, "", Codec::Bincode), ""), Ok(Codec::Json));
    assert_eq!(agree(&hello(PROTOCOL_VERSION + 1, "a", Codec::Bincode), "a"), Ok(Codec::Json));
    assert_eq!(agree(&hello(0, "a", Codec::Bincode), "a").unwrap_err().code, Code::ProtocolMismatch);
}

#[test]
fn a_port_from_another_network_is_worth_nothing() {
    let hello = Hello { network: Some("4026531840".to_owned()), ..samples::hello() };
    assert!(negotiate(&hello, "", Some("4026531840")).is_ok());
    assert!(negotiate(&hello, "", None).is_ok());
    assert!(negotiate(&hello, "", Some("0")).is_ok(), "a system that does not tell tells nothing");
    assert!(negotiate(&Hello { network: None, ..hello.clone() }, "", Some("4026532008")).is_ok());
    assert_eq!(negotiate(&hello, "", Some("4026532008")).unwrap_err().code, Code::OtherNetwork);
}

#[test]
fn a_build_is_its_version_and_a_hash() {
    let (version, hash) = build_id().split_once('+').unwrap();
    assert_eq!(version, env!("CARGO_PKG_VERSION"));
    assert!(hash.len() == 8 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()), "{hash}");
}

#[test]
fn a_strange_name_is_repeated_up_to_a_limit() {
    for (len, whole) in [(300, true), (301, false)] {
        let name = "m".repeat(len);
        let call = format!(r#"{{"id":1,"call":"{name}"}}"#);
        let Err(DecodeError::UnknownMethod { method, .. }) = codec::decode_client(Codec::Json, call.as_bytes()) else {
            panic!("{name} is known")
        };
        assert_eq!(method == name, whole, "{method}");
    }
}

#[test]
fn a_method_without_arguments_takes_an_empty_object_and_no_other() {
    let read = |call: &str| codec::decode_client(Codec::Json, format!(r#"{{"id":1,"call":{call}}}"#).as_bytes());
    assert_eq!(read(r#"{"status":{}}"#).unwrap(), read(r#""status""#).unwrap());
    assert!(matches!(read(r#"{"status":{"all":true}}"#), Err(DecodeError::BadArguments { .. })));
}
