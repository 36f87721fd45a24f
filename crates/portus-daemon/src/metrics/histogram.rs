//! How long things take, in buckets.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The longest that each bucket takes in, in microseconds: from what an answer takes at best to what nobody waits for.
const BOUNDS_US: [u64; 18] = [
    10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000,
    2_500_000, 10_000_000,
];

/// Counts in buckets. Counting is two additions, and may be done from any thread.
#[derive(Debug, Default)]
pub(crate) struct Histogram {
    /// One for each bound, and one for what took longer.
    counts: [AtomicU64; BOUNDS_US.len() + 1],
    sum_ns: AtomicU64,
}

impl Histogram {
    /// Counts one that took so long.
    pub(crate) fn record(&self, took: Duration) {
        let ns = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        // What took a part of a microsecond longer than a bound is in the next bucket.
        let bucket = BOUNDS_US.partition_point(|bound| *bound < ns.div_ceil(1_000));
        if let Some(count) = self.counts.get(bucket) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        self.sum_ns.fetch_add(ns, Ordering::Relaxed);
    }

    /// As it is said on the wire.
    pub(crate) fn shape(&self) -> portus_proto::Histogram {
        let counts: Vec<u64> = self.counts.iter().map(|count| count.load(Ordering::Relaxed)).collect();
        portus_proto::Histogram {
            bounds_us: BOUNDS_US.to_vec(),
            count: counts.iter().sum(),
            counts,
            sum_us: self.sum_ns.load(Ordering::Relaxed) / 1_000,
        }
    }
}
