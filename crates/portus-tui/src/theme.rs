//! Colours, which are never the only sign of anything.

use ratatui::style::{Color, Modifier, Style};

use crate::words::Tone;

/// Which colours suit the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Theme {
    /// None; what stands out is bold, underlined or reversed.
    Plain,
    /// For a dark background.
    Dark,
    /// For a light background.
    Light,
}

impl Theme {
    /// What the environment asks for: `NO_COLOR`, and `COLORFGBG` as some terminals set it. The colours of both themes
    /// come from the terminal's own palette, so that a wrong guess can still be read.
    #[must_use]
    pub fn of_environment(variable: impl Fn(&str) -> Option<String>) -> Self {
        if variable("NO_COLOR").is_some_and(|value| !value.is_empty()) {
            return Self::Plain;
        }
        let background = variable("COLORFGBG").and_then(|value| value.rsplit(';').next()?.parse::<u8>().ok());
        match background {
            Some(7 | 9..=15) => Self::Light,
            _ => Self::Dark,
        }
    }

    /// How much something asks to be looked at.
    pub(crate) fn tone(self, tone: Tone) -> Style {
        let color = match (self, tone) {
            (Self::Plain, Tone::Bad) => return Style::new().add_modifier(Modifier::BOLD | Modifier::UNDERLINED),
            (Self::Plain, Tone::Odd) => return Style::new().add_modifier(Modifier::BOLD),
            (Self::Plain, Tone::Quiet | Tone::Good | Tone::Waiting) | (_, Tone::Quiet) => return Style::new(),
            (Self::Dark, Tone::Good) => Color::LightGreen,
            (Self::Dark, Tone::Waiting) => Color::LightCyan,
            (Self::Dark, Tone::Odd) => Color::LightYellow,
            (Self::Dark, Tone::Bad) => Color::LightRed,
            (Self::Light, Tone::Good) => Color::Green,
            (Self::Light, Tone::Waiting) => Color::Blue,
            (Self::Light, Tone::Odd) => Color::Magenta,
            (Self::Light, Tone::Bad) => Color::Red,
        };
        let style = Style::new().fg(color);
        if tone == Tone::Bad { style.add_modifier(Modifier::BOLD) } else { style }
    }

    /// Headings, names of things.
    pub(crate) fn heading(self) -> Style {
        let style = Style::new().add_modifier(Modifier::BOLD);
        match self {
            Self::Plain => style,
            Self::Dark => style.fg(Color::LightBlue),
            Self::Light => style.fg(Color::Blue),
        }
    }

    /// What is there to be read when it is looked for.
    pub(crate) const fn faint(self) -> Style {
        match self {
            Self::Plain => Style::new(),
            Self::Dark | Self::Light => Style::new().add_modifier(Modifier::DIM),
        }
    }

    /// What is selected.
    pub(crate) const fn selected(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_chooses() {
        let with = |name: &'static str, value: &'static str| {
            Theme::of_environment(move |asked| (asked == name).then(|| value.to_owned()))
        };
        assert_eq!(with("NO_COLOR", "1"), Theme::Plain);
        assert_eq!(with("NO_COLOR", ""), Theme::Dark);
        assert_eq!(with("COLORFGBG", "0;15"), Theme::Light);
        assert_eq!(with("COLORFGBG", "15;default;0"), Theme::Dark);
        assert_eq!(with("COLORFGBG", "nonsense"), Theme::Dark);
    }
}
