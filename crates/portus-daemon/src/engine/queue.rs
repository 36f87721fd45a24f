//! Who waits for which port: first come, first served. Not written down: a waiter is a connection,
//! and whoever lost it no longer waits.

use std::collections::{BTreeMap, VecDeque};

use portus_core::{Port, Request};

/// The most waiters at once, over all ports.
pub const WAITERS_MAX: usize = 1_024;

/// Too many wait already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{WAITERS_MAX} requests wait for ports already")]
pub struct QueueFull;

/// One line for each port. `W` names a waiter: a connection and the request's number on it.
#[derive(Debug, Clone)]
pub struct Queue<W> {
    lines: BTreeMap<Port, VecDeque<(W, Request)>>,
    /// Where each waiter stands, so that one who vanishes is found at once.
    places: BTreeMap<W, Port>,
}

impl<W> Default for Queue<W> {
    fn default() -> Self {
        Self { lines: BTreeMap::new(), places: BTreeMap::new() }
    }
}

impl<W: Ord + Clone> Queue<W> {
    /// A queue in which nobody waits.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Goes to the end of a port's line. Who waits elsewhere already leaves that line.
    ///
    /// # Errors
    /// [`QueueFull`] when [`WAITERS_MAX`] wait already.
    pub fn push(&mut self, port: Port, waiter: W, request: Request) -> Result<(), QueueFull> {
        self.remove(&waiter);
        if self.places.len() >= WAITERS_MAX {
            return Err(QueueFull);
        }
        self.places.insert(waiter.clone(), port);
        self.lines.entry(port).or_default().push_back((waiter, request));
        Ok(())
    }

    /// Leaves the line: served, timed out, or gone. `None` for who does not wait.
    pub fn remove(&mut self, waiter: &W) -> Option<Request> {
        let port = self.places.remove(waiter)?;
        let line = self.lines.get_mut(&port)?;
        let place = line.iter().position(|(other, _)| other == waiter)?;
        let (_, request) = line.remove(place)?;
        if line.is_empty() {
            self.lines.remove(&port);
        }
        Some(request)
    }

    /// Who is first in a port's line, and stays so until removed.
    #[must_use]
    pub fn next(&self, port: Port) -> Option<(&W, &Request)> {
        self.lines.get(&port)?.front().map(|(waiter, request)| (waiter, request))
    }

    /// The ports somebody waits for, lowest first.
    pub fn ports(&self) -> impl Iterator<Item = Port> {
        self.lines.keys().copied()
    }

    /// The port somebody waits for.
    #[must_use]
    pub fn port_of(&self, waiter: &W) -> Option<Port> {
        self.places.get(waiter).copied()
    }

    /// How many wait, over all ports.
    #[must_use]
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether nobody waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use portus_core::{Requester, Stale};

    fn port(number: u16) -> Port {
        Port::new(number).unwrap()
    }

    fn request(pid: u32) -> Request {
        let requester = Requester { pid: Some(pid), ..Requester::default() };
        Request {
            asks: Vec::new(),
            contiguous: false,
            holder: None,
            requester,
            ttl: None,
            guard: None,
            queued: false,
            stale: Stale::None,
        }
    }

    fn first(queue: &Queue<u32>, number: u16) -> Option<u32> {
        queue.next(port(number)).map(|(waiter, request)| {
            assert_eq!(request.requester.pid, Some(*waiter), "another's request");
            *waiter
        })
    }

    #[test]
    fn first_come_is_first_served_at_each_port() {
        let mut queue = Queue::new();
        for (number, waiter) in [(80, 1), (90, 2), (80, 3), (90, 4)] {
            queue.push(port(number), waiter, request(waiter)).unwrap();
        }
        assert_eq!(queue.ports().collect::<Vec<_>>(), [port(80), port(90)]);
        assert_eq!((first(&queue, 80), first(&queue, 90), first(&queue, 100)), (Some(1), Some(2), None));
        assert_eq!(first(&queue, 80), Some(1), "looking serves nobody");
        queue.remove(&1);
        assert_eq!((first(&queue, 80), first(&queue, 90)), (Some(3), Some(2)));
        queue.remove(&3);
        assert_eq!(queue.ports().collect::<Vec<_>>(), [port(90)], "nobody waits for 80 any more");
    }

    #[test]
    fn who_vanishes_is_skipped_wherever_it_stood() {
        let mut queue = Queue::new();
        (1..=4).for_each(|waiter| queue.push(port(80), waiter, request(waiter)).unwrap());
        assert_eq!(queue.remove(&2).and_then(|request| request.requester.pid), Some(2));
        assert_eq!(queue.remove(&2), None, "gone once");
        queue.remove(&1);
        assert_eq!((first(&queue, 80), queue.len(), queue.is_empty()), (Some(3), 2, false));
        [3, 4].iter().for_each(|waiter| drop(queue.remove(waiter)));
        assert!(queue.is_empty());
    }

    #[test]
    fn who_asks_again_stands_last_and_only_once() {
        let mut queue = Queue::new();
        (1..=3).for_each(|waiter| queue.push(port(80), waiter, request(waiter)).unwrap());
        queue.push(port(80), 1, request(1)).unwrap();
        assert_eq!((first(&queue, 80), queue.len()), (Some(2), 3));
        queue.push(port(90), 2, request(2)).unwrap();
        assert_eq!((first(&queue, 80), first(&queue, 90), queue.port_of(&2)), (Some(3), Some(2), Some(port(90))));
    }

    #[test]
    fn a_full_queue_takes_nobody_more() {
        let mut queue = Queue::new();
        let count = u32::try_from(WAITERS_MAX).unwrap();
        (0..count).for_each(|waiter| queue.push(port(80), waiter, request(waiter)).unwrap());
        assert_eq!(queue.push(port(90), count, request(count)), Err(QueueFull));
        queue.push(port(90), 0, request(0)).expect("who waits already takes no more room");
        queue.remove(&1);
        queue.push(port(90), count, request(count)).unwrap();
    }
}
