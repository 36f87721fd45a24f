//! What is to be known of a port that nobody has, before somebody asks for it.

use portus_core::{Caller, Claim, Look, Port, Why};

use crate::translate::View;
use crate::wording;

/// Whose number the port is, or why it is not to be had, and the command that works nevertheless. `None` when it is
/// everybody's. `bind` is how a bind went, where one was tried.
pub(super) fn reserve(view: &View<'_>, port: Port, bind: Option<Look>, caller: &Caller) -> Option<(String, String)> {
    let another = || "portus run -- CMD".to_owned();
    let because = |why: &Why| wording::because(why, view);
    if view.broker.is_excluded(port) {
        return Some((because(&Why::Excluded), another()));
    }
    match bind {
        Some(Look::Taken) => {
            let why = format!("nobody listens, but {}", wording::BOUND_IN_SILENCE);
            return Some((why, another()));
        }
        Some(Look::Forbidden) => return Some((because(&Why::Forbidden), another())),
        Some(Look::Free | Look::NoDescriptors) | None => {}
    }
    let claim = view.broker.claim_on(port);
    if let Some(claim) = claim.filter(|claim| claim.key.worktree == caller.worktree) {
        let service = &claim.key.service;
        let why = format!("nobody listens; it is the number of this worktree's `{service}`");
        return Some((why, format!("portus run -s {service} -- CMD")));
    }
    let cooling =
        view.broker.cooling_on(port).filter(|(key, until)| key.worktree != caller.worktree && *until > view.now.awake);
    let cooling = cooling.map(|(_, until)| Why::Cooling { remaining: until.since(view.now.awake) });
    let claimed = claim.map(|Claim { key, pinned, .. }| Why::Claimed { by: key.clone(), pinned: *pinned });
    let pinned = claim.is_some_and(|claim| claim.pinned);
    let why: Vec<String> = claimed.iter().chain(&cooling).map(because).collect();
    let next = match (claimed.is_some(), cooling.is_some()) {
        (false, false) => return None,
        _ if pinned => format!("portus unpin {port}"),
        (_, true) => format!("portus request --port {port} --strict --wait 30s"),
        (true, false) => format!("portus run --port {port} --strict -- CMD"),
    };
    Some((format!("nobody listens; {}", why.join("; ")), next))
}

#[cfg(test)]
mod tests {
    use portus_core::{Broker, Change, Key, Moment, Policy, PortRange, Protocol, Timestamp};

    use super::*;

    fn port(number: u16) -> Port {
        Port::new(number).unwrap()
    }

    fn claimed(worktree: &str, number: u16, pinned: bool) -> Change {
        let key = Key { project: "shop".into(), worktree: worktree.into(), service: "web".parse().unwrap() };
        let last_used = Timestamp(0);
        let claim = Claim { key, port: port(number), protocol: Protocol::Tcp, pinned, last_used, missing_since: None };
        Change::Claimed { claim }
    }

    /// What is said to `/here` of a port, on which a bind went so.
    fn said(number: u16, bind: Option<Look>) -> Option<(String, String)> {
        let policy = Policy { exclude: vec![PortRange::single(port(24_009))], ..Policy::default() };
        let history =
            [claimed("/here", 24_000, false), claimed("/other", 24_001, false), claimed("/third", 24_002, true)];
        let view = View {
            broker: &Broker::from_history(policy, history),
            now: Moment::default(),
            guarded: &|_| false,
            health: &|_| portus_proto::Health::Unknown,
        };
        let caller = Caller { worktree: "/here".into(), force: false };
        reserve(&view, port(number), bind, &caller)
    }

    #[test]
    fn a_port_that_is_not_everybodys_has_a_reason_and_a_command_that_works() {
        for (number, bind, why, next) in [
            (24_000, Some(Look::Free), "this worktree's `web`", "portus run -s web -- CMD"),
            (24_001, Some(Look::Free), "`web` of shop (/other)", "portus run --port 24001 --strict -- CMD"),
            (24_002, Some(Look::Free), "(/third, pinned)", "portus unpin 24002"),
            (24_003, Some(Look::Taken), "bound without listening", "portus run -- CMD"),
            (24_009, Some(Look::Free), "exclude it", "portus run -- CMD"),
            (6_000, Some(Look::Free), "browsers block it", "portus run -- CMD"),
            (80, Some(Look::Forbidden), "the system forbids it", "portus run -- CMD"),
        ] {
            let (told, command) = said(number, bind).unwrap();
            assert!(told.contains(why), "{told}");
            assert_eq!(command, next, "{number}");
        }
        assert_eq!(said(24_003, Some(Look::Free)), None);
        assert_eq!(said(24_003, None), None);
    }
}
