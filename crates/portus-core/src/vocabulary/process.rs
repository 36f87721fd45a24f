//! Processes, named so that a reused pid is never taken for its predecessor.

use std::fmt;
use std::str::FromStr;

/// One boot of one machine. Two readings are equal exactly when no reboot lies between them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct BootId(pub u128);

impl fmt::Display for BootId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:032x}", self.0)
    }
}

impl FromStr for BootId {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        u128::from_str_radix(text, 16).map(Self)
    }
}

/// A process, and no other: its number, when it began, and in which boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProcessIdentity {
    /// The process id.
    pub pid: u32,
    /// When it began, in the system's own unit (Linux: clock ticks since boot; macOS:
    /// microseconds since 1970; Windows: 100 ns since 1601). Compared, never computed with.
    pub birth: u64,
    /// The boot in which it lives.
    pub boot: BootId,
}

impl fmt::Display for ProcessIdentity {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "pid {}", self.pid)
    }
}
