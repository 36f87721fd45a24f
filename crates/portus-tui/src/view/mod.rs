//! The picture: drawn from the model alone, and from as much of it as can be seen.

mod chrome;
mod detail;
mod help;
mod list;
mod overview;
mod question;
#[cfg(test)]
mod tests;

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::{Block, Clear, Paragraph, Wrap};
use unicode_width::UnicodeWidthStr as _;

pub(crate) use help::help_len;

use crate::layout::{Areas, SIZE_MIN};
use crate::model::{Model, Tab};
use crate::theme::Theme;

/// Draws everything.
pub(crate) fn draw(model: &Model, theme: Theme, frame: &mut Frame<'_>) {
    let areas = Areas::of(model);
    chrome::tabs(model, theme, frame, areas.tabs);
    chrome::summary(model, theme, frame, areas.summary);
    if model.tab == Tab::Overview {
        overview::draw(model, theme, frame, areas.body);
    } else {
        list::draw(model, theme, frame, areas);
        if let Some(area) = areas.detail {
            detail::draw(model, theme, frame, area);
        }
    }
    chrome::footer(model, theme, frame, areas.footer);
    if model.has_help {
        help::draw(model, theme, frame);
    }
    if let Some(asked) = &model.question {
        question::draw(asked, theme, frame);
    }
}

/// A panel in the middle of the screen, over what was there, and the place inside it.
fn panel(frame: &mut Frame<'_>, theme: Theme, title: &str, width: u16, height: u16) -> Rect {
    let whole = frame.area();
    let (width, height) = (width.min(whole.width), height.min(whole.height));
    let area = Rect { x: (whole.width - width) / 2, y: (whole.height - height) / 2, width, height };
    let title = Line::styled(format!(" {} ", crate::cut::cut(title, width.saturating_sub(6))), theme.heading());
    let block = Block::bordered().title(title);
    let inside = block.inner(area);
    frame.render_widget(Clear, area);
    frame.render_widget(block, area);
    Rect { x: inside.x + 1, width: inside.width.saturating_sub(2), ..inside }
}

/// Lines, broken between words where they are too long.
fn wrapped(lines: Vec<Line<'_>>) -> Paragraph<'_> {
    Paragraph::new(lines).wrap(Wrap { trim: false })
}

/// What a frame shows, as text: without styles, and without what is blank at the ends of lines.
pub(crate) fn as_text(buffer: &Buffer) -> String {
    let area = buffer.area;
    let mut text = String::new();
    for y in area.top()..area.bottom() {
        let (mut line, mut x) = (String::new(), area.left());
        while x < area.right() {
            let symbol = buffer.cell((x, y)).map_or(" ", |cell| cell.symbol());
            line.push_str(symbol);
            // What is wide covers the cell behind it.
            x += u16::try_from(symbol.width().max(1)).unwrap_or(1);
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// Whether everything has its place.
fn is_too_small(model: &Model) -> bool {
    model.size.0 < SIZE_MIN.0 || model.size.1 < SIZE_MIN.1
}
