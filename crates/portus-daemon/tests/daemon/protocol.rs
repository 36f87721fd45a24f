//! What breaks the protocol, and what becomes of it.

use std::io::Write as _;
use std::net::Shutdown;

use portus_proto::{Code, Greeting, Outcome, Reply, ServerFrame, codec};

use crate::rig::*;

const HELLO: &str = r#"{"protocol":1}"#;

fn greeted(daemon: &Daemon) -> Raw {
    let mut raw = Raw::connect(daemon.folder.path());
    raw.send(HELLO);
    assert!(matches!(raw.greeting(), Greeting::Welcome(_)));
    raw
}

fn next(raw: &mut Raw) -> Option<ServerFrame> {
    raw.receive().map(|payload| codec::decode_server(portus_proto::Codec::Json, &payload).unwrap())
}

fn goodbye(raw: &mut Raw) -> Code {
    match next(raw) {
        Some(ServerFrame::Goodbye(refusal)) => {
            assert!(next(raw).is_none());
            refusal.code
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_client_in_any_language_needs_only_json() {
    let daemon = Daemon::start();
    let mut raw = greeted(&daemon);
    raw.send(r#"{"id":7,"call":{"request":{"asks":[{"key":{"project":"p","worktree":"/w","service":"web"}}]}}}"#);
    let text = String::from_utf8(raw.receive().unwrap()).unwrap();
    assert!(text.starts_with(r#"{"reply":{"id":7,"outcome":{"ok":{"leases":"#), "{text}");
    raw.send(r#"{"id":8,"call":"status"}"#);
    let text = String::from_utf8(raw.receive().unwrap()).unwrap();
    assert!(text.contains(r#""status""#) && text.contains(r#""leases":1"#), "{text}");
}

#[test]
fn an_unknown_method_is_refused_and_the_connection_goes_on() {
    let daemon = Daemon::start();
    let mut raw = greeted(&daemon);
    raw.send(r#"{"id":1,"call":{"brew_coffee":{}}}"#);
    raw.send(r#"{"id":2,"call":{"pin":{"nonsense":true}}}"#);
    raw.send(r#"{"id":3,"call":"status"}"#);
    let mut codes = Vec::new();
    for _ in 0..3 {
        let Some(ServerFrame::Reply(reply)) = next(&mut raw) else { panic!() };
        codes.push((
            reply.id,
            match reply.outcome {
                Outcome::Refused(refusal) => Some(refusal.code),
                Outcome::Ok(Reply::Status(_)) => None,
                Outcome::Ok(other) => panic!("{other:?}"),
            },
        ));
    }
    codes.sort_by_key(|(id, _)| *id);
    assert_eq!(codes, [(1, Some(Code::UnknownMethod)), (2, Some(Code::BadRequest)), (3, None)]);
}

#[test]
fn garbage_ends_the_connection_after_what_was_asked_before_it() {
    let daemon = Daemon::start();
    let mut raw = greeted(&daemon);
    raw.send(r#"{"id":1,"call":"status"}"#);
    raw.send("this is no JSON");
    assert!(matches!(next(&mut raw), Some(ServerFrame::Reply(_))));
    assert_eq!(goodbye(&mut raw), Code::Malformed);
    assert!(daemon.client().list().leases.is_empty(), "the daemon goes on");
}

#[test]
fn a_frame_that_is_too_long_ends_the_connection() {
    let daemon = Daemon::start();
    let mut raw = greeted(&daemon);
    raw.stream.write_all(&(2_u32 * 1024 * 1024).to_be_bytes()).unwrap();
    assert_eq!(goodbye(&mut raw), Code::FrameTooLong);
    let mut raw = greeted(&daemon);
    raw.stream.write_all(&0_u32.to_be_bytes()).unwrap();
    assert_eq!(goodbye(&mut raw), Code::Malformed);
}

#[test]
fn who_vanishes_in_the_middle_of_a_frame_leaves_nothing_behind() {
    let daemon = Daemon::start();
    for cut in [2, 4, 30] {
        let mut raw = greeted(&daemon);
        let payload = r#"{"id":1,"call":"status"}  and so on"#;
        let mut frame = (payload.len() as u32).to_be_bytes().to_vec();
        frame.extend_from_slice(payload.as_bytes());
        raw.stream.write_all(&frame[..cut]).unwrap();
        raw.stream.shutdown(Shutdown::Write).unwrap();
        assert!(raw.receive().is_none(), "the daemon closes its side, too");
    }
    let mut client = daemon.client();
    let Ok(Reply::Status(status)) = client.call(portus_proto::Call::Status) else { panic!() };
    assert!(status.connections >= 1);
}

#[test]
fn a_client_that_only_sends_is_heard() {
    let daemon = Daemon::start();
    let mut raw = greeted(&daemon);
    raw.send(r#"{"id":7,"call":{"request":{"asks":[{"key":{"project":"p","worktree":"/w","service":"web"}}]}}}"#);
    raw.stream.shutdown(Shutdown::Write).unwrap();
    assert!(matches!(next(&mut raw), Some(ServerFrame::Reply(_))));
    assert!(next(&mut raw).is_none());
    assert_eq!(daemon.client().list().leases.len(), 1);
}

#[test]
fn a_hello_that_does_not_fit_is_refused() {
    let daemon = Daemon::start();
    for (hello, code) in [
        (r#"{"protocol":0}"#, Code::ProtocolMismatch),
        (r#"{"protocol":1,"network":"another"}"#, Code::OtherNetwork),
        (r#"{"hello":"world"}"#, Code::Malformed),
        ("GET / HTTP/1.1", Code::Malformed),
    ] {
        let mut raw = Raw::connect(daemon.folder.path());
        raw.send(hello);
        let Greeting::Refused(refusal) = raw.greeting() else { panic!("{hello} is welcome") };
        assert_eq!(refusal.code, code);
        assert!(raw.receive().is_none());
    }
}

#[test]
fn a_newer_client_is_welcome_and_speaks_json() {
    let daemon = Daemon::start();
    let mut raw = Raw::connect(daemon.folder.path());
    raw.send(r#"{"protocol":99,"build":"9.9.9","codec":"bincode","from_the_future":[1]}"#);
    let Greeting::Welcome(welcome) = raw.greeting() else { panic!() };
    assert_eq!((welcome.protocol, welcome.codec), (1, portus_proto::Codec::Json));
}
