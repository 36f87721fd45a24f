//! From configuration and flags to a wish on the wire.

use portus_core::{Port, PortRange, Protocol};
use portus_proto::{Ask, Key};

use super::Config;
use super::settings::OnExhausted;

/// What the caller itself says about the port it wants; it goes before the configuration.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Wish {
    /// The port liked best.
    pub preferred: Option<Port>,
    /// Whether no other will do.
    pub strict: bool,
    /// Where to look.
    pub range: Option<PortRange>,
    /// Where to look when that is full.
    pub fallback: Option<PortRange>,
    /// What for.
    pub protocol: Option<Protocol>,
    /// From the start of the range on.
    pub sequential: bool,
}

/// How many ports Conductor gives each of its workspaces.
const CONDUCTOR_PORTS: u16 = 10;

impl Config {
    /// The wish of a key: the caller's own words, then the project's, then the user's.
    #[must_use]
    pub fn ask(&self, key: Key, wish: &Wish, linked: Option<&str>) -> Ask {
        let service = self.services.get(&key.service);
        let declared = |pick: fn(&super::Service) -> Option<PortRange>| service.and_then(pick);
        // A range that was said nearer than the port goes before a port elsewhere.
        let declared_port = service.and_then(|service| service.preferred.as_ref()).map(|port| port.value);
        let pool = self.pool.range.as_ref().map(|range| range.value);
        let expands = self.pool.on_exhausted.as_ref().is_some_and(|wish| wish.value == OnExhausted::Expand);
        let mut ask = Ask {
            key,
            claim_only: false,
            protocol: wish
                .protocol
                .or_else(|| service?.protocol.as_ref().map(|protocol| protocol.value))
                .unwrap_or_default(),
            preferred: wish
                .preferred
                .or_else(|| declared_port.filter(|port| wish.range.is_none_or(|range| range.contains(*port)))),
            strict: wish.strict,
            range: wish.range.or_else(|| declared(|service| service.range.as_ref().map(|range| range.value))),
            pool,
            fallback: wish.fallback.or_else(|| declared(|service| service.fallback.as_ref().map(|range| range.value))),
            expand: self.pool.expand_range.as_ref().filter(|_| expands).map(|range| range.value),
            sequential: wish.sequential,
            linked: linked.map(str::to_owned),
            exclude: self.pool.exclude.iter().map(|range| range.value).collect(),
        };
        if ask.range.is_none() {
            prefer_conductors_ports(&mut ask, std::env::var("CONDUCTOR_PORT").ok().as_deref());
        }
        ask
    }
}

/// A workspace of Conductor has ten ports of its own: they come first, and the pool behind them.
fn prefer_conductors_ports(ask: &mut Ask, first: Option<&str>) {
    let Some(first) = first.and_then(|text| text.parse::<Port>().ok()) else { return };
    let Some(own) = first.checked_add(CONDUCTOR_PORTS - 1).and_then(|last| PortRange::new(first, last).ok()) else {
        return;
    };
    let behind =
        ask.pool.or_else(|| Port::new(20_000).zip(Port::new(29_999)).and_then(|(a, b)| PortRange::new(a, b).ok()));
    ask.range = Some(own);
    if ask.fallback.is_none() {
        ask.fallback = behind;
    } else if ask.expand.is_none() {
        ask.expand = behind;
    }
}
