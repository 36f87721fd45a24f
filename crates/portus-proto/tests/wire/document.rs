//! docs/protocol.md says what the code does: names, codes, limits, the dialogue and the whole client.

use portus_proto::codec;
use portus_proto::frame::FRAME_LEN_MAX;
use portus_proto::prometheus::METRICS;
use portus_proto::{AlertCode, Call, Code, Codec, PAGE_LEN_MAX, Reply, ServerFrame, What};
use std::fs;
use std::path::PathBuf;

fn read(file: &str) -> String {
    let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "..", "..", "docs", file].iter().collect();
    fs::read_to_string(&path).unwrap().replace('\r', "")
}

/// The text between a heading and the next one of its rank or above.
fn section<'a>(document: &'a str, heading: &str) -> &'a str {
    let rank = heading.split(' ').next().unwrap();
    let from = document.find(&format!("\n{heading}\n")).unwrap_or_else(|| panic!("there is no `{heading}`"));
    let rest = &document[from + heading.len() + 2..];
    let ends = |mark: &&str| rest.find(&format!("\n{mark} ")).unwrap_or(rest.len());
    &rest[..["#", "##", "###"].iter().filter(|mark| mark.len() <= rank.len()).map(ends).min().unwrap()]
}

/// What stands in the fence of a language, as the only one in a text.
fn fenced<'a>(text: &'a str, language: &str) -> Vec<&'a str> {
    let opening = format!("```{language}\n");
    text.split(&opening).skip(1).map(|rest| &rest[..rest.find("```").unwrap()]).collect()
}

#[test]
fn every_name_is_described() {
    let document = read("protocol.md");
    for (heading, names) in [
        ("## Methods", Call::METHODS),
        ("## Replies", Reply::KINDS),
        ("## Events", What::KINDS),
        ("## Refusals", Code::WORDS),
        ("## Shapes", AlertCode::WORDS),
    ] {
        let text = section(&document, heading);
        for name in names {
            assert!(text.contains(&format!("`{name}`")), "`{heading}` does not describe `{name}`");
        }
    }
    let methods = section(&document, "## Methods");
    for method in Call::METHODS {
        assert_eq!(methods.matches(&format!("**`{method}`**")).count(), 1, "`{method}` has a paragraph");
    }
}

#[test]
fn every_code_word_has_its_exit_code() {
    let document = read("protocol.md");
    for word in Code::WORDS {
        let code: Code = serde_json::from_value(serde_json::json!(word)).unwrap();
        let row = format!("| `{word}` | {} |", code.exit_code());
        assert!(section(&document, "## Refusals").contains(&row), "no row begins with `{row}`");
    }
}

#[test]
fn every_metric_and_every_alert_has_its_row() {
    let document = read("guide/operating.md");
    let metrics = section(&document, "### Metrics");
    for metric in METRICS {
        let labels: Vec<String> = metric.labels.iter().map(|label| format!("`{label}`")).collect();
        let row = format!("| `{}` | {} | {} | {} |\n", metric.name, metric.kind.word(), labels.join(", "), metric.help);
        assert!(metrics.contains(&row), "there is no row {row}");
    }
    let rows = metrics.lines().filter(|line| line.starts_with("| `portus_")).count();
    assert_eq!(rows, METRICS.len(), "rows of metrics that there are not");
    let alerts = section(&document, "### Alerts");
    let codes: Vec<_> = AlertCode::WORDS.iter().filter(|code| **code != AlertCode::Other.word()).collect();
    for code in &codes {
        assert_eq!(alerts.matches(&format!("\n| `{code}` |")).count(), 1, "a row for `{code}`");
    }
    assert_eq!(alerts.lines().filter(|line| line.starts_with("| `")).count(), codes.len());
}

#[test]
fn limits_are_the_codes() {
    let document = read("protocol.md");
    let limits = section(&document, "## Limits");
    for (what, limit) in [("A payload", FRAME_LEN_MAX), ("Leases or claims in one listing", PAGE_LEN_MAX)] {
        let row = limits.lines().find(|line| line.contains(what)).unwrap();
        assert!(row.replace(',', "").contains(&limit.to_string()), "{row}");
    }
}

#[test]
fn the_dialogue_is_spoken() {
    let document = read("protocol.md");
    let fences = fenced(section(&document, "### An example"), "text");
    let [dialogue, bytes] = fences[..] else { panic!("a dialogue, and the bytes of its first frame") };
    let mut client = dialogue.lines().filter_map(|line| line.strip_prefix("C "));
    let mut daemon = dialogue.lines().filter_map(|line| line.strip_prefix("D "));

    let hello = client.next().unwrap();
    let mut frame = Vec::new();
    portus_proto::frame::encode(hello.as_bytes(), &mut frame).unwrap();
    let written: Vec<String> = frame.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(bytes.split_whitespace().collect::<Vec<_>>(), written);

    codec::decode_hello(hello.as_bytes()).unwrap();
    codec::decode_greeting(daemon.next().unwrap().as_bytes()).unwrap();
    let calls = client.map(|line| codec::decode_client(Codec::Json, line.as_bytes()).unwrap().id);
    assert_eq!(calls.collect::<Vec<_>>(), [1, 2, 3]);
    for line in daemon {
        let frame = codec::decode_server(Codec::Json, line.as_bytes()).unwrap();
        assert!(matches!(frame, ServerFrame::Reply(_)), "{line}");
        // Every field there is stands in the example.
        let again: serde_json::Value = serde_json::to_value(&frame).unwrap();
        assert_eq!(again, serde_json::from_str::<serde_json::Value>(line).unwrap());
    }
}

#[test]
fn single_messages_are_read() {
    let document = read("protocol.md");
    let text = section(&document, "## Calls and replies");
    let fences = fenced(text, "json");
    let [call, reply] = fences[..] else { panic!("a call and a reply") };
    codec::decode_client(Codec::Json, call.trim().as_bytes()).unwrap();
    codec::decode_server(Codec::Json, reply.trim().as_bytes()).unwrap();
}

#[test]
fn the_whole_client_is_the_one_that_is_run() {
    let document = read("protocol.md");
    assert_eq!(fenced(&document, "python"), [read("protocol/client.py").as_str()]);
}
