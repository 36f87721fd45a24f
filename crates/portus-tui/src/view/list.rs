//! The list: headings, and of the lines those that can be seen.

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

use crate::cut::{cut, fit, width};
use crate::layout::{Areas, MARGIN, list_width};
use crate::model::{Item, Line, Link, Model, Scope, Tab, columns, key_of_lease, order, time};
use crate::theme::Theme;
use crate::words::{self, Tone};

pub(super) fn draw(model: &Model, theme: Theme, frame: &mut Frame<'_>, areas: Areas) {
    let places = columns::places(model.tab, list_width(areas.headings.width));
    let buffer = frame.buffer_mut();
    if areas.headings.height > 0 {
        headings(model, theme, buffer, areas.headings, &places);
    }
    let table = model.current();
    if table.lines().is_empty() && areas.rows.height > 0 {
        let text = cut(&nothing(model), list_width(areas.rows.width));
        buffer.set_string(areas.rows.x + MARGIN, areas.rows.y, text, theme.faint());
    }
    for (row, (at, line)) in (areas.rows.y..).zip(table.visible(usize::from(areas.rows.height))) {
        let area = Rect { y: row, height: 1, ..areas.rows };
        match line {
            Line::Group { title, place, count } => group(theme, buffer, area, title, place, *count),
            Line::Item(item) => {
                for (index, x, room) in &places {
                    let (text, style) = cell(model, theme, item, *index);
                    let is_number = columns::columns(model.tab).get(*index).is_some_and(|column| column.is_number);
                    buffer.set_string(area.x + MARGIN + x, row, fit(&text, *room, is_number), style);
                }
                if at == table.cursor() {
                    buffer.set_style(area, theme.selected());
                }
            }
        }
    }
}

fn headings(model: &Model, theme: Theme, buffer: &mut Buffer, area: Rect, places: &[(usize, u16, u16)]) {
    let table = model.current();
    for (index, x, room) in places {
        let Some(column) = columns::columns(model.tab).get(*index) else { continue };
        let style = theme.faint().add_modifier(Modifier::BOLD);
        let style = if table.sort == *index { style.add_modifier(Modifier::UNDERLINED) } else { style };
        let text = fit(column.title, *room, column.is_number);
        // Only the word is underlined, not the room that it has.
        let blank = if column.is_number { width(&text) - width(text.trim_start()) } else { 0 };
        buffer.set_string(area.x + MARGIN + x + blank, area.y, text.trim(), style);
    }
}

fn group(theme: Theme, buffer: &mut Buffer, area: Rect, title: &str, place: &str, count: usize) {
    let title = cut(title, area.width / 2);
    let at = width(&title) + 2;
    buffer.set_string(area.x, area.y, format!(" {title}"), theme.heading());
    // The end of a path tells more than its beginning.
    let count = format!("({count})");
    let room = area.width.saturating_sub(at + width(&count) + 3);
    let text = format!("{} {count}", tail(place, room));
    buffer.set_string(area.x + at, area.y, cut(&text, area.width.saturating_sub(at)), theme.faint());
}

/// A path in at most `room` columns: where it is too long, its end.
pub(super) fn tail(path: &str, room: u16) -> String {
    if width(path) <= room {
        return cut(path, room);
    }
    let starts = path.char_indices().map(|(at, _)| at).skip(1);
    let fitting = starts.map(|at| &path[at..]).find(|rest| width(rest) < room);
    fitting.map_or_else(String::new, |rest| cut(&format!("…{rest}"), room))
}

fn nothing(model: &Model) -> String {
    if model.tab == Tab::Listeners
        && let Some(error) = &model.listening_error
    {
        return format!("the machine's listeners cannot be seen: {error}");
    }
    if model.link == Link::Connecting {
        return "connecting to the daemon…".to_owned();
    }
    if !model.filter.is_empty() {
        return "nothing matches the filter (Esc drops it)".to_owned();
    }
    let here = if model.scope == Scope::All { "" } else { " here (w shows more)" };
    match model.tab {
        Tab::Leases => format!("no live leases{here}; `portus request web` makes one"),
        Tab::Listeners if model.listening != crate::model::Looking::Idle => "looking…".to_owned(),
        Tab::Listeners => format!("nobody listens{here}"),
        Tab::Claims => format!("no claims{here}"),
        Tab::Events => format!("nothing has happened{here} since this was started"),
        Tab::Overview => String::new(),
    }
}

/// One cell, by the column's index in its table.
fn cell(model: &Model, theme: Theme, item: &Item, column: usize) -> (String, Style) {
    let found = match item {
        Item::Lease(id) => model.ledger.leases.get(id).map(|lease| lease_cell(model, theme, lease, column)),
        Item::Listener(id) => model.ledger.listeners.get(id).map(|one| listener_cell(model, theme, one, column)),
        Item::Claim(key) => model.ledger.claims.get(key).map(|claim| claim_cell(model, theme, claim, column)),
        Item::Quarantine(port) => {
            let text = model.ledger.quarantines.get(port).map(|one| match column {
                0 => one.reason.clone(),
                1 => one.port.to_string(),
                2 => format!("✗ until {}", until(one.until)),
                3 => ago(model, one.since.0),
                _ => String::new(),
            });
            text.map(|text| (text, if column == 2 { theme.tone(Tone::Odd) } else { Style::new() }))
        }
        Item::Event(number) => model.ledger.event(*number).map(|event| event_cell(model, theme, event, column)),
    };
    found.unwrap_or_default()
}

const fn until(until: portus_core::QuarantineUntil) -> &'static str {
    match until {
        portus_core::QuarantineUntil::Revived => "revived",
        portus_core::QuarantineUntil::Reboot => "reboot",
    }
}

fn ago(model: &Model, since_ms: u64) -> String {
    time::span(model.now_ms.saturating_sub(since_ms))
}

fn lease_cell(model: &Model, theme: Theme, lease: &portus_proto::Lease, column: usize) -> (String, Style) {
    let plain = |text: String| (text, Style::new());
    match column {
        0 => plain(lease.service.to_string()),
        1 => plain(words::port(lease.port, lease.protocol)),
        2 => (words::state_in_full(lease), theme.tone(words::urgency(lease))),
        3 => plain(ago(model, lease.granted_at.0)),
        4 => plain(lease.expires_at.map(|at| time::span(at.0.saturating_sub(model.now_ms))).unwrap_or_default()),
        5 => plain(words::holder(lease)),
        _ => plain(lease.requester.session.clone().unwrap_or_default()),
    }
}

fn listener_cell(model: &Model, theme: Theme, one: &portus_proto::Listener, column: usize) -> (String, Style) {
    let plain = |text: String| (text, Style::new());
    match column {
        0 => plain(one.port.to_string()),
        1 => plain(one.protocol.word().to_owned()),
        2 => {
            let lease = one.lease.and_then(|id| model.ledger.leases.get(&id));
            let (sign, tone) = match lease {
                Some(lease) => (words::sign(lease), words::urgency(lease)),
                None if one.guard => ("■", Tone::Waiting),
                None => ("·", Tone::Quiet),
            };
            (format!("{sign} {}", words::lease_of(one, &model.ledger)), theme.tone(tone))
        }
        3 => plain(match &one.container {
            Some(container) => format!("container {container}"),
            None if one.command.is_empty() => "(not to be seen)".to_owned(),
            None => words::command(&one.command).to_owned(),
        }),
        4 => plain(one.pid.map(|pid| pid.to_string()).unwrap_or_default()),
        5 => plain(one.address.clone()),
        _ => plain(one.worktree.clone().or_else(|| one.cwd.clone()).unwrap_or_default()),
    }
}

fn claim_cell(model: &Model, theme: Theme, claim: &portus_proto::Claim, column: usize) -> (String, Style) {
    let lease = || {
        let lease = model.ledger.lease_on(claim.port)?;
        let is_own = key_of_lease(lease) == crate::model::key_of(claim);
        is_own.then(|| (words::state_in_full(lease), theme.tone(words::urgency(lease))))
    };
    match column {
        0 => (claim.service.to_string(), Style::new()),
        1 => (words::port(claim.port, claim.protocol), Style::new()),
        2 if claim.pinned => ("◆ pinned".to_owned(), theme.tone(Tone::Good)),
        2 => ("◇ while used".to_owned(), Style::new()),
        3 => (ago(model, claim.last_used.0), Style::new()),
        _ => lease().unwrap_or_default(),
    }
}

fn event_cell(model: &Model, theme: Theme, event: &portus_proto::Event, column: usize) -> (String, Style) {
    let told = words::event(event);
    match column {
        0 => (ago(model, event.at.0), Style::new()),
        1 => (event.what.kind().to_owned(), theme.tone(told.tone)),
        2 => (told.who, Style::new()),
        3 => (told.port.map(|port| port.to_string()).unwrap_or_default(), Style::new()),
        4 => (told.what, Style::new()),
        _ => (order::place_of(&event.what).1.unwrap_or_default().to_owned(), theme.faint()),
    }
}
