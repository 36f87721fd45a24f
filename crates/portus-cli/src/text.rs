//! Words and columns for people.

use std::borrow::Cow;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use portus_client::show_duration;
use portus_proto::{Claim, Lease, LeasesReply, WallTime};
use unicode_width::UnicodeWidthStr as _;

use crate::exit::Exit;
use crate::failure::Outcome;
use crate::output::Output;

/// Milliseconds since 1970.
pub(crate) fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// Rows under headings, each column as wide as its widest cell; the last one is not padded.
pub(crate) fn table<const N: usize>(headings: [&str; N], rows: &[[String; N]]) -> String {
    let rows: Vec<[Cow<'_, str>; N]> = rows.iter().map(|row| row.each_ref().map(|cell| safe(cell))).collect();
    let mut widths = headings.map(|heading| heading.width());
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.width());
        }
    }
    let bold = anstyle::Style::new().bold();
    let mut text = format!("{bold}{}{bold:#}\n", joined(headings.into_iter(), &widths));
    for row in &rows {
        text.push_str(&joined(row.iter().map(Cow::as_ref), &widths));
        text.push('\n');
    }
    text
}

fn joined<'a>(cells: impl Iterator<Item = &'a str>, widths: &[usize]) -> String {
    let pad = |(cell, width): (&str, &usize)| format!("{cell}{}", " ".repeat(width.saturating_sub(cell.width())));
    cells.zip(widths).map(pad).collect::<Vec<_>>().join("  ").trim_end().to_owned()
}

/// A text that moves no cursor and recolours nothing: names and paths are other people's.
pub(crate) fn safe(text: &str) -> Cow<'_, str> {
    let is_bad = |c: char| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    if !text.contains(is_bad) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        if is_bad(character) { shown.extend(character.escape_default()) } else { shown.push(character) }
    }
    Cow::Owned(shown)
}

/// How long ago something was, in its largest unit.
pub(crate) fn age(then: WallTime) -> String {
    seconds(now_ms().saturating_sub(then.0) / 1_000)
}

/// A number of seconds, in their largest unit.
pub(crate) fn seconds(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3_600 => format!("{}m", seconds / 60),
        3_600..172_800 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// A lease's state with all that stands out about it.
pub(crate) fn state(lease: &Lease) -> String {
    let mut words = vec![match (&lease.ended, lease.evidence) {
        (Some(ended), _) => format!("ended: {}", ended.reason.word().replace('_', " ")),
        (None, Some(evidence)) => format!("{} ({evidence})", lease.state),
        (None, None) => lease.state.to_string(),
    }];
    if lease.contested {
        words.push("contested".to_owned());
    }
    if lease.orphaned {
        words.push("orphaned".to_owned());
    }
    if let Some(other) = lease.drifted_to {
        words.push(format!("drifted to {other}"));
    }
    match lease.health {
        portus_proto::Health::Healthy => words.push("healthy".to_owned()),
        portus_proto::Health::Unhealthy => words.push("unhealthy".to_owned()),
        portus_proto::Health::Unknown => {}
    }
    if lease.guarded {
        words.push("guarded".to_owned());
    }
    if lease.pinned {
        words.push("pinned".to_owned());
    }
    words.join(", ")
}

/// A port with its protocol, where that is not the usual one.
pub(crate) fn port(lease: &Lease) -> String {
    if lease.protocol == portus_core::Protocol::Tcp {
        lease.port.to_string()
    } else {
        format!("{}/{}", lease.port, lease.protocol)
    }
}

/// Whose a lease is: its holder, if it has one, and the agent that asked for it. Who asked otherwise holds nothing,
/// and is mostly a command that has ended.
pub(crate) fn whose(lease: &Lease) -> String {
    let holder = lease.holder.as_ref().map(|holder| format!("{} ({})", shortened(&holder.command, 40), holder.pid));
    let client = lease.requester.client.as_ref().map(|client| format!(" [{client}]")).unwrap_or_default();
    format!("{}{client}", holder.as_deref().unwrap_or("-"))
}

/// A text cut to so many characters.
pub(crate) fn shortened(text: &str, len_max: usize) -> String {
    if text.chars().count() <= len_max {
        return text.to_owned();
    }
    let kept: String = text.chars().take(len_max.saturating_sub(1)).collect();
    format!("{kept}…")
}

/// Leases as a table; with where they are, when that is not one place.
pub(crate) fn leases(leases: &[Lease], with_place: bool) -> String {
    if with_place {
        let row = |lease: &Lease| {
            let [service, number, state] = [lease.service.to_string(), port(lease), state(lease)];
            let place = [lease.project.clone(), lease.worktree.clone()];
            let [project, worktree] = place;
            [project, service, number, state, age(lease.granted_at), worktree, whose(lease)]
        };
        let headings = ["PROJECT", "SERVICE", "PORT", "STATE", "AGE", "WORKTREE", "HOLDER"];
        table(headings, &leases.iter().map(row).collect::<Vec<_>>())
    } else {
        let row =
            |lease: &Lease| [lease.service.to_string(), port(lease), state(lease), age(lease.granted_at), whose(lease)];
        table(["SERVICE", "PORT", "STATE", "AGE", "HOLDER"], &leases.iter().map(row).collect::<Vec<_>>())
    }
}

/// Claims as a table.
pub(crate) fn claims(claims: &[Claim], with_place: bool) -> String {
    let port = |claim: &Claim| match claim.protocol {
        portus_core::Protocol::Tcp => claim.port.to_string(),
        other => format!("{}/{other}", claim.port),
    };
    let pinned = |claim: &Claim| if claim.pinned { "pinned" } else { "" }.to_owned();
    if with_place {
        let row = |claim: &Claim| {
            let service = claim.service.to_string();
            let used = age(claim.last_used);
            [claim.project.clone(), service, port(claim), used, claim.worktree.clone(), pinned(claim)]
        };
        let headings = ["PROJECT", "SERVICE", "PORT", "UNUSED", "WORKTREE", ""];
        table(headings, &claims.iter().map(row).collect::<Vec<_>>())
    } else {
        let row = |claim: &Claim| [claim.service.to_string(), port(claim), age(claim.last_used), pinned(claim)];
        table(["SERVICE", "PORT", "UNUSED", ""], &claims.iter().map(row).collect::<Vec<_>>())
    }
}

/// Prints claims, or that there are none.
pub(crate) fn show_claims(claims: Vec<Claim>, with_place: bool, output: Output) -> Outcome {
    if output.json {
        output.reply(portus_client::shapes::Claims { claims })?;
    } else if claims.is_empty() {
        output.note("no claims here");
    } else {
        output.styled(&self::claims(&claims, with_place))?;
    }
    Ok(Exit::DONE)
}

/// Prints claims that something was done to, in one sentence each.
pub(crate) fn show_done_claims(claims: Vec<Claim>, what: &str, output: Output) -> Outcome {
    if output.json {
        output.reply(portus_client::shapes::Claims { claims })?;
        return Ok(Exit::DONE);
    }
    for claim in &claims {
        output.say(&format!("{what} {} of {} (port {})", claim.service, claim.project, claim.port));
    }
    Ok(Exit::DONE)
}

/// Prints leases that something was done to, in one sentence each.
pub(crate) fn show_done(reply: LeasesReply, what: &str, output: Output) -> Outcome {
    if output.json {
        output.reply(portus_client::shapes::Leases { leases: reply.leases, notes: reply.notes })?;
        return Ok(Exit::DONE);
    }
    for lease in &reply.leases {
        let ends = lease.expires_at.filter(|_| lease.ended.is_none()).map(|at| {
            let left_s = at.0.saturating_sub(now_ms()).saturating_add(500) / 1_000;
            format!("; it ends in {} unless it is renewed", show_duration(Duration::from_secs(left_s)))
        });
        let ends = ends.unwrap_or_default();
        output.say(&format!("{what} {} of {} (port {}){ends}", lease.service, lease.project, lease.port));
    }
    for note in &reply.notes {
        output.note(note);
    }
    Ok(Exit::DONE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_cells() {
        let rows = [["a".to_owned(), "bcd".to_owned()], ["efgh".to_owned(), String::new()]];
        let text = anstream::adapter::strip_str(&table(["X", "LONG"], &rows)).to_string();
        assert_eq!(text, "X     LONG\na     bcd\nefgh\n");
    }

    #[test]
    fn wide_letters_take_two_columns_and_control_characters_none() {
        let rows = [["日本".to_owned(), "x".to_owned()], ["a\u{1b}[2J".to_owned(), "y".to_owned()]];
        let text = anstream::adapter::strip_str(&table(["A", "B"], &rows)).to_string();
        assert_eq!(text, "A           B\n日本        x\na\\u{1b}[2J  y\n");
    }

    #[test]
    fn long_texts_are_cut() {
        assert_eq!(shortened("äöü", 3), "äöü");
        assert_eq!(shortened("äöüß", 3), "äö…");
    }
}
