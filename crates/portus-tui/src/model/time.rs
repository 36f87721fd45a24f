//! How long ago, how long still, and when that will read otherwise.

const SECOND: u64 = 1_000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// The unit in which a span is told: its length, its letter.
const fn unit(span_ms: u64) -> (u64, &'static str) {
    if span_ms < MINUTE {
        (SECOND, "s")
    } else if span_ms < HOUR {
        (MINUTE, "m")
    } else if span_ms < 2 * DAY {
        (HOUR, "h")
    } else {
        (DAY, "d")
    }
}

/// A span in its largest unit.
pub(crate) fn span(span_ms: u64) -> String {
    let (length, letter) = unit(span_ms);
    format!("{}{letter}", span_ms / length)
}

/// After how many milliseconds an age that is shown will read otherwise.
pub(crate) const fn until_older_ms(age_ms: u64) -> u64 {
    let (length, _) = unit(age_ms);
    length - age_ms % length
}

/// After how many milliseconds a time left that is shown will read otherwise; never, when it is over.
pub(crate) const fn until_less_ms(left_ms: u64) -> Option<u64> {
    if left_ms == 0 {
        return None;
    }
    let (length, _) = unit(left_ms);
    Some(left_ms % length + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_read_in_their_largest_unit() {
        for (ms, shown) in [(0, "0s"), (59_999, "59s"), (60_000, "1m"), (3_600_000, "1h"), (2 * DAY, "2d")] {
            assert_eq!(span(ms), shown);
        }
    }

    #[test]
    fn a_span_reads_otherwise_exactly_when_it_is_said_to() {
        for ms in [0, 1, 999, 1_000, 59_500, 60_000, 3_599_999, 3_600_001, DAY, 2 * DAY + 5] {
            let step = until_older_ms(ms);
            assert_eq!(span(ms), span(ms + step - 1), "{ms}");
            assert_ne!(span(ms), span(ms + step), "{ms}");
            if let Some(step) = until_less_ms(ms).filter(|step| *step <= ms) {
                assert_eq!(span(ms), span(ms + 1 - step), "{ms}");
                assert_ne!(span(ms), span(ms - step), "{ms}");
            }
        }
        assert_eq!(until_less_ms(0), None);
    }
}
