//! A question in the middle of the screen: what would be done, to whom, and which keys answer.

use ratatui::Frame;
use ratatui::text::{Line, Span};

use super::{panel, wrapped};
use crate::cut::{cut, width};
use crate::keys::REPLIES;
use crate::model::{Question, Stage};
use crate::theme::Theme;
use crate::words::Tone;

const WIDTH: u16 = 68;
/// So many processes are named; of the others, how many there are.
const PROCESSES_MAX: usize = 6;

pub(super) fn draw(question: &Question, theme: Theme, frame: &mut Frame<'_>) {
    let room = WIDTH.min(frame.area().width).saturating_sub(4);
    let mut lines: Vec<Line<'static>> = Vec::new();
    let tone = if question.stage == Stage::Insisting { Tone::Bad } else { Tone::Quiet };
    lines.extend(question.lines.iter().map(|line| Line::styled(line.clone(), theme.tone(tone))));
    if question.stage == Stage::Looking {
        lines.push(Line::styled("looking what that would end…", theme.faint()));
    }
    if !question.processes.is_empty() {
        lines.push(Line::styled("It would end:", theme.heading()));
    }
    for process in question.processes.iter().take(PROCESSES_MAX) {
        lines.push(Line::raw(cut(&format!("  {:>7}  {}", process.pid, process.command), room)));
    }
    if question.processes.len() > PROCESSES_MAX {
        lines.push(Line::raw(format!("  and {} more", question.processes.len() - PROCESSES_MAX)));
    }
    lines.push(Line::default());
    lines.push(replies(question.stage, theme));
    let height = lines.iter().map(|line| rows(line, room)).sum::<u16>().saturating_add(2);
    let inside = panel(frame, theme, &question.title, WIDTH, height);
    frame.render_widget(wrapped(lines), inside);
}

/// How many rows a line takes when it is broken between words, at most.
fn rows(line: &Line<'_>, room: u16) -> u16 {
    let text: String = line.spans.iter().map(|span| span.content.as_ref()).collect();
    let (mut rows, mut taken) = (1_u16, 0_u16);
    for word in text.split(' ') {
        let wide = width(word);
        if taken > 0 && taken + 1 + wide > room {
            rows += 1;
            taken = 0;
        }
        taken += wide + u16::from(taken > 0);
    }
    rows
}

fn replies(stage: Stage, theme: Theme) -> Line<'static> {
    let mut spans = Vec::new();
    for binding in REPLIES.iter().filter(|binding| stage.takes(binding.does)) {
        spans.push(Span::styled(binding.first(), theme.heading()));
        spans.push(Span::raw(format!(" {}   ", binding.help)));
    }
    Line::from(spans)
}
