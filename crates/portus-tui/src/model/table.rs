//! A list on the screen: which lines it has, which is selected, and which part of it is to be seen.

use portus_core::{LeaseId, Port};
use portus_proto::Key;

use super::ledger::ListenerId;

/// One line of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Line {
    /// The heading of what follows.
    Group {
        /// A project, or what the group is.
        title: String,
        /// Its worktree.
        place: String,
        /// How many lines belong to it.
        count: usize,
    },
    /// Something that can be selected.
    Item(Item),
}

/// Something that can be selected. Stays the same while its line moves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Item {
    Lease(LeaseId),
    Listener(ListenerId),
    Claim(Key),
    Quarantine(Port),
    Event(u64),
}

/// A list on the screen.
#[derive(Debug, Default)]
pub(crate) struct Table {
    lines: Vec<Line>,
    /// The index of the selected line.
    cursor: usize,
    /// The index of the first line to be seen.
    pub(crate) offset: usize,
    /// The column it is sorted by.
    pub(crate) sort: usize,
    /// Whether it is sorted the other way round.
    pub(crate) reverse: bool,
    /// Whether the lines are not up to date.
    pub(crate) is_stale: bool,
    /// Whether the selection stays with the first line instead of with what stands there.
    follows_top: bool,
}

impl Table {
    /// An empty list. One that `follows_top` shows the newest until somebody moves away from it.
    pub(crate) fn new(follows_top: bool) -> Self {
        Self { is_stale: true, follows_top, ..Self::default() }
    }

    /// All lines.
    pub(crate) fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// How many things can be selected.
    pub(crate) fn item_count(&self) -> usize {
        self.lines.iter().filter(|line| matches!(line, Line::Item(_))).count()
    }

    /// What is selected.
    pub(crate) fn selected(&self) -> Option<&Item> {
        match self.lines.get(self.cursor) {
            Some(Line::Item(item)) => Some(item),
            Some(Line::Group { .. }) | None => None,
        }
    }

    /// The index of the selected line.
    pub(crate) const fn cursor(&self) -> usize {
        self.cursor
    }

    /// Other lines; the selection stays with its item, or with its place if that is gone.
    pub(crate) fn replace(&mut self, lines: Vec<Line>) {
        let stays_on_top = self.follows_top && self.cursor == 0;
        let selected = if stays_on_top { None } else { self.selected().cloned() };
        self.lines = lines;
        self.is_stale = false;
        if stays_on_top {
            self.cursor = 0;
        } else if let Some(item) = selected
            && let Some(at) = self.lines.iter().position(|line| matches!(line, Line::Item(other) if *other == item))
        {
            self.cursor = at;
        }
        self.cursor = self.cursor.min(self.lines.len().saturating_sub(1));
        self.off_group(true);
    }

    /// Moves the selection by so many lines.
    pub(crate) fn step(&mut self, by: isize) {
        let last = self.lines.len().saturating_sub(1);
        self.cursor = self.cursor.saturating_add_signed(by).min(last);
        self.off_group(by > 0);
    }

    /// Selects the line at this index, if it can be selected. Whether it was selected already.
    pub(crate) fn select(&mut self, at: usize) -> Option<bool> {
        let is_item = matches!(self.lines.get(at), Some(Line::Item(_)));
        is_item.then(|| std::mem::replace(&mut self.cursor, at) == at)
    }

    /// Moves what is to be seen without the selection, as the wheel does; the selection stays on the screen.
    pub(crate) fn scroll(&mut self, by: isize, height: usize) {
        self.offset = self.offset.saturating_add_signed(by).min(self.lines.len().saturating_sub(height));
        let bottom = (self.offset + height).saturating_sub(1);
        self.cursor = self.cursor.clamp(self.offset, bottom.max(self.offset));
        self.cursor = self.cursor.min(self.lines.len().saturating_sub(1));
        self.off_group(by >= 0);
    }

    /// Makes the selection visible in so many lines, with the heading above it where there is room.
    pub(crate) fn show_cursor(&mut self, height: usize) {
        if height == 0 {
            // Nothing of it is to be seen, as when the detail has its place: it comes back as it was.
            return;
        }
        let heading = self.cursor.checked_sub(1).filter(|at| matches!(self.lines.get(*at), Some(Line::Group { .. })));
        let top = heading.filter(|_| height > 1).unwrap_or(self.cursor);
        if top < self.offset {
            self.offset = top;
        }
        if self.cursor >= self.offset + height {
            self.offset = self.cursor + 1 - height;
        }
        self.offset = self.offset.min(self.lines.len().saturating_sub(height));
    }

    /// The lines to be seen, with their indices.
    pub(crate) fn visible(&self, height: usize) -> impl Iterator<Item = (usize, &Line)> {
        self.lines.iter().enumerate().skip(self.offset).take(height)
    }

    /// A heading cannot be selected: goes on in the direction of the movement, else back.
    fn off_group(&mut self, downwards: bool) {
        let is_item = |line: &Line| matches!(line, Line::Item(_));
        let below = || self.lines.iter().enumerate().skip(self.cursor).find(|(_, line)| is_item(line));
        let above = || self.lines.iter().enumerate().take(self.cursor + 1).rev().find(|(_, line)| is_item(line));
        let found = if downwards { below().or_else(above) } else { above().or_else(below) };
        self.cursor = found.map_or(0, |(at, _)| at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group() -> Line {
        Line::Group { title: "shop".to_owned(), place: "/work".to_owned(), count: 1 }
    }

    fn event(number: u64) -> Line {
        Line::Item(Item::Event(number))
    }

    #[test]
    fn the_selection_steps_over_headings_and_stops_at_the_ends() {
        let mut table = Table::new(false);
        table.replace(vec![group(), event(1), group(), event(2), event(3)]);
        let mut seen = vec![table.cursor()];
        for by in [1, 1, 1, -1, -1, -1, 100, -100] {
            table.step(by);
            seen.push(table.cursor());
        }
        assert_eq!(seen, [1, 3, 4, 4, 3, 1, 1, 4, 1]);
    }

    #[test]
    fn the_selection_stays_with_its_item_and_else_with_its_place() {
        let mut table = Table::new(false);
        table.replace(vec![event(1), event(2), event(3)]);
        table.step(1);
        table.replace(vec![event(0), event(1), event(2), event(3)]);
        assert_eq!(table.selected(), Some(&Item::Event(2)));
        table.replace(vec![event(0), event(1), event(3)]);
        assert_eq!(table.selected(), Some(&Item::Event(3)));
        table.replace(Vec::new());
        assert_eq!(table.selected(), None);
        table.replace(vec![group(), event(9)]);
        assert_eq!(table.selected(), Some(&Item::Event(9)));
    }

    #[test]
    fn the_newest_is_followed_until_somebody_moves_away() {
        let mut table = Table::new(true);
        table.replace(vec![event(1)]);
        table.replace(vec![event(2), event(1)]);
        assert_eq!(table.selected(), Some(&Item::Event(2)));
        table.step(1);
        table.replace(vec![event(3), event(2), event(1)]);
        assert_eq!(table.selected(), Some(&Item::Event(1)));
    }

    #[test]
    fn the_selection_is_always_to_be_seen() {
        let mut table = Table::new(false);
        table.replace((0..100).map(event).collect());
        for (by, offset) in [(50, 41), (-5, 41), (-10, 35), (1_000, 90), (-1_000, 0)] {
            table.step(by);
            table.show_cursor(10);
            assert_eq!(table.offset, offset, "after {by}");
        }
        table.scroll(30, 10);
        assert_eq!((table.offset, table.cursor()), (30, 30));
        table.scroll(-500, 10);
        assert_eq!((table.offset, table.cursor()), (0, 9));
    }
}
