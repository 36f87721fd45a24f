//! Are the services' servers the worktree's own? Made to stand in front of tests.

use portus_core::{Evidence, Key, Lease};
use portus_proto::{Verification, VerifiedService};

use super::Seen;
use crate::translate::View;
use crate::wording;

/// Checks every listener on every service's port.
pub(crate) fn verify(view: &View<'_>, keys: &[Key], seen: &[Seen], accept_presumed: bool) -> Verification {
    let services: Vec<_> = keys.iter().map(|key| service(view, key, seen, accept_presumed)).collect();
    Verification { ok: services.iter().all(|service| service.ok), services }
}

fn service(view: &View<'_>, key: &Key, seen: &[Seen], accept_presumed: bool) -> VerifiedService {
    let lease = view.broker.lease_of(key);
    let (evidence, outcome) = match lease {
        None => (None, Err(format!("`{}` has no lease in this worktree", key.service))),
        Some(lease) => judge(view, lease, seen, accept_presumed),
    };
    let (ok, why) = match outcome {
        Ok(why) => (true, why),
        Err(why) => (false, why),
    };
    VerifiedService { service: key.service.clone(), port: lease.map(|lease| lease.port), evidence, ok, why }
}

/// The weakest evidence among the listeners, and what that means.
fn judge(
    view: &View<'_>,
    lease: &Lease,
    seen: &[Seen],
    accept_presumed: bool,
) -> (Option<Evidence>, Result<String, String>) {
    let port = lease.port;
    let here = |seen: &&Seen| seen.port == port && lease.protocol.covers(seen.listener.protocol) && !seen.is_guard();
    let mut weakest: Option<Evidence> = None;
    for seen in seen.iter().filter(here) {
        let Some(evidence) = view.broker.evidence(lease, &seen.listener) else {
            let place = seen.listener.worktree.as_ref().map(|at| format!(", which works in {at}")).unwrap_or_default();
            return (None, Err(format!("port {port} is served by {}{place}: not this worktree's", seen.name())));
        };
        weakest = Some(weakest.map_or(evidence, |other| other.max(evidence)));
    }
    let outcome = match weakest {
        None => Err(match lease.drifted_to {
            None => format!("nobody listens on port {port}"),
            Some(elsewhere) => format!(
                "nobody listens on port {port}, its server listens on {elsewhere} instead: {}",
                wording::drifted_hint(port, elsewhere)
            ),
        }),
        Some(Evidence::Lineage | Evidence::Marker | Evidence::Worktree) => {
            Ok(format!("port {port} is served by this worktree's own process"))
        }
        Some(Evidence::Presumed | Evidence::Confirm) if accept_presumed => {
            Ok(format!("port {port} is served by what is presumed to be this worktree's process"))
        }
        Some(Evidence::Presumed | Evidence::Confirm) => {
            Err(format!("that port {port}'s server is this worktree's is only presumed (--accept-presumed)"))
        }
    };
    (weakest, outcome)
}
