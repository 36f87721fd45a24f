//! What is known of the selected line: its facts, and what `explain` says of its port, with the ancestor chain.

use portus_proto::{Explanation, Lease};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Borders};

use super::wrapped;
use crate::model::{Item, Model, time};
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
    frame.render_widget(wrapped(lines(model, theme)), inside);
}

fn lines(model: &Model, theme: Theme) -> Vec<Line<'static>> {
    let Some(item) = model.current().selected() else {
        return vec![Line::styled("nothing is selected", theme.faint())];
    };
    let mut lines = facts(model, theme, item);
    let Some(port) = model.selected_port() else { return lines };
    match &model.explained.answer {
        Some((about, Ok(explanation))) if *about == port => lines.extend(explained(theme, explanation)),
        Some((about, Err(reason))) if *about == port => {
            lines.push(fact(theme, "explain", reason.clone()));
        }
        _ => lines.push(fact(theme, "explain", "looking…".to_owned())),
    }
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

fn facts(model: &Model, theme: Theme, item: &Item) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    match item {
        Item::Lease(id) => {
            if let Some(lease) = model.ledger.leases.get(id) {
                lines.push(Line::styled(format!("{} of {}", lease.service, visible(&lease.project)), theme.heading()));
                lines.extend(lease_facts(model, theme, lease));
            }
        }
        Item::Listener(id) => {
            if let Some(one) = model.ledger.listeners.get(id) {
                lines.push(Line::styled(format!("listener on {} {}", one.address, one.port), theme.heading()));
                lines.push(fact(theme, "lease", words::lease_of(one, &model.ledger)));
                lines.push(fact(theme, "command", one.command.clone()));
                lines.extend(one.cwd.clone().map(|cwd| fact(theme, "directory", cwd)));
            }
        }
        Item::Claim(key) => {
            if let Some(claim) = model.ledger.claims.get(key) {
                lines.push(Line::styled(format!("{} of {}", claim.service, visible(&claim.project)), theme.heading()));
                lines.push(fact(theme, "worktree", claim.worktree.clone()));
                let stands = if claim.pinned { "pinned: stays for good" } else { "stays while it is used" };
                lines.push(fact(theme, "claim", format!("{} {stands}", claim.port)));
            }
        }
        Item::Quarantine(port) => {
            if let Some(one) = model.ledger.quarantines.get(port) {
                lines.push(Line::styled(format!("port {port}, in quarantine"), theme.heading()));
                lines.push(fact(theme, "reason", one.reason.clone()));
            }
        }
        Item::Event(number) => {
            if let Some(event) = model.ledger.event(*number) {
                let told = words::event(event);
                lines.push(Line::styled(format!("{} {}", event.what.kind(), visible(&told.who)), theme.heading()));
                lines.push(fact(theme, "at", event.at.to_string()));
                lines.push(fact(theme, "what", told.what));
            }
        }
    }
    lines
}

fn lease_facts(model: &Model, theme: Theme, lease: &Lease) -> Vec<Line<'static>> {
    let evidence = lease.evidence.map(|evidence| format!(", by {evidence}")).unwrap_or_default();
    let state = Line::from(vec![
        Span::styled(format!("{:<LABEL_WIDTH$}", "state"), theme.faint()),
        Span::styled(words::state_in_full(lease), theme.tone(words::urgency(lease))),
        Span::raw(evidence),
    ]);
    let port = words::port(lease.port, lease.protocol);
    let mut lines = vec![fact(theme, "lease", format!("lease:{} on port {port}", lease.id)), state];
    if lease.guarded {
        lines.push(fact(theme, "guard", "kept in the kernel until the server starts [g]"));
    }
    if lease.pinned {
        lines.push(fact(theme, "pin", "the number stays for good [p]"));
    }
    lines.push(fact(theme, "worktree", lease.worktree.clone()));
    lines.push(fact(theme, if lease.holder.is_some() { "holder" } else { "asked by" }, words::whose(lease)));
    lines.extend(lease.requester.session.clone().map(|session| fact(theme, "session", session)));
    let since = time::span(model.now_ms.saturating_sub(lease.granted_at.0));
    let left = lease.expires_at.map(|at| format!(", {} left", time::span(at.0.saturating_sub(model.now_ms))));
    lines.push(fact(theme, "since", format!("{since} ago{}", left.unwrap_or_default())));
    lines
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
        Span::styled(words::verdict(explanation.verdict), theme.tone(tone)),
    ])];
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
