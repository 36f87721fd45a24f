//! A small registry for programs that hand out ports of one range among their own parts.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use crate::broker::{Answer, Ask, Broker, Caller, Command, Policy, Purpose, Refusal, Request, Strategy, Target, Stale};
use crate::vocabulary::{Key, Look, Moment, Port, PortRange, Protocol, QuarantineUntil, Requester, Span, Survey};

/// Hands out the ports of one range in order, by the same rules as the daemon, inside one process.
///
/// It keeps no port in the kernel and looks at none: when a port turns out not to be bindable, say
/// so with [`mark_dead`](Self::mark_dead) and allocate the next. For ports that must be unique on
/// the whole machine, ask the daemon.
///
/// ```
/// use portus_core::PortRegistry;
///
/// let mut registry = PortRegistry::new(50000..=51000);
/// assert_eq!(registry.allocate()?, 50000);
/// assert_eq!(registry.allocate()?, 50001);
///
/// registry.release(50000); // available again, at once
/// assert_eq!(registry.allocate()?, 50000);
///
/// registry.mark_dead(50002); // never handed out
/// assert_eq!(registry.allocate()?, 50003);
/// # Ok::<(), portus_core::RegistryError>(())
/// ```
#[derive(Debug, Clone)]
pub struct PortRegistry {
    broker: Broker,
    /// `None` when the range given holds no port at all.
    range: Option<PortRange>,
    bounds: RangeInclusive<u16>,
    counter: u64,
}

/// Why a registry has no port left.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    /// Every port of the range is allocated or dead.
    #[error(
        "no port is available in {first}-{last}: {allocated} allocated, {dead} dead; release one, or use a wider range"
    )]
    Exhausted {
        /// The range's start.
        first: u16,
        /// The range's end.
        last: u16,
        /// How many are allocated.
        allocated: usize,
        /// How many are marked dead.
        dead: usize,
    },
    /// The range runs backwards or holds nothing but 0, which is no port.
    #[error("there is no port in {first}-{last}: a range goes from a lower to a higher port, both within 1-65535")]
    NoSuchRange {
        /// The range's start.
        first: u16,
        /// The range's end.
        last: u16,
    },
}

impl PortRegistry {
    /// A registry over a range, both ends included. No cool-down: a released port is available at
    /// once. Ports that browsers refuse are handed out like any other; 0 is none.
    #[must_use]
    pub fn new(range: RangeInclusive<u16>) -> Self {
        let whole = usize::from(u16::MAX);
        let policy = Policy {
            cool_down: Span::default(),
            leases_max: whole,
            project_leases_max: whole,
            history_max: 0,
            ..Policy::default()
        };
        let ports = Port::new(*range.start().max(&1)).zip(Port::new(*range.end()));
        let ports = ports.and_then(|(first, last)| PortRange::new(first, last).ok());
        Self { broker: Broker::without_exclusions(policy), range: ports, bounds: range, counter: 0 }
    }

    /// The lowest port of the range that is neither allocated nor dead.
    ///
    /// # Errors
    /// [`RegistryError::Exhausted`] when there is none; it names the range.
    /// [`RegistryError::NoSuchRange`] when the range holds no port at all.
    pub fn allocate(&mut self) -> Result<u16, RegistryError> {
        let (first, last) = (*self.bounds.start(), *self.bounds.end());
        let range = self.range.ok_or(RegistryError::NoSuchRange { first, last })?;
        self.counter += 1;
        let Ok(service) = format!("port-{}", self.counter).parse() else { return Err(self.exhausted()) };
        let key = Key { project: "registry".into(), worktree: "/".into(), service };
        let ask = Ask {
            key: key.clone(),
            purpose: Purpose::Lease,
            protocol: Protocol::Tcp,
            preferred: None,
            strict: false,
            range: Some(range),
            pool: range,
            fallback: None,
            expand: None,
            strategy: Strategy::Sequential,
            exclude: Vec::new(),
        };
        let request = Request {
            asks: vec![ask],
            contiguous: false,
            holder: None,
            requester: Requester::default(),
            ttl: None,
            guard: None,
            queued: false,
            stale: Stale::None,
        };
        let now = Moment::default();
        let candidates = self.broker.shortlist(now, &request, &Survey::new());
        let survey = candidates.into_iter().map(|candidate| (candidate, Look::Free)).collect();
        self.apply(Command::Request { request, survey }).map_err(|_| self.exhausted())?;
        // Numbers are not sticky here: the next ask is nobody's next ask.
        let _ = self.apply(Command::Forget { keys: vec![key.clone()] });
        self.broker.lease_of(&key).map(|lease| lease.port.number()).ok_or_else(|| self.exhausted())
    }

    /// Makes a port available again. Does nothing for one that is not allocated.
    pub fn release(&mut self, port: u16) {
        let Some(port) = Port::new(port) else { return };
        let caller = Caller { worktree: "/".into(), force: false };
        let _ = self.apply(Command::Release { targets: vec![Target::Port(port)], caller });
    }

    /// Keeps a port from ever being handed out (again). If it is allocated, it stays so until it is
    /// released.
    pub fn mark_dead(&mut self, port: u16) {
        let Some(port) = Port::new(port) else { return };
        let _ = self.apply(Command::Quarantine { port, until: QuarantineUntil::Revived, reason: "marked dead".into() });
    }

    /// The ports allocated at present, in order.
    #[must_use]
    pub fn allocated(&self) -> Vec<u16> {
        let ports: BTreeSet<u16> = self.broker.live_leases().map(|lease| lease.port.number()).collect();
        ports.into_iter().collect()
    }

    fn apply(&mut self, command: Command) -> Result<Answer, Refusal> {
        let decision = self.broker.decide(Moment::default(), command);
        decision.changes.iter().for_each(|change| self.broker.evolve(change));
        decision.answer
    }

    fn exhausted(&self) -> RegistryError {
        let (first, last) = (*self.bounds.start(), *self.bounds.end());
        let dead = self.broker.quarantines().filter(|dead| self.bounds.contains(&dead.port.number())).count();
        RegistryError::Exhausted { first, last, allocated: self.broker.live_leases().len(), dead }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hands_out_in_order_and_names_the_range_when_exhausted() {
        let mut registry = PortRegistry::new(50000..=51000);
        for port in 50000..=51000 {
            assert_eq!(registry.allocate(), Ok(port));
        }
        let error = registry.allocate().unwrap_err();
        assert!(error.to_string().contains("50000-51000") && error.to_string().contains("1001 allocated"), "{error}");
    }

    #[test]
    fn a_released_port_is_available_at_once_and_a_stray_release_is_no_op() {
        let mut registry = PortRegistry::new(6000..=6002);
        assert_eq!([registry.allocate(), registry.allocate()], [Ok(6000), Ok(6001)]);
        registry.release(6000);
        registry.release(6002);
        registry.release(9);
        registry.release(0);
        assert_eq!([registry.allocate(), registry.allocate()], [Ok(6000), Ok(6002)]);
        assert_eq!(registry.allocated(), [6000, 6001, 6002]);
    }

    #[test]
    fn dead_ports_are_skipped_for_ever() {
        let mut registry = PortRegistry::new(7000..=7002);
        registry.mark_dead(7001);
        assert_eq!([registry.allocate(), registry.allocate()], [Ok(7000), Ok(7002)]);
        registry.mark_dead(7000);
        registry.release(7000);
        assert_eq!(
            registry.allocate(),
            Err(RegistryError::Exhausted { first: 7000, last: 7002, allocated: 1, dead: 2 })
        );
    }

    #[test]
    #[expect(clippy::reversed_empty_ranges, reason = "a reversed range is what is tested")]
    fn senseless_ranges_hold_no_port() {
        let error = PortRegistry::new(9..=5).allocate().unwrap_err();
        assert_eq!(error, RegistryError::NoSuchRange { first: 9, last: 5 });
        assert_eq!(PortRegistry::new(0..=0).allocate(), Err(RegistryError::NoSuchRange { first: 0, last: 0 }));
        assert_eq!(PortRegistry::new(0..=5).allocate(), Ok(1));
    }
}
