//! The columns of each list: the same for its headings, its cells, its sorting, and where a click goes.

use super::Tab;

/// One column.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Column {
    pub(crate) title: &'static str,
    /// How wide it is; the widest columns share what is left.
    pub(crate) width: u16,
    /// Whether it takes a share of what is left.
    pub(crate) grows: bool,
    /// It is shown in lists at least this wide.
    pub(crate) from: u16,
    /// Whether its cells end, instead of begin, where it does.
    pub(crate) is_number: bool,
}

/// Between two columns.
pub(crate) const GAP: u16 = 1;

const fn text(title: &'static str, width: u16, from: u16) -> Column {
    Column { title, width, grows: false, from, is_number: false }
}

const fn number(title: &'static str, width: u16, from: u16) -> Column {
    Column { title, width, grows: false, from, is_number: true }
}

const fn growing(title: &'static str, width: u16, from: u16) -> Column {
    Column { title, width, grows: true, from, is_number: false }
}

const LEASES: &[Column] = &[
    growing("SERVICE", 10, 0),
    number("PORT", 10, 0),
    text("STATE", 15, 0),
    number("AGE", 4, 0),
    number("LEFT", 4, 0),
    growing("HOLDER", 8, 0),
    text("SESSION", 18, 100),
];

const LISTENERS: &[Column] = &[
    number("PORT", 5, 0),
    text("PROTO", 5, 0),
    growing("LEASE", 14, 0),
    growing("COMMAND", 14, 0),
    number("PID", 7, 0),
    text("ADDRESS", 16, 70),
    growing("WORKTREE", 14, 100),
];

const CLAIMS: &[Column] = &[
    growing("SERVICE", 10, 0),
    number("PORT", 10, 0),
    text("STANDS", 16, 0),
    number("USED", 5, 0),
    growing("LEASE", 10, 70),
];

const EVENTS: &[Column] = &[
    number("AGO", 4, 0),
    text("EVENT", 12, 0),
    growing("WHO", 16, 0),
    number("PORT", 5, 0),
    growing("WHAT", 12, 0),
    growing("WORKTREE", 14, 100),
];

/// The columns of a view; none for the one without a list.
pub(crate) const fn columns(tab: Tab) -> &'static [Column] {
    match tab {
        Tab::Leases => LEASES,
        Tab::Listeners => LISTENERS,
        Tab::Claims => CLAIMS,
        Tab::Events => EVENTS,
        Tab::Overview => &[],
    }
}

/// The columns shown in a list of this width: their index, their left edge, and how wide they are.
pub(crate) fn places(tab: Tab, width: u16) -> Vec<(usize, u16, u16)> {
    let shown = || columns(tab).iter().enumerate().filter(|(_, column)| column.from <= width);
    let taken: u16 = shown().map(|(_, column)| column.width + GAP).sum::<u16>().saturating_sub(GAP);
    let growing = u16::try_from(shown().filter(|(_, column)| column.grows).count()).unwrap_or(1).max(1);
    let left = width.saturating_sub(taken);
    let (share, mut rest) = (left / growing, left % growing);
    let mut at = 0_u16;
    let mut places = Vec::new();
    for (index, column) in shown() {
        let extra = if column.grows { share + u16::from(std::mem::take(&mut rest) > 0) } else { 0 };
        let room = (column.width + extra).min(width.saturating_sub(at));
        if room > 0 {
            places.push((index, at, room));
        }
        at = at.saturating_add(column.width + extra + GAP);
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_never_overlap_or_leave_the_list() {
        for tab in Tab::ALL {
            for width in 0..200 {
                let places = places(tab, width);
                for pair in places.windows(2) {
                    assert!(pair[0].1 + pair[0].2 < pair[1].1 + 1, "{tab:?} at {width}");
                }
                assert!(places.iter().all(|(_, at, room)| at + room <= width), "{tab:?} at {width}");
            }
        }
    }

    #[test]
    fn at_the_smallest_size_every_column_for_it_has_its_width() {
        for tab in Tab::ALL {
            let wanted = columns(tab).iter().filter(|column| column.from == 0).count();
            let full = places(tab, 58);
            assert_eq!(full.len(), wanted, "{tab:?}");
            assert!(full.iter().all(|(index, _, room)| *room >= columns(tab)[*index].width), "{tab:?}");
        }
    }
}
