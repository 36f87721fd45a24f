//! Data to stdout, everything else to stderr, and nobody's pipe may make us panic.

use std::io::{self, IsTerminal as _, Write as _};
use std::sync::{Mutex, PoisonError};

use serde::Serialize;
use serde_json::Value;

use crate::args::{Color, Global};
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};
use crate::text::safe;
use portus_client::shapes::{Envelope, ErrorBody, ErrorReply};

/// Notes that wait for the reply they belong to.
static HELD: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// How to print.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    pub(crate) json: bool,
    pub(crate) quiet: bool,
    pub(crate) verbose: u8,
    color: Color,
}

impl Output {
    pub(crate) const fn new(global: &Global) -> Self {
        Self { json: global.json, quiet: global.quiet, verbose: global.verbose, color: global.color }
    }

    /// For what goes wrong before the command line is understood.
    pub(crate) const fn plain(json: bool) -> Self {
        Self { json, quiet: false, verbose: 0, color: Color::Auto }
    }

    /// When to use colours, as asked for.
    pub(crate) const fn color(self) -> Color {
        self.color
    }

    /// Writes data as it is. A reader who has gone away has seen enough.
    pub(crate) fn data(self, bytes: &[u8]) -> Result<(), Failure> {
        let mut out = io::stdout().lock();
        match out.write_all(bytes).and_then(|()| out.flush()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::io("write to stdout", &error)),
            _ => Ok(()),
        }
    }

    /// Writes one line; `false` when the reader has gone away.
    pub(crate) fn line(self, text: &str) -> Result<bool, Failure> {
        let mut out = io::stdout().lock();
        match out.write_all(text.as_bytes()).and_then(|()| out.write_all(b"\n")).and_then(|()| out.flush()) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
            Err(error) => Err(Failure::io("write to stdout", &error)),
        }
    }

    /// Writes text with styles in it, which are taken out where nobody wants them.
    pub(crate) fn styled(self, text: &str) -> Result<(), Failure> {
        if self.has_color() {
            self.data(text.as_bytes())
        } else {
            self.data(anstream::adapter::strip_str(text).to_string().as_bytes())
        }
    }

    fn has_color(self) -> bool {
        match self.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => {
                io::stdout().is_terminal()
                    && !matches!(anstream::AutoStream::choice(&io::stdout()), anstream::ColorChoice::Never)
            }
        }
    }

    /// Writes a reply in JSON.
    pub(crate) fn reply(self, body: impl Serialize) -> Result<(), Failure> {
        let internal = |error: serde_json::Error| Failure::new(Exit::FAILED, "internal", error.to_string(), "");
        let held = take_held();
        let mut bytes = if held.is_empty() {
            serde_json::to_vec(&Envelope::of(body)).map_err(internal)?
        } else {
            let reply = serde_json::to_value(Envelope::of(body)).map_err(internal)?;
            serde_json::to_vec(&with_notes(reply, held)).map_err(internal)?
        };
        bytes.push(b'\n');
        self.data(&bytes)
    }

    /// A sentence that says what was done, on stderr: nobody has to read it.
    pub(crate) fn say(self, text: &str) {
        if !self.quiet && !self.json {
            drop(io::stderr().lock().write_all(format!("{}\n", safe(text)).as_bytes()));
        }
    }

    /// A sentence that people should know, on stderr. In JSON it is part of the reply instead.
    pub(crate) fn note(self, text: &str) {
        if !self.quiet && !self.json {
            self.error_line("note", text);
        }
    }

    /// The same, where the reply is not made yet: in JSON it becomes part of whichever is printed next.
    pub(crate) fn note_ahead(self, text: &str) {
        if self.json {
            HELD.lock().unwrap_or_else(PoisonError::into_inner).push(text.to_owned());
        } else {
            self.note(text);
        }
    }

    /// A sentence for those who asked for more.
    pub(crate) fn detail(self, text: &str) {
        if self.verbose > 0 && !self.json {
            self.error_line("note", text);
        }
    }

    /// A sentence for those who asked for more, in JSON as well: it is no part of the data.
    pub(crate) fn aside(self, text: &str) {
        if self.verbose > 0 {
            self.error_line("note", text);
        }
    }

    /// Tells why the command failed, and gives the exit code.
    pub(crate) fn failure(self, failure: &Failure) -> Exit {
        if self.json {
            let error = ErrorBody {
                code: failure.code.clone(),
                message: failure.message.clone(),
                hint: failure.hint.clone(),
                next: failure.next(),
            };
            // There is nowhere left to tell that this failed.
            drop(self.reply(ErrorReply { error }));
        } else {
            self.error_line("error", &failure.message);
            if !failure.hint.is_empty() {
                self.error_line("hint", &failure.hint);
            }
        }
        failure.exit
    }

    fn error_line(self, label: &str, text: &str) {
        let text = safe(text);
        let style = match label {
            "error" => anstyle::AnsiColor::Red.on_default().bold(),
            "hint" => anstyle::AnsiColor::Cyan.on_default().bold(),
            _ => anstyle::AnsiColor::Yellow.on_default().bold(),
        };
        let is_colored = match self.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => {
                io::stderr().is_terminal()
                    && !matches!(anstream::AutoStream::choice(&io::stderr()), anstream::ColorChoice::Never)
            }
        };
        let line = if is_colored { format!("{style}{label}:{style:#} {text}\n") } else { format!("{label}: {text}\n") };
        // One write, so that lines of several processes do not mix; and nobody to tell if it fails.
        drop(io::stderr().lock().write_all(line.as_bytes()));
    }
}

/// The notes that wait for a reply, for whoever tells them otherwise.
pub(crate) fn take_held() -> Vec<String> {
    std::mem::take(&mut *HELD.lock().unwrap_or_else(PoisonError::into_inner))
}

/// A reply with these notes before its own.
fn with_notes(mut reply: Value, mut notes: Vec<String>) -> Value {
    if let Value::Object(fields) = &mut reply {
        let own = fields.get("notes").and_then(Value::as_array).into_iter().flatten();
        notes.extend(own.filter_map(Value::as_str).map(str::to_owned));
        fields.insert("notes".to_owned(), notes.into());
    }
    reply
}

/// Prints what a command came to, and gives the exit code.
pub(crate) fn conclude(output: Output, outcome: Outcome) -> Exit {
    outcome.unwrap_or_else(|failure| output.failure(&failure))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn notes_that_came_before_the_reply_are_part_of_it() {
        let held = || vec!["first".to_owned()];
        assert_eq!(with_notes(json!({"leases": []}), held()), json!({"leases": [], "notes": ["first"]}));
        assert_eq!(with_notes(json!({"notes": ["own"]}), held()), json!({"notes": ["first", "own"]}));
    }
}
