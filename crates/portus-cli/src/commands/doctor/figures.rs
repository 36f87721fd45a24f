//! What the daemon itself says needs a look, and whether it serves its figures where it should.

use portus_client::Client;
use portus_client::config::Config;
use portus_proto::{AlertCode, Severity};

use super::{Check, Verdict};

/// One check for each alert, or one that there is none.
pub(super) fn checks(client: &mut Client, config: Option<&Config>) -> Vec<Check> {
    // A daemon of an older build has none to tell.
    let Ok(stats) = client.stats() else { return Vec::new() };
    let mut checks: Vec<Check> = stats
        .alerts
        .iter()
        .map(|alert| Check {
            name: if alert.code == AlertCode::MetricsNotServed { "metrics" } else { "alert" },
            status: if alert.severity == Severity::Critical { Verdict::Fail } else { Verdict::Warn },
            message: format!("{} ({})", alert.message, alert.code),
            hint: alert.hint.clone(),
        })
        .collect();
    if checks.is_empty() {
        checks.push(Check::ok("alerts", "none"));
    }
    let served = stats.metrics_address.as_deref();
    let wanted = config.and_then(|config| config.settings.metrics_address.as_ref()).map(|address| address.value);
    let is_told = stats.alerts.iter().any(|alert| alert.code == AlertCode::MetricsNotServed);
    match (served, wanted) {
        // Any port would do.
        (Some(served), wanted) if wanted.is_none_or(|wanted| wanted.port() == 0 || wanted.to_string() == served) => {
            checks.push(Check::ok("metrics", format!("served at http://{served}/metrics")));
        }
        (served, Some(wanted)) if !is_told => {
            let how = served.unwrap_or("off");
            let message = format!("metrics.address is {wanted} in config.toml, and in the running daemon: {how}");
            checks.push(Check::warn("metrics", message, "`portus daemon restart` starts it with what is set here"));
        }
        _ => {}
    }
    checks
}
