//! How much of a range is in use.

use super::Broker;
use crate::vocabulary::{Port, PortRange};

/// How much of a range is in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Ports that are leased.
    pub leased: usize,
    /// Ports that are some key's own without being leased.
    pub claimed: usize,
    /// Ports that are handed to nobody: excluded, or in quarantine. One that is leased all the same does not count.
    pub barred: usize,
}

impl Broker {
    /// How much of a range is in use. Walks what there is in it: not for every command.
    #[must_use]
    pub fn usage(&self, range: PortRange) -> Usage {
        let within = range.first()..=range.last();
        let leased = self.lease_by_port.range(within.clone());
        let is_free = |port: &Port| !self.lease_by_port.contains_key(port);
        let is_excluded = |port: &Port| self.excluded.contains(*port);
        let excluded_and_leased = leased.clone().filter(|(port, _)| is_excluded(port)).count();
        let quarantined = self.quarantines.range(within.clone()).map(|(port, _)| port);
        Usage {
            leased: leased.count(),
            claimed: self.claim_by_port.range(within).filter(|(port, _)| is_free(port)).count(),
            barred: self.excluded.count_in(range) - excluded_and_leased
                + quarantined.filter(|port| is_free(port) && !is_excluded(port)).count(),
        }
    }
}
