//! The help, drawn from the tables by which keys are dispatched, so that it cannot lie.

use ratatui::Frame;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::panel;
use crate::keys::{self, Binding};
use crate::model::Model;
use crate::theme::Theme;

/// What fits into the smallest terminal.
const WIDTH: u16 = crate::layout::SIZE_MIN.0;
const KEYS_WIDTH: usize = 16;

/// The signs, which are explained nowhere else.
const SIGNS: &[(&str, &str)] = &[
    ("●", "active: the service is up"),
    ("○", "pending: leased, not up yet"),
    ("◌", "lapsing: nobody listens any more"),
    ("!", "contested: somebody else listens there"),
    ("»", "drifted: its server listens elsewhere"),
    ("?", "orphaned: holder gone, server still up"),
    ("[g] [p]", "kept in the kernel by a guard; pinned"),
    ("■ ◆ ◇", "a guard; a claim pinned; while used"),
];

/// What the mouse does.
const MOUSE: &[(&str, &str)] = &[
    ("click", "select a line, again for its detail"),
    ("on a heading", "sort by it, again the other way round"),
    ("on a name", "show that view"),
    ("wheel", "move"),
    ("Shift-drag", "select text, in most terminals"),
];

/// The last line that can be the first one shown, for a terminal of this size.
pub(crate) fn help_len(size: (u16, u16)) -> u16 {
    let room = usize::from(size.1.saturating_sub(2));
    u16::try_from(lines(Theme::Plain).len().saturating_sub(room)).unwrap_or(u16::MAX)
}

pub(super) fn draw(model: &Model, theme: Theme, frame: &mut Frame<'_>) {
    let lines = lines(theme);
    let height = u16::try_from(lines.len() + 2).unwrap_or(u16::MAX);
    let more = if help_len(model.size) > 0 { "help (↑ ↓ for more)" } else { "help" };
    let inside = panel(frame, theme, more, WIDTH, height);
    frame.render_widget(Paragraph::new(lines).scroll((model.help_offset, 0)), inside);
}

fn lines(theme: Theme) -> Vec<Line<'static>> {
    let heading = |text: &'static str| Line::styled(text, theme.heading());
    let mut lines: Vec<Line<'static>> = keys::KEYS.iter().map(|binding| of_binding(theme, binding)).collect();
    lines.push(heading("The mouse"));
    lines.extend(MOUSE.iter().map(|(what, text)| row(theme, (*what).to_owned(), text)));
    lines.push(heading("While a question is open"));
    lines.extend(keys::REPLIES.iter().map(|binding| of_binding(theme, binding)));
    lines.push(heading("While the filter is typed"));
    lines.extend(keys::TYPING.iter().map(|binding| of_binding(theme, binding)));
    lines.push(heading("Signs"));
    lines.extend(SIGNS.iter().map(|(sign, text)| row(theme, (*sign).to_owned(), text)));
    lines
}

fn of_binding<T>(theme: Theme, binding: &Binding<T>) -> Line<'static> {
    row(theme, binding.all(), binding.help)
}

fn row(theme: Theme, keys: String, text: &'static str) -> Line<'static> {
    Line::from(vec![Span::styled(format!("{keys:<KEYS_WIDTH$}"), theme.heading()), Span::raw(text)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_to_be_read_in_the_smallest_terminal() {
        for line in lines(Theme::Plain) {
            assert!(line.width() <= usize::from(WIDTH - 4), "{line}");
        }
    }
}
