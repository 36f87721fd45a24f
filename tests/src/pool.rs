//! Ports for one test alone: other tests run at the same time, in this process and in others.

use std::fs::File;
use std::path::Path;
use std::sync::atomic::{AtomicU16, Ordering};

/// A part of the ports that pools are cut from, below those that the system gives out by itself.
#[derive(Debug, Clone, Copy)]
pub struct Region {
    first: u16,
    pools: u16,
    pool_len: u16,
}

/// Where the pools of ordinary rigs are.
pub const RIGS: Region = Region { first: 20_000, pools: 50, pool_len: 200 };
/// Where the pools of torture are: with more ports than its clients have services.
pub const TORTURE: Region = Region { first: 30_000, pools: 6, pool_len: 400 };

/// A range that no other test has, here or in another process, until it is dropped.
#[derive(Debug)]
pub struct Pool {
    first: u16,
    last: u16,
    _lock: Option<File>,
}

impl Pool {
    /// Takes one. The same service of a project of the same name gets the same number from every daemon, so that tests
    /// with a pool in common would meet there.
    pub fn take(region: Region) -> Self {
        Self::take_in(&std::env::temp_dir(), region)
    }

    /// The first and the last port.
    pub const fn ports(&self) -> (u16, u16) {
        (self.first, self.last)
    }

    /// By locks on files in this directory, which end with their process. Where all are taken, one is shared.
    fn take_in(dir: &Path, region: Region) -> Self {
        static NEXT: AtomicU16 = AtomicU16::new(0);
        // Not first what another has just left: its sockets may linger.
        let next = NEXT.fetch_add(1, Ordering::Relaxed) % region.pools;
        let spread = u16::try_from(std::process::id() % u32::from(region.pools)).unwrap();
        let of = |number: u16| region.first + (next + spread + number) % region.pools * region.pool_len;
        let lock = |first: u16| {
            let path = dir.join(format!("portus-test-pool-{first}.lock"));
            // Another user's file counts as taken.
            let file = File::options().create(true).append(true).open(path).ok()?;
            file.try_lock().is_ok().then_some((first, Some(file)))
        };
        let (first, lock) = (0..region.pools).find_map(|number| lock(of(number))).unwrap_or((of(0), None));
        Self { first, last: first + region.pool_len - 1, _lock: lock }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pool_is_one_tests_own_until_it_is_dropped() {
        let dir = tempfile::tempdir().unwrap();
        let region = Region { first: 100, pools: 3, pool_len: 10 };
        // As another process does it.
        let theirs = File::create(dir.path().join("portus-test-pool-110.lock")).unwrap();
        theirs.try_lock().unwrap();
        let pools = [Pool::take_in(dir.path(), region), Pool::take_in(dir.path(), region)];
        let mut ports = pools.each_ref().map(Pool::ports);
        ports.sort_unstable();
        assert_eq!(ports, [(100, 109), (120, 129)]);
        drop((theirs, pools));
        let mut ports = [(); 3].map(|()| Pool::take_in(dir.path(), region)).each_ref().map(Pool::ports);
        ports.sort_unstable();
        assert_eq!(ports, [(100, 109), (110, 119), (120, 129)]);
    }
}
