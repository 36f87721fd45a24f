//! A small registry for programs that hand out ports of one range among their own parts.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use crate::broker::{Answer, Ask, Broker, Caller, Command, Policy, Purpose, Refusal, Request, Stale, Strategy, Target};
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

/// What came of trying to bind a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bind<T> {
    /// It is bound, or failed for a reason that another port would not mend.
    Done(T),
    /// Somebody else has it (`EADDRINUSE`): the next one is tried.
    InUse,
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
    /// Each of the ports tried is in use by somebody else.
    #[error("none of {} ports tried in {first}-{last} could be bound, because somebody else has them: {}; allow more retries, or use another range", tried.len(), list(tried))]
    InUse {
        /// The ports tried, in order. They are dead from here on.
        tried: Vec<u16>,
        /// The range's start.
        first: u16,
        /// The range's end.
        last: u16,
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

    /// Allocates port after port in sequence, and hands each to `bind`, until it takes one. A port on which `bind` says
    /// [`Bind::InUse`] is dead from then on. Tries `retries + 1` ports at most.
    ///
    /// The registry itself opens no socket. Whoever binds says what came of it, best with the very socket that is to
    /// serve, so that nobody can come in between:
    ///
    /// ```
    /// use std::io::ErrorKind;
    /// use std::net::TcpListener;
    /// use portus_core::{Bind, PortRegistry};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let taken = TcpListener::bind(("127.0.0.1", 0))?;
    /// # let first = taken.local_addr()?.port();
    /// let mut registry = PortRegistry::new(first..=first.saturating_add(50));
    /// let (port, listener) = registry.bind_with_retry(50, |port| match TcpListener::bind(("127.0.0.1", port)) {
    ///     Err(error) if error.kind() == ErrorKind::AddrInUse => Bind::InUse,
    ///     other => Bind::Done(other),
    /// })?;
    /// assert_eq!(listener?.local_addr()?.port(), port);
    /// assert_eq!(registry.dead()[0], first);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Whatever else fails, `bind` tells in its own result; its port stays allocated until it is released.
    ///
    /// # Errors
    /// [`RegistryError::Exhausted`] when the range has no port left, [`RegistryError::InUse`] when all tries were in
    /// vain, [`RegistryError::NoSuchRange`] as [`Self::allocate`].
    pub fn bind_with_retry<T>(
        &mut self,
        retries: usize,
        mut bind: impl FnMut(u16) -> Bind<T>,
    ) -> Result<(u16, T), RegistryError> {
        let mut tried = Vec::new();
        for _ in 0..=retries {
            let port = self.allocate()?;
            match bind(port) {
                Bind::Done(bound) => return Ok((port, bound)),
                Bind::InUse => {
                    self.mark_dead(port);
                    self.release(port);
                    tried.push(port);
                }
            }
        }
        let (first, last) = (*self.bounds.start(), *self.bounds.end());
        Err(RegistryError::InUse { tried, first, last })
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

    /// Hands out a dead port again. Does nothing for one that is not dead.
    pub fn revive(&mut self, port: u16) {
        let Some(port) = Port::new(port) else { return };
        let _ = self.apply(Command::Revive { port });
    }

    /// The dead ports, in order.
    #[must_use]
    pub fn dead(&self) -> Vec<u16> {
        self.broker.quarantines().map(|dead| dead.port.number()).collect()
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

/// The first few ports of a list, for people.
fn list(ports: &[u16]) -> String {
    const NAMED_MAX: usize = 8;
    let named: Vec<String> = ports.iter().take(NAMED_MAX).map(ToString::to_string).collect();
    let more = if ports.len() > NAMED_MAX { ", …" } else { "" };
    format!("{}{more}", named.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_in_sequence_is_tried_until_one_can_be_bound() {
        let mut registry = PortRegistry::new(50000..=51000);
        let mut tried = Vec::new();
        let bound = registry.bind_with_retry(5, |port| {
            tried.push(port);
            if port < 50003 { Bind::InUse } else { Bind::Done(port + 1) }
        });
        assert_eq!(bound, Ok((50003, 50004)));
        assert_eq!(tried, [50000, 50001, 50002, 50003]);
        assert_eq!((registry.dead(), registry.allocated()), (vec![50000, 50001, 50002], vec![50003]));
        assert_eq!(registry.allocate(), Ok(50004));
        registry.revive(50001);
        assert_eq!(registry.allocate(), Ok(50001));
    }

    #[test]
    fn retries_are_bounded_and_their_end_is_explained() {
        let mut registry = PortRegistry::new(50000..=51000);
        let error = registry.bind_with_retry(2, |_| Bind::<()>::InUse).unwrap_err();
        assert_eq!(error, RegistryError::InUse { tried: vec![50000, 50001, 50002], first: 50000, last: 51000 });
        assert!(error.to_string().contains("none of 3 ports tried in 50000-51000"), "{error}");
        let error = registry.bind_with_retry(usize::MAX - 1, |_| Bind::<()>::InUse).unwrap_err();
        assert_eq!(error, RegistryError::Exhausted { first: 50000, last: 51000, allocated: 0, dead: 1001 });
        assert!(error.to_string().contains("50000-51000: 0 allocated, 1001 dead"), "{error}");
    }

    #[test]
    fn a_bind_that_failed_for_another_reason_is_not_repeated() {
        let mut registry = PortRegistry::new(7000..=7002);
        let bound = registry.bind_with_retry(9, |_| Bind::Done(Err::<(), _>("no permission")));
        assert_eq!(bound, Ok((7000, Err("no permission"))));
        assert_eq!(registry.allocated(), [7000]);
    }

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
