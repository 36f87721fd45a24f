//! Around the list: the views' names, what is shown of how much, and what can be done.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Modifier;
use ratatui::text::{Line, Span};

use super::is_too_small;
use crate::cut::{cut, fit, width};
use crate::keys::{self, Binding};
use crate::layout::{SIZE_MIN, tab_places};
use crate::model::{Link, Model, Scope, Tab, columns};
use crate::theme::Theme;
use crate::words::{self, Tone};

pub(super) fn tabs(model: &Model, theme: Theme, frame: &mut Frame<'_>, area: Rect) {
    let places = tab_places(area.width);
    let taken = places.last().map_or(0, |(_, at, room)| at + room);
    let mut spans = Vec::new();
    for (tab, ..) in places {
        let style = if tab == model.tab { theme.heading().add_modifier(Modifier::REVERSED) } else { theme.faint() };
        spans.push(Span::styled(format!(" {} {} ", tab.index() + 1, tab.title()), style));
    }
    let (sign, tone) = match model.link {
        Link::Connecting => ("…", Tone::Waiting),
        Link::Up => ("●", Tone::Good),
        Link::Down { .. } => ("✗", Tone::Bad),
    };
    let mut left = area.width.saturating_sub(taken);
    let long = match (&model.link, &model.ledger.status) {
        (Link::Up, Some(status)) => format!("{sign} daemon {} (pid {}) ", status.version, status.pid),
        (Link::Down { .. }, _) => format!("{sign} no daemon "),
        _ => format!("{sign} connecting "),
    };
    let short = match model.link {
        Link::Connecting => "… ",
        Link::Up => "● up ",
        Link::Down { .. } => "✗ no ",
    };
    // What needs a look is seen from every view, also where there is no room for more than its sign.
    let count = model.ledger.alerts.len();
    let worst = model.ledger.alerts.values().map(|alert| words::alarm(alert.severity)).max();
    if let (Some(tone), Link::Up) = (worst, &model.link) {
        let said = format!(" ! {count} {} ", if count == 1 { "alert" } else { "alerts" });
        let said = if width(&said) + width(short) < left { said } else { format!("!{count} ") };
        let room = width(&said).min(left);
        left -= room;
        spans.push(Span::styled(fit(&said, room, false), theme.tone(tone)));
    }
    let status = if width(&long) < left { long } else { short.to_owned() };
    spans.push(Span::styled(fit(&status, left, true), theme.tone(tone)));
    frame.render_widget(Line::from(spans), area);
}

pub(super) fn summary(model: &Model, theme: Theme, frame: &mut Frame<'_>, area: Rect) {
    if let Link::Down { reason, hint } = &model.link {
        let text = fit(&format!(" ✗ {reason}; {hint}"), area.width, false);
        frame.render_widget(Span::styled(text, theme.tone(Tone::Bad)), area);
        return;
    }
    let scope = match model.scope {
        Scope::All => "all projects".to_owned(),
        Scope::Project => format!("project {}", model.here.project),
        Scope::Worktree => format!("worktree {}", model.here.worktree),
    };
    let mut spans = Vec::new();
    if model.tab == Tab::Overview {
        spans.push(Span::styled(format!(" {scope}"), theme.faint()));
    } else {
        let shown = model.current().item_count();
        let count = match total(model) {
            total if total == shown => format!(" {shown}"),
            total => format!(" {shown} of {total}"),
        };
        spans.push(Span::raw(count));
        // What can be long comes last, or a long path would push the filter off the line.
        if model.is_typing || !model.filter.is_empty() {
            let caret = if model.is_typing { "▏" } else { "" };
            let tone = theme.tone(Tone::Waiting);
            spans.push(Span::styled(format!("  /{}{caret}", cut(&model.filter, area.width / 2)), tone));
        }
        let sorted = columns::columns(model.tab).get(model.current().sort).map_or("", |column| column.title);
        let way = if model.current().reverse { "↓" } else { "↑" };
        spans.push(Span::styled(format!("  by {} {way}  {scope}", sorted.to_lowercase()), theme.faint()));
    }
    frame.render_widget(Line::from(spans), area);
}

fn total(model: &Model) -> usize {
    match model.tab {
        Tab::Leases => model.ledger.leases.len(),
        Tab::Listeners => model.ledger.listeners.len(),
        Tab::Claims => model.ledger.claims.len() + model.ledger.quarantines.len(),
        Tab::Events => model.ledger.events().len(),
        Tab::Overview => 0,
    }
}

pub(super) fn footer(model: &Model, theme: Theme, frame: &mut Frame<'_>, area: Rect) {
    if let Some(notice) = &model.notice {
        let (sign, tone) = if notice.is_bad { ("!", Tone::Bad) } else { ("✓", Tone::Good) };
        let text = fit(&format!(" {sign} {}", notice.text), area.width, false);
        frame.render_widget(Span::styled(text, theme.tone(tone)), area);
    } else if is_too_small(model) {
        let text = format!(" at least {}×{} shows everything", SIZE_MIN.0, SIZE_MIN.1);
        frame.render_widget(Span::styled(fit(&text, area.width, false), theme.tone(Tone::Odd)), area);
    } else if model.question.is_some() {
        frame.render_widget(hints(keys::REPLIES, |reply| model.can_answer(*reply), theme, area.width), area);
    } else if model.is_typing {
        frame.render_widget(hints(keys::TYPING, |_| true, theme, area.width), area);
    } else {
        frame.render_widget(hints(keys::KEYS, |_| true, theme, area.width), area);
    }
}

/// As many keys as there is room for, whole ones only.
fn hints<T>(table: &'static [Binding<T>], counts: impl Fn(&T) -> bool, theme: Theme, room: u16) -> Line<'static> {
    let (mut spans, mut taken) = (Vec::new(), 0);
    for binding in table.iter().filter(|binding| !binding.label.is_empty() && counts(&binding.does)) {
        let (key, label) = (binding.first(), format!(" {} ", binding.label));
        let wide = 1 + width(&key) + width(&label);
        if taken + wide > room {
            break;
        }
        taken += wide;
        spans.push(Span::raw(" "));
        spans.push(Span::styled(key, theme.heading()));
        spans.push(Span::styled(label, theme.faint()));
    }
    Line::from(spans)
}
