//! The overview: how full the pool is, what comes and goes, what needs a look.

use portus_core::PortRange;
use portus_proto::{Alert, AlertCode, Lease};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use crate::cut::fit;
use crate::model::{Model, SLICE_MS, SLICES_LEN, Scope};
use crate::theme::Theme;
use crate::words::{self, Tone};

pub(super) fn draw(model: &Model, theme: Theme, frame: &mut Frame<'_>, area: Rect) {
    let width = area.width.saturating_sub(2);
    let mut lines = pool(model, theme, width);
    lines.push(states(model, theme));
    lines.push(Line::default());
    lines.extend(rates(model, theme, width));
    lines.push(Line::default());
    let room = usize::from(area.height).saturating_sub(lines.len() + 1);
    lines.extend(alerts(model, theme, width, room));
    frame.render_widget(Paragraph::new(lines), Rect { x: area.x + 1, width, ..area });
}

fn pool_of(model: &Model) -> Option<PortRange> {
    model.ledger.status.as_ref().map(|status| status.pool)
}

/// Of the pool: leased, claimed beyond that, all.
fn use_of(model: &Model, pool: PortRange) -> (u64, u64, u64) {
    let mut leased: Vec<_> = model.ledger.leases.values().map(|lease| lease.port).collect();
    leased.sort_unstable();
    let within = leased.iter().filter(|port| pool.contains(**port)).count();
    let only_claimed = |port: &portus_core::Port| pool.contains(*port) && leased.binary_search(port).is_err();
    let claimed = model.ledger.claims.values().map(|claim| claim.port).filter(only_claimed).count();
    (within as u64, claimed as u64, u64::from(pool.count()))
}

fn pool(model: &Model, theme: Theme, width: u16) -> Vec<Line<'static>> {
    let Some(pool) = pool_of(model) else { return vec![Line::raw("Pool  not known yet"), Line::default()] };
    let (leased, claimed, all) = use_of(model, pool);
    let cells = u64::from(width.saturating_sub(2).min(80));
    // Whatever is there is seen, be it ever so little.
    let cells_of = |count: u64| (count * cells / all.max(1)).max(u64::from(count > 0));
    let full = cells_of(leased).min(cells);
    let half = cells_of(claimed).min(cells - full);
    let bar = |sign: &str, count: u64| sign.repeat(usize::try_from(count).unwrap_or(0));
    let percent = (leased + claimed) * 100 / all.max(1);
    // When a pool is too full is the daemon's to say.
    let is_full = model.ledger.alerts.contains_key(&(AlertCode::PoolNearlyFull, pool.to_string()));
    let tone = if is_full { Tone::Bad } else { Tone::Good };
    vec![
        Line::from(vec![
            Span::styled("Pool  ", theme.heading()),
            Span::raw(format!("{pool}: {leased} leased █, {claimed} claimed ▒, {percent} % of {all}")),
        ]),
        Line::from(vec![
            Span::raw("["),
            Span::styled(bar("█", full), theme.tone(tone)),
            Span::styled(bar("▒", half), theme.tone(Tone::Waiting)),
            Span::styled(bar("·", cells - full - half), theme.faint()),
            Span::raw("]"),
        ]),
    ]
}

fn in_scope(model: &Model) -> impl Iterator<Item = &Lease> {
    model.ledger.leases.values().filter(|lease| match model.scope {
        Scope::All => true,
        Scope::Project => lease.project == model.here.project,
        Scope::Worktree => lease.worktree == model.here.worktree,
    })
}

fn states(model: &Model, theme: Theme) -> Line<'static> {
    let mut spans = vec![Span::styled("Now   ", theme.heading())];
    let mut counts: Vec<(&'static str, &'static str, Tone, usize)> = Vec::new();
    for lease in in_scope(model) {
        let word = words::state(lease);
        match counts.iter_mut().find(|(known, ..)| *known == word) {
            Some((.., count)) => *count += 1,
            None => counts.push((word, words::sign(lease), words::urgency(lease), 1)),
        }
    }
    counts.sort_by(|a, b| b.2.cmp(&a.2).then(a.0.cmp(b.0)));
    if counts.is_empty() {
        spans.push(Span::styled("no live leases", theme.faint()));
    }
    for (word, sign, tone, count) in counts {
        spans.push(Span::styled(format!("{sign} {count} {word}  "), theme.tone(tone)));
    }
    Line::from(spans)
}

fn rates(model: &Model, theme: Theme, width: u16) -> Vec<Line<'static>> {
    let room = usize::from(width.saturating_sub(20)).min(SLICES_LEN);
    let slices: Vec<_> = model.rates.slices().collect();
    let last = &slices[slices.len().saturating_sub(room)..];
    let most = last.iter().map(|(granted, ended)| *granted.max(ended)).max().unwrap_or(0);
    let row = |label: &str, tone: Tone, of: fn(&(u32, u32)) -> u32| {
        let sum: u32 = last.iter().map(of).sum();
        let blank = "▁".repeat(room.saturating_sub(last.len()));
        let line: String = last.iter().map(|slice| bar(of(slice), most)).collect();
        Line::from(vec![
            Span::raw(format!("{label:<8}")),
            Span::styled(format!("{blank}{line}"), theme.tone(tone)),
            Span::raw(format!(" {sum}")),
        ])
    };
    let minutes = room as u64 * SLICE_MS / 60_000;
    vec![
        Line::from(vec![
            Span::styled("Rates ", theme.heading()),
            Span::styled(format!("each {} s of the last {minutes} min", SLICE_MS / 1_000), theme.faint()),
        ]),
        row("granted", Tone::Good, |slice| slice.0),
        row("ended", Tone::Waiting, |slice| slice.1),
    ]
}

/// One slice of a sparkline.
fn bar(count: u32, most: u32) -> char {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let step = if most == 0 { 0 } else { (u64::from(count) * 7).div_ceil(u64::from(most)) };
    BARS[usize::try_from(step).unwrap_or(0).min(7)]
}

fn alerts(model: &Model, theme: Theme, width: u16, room: usize) -> Vec<Line<'static>> {
    let mut all: Vec<(Tone, String)> = Vec::new();
    if let Some(path) = model.ledger.status.as_ref().and_then(|status| status.set_aside.as_ref()) {
        all.push((Tone::Bad, format!("! a journal could not be read, and was set aside: {path}")));
    }
    let said = |alert: &Alert| (words::alarm(alert.severity), format!("! {}: {}", alert.code, alert.message));
    all.extend(model.ledger.alerts.values().map(said));
    let mut odd: Vec<&Lease> = in_scope(model).filter(|lease| words::urgency(lease) >= Tone::Odd).collect();
    odd.sort_by_key(|lease| (std::cmp::Reverse(words::urgency(lease)), lease.port));
    all.extend(odd.into_iter().map(|lease| {
        let what = format!("{} {}", words::sign(lease), told(lease));
        let place = format!("{} of {}, port {} ({})", lease.service, lease.project, lease.port, lease.worktree);
        (words::urgency(lease), format!("{what}: {place}"))
    }));
    let mut lines = vec![Line::styled("Alerts", theme.heading())];
    if all.is_empty() {
        lines.push(Line::styled("nothing needs a look", theme.faint()));
    }
    let hidden = all.len().saturating_sub(room);
    let shown = if hidden > 0 { room.saturating_sub(1) } else { room };
    lines.extend(all.iter().take(shown).map(|(tone, text)| Line::styled(fit(text, width, false), theme.tone(*tone))));
    if hidden > 0 {
        lines.push(Line::styled(format!("and {} more", all.len() - shown), theme.faint()));
    }
    lines
}

fn told(lease: &Lease) -> String {
    match (lease.contested, lease.drifted_to) {
        (true, _) => "contested, somebody else listens".to_owned(),
        (false, Some(port)) => format!("drifted, its server listens on {port}"),
        (false, None) => "orphaned, the holder is gone and the server is not".to_owned(),
    }
}
