//! `portus daemon logs`

use std::fs::File;
use std::io::{ErrorKind, Read as _, Seek as _, SeekFrom};

use serde::Serialize;

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};

/// How much of the log's end is looked at, in bytes.
const TAIL_LEN_MAX: u64 = 1 << 20;

pub(super) fn run(lines: usize, context: &Context) -> Outcome {
    let path = context.home()?.log();
    let mut file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let message = format!("there is no log at {}", path.display());
            return Err(Failure::new(Exit::NOT_FOUND, "no_log", message, "`portus daemon start` begins one"));
        }
        Err(error) => return Err(Failure::io("open the log", &error)),
    };
    let len = file.metadata().map_or(0, |found| found.len());
    let mut tail = Vec::new();
    file.seek(SeekFrom::Start(len.saturating_sub(TAIL_LEN_MAX)))
        .and_then(|_| file.take(TAIL_LEN_MAX).read_to_end(&mut tail))
        .map_err(|error| Failure::io("read the log", &error))?;
    let tail = last_lines(&tail, lines);
    if !context.output.json {
        context.output.data(tail)?;
        return Ok(Exit::DONE);
    }
    for line in String::from_utf8_lossy(tail).lines() {
        context.output.reply(LogLine { line: line.to_owned() })?;
    }
    Ok(Exit::DONE)
}

/// One line of the log.
#[derive(Debug, Serialize)]
struct LogLine {
    line: String,
}

fn last_lines(text: &[u8], count: usize) -> &[u8] {
    let body = text.strip_suffix(b"\n").unwrap_or(text);
    let Some(skipped) = count.checked_sub(1) else { return &[] };
    let newline = body.iter().enumerate().rev().filter(|(_, byte)| **byte == b'\n').nth(skipped);
    newline.map_or(text, |(at, _)| &text[at + 1..])
}

#[cfg(test)]
mod tests {
    use super::last_lines;

    #[test]
    fn the_last_lines_are_whole() {
        assert_eq!(last_lines(b"a\nb\nc\n", 2), b"b\nc\n");
        assert_eq!(last_lines(b"a\nb\nc", 1), b"c");
        assert_eq!(last_lines(b"a\nb\n", 9), b"a\nb\n");
        assert_eq!(last_lines(b"a\n", 0), b"");
        assert_eq!(last_lines(b"", 5), b"");
    }
}
