//! What can be told about one process, and about those it descends from.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fmt::Write;
use std::io;
use std::path::PathBuf;

use portus_core::ProcessIdentity;

use super::{identity_of, sys};

/// A command shown to people is at most this long, in characters.
const COMMAND_LEN_MAX: usize = 200;
/// No chain of ancestors is followed further than this.
const ANCESTORS_MAX: usize = 64;

/// One living process, described for people and for rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// Who it is.
    pub identity: ProcessIdentity,
    /// Its parent's number; 0 when the parent is outside of what we see.
    pub parent: u32,
    /// Its process group's number; 0 on Windows.
    pub group: u32,
    /// Its session's number; on Windows the logon session's.
    pub session: u32,
    /// The real user's number. Windows has none: 0 is our own user, `u32::MAX` anybody else.
    pub uid: u32,
    /// The command line, or the name in brackets where it shows none. Safe to print on a terminal,
    /// at most 200 characters.
    pub command: String,
    /// The program's short name as the system keeps it.
    pub name: String,
    /// The controlling terminal's name below `/dev`, where there is one.
    pub tty: Option<String>,
}

/// Describes the living process of this number.
#[must_use]
pub fn describe(pid: u32) -> Option<Description> {
    let row = sys::row(pid).ok().flatten().filter(|row| !row.zombie)?;
    Some(Description {
        identity: row.identity,
        parent: row.parent,
        group: row.group,
        session: row.session,
        uid: sys::uid(pid)?,
        command: shown_command(&sys::arguments(pid), &row.name),
        name: row.name,
        tty: row.tty,
    })
}

/// The arguments a process shows, program first. Empty where the system shows none.
#[must_use]
pub fn command_line(pid: u32) -> Vec<OsString> {
    sys::arguments(pid)
}

/// A process's working directory, as far as we may see it.
#[must_use]
pub fn cwd(pid: u32) -> Option<PathBuf> {
    sys::cwd(pid)
}

/// One variable of the environment that a process was started with; later changes do not show.
/// `None` also for processes of other users.
#[must_use]
pub fn environment(pid: u32, name: &str) -> Option<OsString> {
    sys::environment(pid, name).ok().flatten()
}

/// The number of the process that started this one; `None` where the system does not say cheaply.
#[must_use]
pub fn parent_id() -> Option<u32> {
    #[cfg(unix)]
    return Some(std::os::unix::process::parent_id());
    #[cfg(not(unix))]
    None
}

/// Whether a process belongs to the user of this process.
#[must_use]
pub fn is_own_user(pid: u32) -> bool {
    sys::uid(pid) == Some(sys::own_uid())
}

/// A living process, its parent, and so on up to the first of all; at most 64.
#[must_use]
pub fn ancestors(pid: u32) -> Vec<ProcessIdentity> {
    let mut chain: Vec<ProcessIdentity> = Vec::new();
    let mut next = pid;
    while chain.len() < ANCESTORS_MAX && next != 0 {
        let Some(row) = sys::row(next).ok().flatten().filter(|row| !row.zombie) else { break };
        // A parent is older than its child: a younger one is a stranger that reused the number.
        if chain.last().is_some_and(|child| child.birth < row.identity.birth) || chain.contains(&row.identity) {
            break;
        }
        chain.push(row.identity);
        next = row.parent;
    }
    chain
}

/// A living process, its ancestors, and the leaders of its process group and its session, as far as they live.
/// Empty when the process is gone.
#[must_use]
pub fn lineage(pid: u32) -> BTreeSet<ProcessIdentity> {
    let mut found: BTreeSet<ProcessIdentity> = ancestors(pid).into_iter().collect();
    if let (false, Ok(Some(row))) = (found.is_empty(), sys::row(pid)) {
        let leaders = sys::LEADERS.then_some([row.group, row.session]).into_iter().flatten();
        found.extend(leaders.filter(|&leader| leader != 0).filter_map(|leader| identity_of(leader).ok().flatten()));
    }
    found
}

/// Who the process of this number is or, while nobody has reaped it, was.
pub(crate) fn identity_even_of_a_zombie(pid: u32) -> io::Result<Option<ProcessIdentity>> {
    Ok(sys::identity(pid)?.map(|(identity, _)| identity))
}

/// Arguments as one line that is safe to show; `[name]` when there are none.
#[must_use]
pub fn shown_command(arguments: &[OsString], name: &str) -> String {
    let joined =
        arguments.iter().map(|argument| argument.to_string_lossy()).collect::<Vec<_>>().join(" ").trim().to_owned();
    let plain = if joined.is_empty() { format!("[{name}]") } else { joined };
    let mut shown = String::with_capacity(plain.len().min(COMMAND_LEN_MAX));
    let mut length = 0;
    for character in plain.chars() {
        let before = shown.len();
        if is_safe_to_show(character) {
            shown.push(character);
        } else {
            // Writing to a string cannot fail.
            let _ = write!(shown, "{}", character.escape_default());
        }
        length += shown[before..].chars().count();
        if length > COMMAND_LEN_MAX {
            let cut = shown.char_indices().nth(COMMAND_LEN_MAX - 1).map_or(before, |(at, _)| at.min(before));
            shown.truncate(cut);
            shown.push('…');
            break;
        }
    }
    shown
}

/// Control characters move the cursor, and the invisible ones that turn or join text make one command look like another.
fn is_safe_to_show(character: char) -> bool {
    !character.is_control()
        && !matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(arguments: &[&str]) -> String {
        shown_command(&arguments.iter().map(OsString::from).collect::<Vec<_>>(), "name")
    }

    #[test]
    fn commands_are_safe_to_show() {
        assert_eq!(shown(&["node", "server.js"]), "node server.js");
        assert_eq!(shown(&[]), "[name]");
        assert_eq!(shown(&["  ", ""]), "[name]");
        assert_eq!(shown(&["a\x1b[2J\nb"]), "a\\u{1b}[2J\\nb");
        assert_eq!(shown(&["x\u{202e}y"]), "x\\u{202e}y");
    }

    #[test]
    fn long_commands_are_cut() {
        let long = shown(&["ä".repeat(500).as_str()]);
        assert_eq!(long.chars().count(), COMMAND_LEN_MAX);
        assert!(long.ends_with('…'));
        assert_eq!(shown(&["a".repeat(COMMAND_LEN_MAX).as_str()]).chars().count(), COMMAND_LEN_MAX);
        assert!(shown(&["\x07".repeat(500).as_str()]).chars().count() <= COMMAND_LEN_MAX);
    }
}
