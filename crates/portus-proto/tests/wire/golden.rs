//! The exact JSON of every message. A difference here is a difference to every client in another language: run with
//! `UPDATE_GOLDEN=1` only when docs/protocol.md says the same.

use crate::samples;
use portus_proto::frame::HEADER_LEN;
use portus_proto::{AlertCode, Call, Code, Codec, Outcome, Reply, ReplyFrame, ServerFrame, What, codec};
use std::collections::BTreeSet;
use std::fmt::Debug;
use std::fs;
use std::path::PathBuf;

/// Holds messages against a file with a payload in every line, both ways.
fn check<T: PartialEq + Debug>(
    file: &str,
    messages: &[T],
    encode: impl Fn(&T, &mut Vec<u8>) -> Result<(), codec::EncodeError>,
    decode: impl Fn(&[u8]) -> Result<T, codec::DecodeError>,
) {
    let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "tests", "golden", file].iter().collect();
    let lines: Vec<String> = messages
        .iter()
        .map(|message| {
            let mut frame = Vec::new();
            encode(message, &mut frame).unwrap();
            String::from_utf8(frame.split_off(HEADER_LEN)).unwrap()
        })
        .collect();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, lines.join("\n") + "\n").unwrap();
    }
    let golden = fs::read_to_string(&path).unwrap();
    let golden: Vec<&str> = golden.lines().collect();
    for (message, (line, expected)) in messages.iter().zip(lines.iter().zip(&golden)) {
        assert_eq!(line, expected, "{file} has another form of {message:?}");
        assert_eq!(&decode(expected.as_bytes()).unwrap(), message, "{file} reads differently");
    }
    assert_eq!(lines.len(), golden.len(), "{file} has as many lines as there are messages");
}

#[test]
fn what_clients_say() {
    check("hello.jsonl", &[samples::hello()], codec::encode_hello, codec::decode_hello);
    check(
        "calls.jsonl",
        &samples::client_frames(),
        |frame, out| codec::encode_client(Codec::Json, frame, out),
        |payload| codec::decode_client(Codec::Json, payload),
    );
}

#[test]
fn what_the_daemon_says() {
    check("greetings.jsonl", &samples::greetings(), codec::encode_greeting, codec::decode_greeting);
    let (mut replies, mut refusals, mut rest) = (vec![], vec![], vec![]);
    for frame in samples::server_frames() {
        match &frame {
            ServerFrame::Reply(ReplyFrame { outcome: Outcome::Ok(_), .. }) => replies.push(frame),
            ServerFrame::Reply(ReplyFrame { outcome: Outcome::Refused(_), .. }) => refusals.push(frame),
            ServerFrame::Event(_) | ServerFrame::Goodbye(_) => rest.push(frame),
        }
    }
    for (file, frames) in [("replies.jsonl", replies), ("refusals.jsonl", refusals), ("events.jsonl", rest)] {
        check(
            file,
            &frames,
            |frame, out| codec::encode_server(Codec::Json, frame, out),
            |payload| codec::decode_server(Codec::Json, payload),
        );
    }
}

/// The golden files are complete, and the lists of names are those that serde uses.
#[test]
fn every_kind_has_a_sample_under_its_own_name() {
    let methods: Vec<_> = samples::calls().iter().map(|call| (tag(call), Call::method(call))).collect();
    assert_names("methods", Call::METHODS, &methods);
    let replies: Vec<_> = samples::replies().iter().map(|reply| (tag(reply), Reply::kind(reply))).collect();
    assert_names("replies", Reply::KINDS, &replies);
    let events: Vec<_> = samples::events().iter().map(|event| (tag(&event.what), What::kind(&event.what))).collect();
    assert_names("events", What::KINDS, &events);
    let alerts: Vec<_> = samples::alerts().iter().map(|one| (tag(&one.code), AlertCode::word(&one.code))).collect();
    assert_names("alerts", AlertCode::WORDS, &alerts);
    let codes: Vec<_> = samples::refusals().iter().map(|no| (tag(&no.code), Code::word(&no.code))).collect();
    assert_names("codes", Code::WORDS, &codes);
}

fn assert_names(what: &str, all: &[&str], seen: &[(String, &str)]) {
    for (on_the_wire, named) in seen {
        assert_eq!(on_the_wire, named, "{what}");
    }
    let seen: BTreeSet<&str> = seen.iter().map(|(_, name)| *name).collect();
    assert_eq!(seen, all.iter().copied().collect(), "{what}");
}

/// The variant's name as serde writes it.
fn tag(value: &impl serde::Serialize) -> String {
    match serde_json::to_value(value).unwrap() {
        serde_json::Value::String(name) => name,
        serde_json::Value::Object(object) => object.keys().next().unwrap().clone(),
        other => panic!("{other} has no name"),
    }
}
