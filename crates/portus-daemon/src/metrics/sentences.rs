//! What an alert says: the facts, and what to do.

use std::net::SocketAddr;

use portus_proto::{Alert, AlertCode, Code, RangeUse};

use super::window::Window;
use crate::engine::JournalError;

/// A message, and a hint.
pub(super) type Said = (String, String);

pub(super) fn pool_nearly_full(pool: &RangeUse) -> Said {
    let RangeUse { range, usable, in_use, .. } = pool;
    let message = format!("{in_use} of the {usable} usable ports of {range} are leased ({} %)", pool.percent());
    let hint = "give back what is not needed (`portus list --all` shows it), or widen the range (`pool.range`)";
    (message, hint.to_owned())
}

/// What there is to say when an alert is raised no longer; `pool` is the one it was about.
pub(super) fn cleared(alert: &Alert, pool: Option<RangeUse>) -> String {
    match (alert.code, pool) {
        (AlertCode::PoolNearlyFull, Some(RangeUse { range, usable, in_use, .. })) => {
            format!("no longer nearly full: {in_use} of the {usable} usable ports of {range} are leased")
        }
        (AlertCode::PoolNearlyFull, None) => format!("no longer nearly full: {}", alert.subject),
        (AlertCode::RepeatedFailures, _) => "calls are no longer refused so often".to_owned(),
        (AlertCode::DeadlinesMissed, _) => "calls no longer run out of time so often".to_owned(),
        (AlertCode::StaleLeases, _) => "there are no longer many leases that nobody looks after".to_owned(),
        (AlertCode::JournalNotWritable, _) => "the journal can be written again".to_owned(),
        (AlertCode::MetricsNotServed, _) => "the figures are served again".to_owned(),
        (AlertCode::Other, _) => format!("no longer: {}", alert.message),
    }
}

pub(super) fn repeated_failures(window: &Window, last: Option<Code>) -> Said {
    let last = last.map(|code| format!(", the last one with `{code}`")).unwrap_or_default();
    let message = format!("{} were refused for want of ports, or by a fault of the daemon{last}", often(window));
    (message, "`portus stats` counts them by reason; `portus daemon logs` may say more".to_owned())
}

pub(super) fn deadlines_missed(window: &Window) -> Said {
    let message = format!("{} ran out of time, or were answered when nobody waited any more", often(window));
    let hint = "see what keeps the machine or its disk busy; `portus stats` shows how long requests and commits take";
    (message, hint.to_owned())
}

fn often(window: &Window) -> String {
    let (count, span) = window.limit();
    format!("{count} calls or more within {} s", span.as_secs())
}

pub(super) fn stale_leases(count: usize) -> Said {
    let message = format!("{count} leases have nobody who looks after them: lapsing, contested, orphaned or overdue");
    (message, "`portus list --all` shows them; `portus prune` ends those that nobody is behind any more".to_owned())
}

pub(super) fn journal_not_writable(error: &JournalError, path: &str) -> Said {
    (
        format!("nothing can be granted or given back, because {path} cannot be written: {error}"),
        error.hint().to_owned(),
    )
}

pub(super) fn metrics_not_served(address: SocketAddr, why: &str) -> Said {
    let message = format!("the figures are not served on {address}: {why}");
    let port = address.port();
    let hint = format!(
        "free the port (`portus explain {port}`) or set another `metrics.address`, then `portus daemon restart`"
    );
    (message, hint)
}
