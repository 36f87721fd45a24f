//! What is asked of the daemon, the same for `request` and `run`.

use portus_client::Workspace;
use portus_client::config::Wish;
use portus_core::ServiceName;
use portus_proto::Ask;

use crate::args::group;
use crate::failure::Failure;

/// The most services one request may name.
const ASKS_MAX: usize = 64;

/// The wishes of the command line, each service's own group together.
pub(crate) fn asks(
    wishes: impl IntoIterator<Item = (ServiceName, Wish)>,
    count: u16,
    workspace: &Workspace,
) -> Result<Vec<Ask>, Failure> {
    let mut asks: Vec<Ask> = Vec::new();
    for (service, wish) in wishes {
        let declared = workspace.config.ask(workspace.key(service.clone()), &wish, workspace.linked.as_deref());
        for (place, name) in group(&service, count)?.into_iter().enumerate() {
            if asks.iter().any(|ask| ask.key.service == name) {
                return Err(Failure::usage(format!("the service `{name}` is asked for twice"), ""));
            }
            let mut ask = Ask { key: workspace.key(name), ..declared.clone() };
            if place > 0 {
                // A port can be preferred, and insisted on, by one only.
                ask.preferred = None;
                ask.strict = false;
            }
            asks.push(ask);
        }
    }
    if asks.len() > ASKS_MAX {
        return Err(Failure::usage(format!("one request is for {ASKS_MAX} services at most, not {}", asks.len()), ""));
    }
    Ok(asks)
}

/// Claims for the other services that the configuration declares, so that each is known before it starts.
pub(crate) fn siblings(asks: &[Ask], workspace: &Workspace) -> Vec<Ask> {
    let is_asked = |service: &ServiceName| asks.iter().any(|ask| ask.key.service == *service);
    let others = workspace.config.services.keys().filter(|service| !is_asked(service));
    let claim = |service: &ServiceName| Ask {
        claim_only: true,
        ..workspace.config.ask(workspace.key(service.clone()), &Wish::default(), workspace.linked.as_deref())
    };
    others.take(ASKS_MAX.saturating_sub(asks.len())).map(claim).collect()
}
