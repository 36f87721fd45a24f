//! How many leases came and went, in slices of time.

use std::collections::VecDeque;

/// One slice is so long.
pub(crate) const SLICE_MS: u64 = 10_000;
/// So many slices are kept: ten minutes.
pub(crate) const SLICES_LEN: usize = 60;

/// Counts of the last slices, the newest last.
#[derive(Debug, Default)]
pub(crate) struct Rates {
    /// The number of the newest slice, counted from 1970.
    newest: u64,
    counts: VecDeque<(u32, u32)>,
}

impl Rates {
    /// A lease was granted at `at_ms`.
    pub(crate) fn granted(&mut self, at_ms: u64) {
        if let Some(count) = self.slice(at_ms) {
            count.0 += 1;
        }
    }

    /// A lease ended at `at_ms`.
    pub(crate) fn ended(&mut self, at_ms: u64) {
        if let Some(count) = self.slice(at_ms) {
            count.1 += 1;
        }
    }

    /// Moves on to this moment.
    pub(crate) fn advance(&mut self, now_ms: u64) {
        let now = now_ms / SLICE_MS;
        // After a long while there is nothing left of what was.
        let steps = usize::try_from(now.saturating_sub(self.newest)).unwrap_or(SLICES_LEN).min(SLICES_LEN);
        for _ in 0..steps {
            self.counts.push_back((0, 0));
        }
        while self.counts.len() > SLICES_LEN {
            self.counts.pop_front();
        }
        self.newest = self.newest.max(now);
    }

    fn slice(&mut self, at_ms: u64) -> Option<&mut (u32, u32)> {
        let back = usize::try_from(self.newest.saturating_sub(at_ms / SLICE_MS)).ok()?;
        let at = self.counts.len().checked_sub(back + 1)?;
        self.counts.get_mut(at)
    }

    /// Granted and ended in each slice, the oldest first.
    pub(crate) fn slices(&self) -> impl Iterator<Item = (u32, u32)> + '_ {
        self.counts.iter().copied()
    }

    /// Whether nothing came or went in all that time.
    pub(crate) fn is_still(&self) -> bool {
        self.counts.iter().all(|count| *count == (0, 0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_move_out_with_time() {
        let mut rates = Rates::default();
        rates.advance(1_000_000_000);
        rates.granted(1_000_000_000);
        rates.granted(1_000_000_000 - SLICE_MS);
        rates.ended(1_000_000_000);
        rates.granted(5);
        let last: Vec<_> = rates.slices().collect();
        assert_eq!(last[last.len() - 2..], [(1, 0), (1, 1)]);
        rates.advance(1_000_000_000 + SLICE_MS * 59);
        assert_eq!(rates.slices().next(), Some((1, 1)));
        rates.advance(1_000_000_000 + SLICE_MS * 60);
        assert!(rates.is_still());
    }
}
