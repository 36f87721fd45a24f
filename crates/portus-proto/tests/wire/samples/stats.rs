//! Figures, and alerts of every kind.

use super::{range, time};
use portus_proto::{Alert, AlertCode, Code, Counters, Gauges, Histogram, RangeUse, Requests, Severity, Stats};

pub(crate) fn alert() -> Alert {
    Alert {
        code: AlertCode::PoolNearlyFull,
        subject: "20000-29999".to_owned(),
        severity: Severity::Warning,
        since: time(3),
        message: "9,500 of the 9,978 ports of 20000-29999 are leased (95 %)".to_owned(),
        hint: "give back what is not needed".to_owned(),
    }
}

/// An alert of every kind.
pub(crate) fn alerts() -> Vec<Alert> {
    let codes = AlertCode::WORDS.iter().map(|word| serde_json::from_value(serde_json::json!(word)).unwrap());
    codes.map(|code| Alert { code, severity: Severity::Critical, ..alert() }).collect()
}

fn counters() -> Counters {
    Counters {
        allocations: 1,
        requests: Requests { granted: 2, reused: 3, refused: 4, abandoned: 5 },
        refusals: [(Code::NoPortAvailable.word().to_owned(), 6)].into(),
        calls: [("request".to_owned(), 7)].into(),
        late_calls: 8,
        ended: [("released".to_owned(), 9)].into(),
        cleanup_runs: 10,
        stale_leases_removed: 11,
        guards_lost: 12,
        connections: 13,
        connections_refused: 14,
        events: 15,
        events_dropped: 16,
        journal_failures: 17,
    }
}

fn gauges() -> Gauges {
    Gauges {
        pending: 1,
        active: 2,
        lapsing: 3,
        contested: 4,
        orphaned: 5,
        stale: 6,
        claims: 7,
        quarantined: 8,
        guards: 9,
        connections: 10,
        subscribers: 11,
        waiting: 12,
    }
}

pub(crate) fn stats() -> Stats {
    let histogram =
        |first| Histogram { bounds_us: vec![100, 1_000], counts: vec![first, 2, 1], count: first + 3, sum_us: 12_345 };
    Stats {
        version: "0.1.0".to_owned(),
        build: "0.1.0+a1b2c3d4".to_owned(),
        pid: 4000,
        started_at: time(0),
        uptime_s: 61,
        alerts: alerts(),
        counters: counters(),
        gauges: gauges(),
        ranges: vec![RangeUse { range: range(20000, 29999), size: 10_000, usable: 9_978, in_use: 9_500, claimed: 40 }],
        request_duration: histogram(40),
        commit_duration: histogram(30),
        metrics_address: Some("127.0.0.1:9464".to_owned()),
    }
}
