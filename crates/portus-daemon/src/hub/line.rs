//! Who waits for which port. The engine's queue says who is first; here is how they are served.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use portus_core::{Answer, Command, Port, Request, Survey, Why};
use portus_proto::{Refusal, Reply};

use super::conclude::may_pass;
use super::{Hub, Requested, Then, Work};
use crate::engine::{Failure, Queue, WAITERS_MAX};
use crate::server::{ConnectionId, Responder};
use crate::translate::View;
use crate::wording;

/// A stranger's port is looked at again after this, then ever more seldom,
const POLL_MIN: Duration = Duration::from_millis(50);
/// but at least so often.
const POLL_MAX: Duration = Duration::from_millis(250);

/// Names one call that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Waiter {
    /// On this connection.
    pub(super) connection: ConnectionId,
    /// The hub's own number for the call.
    pub(super) number: u64,
}

/// A request that waits for its port.
struct Waiting {
    to: Responder,
    until: Instant,
    /// Why it was not granted when it was last asked for.
    refusal: Refusal,
}

/// All lines.
#[derive(Default)]
pub(super) struct Line {
    queue: Queue<Waiter>,
    waiting: BTreeMap<Waiter, Waiting>,
    /// Ports whose first is to be asked for again.
    asked: BTreeSet<Port>,
    /// Ports that no event tells about: when they are tried again.
    due: BTreeMap<Port, Instant>,
    /// The pause before that.
    pauses: BTreeMap<Port, Duration>,
}

impl Line {
    /// When somebody's time is up, or a port is to be tried again.
    pub(super) fn next_alarm(&self) -> Option<Instant> {
        self.waiting.values().map(|waiting| waiting.until).chain(self.due.values().copied()).min()
    }

    /// How many wait.
    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether somebody is to be asked for again.
    pub(super) fn has_work(&self) -> bool {
        !self.asked.is_empty()
    }

    fn take(&mut self, waiter: Waiter) -> Option<Waiting> {
        let port = self.queue.port_of(&waiter);
        self.queue.remove(&waiter);
        if let Some(port) = port {
            // Whoever is behind moves up, and may be luckier.
            self.asked.insert(port);
            if self.queue.next(port).is_none() {
                self.due.remove(&port);
                self.pauses.remove(&port);
            }
        }
        self.waiting.remove(&waiter)
    }
}

impl Hub {
    /// A client has come. What it asks for may wait until it is gone.
    pub(super) fn admit(&mut self, connection: ConnectionId) {
        self.present.insert(connection);
    }

    /// A client is gone: nobody answers to what waits for it.
    pub(super) fn gone(&mut self, connection: ConnectionId) {
        self.present.remove(&connection);
        self.subscribers.remove(connection);
        self.awaiting.remove_all_of(connection);
        self.leave_lines(connection);
    }

    pub(super) fn new_waiter(&mut self, connection: ConnectionId) -> Waiter {
        self.next_waiter += 1;
        Waiter { connection, number: self.next_waiter }
    }

    /// Takes what can be decided as one batch: first the requests of those who are first in the lines concerned, then
    /// others in their order, up to one that might overtake somebody for whom only this batch opens the way.
    pub(super) fn take_together(&mut self, rest: &mut VecDeque<Work>) -> Vec<Work> {
        let mut together = self.take_asked();
        let mut lines_may_grow = false;
        while let Some(work) = rest.pop_front() {
            let Then::Request(requested) = &work.then else {
                together.push(work);
                continue;
            };
            if !together.is_empty() && (lines_may_grow || self.has_waited_for(&requested.request)) {
                rest.push_front(work);
                break;
            }
            lines_may_grow |= requested.until.is_some();
            together.extend(self.keep_in_order(work));
        }
        together
    }

    /// The requests that are to be made again: those of the first in each line concerned.
    fn take_asked(&mut self) -> Vec<Work> {
        let firsts = std::mem::take(&mut self.line.asked).into_iter().filter_map(|port| {
            let (waiter, request) = self.line.queue.next(port)?;
            let mut request = request.clone();
            self.keep_waited_for(&mut request, Some(port));
            Some(Work {
                command: Command::Request { request, survey: Survey::new() },
                then: Then::First(*waiter, port),
            })
        });
        firsts.collect()
    }

    /// Whether one of the keys has a port that others wait for, and so is not kept off it while it has.
    fn has_waited_for(&self, request: &Request) -> bool {
        let broker = self.engine.broker();
        let mut held = request.asks.iter().filter_map(|ask| broker.lease_of(&ask.key));
        held.any(|lease| self.line.queue.next(lease.port).is_some())
    }

    /// Keeps a request off the ports that others wait for. One that insists on such a port waits as well, or is
    /// refused.
    fn keep_in_order(&mut self, mut work: Work) -> Option<Work> {
        let Command::Request { request, .. } = &mut work.command else { return Some(work) };
        let Some(port) = self.keep_waited_for(request, None) else { return Some(work) };
        let Then::Request(requested) = work.then else { return None };
        let Requested { to, connection, request, until, .. } = *requested;
        let refusal = wording::waited_for(port);
        match until {
            Some(until) => self.stand_in_line(connection, port, request, to, until, refusal),
            None => to.answer(Err(refusal)),
        }
        None
    }

    /// Keeps a request off the ports that others wait for, unless they are its own key's already, or the one at whose
    /// line it is `first`. Returns one that it insists on, if it does.
    fn keep_waited_for(&self, request: &mut Request, first: Option<Port>) -> Option<Port> {
        let mut insisted = None;
        for port in self.line.queue.ports().filter(|port| first != Some(*port)) {
            let holder = self.engine.broker().lease_on(port).map(|lease| &lease.key);
            for ask in request.asks.iter_mut().filter(|ask| holder != Some(&ask.key)) {
                if ask.strict && ask.preferred == Some(port) {
                    insisted = insisted.or(Some(port));
                } else {
                    ask.exclude.push(portus_core::PortRange::single(port));
                }
            }
        }
        insisted
    }

    /// Puts a request at the end of a port's line, unless its client has gone while it was decided elsewhere.
    pub(super) fn stand_in_line(
        &mut self,
        connection: ConnectionId,
        port: Port,
        request: Request,
        to: Responder,
        until: Instant,
        refusal: Refusal,
    ) {
        if !self.present.contains(&connection) {
            return to.forget();
        }
        let waiter = self.new_waiter(connection);
        // Whoever waits for one port has no use for others that stale leases have.
        let request = Request { queued: true, stale: portus_core::Stale::None, ..request };
        let asker = request.asks.iter().find(|ask| ask.preferred == Some(port)).map(|ask| ask.key.clone());
        if self.line.queue.push(port, waiter, request).is_err() {
            let message = format!("{WAITERS_MAX} requests wait for ports already");
            return to.answer(Err(wording::limit(message, "try again later", WAITERS_MAX as u64)));
        }
        self.line.waiting.insert(waiter, Waiting { to, until, refusal });
        self.tell_queued(asker, port);
    }

    /// Tells subscribers that a line has grown.
    fn tell_queued(&mut self, asker: Option<portus_core::Key>, port: Port) {
        let Some(key) = asker else { return };
        let waiting = self.line.waiting.keys().filter(|waiter| self.line.queue.port_of(waiter) == Some(port)).count();
        let waiting = u32::try_from(waiting).unwrap_or(u32::MAX);
        let what = portus_proto::What::Queued { key: View::key(&key), port, waiting };
        let at = self.with_view(|view| view.wall());
        self.subscribers.tell(portus_proto::Event { at, what });
    }

    /// Asks again for whoever is first in a port's line.
    pub(super) fn ask_first(&mut self, port: Port) {
        self.line.due.remove(&port);
        if self.line.queue.next(port).is_some() {
            self.line.asked.insert(port);
        }
    }

    /// Serves the first in a port's line, or lets it wait on.
    pub(super) fn conclude_first(&mut self, answer: Result<Answer, Failure>, waiter: Waiter, port: Port) {
        let outcome = match answer {
            Ok(Answer::Leased { leases, notes }) => Ok(Reply::Leases(self.leased(&leases, &notes, Vec::new()))),
            Ok(_) => Ok(Reply::Done),
            Err(failure) => {
                let refusal = self.no(&failure);
                if let Failure::Refused(portus_core::Refusal::PortUnavailable { port: refused, why, .. }) = &failure
                    && *refused == port
                    && may_pass(why)
                {
                    self.poll_if_passing(port, why);
                    if let Some(waiting) = self.line.waiting.get_mut(&waiter) {
                        waiting.refusal = refusal;
                        return;
                    }
                }
                Err(refusal)
            }
        };
        if let Some(waiting) = self.line.take(waiter) {
            waiting.to.answer(outcome);
        }
    }

    /// Tries again after a while what no event tells of.
    pub(super) fn poll_if_passing(&mut self, port: Port, why: &Why) {
        if matches!(why, Why::Leased { .. }) || self.line.queue.next(port).is_none() {
            self.line.pauses.remove(&port);
            return;
        }
        let pause = self.line.pauses.get(&port).map_or(POLL_MIN, |pause| (*pause * 2).min(POLL_MAX));
        self.line.pauses.insert(port, pause);
        self.line.due.insert(port, Instant::now() + pause);
    }

    /// Deals with everybody whose time is up, and with ports that are to be tried again.
    pub(super) fn line_alarm(&mut self, now: Instant) {
        let late = self.line.waiting.iter().filter(|(_, waiting)| waiting.until <= now);
        for waiter in late.map(|(waiter, _)| *waiter).collect::<Vec<_>>() {
            if let Some(waiting) = self.line.take(waiter) {
                waiting.to.answer(Err(wording::waited_in_vain(waiting.refusal)));
            }
        }
        let due = self.line.due.iter().filter(|(_, at)| **at <= now).map(|(port, _)| *port);
        for port in due.collect::<Vec<_>>() {
            self.ask_first(port);
        }
    }

    /// A client that is gone waits no more.
    pub(super) fn leave_lines(&mut self, connection: ConnectionId) {
        let first = Waiter { connection, number: 0 };
        let last = Waiter { connection, number: u64::MAX };
        let all: Vec<Waiter> = self.line.waiting.range(first..=last).map(|(waiter, _)| *waiter).collect();
        for waiting in all.into_iter().filter_map(|waiter| self.line.take(waiter)) {
            waiting.to.forget();
        }
    }

    /// Answers everybody who waits that the daemon is leaving.
    pub(super) fn dissolve_lines(&mut self) {
        for waiter in self.line.waiting.keys().copied().collect::<Vec<_>>() {
            if let Some(waiting) = self.line.take(waiter) {
                waiting.to.answer(Err(wording::stopping()));
            }
        }
        self.line.asked.clear();
    }
}
