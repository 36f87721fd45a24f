//! How much of the pool, and of the ranges that were asked for, is in use.

use portus_core::{Broker, Port, PortRange};
use portus_proto::RangeUse;

use super::Alerts;

/// So many ranges are followed. Whoever asks for more finds the one forgotten that was asked for longest ago, of those
/// about which no alert is raised.
const RANGES_MAX: usize = 32;
/// A range that a service named for itself is no pool when it is smaller than this: that all of its few ports are in
/// use is what they are there for.
const POOL_LEN_MIN: u32 = 10;

/// The ranges that are followed. Each grant and end is counted at once, so that nobody walks the leases for it.
#[derive(Debug)]
pub(crate) struct Ranges {
    all: Vec<Followed>,
    /// How often ranges were asked for.
    clock: u64,
}

/// One range.
#[derive(Debug)]
struct Followed {
    range: PortRange,
    is_pool: bool,
    leased: u64,
    barred: u64,
    asked_at: u64,
}

impl Followed {
    fn new(range: PortRange, is_pool: bool, broker: &Broker) -> Self {
        let usage = broker.usage(range);
        Self { range, is_pool, leased: usage.leased as u64, barred: usage.barred as u64, asked_at: 0 }
    }

    fn shape(&self, claimed: usize) -> RangeUse {
        let size = u64::from(self.range.count());
        RangeUse {
            range: self.range,
            size,
            usable: size.saturating_sub(self.barred),
            in_use: self.leased,
            claimed: claimed as u64,
        }
    }
}

impl Ranges {
    /// The daemon's own pool, which is always followed.
    pub(crate) fn new(pool: PortRange, broker: &Broker) -> Self {
        Self { all: vec![Followed::new(pool, true, broker)], clock: 0 }
    }

    /// Ports of a range are wanted: from here on it is followed. A pool is what requests draw from that name no range.
    pub(super) fn asked(&mut self, range: PortRange, is_pool: bool, broker: &Broker, alerts: &Alerts) {
        self.clock += 1;
        let clock = self.clock;
        if let Some(known) = self.all.iter_mut().find(|known| known.range == range) {
            known.asked_at = clock;
            known.is_pool |= is_pool;
            return;
        }
        if self.all.len() == RANGES_MAX {
            // Never the first, which is the daemon's own, nor one that would seem to be no longer full.
            let others = self.all.iter().enumerate().skip(1);
            let calm = others.filter(|(_, known)| alerts.about_pool(known.range).is_none());
            let Some((oldest, _)) = calm.min_by_key(|(_, known)| known.asked_at) else { return };
            self.all.remove(oldest);
        }
        self.all.push(Followed { asked_at: clock, ..Followed::new(range, is_pool, broker) });
    }

    /// A port was leased.
    pub(crate) fn granted(&mut self, port: Port) {
        self.with(port).for_each(|followed| followed.leased += 1);
    }

    /// A lease of a port ended.
    pub(crate) fn ended(&mut self, port: Port) {
        self.with(port).for_each(|followed| followed.leased = followed.leased.saturating_sub(1));
    }

    /// A port went into quarantine, or came out. That is rare enough to count anew.
    pub(crate) fn barred(&mut self, port: Port, broker: &Broker) {
        self.with(port).for_each(|followed| followed.barred = broker.usage(followed.range).barred as u64);
    }

    fn with(&mut self, port: Port) -> impl Iterator<Item = &mut Followed> {
        self.all.iter_mut().filter(move |followed| followed.range.contains(port))
    }

    /// What can be nearly full: pools, and ranges that are large enough for one.
    pub(super) fn pools(&self) -> impl Iterator<Item = RangeUse> + '_ {
        let is_pool = |followed: &&Followed| followed.is_pool || followed.range.count() >= POOL_LEN_MIN;
        self.all.iter().filter(is_pool).map(|followed| followed.shape(0))
    }

    /// All of them, as they are said on the wire.
    pub(crate) fn shape(&self, broker: &Broker) -> Vec<RangeUse> {
        self.all.iter().map(|followed| followed.shape(broker.usage(followed.range).claimed)).collect()
    }
}
