//! What is known of the selected line: its facts, and what `explain` says of its port, with the ancestor chain.

use portus_proto::{Explanation, Lease};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Borders};

use super::wrapped;
use crate::model::{Item, Model, order, time};
use crate::theme::Theme;
use crate::words::{self, Tone};

/// The labels are in a column of this width.
const LABEL_WIDTH: usize = 10;

pub(super) fn draw(model: &Model, theme: Theme, frame: &mut Frame<'_>, area: Rect) {
    let beside = area.y == 2 && area.x > 0;
    let (side, title) = if beside { (Borders::LEFT, "") } else { (Borders::TOP, " detail ") };
    let block = Block::new().borders(side).border_style(theme.faint()).title(title);
    let inside = block.inner(area);
    frame.render_widget(block, area);
    let inside = Rect { x: inside.x + 1, width: inside.width.saturating_sub(2), ..inside };
    frame.render_widget(wrapped(lines(model, theme)).scroll((model.detail_offset, 0)), inside);
}

/// What it is, what is the matter with its port, and then what else is known: the first must fit into few lines.
fn lines(model: &Model, theme: Theme) -> Vec<Line<'static>> {
    let Some(item) = model.current().selected() else {
        return vec![Line::styled("nothing is selected", theme.faint())];
    };
    let (mut lines, more) = facts(model, theme, item);
    if let Some(port) = model.selected_port() {
        match &model.explained.answer {
            Some((about, Ok(explanation))) if *about == port => lines.extend(explained(theme, explanation)),
            Some((about, Err(reason))) if *about == port => lines.push(fact(theme, "explain", reason.clone())),
            _ => lines.push(fact(theme, "explain", "looking…".to_owned())),
        }
    }
    lines.extend(more);
    lines
}

fn fact(theme: Theme, label: &str, text: impl Into<String>) -> Line<'static> {
    let text = visible(&text.into());
    Line::from(vec![Span::styled(format!("{label:<LABEL_WIDTH$}"), theme.faint()), Span::raw(text)])
}

/// A foreign text without what would not be seen.
fn visible(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

/// What is known of it: the gist, and the rest.
fn facts(model: &Model, theme: Theme, item: &Item) -> (Vec<Line<'static>>, Vec<Line<'static>>) {
    let title = |text: String| Line::styled(visible(&text), theme.heading());
    let found = match item {
        Item::Lease(id) => model.ledger.leases.get(id).map(|lease| lease_facts(model, theme, lease)),
        Item::Listener(id) => model.ledger.listeners.get(id).map(|one| {
            let gist = vec![
                title(format!("listener on {} {}", one.address, one.port)),
                fact(theme, "lease", words::lease_of(one, &model.ledger)),
            ];
            let place = one.cwd.clone().map(|cwd| fact(theme, "directory", cwd));
            (gist, std::iter::once(fact(theme, "command", one.command.clone())).chain(place).collect())
        }),
        Item::Claim(key) => model.ledger.claims.get(key).map(|claim| {
            let stands = if claim.pinned { "pinned: stays for good" } else { "stays while it is used" };
            let gist = vec![
                title(format!("{} of {}", claim.service, claim.project)),
                fact(theme, "claim", format!("{} {stands}", claim.port)),
            ];
            (gist, vec![fact(theme, "worktree", claim.worktree.clone())])
        }),
        Item::Quarantine(port) => model.ledger.quarantines.get(port).map(|one| {
            let gist = vec![title(format!("port {port}, in quarantine")), fact(theme, "reason", one.reason.clone())];
            (gist, vec![fact(theme, "since", one.since.to_string())])
        }),
        Item::Event(number) => model.ledger.event(*number).map(|event| {
            let told = words::event(event);
            let gist = vec![title(format!("{} {}", event.what.kind(), told.who)), fact(theme, "what", told.what)];
            let place = order::place_of(&event.what).1.map(|place| fact(theme, "worktree", place));
            (gist, std::iter::once(fact(theme, "at", event.at.to_string())).chain(place).collect())
        }),
    };
    found.unwrap_or_default()
}

fn lease_facts(model: &Model, theme: Theme, lease: &Lease) -> (Vec<Line<'static>>, Vec<Line<'static>>) {
    let evidence = lease.evidence.map(|evidence| format!(", by {evidence}")).unwrap_or_default();
    let state = Line::from(vec![
        Span::styled(format!("{:<LABEL_WIDTH$}", "state"), theme.faint()),
        Span::styled(words::state_in_full(lease), theme.tone(words::urgency(lease))),
        Span::raw(evidence),
    ]);
    let port = words::port(lease.port, lease.protocol);
    let name = format!("{} of {}", lease.service, visible(&lease.project));
    let gist = vec![
        Line::from(vec![
            Span::styled(name, theme.heading()),
            Span::raw(format!(", lease:{} on port {port}", lease.id)),
        ]),
        state,
    ];
    let mut more = vec![
        fact(theme, "worktree", lease.worktree.clone()),
        fact(theme, if lease.holder.is_some() { "holder" } else { "asked by" }, words::whose(lease)),
    ];
    more.extend(lease.requester.session.clone().map(|session| fact(theme, "session", session)));
    let since = time::span(model.now_ms.saturating_sub(lease.granted_at.0));
    let left = lease.expires_at.map(|at| format!(", {} left", time::span(at.0.saturating_sub(model.now_ms))));
    more.push(fact(theme, "since", format!("{since} ago{}", left.unwrap_or_default())));
    if lease.guarded {
        more.push(fact(theme, "guard", "kept in the kernel until the server starts [g]"));
    }
    if lease.pinned {
        more.push(fact(theme, "pin", "the number stays for good [p]"));
    }
    (gist, more)
}

fn explained(theme: Theme, explanation: &Explanation) -> Vec<Line<'static>> {
    let tone = match explanation.verdict {
        portus_proto::Verdict::Contested => Tone::Bad,
        portus_proto::Verdict::Unmanaged | portus_proto::Verdict::Quarantined => Tone::Odd,
        portus_proto::Verdict::Mine => Tone::Good,
        _ => Tone::Quiet,
    };
    let mut lines = vec![Line::from(vec![
        Span::styled(format!("{:<LABEL_WIDTH$}", "explain"), theme.faint()),
        Span::styled(portus_client::verdict_words(explanation), theme.tone(tone)),
    ])];
    lines.extend(explanation.why.iter().map(|why| fact(theme, "why", why.clone())));
    for listener in &explanation.listeners {
        let pid = listener.pid.map_or_else(|| "a process we cannot see".to_owned(), |pid| format!("pid {pid}"));
        let container = listener.container.as_ref().map(|name| format!(", container {name}")).unwrap_or_default();
        lines.push(fact(
            theme,
            "listener",
            format!("{} {} {pid} {}{container}", listener.protocol, listener.address, listener.command),
        ));
    }
    for (depth, process) in explanation.ancestors.iter().enumerate() {
        let label = if depth == 0 { "process" } else { "" };
        let branch = if depth == 0 { String::new() } else { format!("{}└ ", "  ".repeat(depth - 1)) };
        lines.push(fact(theme, label, format!("{branch}{} ({})", process.command, process.pid)));
    }
    lines.push(fact(theme, "next", explanation.next.clone()));
    lines
}
