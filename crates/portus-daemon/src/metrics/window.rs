//! Whether something happens again and again.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// The last times that something happened, as far as they matter: `count` of them within `span` are many, and it has
/// calmed down when at most half as many are left.
#[derive(Debug)]
pub(super) struct Window {
    times: VecDeque<Instant>,
    count: usize,
    span: Duration,
}

impl Window {
    pub(super) fn new(count: usize, span: Duration) -> Self {
        let count = count.max(1);
        Self { times: VecDeque::with_capacity(count), count, span }
    }

    /// It has happened.
    pub(super) fn add(&mut self, at: Instant) {
        if self.times.len() == self.count {
            self.times.pop_front();
        }
        self.times.push_back(at);
    }

    /// Whether it is too much at this moment, given whether it was.
    pub(super) fn is_many(&self, was: bool, now: Instant) -> bool {
        let within = self.times.iter().filter(|at| now.duration_since(**at) < self.span).count();
        if was { within > self.count / 2 } else { within >= self.count }
    }

    /// When it will have calmed down, if nothing more happens.
    pub(super) fn calm_at(&self) -> Option<Instant> {
        // The one whose going leaves half of them.
        let last = self.times.len().checked_sub(self.count / 2 + 1)?;
        self.times.get(last).map(|at| *at + self.span)
    }

    /// How many are too many, and within what.
    pub(super) const fn limit(&self) -> (usize, Duration) {
        (self.count, self.span)
    }
}
