//! Texts of foreign origin, made to fit: by the columns they take on the screen, not by their bytes or characters.

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// A text in exactly `width` columns: cut with `…`, or padded. What would not be seen, or would move the cursor, is
/// shown as `?`.
pub(crate) fn fit(text: &str, width: u16, is_number: bool) -> String {
    let (mut cut, taken) = shorten(text, width);
    let blank = " ".repeat(usize::from(width).saturating_sub(taken));
    if is_number {
        cut.insert_str(0, &blank);
    } else {
        cut.push_str(&blank);
    }
    cut
}

/// A text in at most `width` columns.
pub(crate) fn cut(text: &str, width: u16) -> String {
    shorten(text, width).0
}

/// How many columns a text takes.
pub(crate) fn width(text: &str) -> u16 {
    u16::try_from(text.width()).unwrap_or(u16::MAX)
}

fn shorten(text: &str, width: u16) -> (String, usize) {
    let width = usize::from(width);
    let (mut kept, mut taken) = (String::new(), 0);
    // Where the text would end, were it to be cut.
    let (mut end, mut end_taken) = (0, 0);
    for grapheme in text.graphemes(true) {
        let grapheme = if grapheme.chars().any(char::is_control) { "?" } else { grapheme };
        let columns = grapheme.width();
        if taken + columns > width {
            kept.truncate(end);
            if width == 0 {
                return (kept, 0);
            }
            kept.push('…');
            return (kept, end_taken + 1);
        }
        kept.push_str(grapheme);
        taken += columns;
        if taken < width {
            (end, end_taken) = (kept.len(), taken);
        }
    }
    (kept, taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_by_columns() {
        for (text, columns, shown) in [
            ("web", 5, "web  "),
            ("web", 3, "web"),
            ("webs", 3, "we…"),
            ("店の前", 6, "店の前"),
            ("店の前", 5, "店の…"),
            ("店の前", 4, "店… "),
            ("店の前", 1, "…"),
            ("a店", 2, "a…"),
            ("e\u{301}e\u{301}e\u{301}", 2, "e\u{301}…"),
            ("a\x1b[31mb\n", 9, "a?[31mb? "),
            ("x", 0, ""),
        ] {
            assert_eq!(fit(text, columns, false), shown, "{text:?} in {columns}");
            assert_eq!(width(&fit(text, columns, false)), columns);
        }
        assert_eq!(fit("80", 5, true), "   80");
    }
}
