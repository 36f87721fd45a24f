//! Lengths of time as people write them: `500ms`, `30s`, `5m`, `1h30m`, `7d`.

use std::time::Duration;

/// Why a text is no length of time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// It has another form.
    #[error("`{0}` is no length of time: write it like 500ms, 30s, 5m, 1h30m or 7d")]
    Malformed(String),
    /// It is longer than any use.
    #[error("`{0}` is longer than a hundred years")]
    TooLong(String),
}

/// Units with their milliseconds, largest first: the order in which a text must name them.
const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

const LONGEST_MS: u64 = 100 * 366 * 86_400_000;

/// Reads a length of time. A number without a unit is refused, because nobody can tell what it means, except `0`.
///
/// # Errors
/// [`DurationError`].
pub fn parse_duration(text: &str) -> Result<Duration, DurationError> {
    let malformed = || DurationError::Malformed(text.to_owned());
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let mut rest = text;
    let mut units = UNITS.iter();
    let mut total_ms: u64 = 0;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, after) = rest.split_at(digits);
        let letters = after.bytes().take_while(u8::is_ascii_alphabetic).count();
        let (unit, next) = after.split_at(letters);
        let (_, unit_ms) = units.by_ref().find(|(name, _)| *name == unit).ok_or_else(malformed)?;
        if number.is_empty() {
            return Err(malformed());
        }
        let part = number.parse::<u64>().ok().and_then(|number| number.checked_mul(*unit_ms));
        total_ms = part
            .and_then(|part| total_ms.checked_add(part))
            .filter(|total| *total <= LONGEST_MS)
            .ok_or_else(|| DurationError::TooLong(text.to_owned()))?;
        rest = next;
    }
    if text.is_empty() { Err(malformed()) } else { Ok(Duration::from_millis(total_ms)) }
}

/// Writes a length of time so that [`parse_duration`] reads it.
#[must_use]
pub fn show_duration(duration: Duration) -> String {
    let mut rest = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let mut shown = String::new();
    for (unit, unit_ms) in UNITS {
        let count = rest / unit_ms;
        rest %= unit_ms;
        if count > 0 {
            shown.push_str(&format!("{count}{unit}"));
        }
    }
    if shown.is_empty() { "0".to_owned() } else { shown }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_read_and_written() {
        for (text, millis, shown) in [
            ("0", 0, "0"),
            ("0s", 0, "0"),
            ("1ms", 1, "1ms"),
            ("30s", 30_000, "30s"),
            ("5m", 300_000, "5m"),
            ("90m", 5_400_000, "1h30m"),
            ("1h30m", 5_400_000, "1h30m"),
            ("1h500ms", 3_600_500, "1h500ms"),
            ("24h", 86_400_000, "1d"),
            ("7d", 604_800_000, "7d"),
            ("1d2h3m4s5ms", 93_784_005, "1d2h3m4s5ms"),
        ] {
            let duration = Duration::from_millis(millis);
            assert_eq!(parse_duration(text), Ok(duration), "{text}");
            assert_eq!(show_duration(duration), shown);
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in ["", "5", "m", "5 m", "-5m", "5x", "5m5", "5m5m", "5s1h", "1.5h", "5M", "m5", "ä", "5mä"] {
            assert_eq!(parse_duration(text), Err(DurationError::Malformed(text.to_owned())), "{text}");
        }
        for text in ["99999999999999999999s", "18446744073709551615d", "40000d"] {
            assert_eq!(parse_duration(text), Err(DurationError::TooLong(text.to_owned())), "{text}");
        }
    }
}
