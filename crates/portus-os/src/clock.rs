//! The two clocks that the rules are told: one that stands still in sleep, and the wall's.

use std::time::{SystemTime, UNIX_EPOCH};

use portus_core::{Moment, Timestamp};

/// Reads both clocks: `awake` in milliseconds since boot without sleep, `wall` in milliseconds
/// since 1970-01-01 UTC (zero if the machine's clock stands before that).
#[must_use]
pub fn moment() -> Moment {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Moment { awake: Timestamp(awake_ms()), wall: Timestamp(u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX)) }
}

#[cfg(all(unix, not(target_os = "macos")))]
fn awake_ms() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    let seconds = u64::try_from(now.tv_sec).unwrap_or(0);
    let nanoseconds = u64::try_from(now.tv_nsec).unwrap_or(0);
    seconds * 1_000 + nanoseconds / 1_000_000
}

/// macOS's `CLOCK_MONOTONIC` goes on in sleep; `CLOCK_UPTIME_RAW` does not (clock_gettime(3)).
#[cfg(target_os = "macos")]
#[expect(unsafe_code, reason = "rustix has no CLOCK_UPTIME_RAW")]
fn awake_ms() -> u64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is to a live timespec, which the call fills.
    unsafe { libc::clock_gettime(libc::CLOCK_UPTIME_RAW, &raw mut now) };
    u64::try_from(now.tv_sec).unwrap_or(0) * 1_000 + u64::try_from(now.tv_nsec).unwrap_or(0) / 1_000_000
}

#[cfg(windows)]
#[expect(unsafe_code, reason = "the standard library offers no clock without sleep")]
fn awake_ms() -> u64 {
    let mut hundred_nanoseconds = 0_u64;
    // SAFETY: the pointer is to a live u64, which the call fills; it has no other effect.
    unsafe { windows_sys::Win32::System::WindowsProgramming::QueryUnbiasedInterruptTime(&raw mut hundred_nanoseconds) };
    hundred_nanoseconds / 10_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_clocks_go_forward_and_the_wall_is_of_this_century() {
        let first = moment();
        let second = moment();
        assert!(second.awake >= first.awake);
        assert!(first.awake.as_millis() > 0);
        assert!(first.wall.as_millis() > 946_684_800_000, "before the year 2000: {:?}", first.wall);
    }
}
