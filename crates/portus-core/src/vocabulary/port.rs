//! Ports, ranges of ports, and the protocols they are held for.

use std::fmt;
use std::num::NonZeroU16;
use std::str::FromStr;

/// A port number from 1 to 65535.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(try_from = "u16", into = "u16"))]
pub struct Port(NonZeroU16);

impl Port {
    /// The lowest port.
    pub const MIN: Self = Self(NonZeroU16::MIN);
    /// The highest port.
    pub const MAX: Self = Self(NonZeroU16::MAX);

    /// The port of this number; `None` for 0, which means "any" to the system and is no port.
    #[must_use]
    pub const fn new(number: u16) -> Option<Self> {
        match NonZeroU16::new(number) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }

    /// The number.
    #[must_use]
    pub const fn number(self) -> u16 {
        self.0.get()
    }

    /// The port `steps` further up, unless that passes 65535.
    #[must_use]
    pub const fn checked_add(self, steps: u16) -> Option<Self> {
        match self.0.checked_add(steps) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }
}

/// Why a text or number is no port, or no range of ports.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PortError {
    /// Not a whole number from 1 to 65535.
    #[error("`{0}` is not a port: ports are whole numbers from 1 to 65535")]
    NotAPort(String),
    /// The range's end lies before its start.
    #[error("the range {first}-{last} runs backwards: did you mean {last}-{first}?")]
    Reversed {
        /// The number given first.
        first: Port,
        /// The number given last.
        last: Port,
    },
}

impl TryFrom<u16> for Port {
    type Error = PortError;

    fn try_from(number: u16) -> Result<Self, PortError> {
        Self::new(number).ok_or_else(|| PortError::NotAPort(number.to_string()))
    }
}

impl From<Port> for u16 {
    fn from(port: Port) -> Self {
        port.number()
    }
}

impl FromStr for Port {
    type Err = PortError;

    fn from_str(text: &str) -> Result<Self, PortError> {
        let digits_only = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        digits_only
            .then(|| text.parse::<u16>().ok().and_then(Self::new))
            .flatten()
            .ok_or_else(|| PortError::NotAPort(text.to_owned()))
    }
}

impl fmt::Display for Port {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

impl fmt::Debug for Port {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, ":{}", self.0)
    }
}

/// Ports from `first` to `last`, both included. Written `3000-3099`, or `3000` for just one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(try_from = "(Port, Port)", into = "(Port, Port)")
)]
pub struct PortRange {
    first: Port,
    last: Port,
}

impl PortRange {
    /// Every port there is.
    pub const ALL: Self = Self { first: Port::MIN, last: Port::MAX };

    /// The range from `first` to `last`, both included.
    ///
    /// # Errors
    /// [`PortError::Reversed`] when `last` lies before `first`.
    pub fn new(first: Port, last: Port) -> Result<Self, PortError> {
        if last < first { Err(PortError::Reversed { first, last }) } else { Ok(Self { first, last }) }
    }

    /// The range of one port.
    #[must_use]
    pub const fn single(port: Port) -> Self {
        Self { first: port, last: port }
    }

    /// The lowest port.
    #[must_use]
    pub const fn first(self) -> Port {
        self.first
    }

    /// The highest port.
    #[must_use]
    pub const fn last(self) -> Port {
        self.last
    }

    /// How many ports; at least one.
    #[must_use]
    pub fn count(self) -> u32 {
        u32::from(self.last.number()) - u32::from(self.first.number()) + 1
    }

    /// Whether `port` lies in the range.
    #[must_use]
    pub fn contains(self, port: Port) -> bool {
        self.first <= port && port <= self.last
    }

    /// Whether the two share a port.
    #[must_use]
    pub fn overlaps(self, other: Self) -> bool {
        self.first <= other.last && other.first <= self.last
    }

    /// Every port once, starting `offset` places in (modulo the length) and wrapping round.
    pub fn iter_from(self, offset: u64) -> impl Iterator<Item = Port> {
        let count = u64::from(self.count());
        let start = offset % count;
        (0..count).filter_map(move |step| {
            let place = u16::try_from((start + step) % count).ok()?;
            self.first.checked_add(place)
        })
    }
}

impl TryFrom<(Port, Port)> for PortRange {
    type Error = PortError;

    fn try_from((first, last): (Port, Port)) -> Result<Self, PortError> {
        Self::new(first, last)
    }
}

impl From<PortRange> for (Port, Port) {
    fn from(range: PortRange) -> Self {
        (range.first, range.last)
    }
}

impl FromStr for PortRange {
    type Err = PortError;

    fn from_str(text: &str) -> Result<Self, PortError> {
        match text.split_once('-') {
            Some((first, last)) => Self::new(first.trim().parse()?, last.trim().parse()?),
            None => Ok(Self::single(text.trim().parse()?)),
        }
    }
}

impl fmt::Display for PortRange {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.first == self.last { self.first.fmt(out) } else { write!(out, "{}-{}", self.first, self.last) }
    }
}

impl fmt::Debug for PortRange {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

/// What a port is held for. `Both` is one lease on one number for TCP and UDP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "lowercase"))]
pub enum Protocol {
    /// TCP only.
    #[default]
    Tcp,
    /// UDP only.
    Udp,
    /// TCP and UDP on the same number.
    Both,
}

impl Protocol {
    /// Whether TCP is part of it.
    #[must_use]
    pub const fn tcp(self) -> bool {
        matches!(self, Self::Tcp | Self::Both)
    }

    /// Whether UDP is part of it.
    #[must_use]
    pub const fn udp(self) -> bool {
        matches!(self, Self::Udp | Self::Both)
    }

    /// Whether all of `other` is part of `self`.
    #[must_use]
    pub const fn covers(self, other: Self) -> bool {
        (self.tcp() || !other.tcp()) && (self.udp() || !other.udp())
    }

    /// The word used on the wire, on disk and on the screen: `tcp`, `udp` or `both`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Both => "both",
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.word())
    }
}
