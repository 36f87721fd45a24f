//! Where everything is, by the size of the terminal. Pure: the view draws there, and the mouse is looked up there.

use ratatui::layout::Rect;

use crate::model::{Model, Tab};

/// The smallest terminal in which everything has its place.
pub(crate) const SIZE_MIN: (u16, u16) = (60, 15);
/// From this width on, the detail stands beside the list.
const BESIDE_FROM: u16 = 110;
/// From this height on, the detail stands below the list; in smaller terminals it takes the list's place.
const BELOW_FROM: u16 = 22;

/// Where everything is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Areas {
    /// The views' names, and how the daemon is.
    pub(crate) tabs: Rect,
    /// Scope, filter, counts.
    pub(crate) summary: Rect,
    /// The headings of the list.
    pub(crate) headings: Rect,
    /// The list.
    pub(crate) rows: Rect,
    /// What is known of the selected line.
    pub(crate) detail: Option<Rect>,
    /// A notice, or the most useful keys.
    pub(crate) footer: Rect,
    /// Between the summary and the footer.
    pub(crate) body: Rect,
}

impl Areas {
    /// For what is on the screen.
    pub(crate) fn of(model: &Model) -> Self {
        let (width, height) = model.size;
        let line = |y: u16| Rect { x: 0, y: y.min(height), width, height: u16::from(y < height) };
        let body = Rect { x: 0, y: 2.min(height), width, height: height.saturating_sub(3) };
        let has_detail = model.has_detail && model.tab != Tab::Overview;
        let (list, detail) = if has_detail { split(body) } else { (body, None) };
        let headings = Rect { height: list.height.min(1), ..list };
        let rows = Rect { y: list.y + headings.height, height: list.height - headings.height, ..list };
        Self { tabs: line(0), summary: line(1), headings, rows, detail, footer: line(height.saturating_sub(1)), body }
    }
}

fn split(body: Rect) -> (Rect, Option<Rect>) {
    if body.width >= BESIDE_FROM {
        let width = body.width * 2 / 5;
        let list = Rect { width: body.width - width, ..body };
        (list, Some(Rect { x: body.x + list.width, width, ..body }))
    } else if body.height + 3 >= BELOW_FROM {
        let height = body.height / 2;
        let list = Rect { height: body.height - height, ..body };
        (list, Some(Rect { y: body.y + list.height, height, ..body }))
    } else {
        (Rect { height: 0, ..body }, Some(body))
    }
}

/// The views' names on their line: where each begins and how wide it is.
pub(crate) fn tab_places(width: u16) -> Vec<(Tab, u16, u16)> {
    let mut at = 0_u16;
    let mut places = Vec::new();
    for tab in Tab::ALL {
        // A space on each side of the number and the name.
        let room = u16::try_from(tab.title().len() + 4).unwrap_or(u16::MAX);
        if at.saturating_add(room) <= width {
            places.push((tab, at, room));
        }
        at = at.saturating_add(room);
    }
    places
}

/// On each side of a list.
pub(crate) const MARGIN: u16 = 1;

/// The width that the columns of a list have.
pub(crate) const fn list_width(width: u16) -> u16 {
    width.saturating_sub(2 * MARGIN)
}
