//! What reads bytes from outside, each with what must hold of any bytes.

use std::cell::RefCell;
use std::io::Cursor;
use std::path::Path;

use portus_client::config::{Config, EarlierSection, PROJECT_FILE, Source};
use portus_mcp::hook::{self, Agent};
use portus_proto::codec::{
    decode_client, decode_greeting, decode_hello, decode_server, encode_client, encode_greeting, encode_hello,
    encode_server,
};
use portus_proto::frame::{Decoder, FRAME_LEN_MAX, FrameError, HEADER_LEN};
use portus_proto::ports_json::{self, PortsJsonError};
use portus_proto::{ClientFrame, Codec, Greeting, Hello, ServerFrame};
use tempfile::TempDir;

use crate::sim::campaign::{self, Report};
use crate::sim::recorded::{self, Show};

/// Something to throw bytes at. Errors say what did not hold; so does a panic.
pub type Target = fn(&[u8]) -> Result<(), String>;

/// All of them, by the name of their folder in `tests/corpus`.
pub const TARGETS: [(&str, Target); 11] = [
    ("frames", frames),
    ("calls", calls),
    ("answers", answers),
    ("greetings", greetings),
    ("config", config),
    ("earlier-yaml", earlier_yaml),
    ("hook", hook_event),
    ("hook-command", hook_command),
    ("ports-json", ports_json),
    ("sim", simulated),
    ("trace", trace),
];

/// The messages of the golden files: every shape that stands on the wire.
pub fn golden(name: &str) -> Vec<Vec<u8>> {
    let texts: &[&str] = match name {
        "calls" => &[include_str!("../../../crates/portus-proto/tests/golden/calls.jsonl")],
        "answers" => &[
            include_str!("../../../crates/portus-proto/tests/golden/replies.jsonl"),
            include_str!("../../../crates/portus-proto/tests/golden/refusals.jsonl"),
            include_str!("../../../crates/portus-proto/tests/golden/events.jsonl"),
        ],
        "greetings" => &[
            include_str!("../../../crates/portus-proto/tests/golden/hello.jsonl"),
            include_str!("../../../crates/portus-proto/tests/golden/greetings.jsonl"),
        ],
        _ => &[],
    };
    texts.iter().flat_map(|text| text.lines()).map(|line| line.as_bytes().to_vec()).collect()
}

/// The same message in bincode, if these bytes are one in JSON.
pub fn in_bincode(name: &str, bytes: &[u8]) -> Option<Vec<u8>> {
    match name {
        "calls" => {
            let frame = decode_client(Codec::Json, bytes).ok()?;
            payload(|out| encode_client(Codec::Bincode, &frame, out)).ok()
        }
        "answers" => {
            let frame = decode_server(Codec::Json, bytes).ok()?;
            payload(|out| encode_server(Codec::Bincode, &frame, out)).ok()
        }
        _ => None,
    }
}

/// The agents whose hooks are answered.
const AGENTS: [Agent; 5] = [Agent::Claude, Agent::Codex, Agent::Cursor, Agent::Gemini, Agent::Windsurf];

fn holds(condition: bool, what: &str) -> Result<(), String> {
    if condition { Ok(()) } else { Err(what.to_owned()) }
}

/// A stream gives the same frames however it is cut into reads, and costs no more memory than was sent.
fn frames(bytes: &[u8]) -> Result<(), String> {
    let (first, stream) = bytes.split_first().unwrap_or((&0, &[]));
    let (expected, end) = naive_frames(stream);
    let mut decoder = Decoder::new();
    let mut found = Vec::new();
    let mut error = None;
    'stream: for read in stream.chunks(usize::from(*first) + 1) {
        decoder.feed(read);
        loop {
            match decoder.next_frame() {
                Ok(Some(payload)) => found.push(payload.to_vec()),
                Ok(None) => break,
                Err(broken) => {
                    error = Some(broken);
                    break 'stream;
                }
            }
        }
        holds(decoder.memory_len() <= 2 * stream.len() + 16 * 1_024, "it holds more memory than was sent")?;
    }
    let error = error.or(decoder.finish().err());
    holds(found == expected, "the frames are others than a plain reading gives")?;
    holds(error == end, &format!("it ends with {error:?}, and should with {end:?}"))
}

/// The frames of a whole stream, read the plainest way, and how it ends.
fn naive_frames(mut stream: &[u8]) -> (Vec<Vec<u8>>, Option<FrameError>) {
    let mut frames = Vec::new();
    loop {
        let Some((header, rest)) = stream.split_first_chunk::<HEADER_LEN>() else {
            let cut = FrameError::Truncated { have: stream.len(), want: HEADER_LEN };
            return (frames, (!stream.is_empty()).then_some(cut));
        };
        let len = u32::from_be_bytes(*header);
        match usize::try_from(len).unwrap_or(usize::MAX) {
            0 => return (frames, Some(FrameError::Empty)),
            long if long > FRAME_LEN_MAX => return (frames, Some(FrameError::TooLong { len, max: FRAME_LEN_MAX })),
            want if rest.len() < want => {
                let (have, want) = (stream.len(), HEADER_LEN + want);
                return (frames, Some(FrameError::Truncated { have, want }));
            }
            here => {
                frames.push(rest[..here].to_vec());
                stream = &rest[here..];
            }
        }
    }
}

/// The payload of the one frame that `write` appends.
fn payload<E: std::fmt::Display>(write: impl FnOnce(&mut Vec<u8>) -> Result<(), E>) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    write(&mut out).map_err(|error| format!("what was read cannot be written: {error}"))?;
    Ok(out.split_off(HEADER_LEN))
}

/// What is read in one codec is the same in the other, there and back.
fn calls(bytes: &[u8]) -> Result<(), String> {
    for codec in [Codec::Json, Codec::Bincode] {
        let Ok(frame) = decode_client(codec, bytes) else { continue };
        for other in [Codec::Json, Codec::Bincode] {
            let written = payload(|out| encode_client(other, &frame, out))?;
            let again: Result<ClientFrame, _> = decode_client(other, &written);
            holds(again.as_ref() == Ok(&frame), &format!("{codec:?} to {other:?}: {frame:?} became {again:?}"))?;
        }
    }
    Ok(())
}

/// The same for what the daemon says.
fn answers(bytes: &[u8]) -> Result<(), String> {
    for codec in [Codec::Json, Codec::Bincode] {
        let Ok(frame) = decode_server(codec, bytes) else { continue };
        for other in [Codec::Json, Codec::Bincode] {
            let written = payload(|out| encode_server(other, &frame, out))?;
            let again: Result<ServerFrame, _> = decode_server(other, &written);
            holds(again.as_ref() == Ok(&frame), &format!("{codec:?} to {other:?}: {frame:?} became {again:?}"))?;
        }
    }
    Ok(())
}

/// What is said first reads as it was written.
fn greetings(bytes: &[u8]) -> Result<(), String> {
    if let Ok(hello) = decode_hello(bytes) {
        let written = payload(|out| encode_hello(&hello, out))?;
        let again: Result<Hello, _> = decode_hello(&written);
        holds(again.as_ref() == Ok(&hello), &format!("{hello:?} became {again:?}"))?;
    }
    if let Ok(greeting) = decode_greeting(bytes) {
        let written = payload(|out| encode_greeting(&greeting, out))?;
        let again: Result<Greeting, _> = decode_greeting(&written);
        holds(again.as_ref() == Ok(&greeting), &format!("{greeting:?} became {again:?}"))?;
    }
    Ok(())
}

/// A project's file and the user's are read, or refused with the file's name and a place in it.
fn config(bytes: &[u8]) -> Result<(), String> {
    thread_local! {
        static PLACE: RefCell<Option<TempDir>> = const { RefCell::new(None) };
    }
    PLACE.with_borrow_mut(|place| {
        let dir = place.get_or_insert_with(|| tempfile::tempdir().unwrap()).path();
        let user = dir.join("user.toml");
        let project = dir.join(PROJECT_FILE);
        for (file, other) in [(&project, &user), (&user, &project)] {
            std::fs::write(file, bytes).map_err(|error| error.to_string())?;
            let _ = std::fs::remove_file(other);
            match Config::load_from(dir, dir, Some(&user), &|_| None) {
                Ok(config) => drop(config.effective()),
                Err(error) => {
                    let text = error.to_string();
                    let name = file.file_name().unwrap().to_string_lossy();
                    holds(text.contains(&*name), &format!("the error does not name {name}: {text}"))?;
                }
            }
        }
        Ok(())
    })
}

/// An earlier registry's YAML is read, or refused with a place that it has.
fn earlier_yaml(bytes: &[u8]) -> Result<(), String> {
    let text = String::from_utf8_lossy(bytes);
    let variable = |name: &str| name.len().is_multiple_of(2).then(|| "8001".to_owned());
    match EarlierSection::read(Path::new("service.yaml"), &text, Path::new("/w"), &variable) {
        Ok(_) => Ok(()),
        // A text that ends too early is faulted behind its last line.
        Err(error) => match error.at {
            Source::File { line, .. } => {
                holds((1..=text.lines().count() + 1).contains(&line), &format!("there is no such line: {error}"))
            }
            at => Err(format!("the mistake is not in the file, but in {at}")),
        },
    }
}

/// An earlier registry's file is refused with a place that it has, or is the same after it was written and read again.
fn ports_json(bytes: &[u8]) -> Result<(), String> {
    let (line, column) = match ports_json::parse(bytes) {
        Ok(file) => {
            let again = ports_json::parse(ports_json::render(&file).as_bytes());
            let version = file.version.clone().or(Some(ports_json::VERSION.to_owned()));
            let file = ports_json::PortsJson { version, ..file };
            return holds(again.as_ref() == Ok(&file), &format!("{file:?} became {again:?}"));
        }
        Err(PortsJsonError::TooLong { .. }) => return holds(bytes.len() > ports_json::LEN_MAX, "it is not too long"),
        Err(PortsJsonError::Syntax { line, column, .. } | PortsJsonError::Shape { line, column, .. }) => (line, column),
    };
    let text = bytes.split(|&byte| byte == b'\n').nth(line.wrapping_sub(1));
    // Even an empty line has a beginning.
    holds(text.is_some_and(|text| column <= text.len().max(1)), &format!("there is no {line}:{column}"))
}

/// Whatever an agent sends, the hook's answer is one that agents can read, and never one that stops work.
fn hook_event(bytes: &[u8]) -> Result<(), String> {
    for agent in AGENTS {
        let answer = hook::answer(agent, Cursor::new(bytes.to_vec()), |_| None);
        holds(answer.code == 0, &format!("{agent:?}: without a daemon it ends with {}", answer.code))?;
        let readable = answer.stdout.is_empty() || serde_json::from_str::<serde_json::Value>(&answer.stdout).is_ok();
        holds(readable, &format!("{agent:?}: it says {:?}", answer.stdout))?;
    }
    Ok(())
}

/// The same, where the bytes are the command that the agent is about to run.
fn hook_command(bytes: &[u8]) -> Result<(), String> {
    let command = String::from_utf8_lossy(bytes);
    let input = serde_json::json!({ "command": command });
    let event =
        serde_json::json!({ "hook_event_name": "PreToolUse", "tool_name": "Bash", "cwd": "/", "tool_input": input });
    hook_event(event.to_string().as_bytes())
}

/// A simulated run drawn from the bytes breaks no promise.
fn simulated(bytes: &[u8]) -> Result<(), String> {
    let mut report = Report::default();
    campaign::play(bytes, None, &mut report);
    match report.findings.broken.first() {
        Some((promise, what)) => Err(format!("{promise}: {what}")),
        None => Ok(()),
    }
}

/// A trace is refused, or decided again with a difference that lies in it; what is decided breaks nothing.
fn trace(bytes: &[u8]) -> Result<(), String> {
    let text = String::from_utf8_lossy(bytes);
    let Ok(replayed) = recorded::replay(&text, &Show::All) else { return Ok(()) };
    let lines = text.lines().count();
    let inside = replayed.difference.is_none_or(|(line, _)| (2..=lines).contains(&line));
    holds(inside && replayed.steps < lines, "there is no such line")
}
