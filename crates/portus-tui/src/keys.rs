//! The one table of keys: the dispatcher reads it, and the help screen is drawn from it.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::model::Tab;

/// What a key does while nothing is open that takes keys for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    Quit,
    Suspend,
    Redraw,
    Help,
    Show(Tab),
    NextTab,
    PreviousTab,
    Up,
    Down,
    PageUp,
    PageDown,
    Top,
    Bottom,
    Detail,
    DetailUp,
    DetailDown,
    Back,
    Filter,
    Sort,
    Reverse,
    Scope,
    Refresh,
    Release,
    Kill,
    Pin,
    Forget,
    Quarantine,
    Open,
    CopyPort,
    CopyUrl,
}

/// What a key does while a question is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reply {
    Yes,
    No,
    Force,
}

/// What a key does while the filter is typed; every other character goes into it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Typing {
    Keep,
    Drop,
    Erase,
    EraseAll,
}

/// A key, with or without Ctrl.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Press {
    code: KeyCode,
    ctrl: bool,
}

/// Keys that do the same, and what it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Binding<T: 'static> {
    pub(crate) keys: &'static [Press],
    pub(crate) does: T,
    /// One word, for the line at the bottom; empty where it is not shown there.
    pub(crate) label: &'static str,
    /// A sentence, for the help.
    pub(crate) help: &'static str,
}

const fn key(code: KeyCode) -> Press {
    Press { code, ctrl: false }
}

const fn letter(letter: char) -> Press {
    key(KeyCode::Char(letter))
}

const fn ctrl(letter: char) -> Press {
    Press { code: KeyCode::Char(letter), ctrl: true }
}

const fn bind<T>(keys: &'static [Press], does: T, label: &'static str, help: &'static str) -> Binding<T> {
    Binding { keys, does, label, help }
}

/// Whenever nothing is open. In the order of the help.
pub(crate) const KEYS: &[Binding<Action>] = &[
    bind(&[letter('?'), key(KeyCode::F(1))], Action::Help, "help", "show or hide this help"),
    bind(&[letter('q'), ctrl('c')], Action::Quit, "quit", "quit; leases and servers stay"),
    bind(&[key(KeyCode::Enter), letter('d')], Action::Detail, "detail", "who has it, who listens, and why"),
    bind(&[letter('/')], Action::Filter, "filter", "filter as you type; words must all occur"),
    bind(&[letter('r')], Action::Release, "release", "give the lease back (asks)"),
    bind(&[letter('K')], Action::Kill, "kill", "end what listens there (shows, asks)"),
    bind(&[letter('p')], Action::Pin, "pin", "pin the number for good, or unpin (asks)"),
    bind(&[letter('f')], Action::Forget, "forget", "drop the claim on the number (asks)"),
    bind(&[letter('z')], Action::Quarantine, "quarantine", "hand the port out no more, or again"),
    bind(&[letter('o')], Action::Open, "open", "open http://localhost:PORT"),
    bind(&[letter('c')], Action::CopyPort, "copy", "copy the port"),
    bind(&[letter('C')], Action::CopyUrl, "", "copy the URL"),
    bind(&[letter('w')], Action::Scope, "scope", "all, this project, this worktree"),
    bind(&[letter('s')], Action::Sort, "sort", "sort by the next column"),
    bind(&[letter('S')], Action::Reverse, "", "sort the other way round"),
    bind(&[letter('R'), key(KeyCode::F(5))], Action::Refresh, "look", "look again; connect, start the daemon"),
    bind(&[letter('1')], Action::Show(Tab::Leases), "", "leases, by project and worktree"),
    bind(&[letter('2')], Action::Show(Tab::Listeners), "", "every listener on the machine"),
    bind(&[letter('3')], Action::Show(Tab::Claims), "", "claims, and ports in quarantine"),
    bind(&[letter('4')], Action::Show(Tab::Events), "", "what happens, as it happens"),
    bind(&[letter('5')], Action::Show(Tab::Overview), "", "the pool, rates, and what needs a look"),
    bind(&[key(KeyCode::Tab), key(KeyCode::Right)], Action::NextTab, "", "the next view"),
    bind(&[key(KeyCode::BackTab), key(KeyCode::Left)], Action::PreviousTab, "", "the view before"),
    bind(&[key(KeyCode::Up), letter('k')], Action::Up, "", "up"),
    bind(&[key(KeyCode::Down), letter('j')], Action::Down, "", "down"),
    bind(&[key(KeyCode::PageUp), ctrl('b')], Action::PageUp, "", "a page up"),
    bind(&[key(KeyCode::PageDown), ctrl('f')], Action::PageDown, "", "a page down"),
    bind(&[key(KeyCode::Home), letter('g')], Action::Top, "", "to the first"),
    bind(&[key(KeyCode::End), letter('G')], Action::Bottom, "", "to the last"),
    bind(&[letter('[')], Action::DetailUp, "", "the detail up"),
    bind(&[letter(']')], Action::DetailDown, "", "the detail down"),
    bind(&[key(KeyCode::Esc)], Action::Back, "", "close what is open, or drop the filter"),
    bind(&[ctrl('l')], Action::Redraw, "", "draw everything anew"),
    bind(&[ctrl('z')], Action::Suspend, "", "stop; `fg` comes back"),
];

/// While a question is open.
pub(crate) const REPLIES: &[Binding<Reply>] = &[
    bind(&[letter('y')], Reply::Yes, "yes", "do it"),
    bind(&[letter('F')], Reply::Force, "force", "do it although it is not this worktree's"),
    bind(&[letter('n'), key(KeyCode::Esc), letter('q'), ctrl('c')], Reply::No, "no", "change nothing"),
];

/// While the filter is typed.
pub(crate) const TYPING: &[Binding<Typing>] = &[
    bind(&[key(KeyCode::Enter)], Typing::Keep, "keep", "keep the filter"),
    bind(&[key(KeyCode::Esc), ctrl('c')], Typing::Drop, "drop", "drop the filter"),
    bind(&[key(KeyCode::Backspace)], Typing::Erase, "", "erase a character"),
    bind(&[ctrl('u')], Typing::EraseAll, "", "erase everything"),
];

/// What a key does, by a table.
pub(crate) fn find<T: Copy>(table: &[Binding<T>], event: KeyEvent) -> Option<T> {
    let has_ctrl = event.modifiers.contains(KeyModifiers::CONTROL);
    let is = |press: &Press| press.code == event.code && press.ctrl == has_ctrl;
    table.iter().find(|binding| binding.keys.iter().any(is)).map(|binding| binding.does)
}

impl<T> Binding<T> {
    /// The first of its keys, as people write it.
    pub(crate) fn first(&self) -> String {
        self.keys.first().map(Press::shown).unwrap_or_default()
    }

    /// All of its keys, as people write them.
    pub(crate) fn all(&self) -> String {
        self.keys.iter().map(Press::shown).collect::<Vec<_>>().join(" ")
    }
}

impl Press {
    fn shown(&self) -> String {
        let name = match self.code {
            KeyCode::Char(letter) if self.ctrl => letter.to_ascii_uppercase().to_string(),
            KeyCode::Char(letter) => letter.to_string(),
            KeyCode::Up => "↑".to_owned(),
            KeyCode::Down => "↓".to_owned(),
            KeyCode::Left => "←".to_owned(),
            KeyCode::Right => "→".to_owned(),
            KeyCode::PageUp => "PgUp".to_owned(),
            KeyCode::PageDown => "PgDn".to_owned(),
            KeyCode::BackTab => "Shift-Tab".to_owned(),
            other => other.to_string(),
        };
        if self.ctrl { format!("Ctrl-{name}") } else { name }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[track_caller]
    fn is_unambiguous<T>(table: &[Binding<T>]) {
        let mut seen = BTreeSet::new();
        for press in table.iter().flat_map(|binding| binding.keys) {
            assert!(seen.insert(press.shown()), "{} does two things", press.shown());
        }
        assert!(table.iter().all(|binding| !binding.help.is_empty() && !binding.keys.is_empty()));
    }

    #[test]
    fn no_key_does_two_things_and_every_key_has_a_sentence() {
        is_unambiguous(KEYS);
        is_unambiguous(REPLIES);
        is_unambiguous(TYPING);
    }

    #[test]
    fn ctrl_makes_another_key_and_shift_is_in_the_letter() {
        let press = |code, modifiers| find(KEYS, KeyEvent::new(code, modifiers));
        assert_eq!(press(KeyCode::Char('c'), KeyModifiers::NONE), Some(Action::CopyPort));
        assert_eq!(press(KeyCode::Char('C'), KeyModifiers::SHIFT), Some(Action::CopyUrl));
        assert_eq!(press(KeyCode::Char('c'), KeyModifiers::CONTROL), Some(Action::Quit));
        assert_eq!(press(KeyCode::Char('x'), KeyModifiers::NONE), None);
    }
}
