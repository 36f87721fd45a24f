//! Keys, the mouse, and other sizes.

use crossterm::event::{Event as Input, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};

use super::acts;
use crate::keys::{self, Action, Typing};
use crate::layout::{self, Areas};
use crate::message::Cmd;
use crate::model::{Model, Scope, Tab, columns};

/// The wheel moves by so many lines.
const WHEEL_LINES: isize = 3;
/// No detail is longer.
const DETAIL_OFFSET_MAX: u16 = 60;
/// A filter is at most so long.
const FILTER_LEN_MAX: usize = 200;

pub(super) fn on_input(model: &mut Model, event: Input) -> Vec<Cmd> {
    model.settle();
    let selected = model.selected_port();
    let cmds = match event {
        Input::Key(key) if key.kind != KeyEventKind::Release => on_key(model, key),
        Input::Mouse(mouse) => on_mouse(model, mouse),
        Input::Resize(width, height) => {
            model.size = (width, height);
            Vec::new()
        }
        Input::Paste(text) if model.is_typing => {
            text.chars().filter(|c| !c.is_control()).for_each(|c| type_in(model, c));
            Vec::new()
        }
        Input::Key(_) | Input::Paste(_) | Input::FocusGained | Input::FocusLost => Vec::new(),
    };
    model.settle();
    if model.selected_port() != selected {
        model.detail_offset = 0;
    }
    cmds
}

fn on_key(model: &mut Model, key: KeyEvent) -> Vec<Cmd> {
    model.notice = None;
    if model.question.is_some() {
        return keys::find(keys::REPLIES, key).map_or_else(Vec::new, |reply| acts::answer(model, reply));
    }
    if model.is_typing {
        on_typing(model, key);
        return Vec::new();
    }
    keys::find(keys::KEYS, key).map_or_else(Vec::new, |action| perform(model, action))
}

fn on_typing(model: &mut Model, key: KeyEvent) {
    match keys::find(keys::TYPING, key) {
        Some(Typing::Keep) => model.is_typing = false,
        Some(Typing::Drop) => {
            model.is_typing = false;
            model.filter.clear();
        }
        Some(Typing::Erase) => drop(model.filter.pop()),
        Some(Typing::EraseAll) => model.filter.clear(),
        None => match key.code {
            KeyCode::Char(letter) if !key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT) => {
                type_in(model, letter);
            }
            // The list can be moved in while the filter is typed.
            KeyCode::Up => model.current_mut().step(-1),
            KeyCode::Down => model.current_mut().step(1),
            _ => {}
        },
    }
    model.disorder();
}

fn type_in(model: &mut Model, letter: char) {
    if model.filter.chars().count() < FILTER_LEN_MAX {
        model.filter.push(letter);
        model.disorder();
    }
}

fn perform(model: &mut Model, action: Action) -> Vec<Cmd> {
    if model.has_help && scroll_help(model, action) {
        return Vec::new();
    }
    let page = isize::try_from(Areas::of(model).rows.height.max(1)).unwrap_or(1);
    match action {
        Action::Quit => return vec![Cmd::Quit],
        Action::Suspend => return vec![Cmd::Suspend],
        Action::Redraw => return vec![Cmd::Redraw],
        Action::Help => {
            model.has_help = !model.has_help;
            model.help_offset = 0;
        }
        Action::Show(tab) => model.tab = tab,
        Action::NextTab => model.tab = neighbour(model.tab, 1),
        Action::PreviousTab => model.tab = neighbour(model.tab, Tab::ALL.len() - 1),
        Action::Up => model.current_mut().step(-1),
        Action::Down => model.current_mut().step(1),
        Action::PageUp => model.current_mut().step(-page),
        Action::PageDown => model.current_mut().step(page),
        Action::Top => model.current_mut().step(isize::MIN),
        Action::Bottom => model.current_mut().step(isize::MAX),
        Action::Detail => model.has_detail = !model.has_detail,
        Action::DetailUp => model.detail_offset = model.detail_offset.saturating_sub(1),
        Action::DetailDown => model.detail_offset = (model.detail_offset + 1).min(DETAIL_OFFSET_MAX),
        Action::Back => back(model),
        Action::Filter => model.is_typing = true,
        Action::Sort => {
            let next = (model.current().sort + 1) % columns::columns(model.tab).len().max(1);
            sort(model, next, false);
        }
        Action::Reverse => sort(model, model.current().sort, !model.current().reverse),
        Action::Scope => {
            model.scope = match model.scope {
                Scope::All => Scope::Project,
                Scope::Project => Scope::Worktree,
                Scope::Worktree => Scope::All,
            };
            model.disorder();
        }
        Action::Refresh => {
            model.listening.want();
            model.explained.looking.want();
            return if model.link == crate::model::Link::Up { Vec::new() } else { vec![Cmd::Reconnect] };
        }
        Action::Release
        | Action::Kill
        | Action::Pin
        | Action::Forget
        | Action::Quarantine
        | Action::Open
        | Action::CopyPort
        | Action::CopyUrl => return acts::begin(model, action),
    }
    Vec::new()
}

fn sort(model: &mut Model, column: usize, reverse: bool) {
    let table = model.current_mut();
    (table.sort, table.reverse, table.is_stale) = (column, reverse, true);
}

/// The help takes the keys that move, and every other key closes it first.
fn scroll_help(model: &mut Model, action: Action) -> bool {
    let by: i32 = match action {
        Action::Up => -1,
        Action::Down => 1,
        Action::PageUp => -10,
        Action::PageDown => 10,
        Action::Top => i32::from(i16::MIN),
        Action::Bottom => i32::from(i16::MAX),
        Action::Help | Action::Suspend | Action::Redraw => return false,
        Action::Back | Action::Quit | Action::Detail => {
            model.has_help = false;
            return true;
        }
        _ => {
            model.has_help = false;
            return false;
        }
    };
    let last = i32::from(crate::view::help_len(model.size));
    let offset = (i32::from(model.help_offset) + by).clamp(0, last);
    model.help_offset = u16::try_from(offset).unwrap_or(0);
    true
}

fn back(model: &mut Model) {
    if model.has_detail {
        model.has_detail = false;
    } else if !model.filter.is_empty() {
        model.filter.clear();
        model.disorder();
    }
}

fn neighbour(tab: Tab, by: usize) -> Tab {
    Tab::ALL[(tab.index() + by) % Tab::ALL.len()]
}

fn on_mouse(model: &mut Model, mouse: MouseEvent) -> Vec<Cmd> {
    if model.question.is_some() {
        return Vec::new();
    }
    let height = usize::from(Areas::of(model).rows.height);
    match mouse.kind {
        MouseEventKind::ScrollUp if model.has_help => drop(scroll_help(model, Action::Up)),
        MouseEventKind::ScrollDown if model.has_help => drop(scroll_help(model, Action::Down)),
        MouseEventKind::ScrollUp => model.current_mut().scroll(-WHEEL_LINES, height),
        MouseEventKind::ScrollDown => model.current_mut().scroll(WHEEL_LINES, height),
        MouseEventKind::Down(MouseButton::Left) => click(model, mouse.column, mouse.row),
        _ => {}
    }
    Vec::new()
}

fn click(model: &mut Model, x: u16, y: u16) {
    model.notice = None;
    if std::mem::take(&mut model.has_help) {
        return;
    }
    let areas = Areas::of(model);
    let at = ratatui::layout::Position { x, y };
    if areas.tabs.contains(at) {
        let places = layout::tab_places(model.size.0);
        if let Some((tab, ..)) = places.into_iter().find(|(_, left, room)| (*left..left + room).contains(&x)) {
            model.tab = tab;
        }
    } else if areas.headings.contains(at) {
        let places = columns::places(model.tab, layout::list_width(areas.headings.width));
        let x = x.saturating_sub(areas.headings.x + layout::MARGIN);
        if let Some((column, ..)) = places.into_iter().find(|(_, left, room)| (*left..left + room).contains(&x)) {
            let reverse = model.current().sort == column && !model.current().reverse;
            sort(model, column, reverse);
        }
    } else if areas.rows.contains(at) {
        let line = model.current().offset + usize::from(y - areas.rows.y);
        // A second click on the same line opens it.
        if model.current_mut().select(line) == Some(true) {
            model.has_detail = !model.has_detail;
        }
    }
}
