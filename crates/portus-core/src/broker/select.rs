//! Which ports are worth looking at, and which is chosen.
//!
//! One walk serves both questions. [`Broker::shortlist`] takes it with hope (a port not looked at
//! yet counts as free, and is named), the decision takes it without.

use std::collections::BTreeSet;

use crate::broker::{Ask, Broker, Note, Purpose, Reasons, Refusal, Request, Strategy, Why};
use crate::vocabulary::{ClaimEnd, Key, LeaseId, Look, Moment, Port, PortRange, Protocol, Survey};

/// The most ports named at once beyond the one that is needed next.
const AHEAD_MAX: usize = 64;

/// What an ask comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Choice {
    /// The key's live lease will do.
    Keep(LeaseId),
    /// The key's live lease will do, and gets the asking holder.
    Adopt(LeaseId),
    /// This port.
    Take(Pick),
    /// A claim was asked for, and is there or not to be had.
    Nothing,
}

/// A chosen port, and what it costs others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pick {
    pub(super) port: Port,
    /// Who loses its claim, and why.
    pub(super) evicted: Option<(Key, ClaimEnd)>,
}

/// What a whole request comes to.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) choices: Vec<Choice>,
    pub(super) notes: Vec<Note>,
}

impl Broker {
    /// The ports that must be looked at before the request can be decided, given what was seen so
    /// far. Ask again with what was seen until nothing is left.
    #[must_use]
    pub fn shortlist(&self, now: Moment, request: &Request, seen: &Survey) -> Vec<(Port, Protocol)> {
        let mut walk = Walk::new(self, now, request, seen, true);
        // A refusal needs no looks beyond those that led to it.
        let _ = walk.plan(request);
        let mut named = BTreeSet::new();
        walk.unseen.retain(|place| named.insert(*place));
        walk.unseen
    }

    pub(super) fn plan(&self, now: Moment, request: &Request, seen: &Survey) -> Result<Plan, Refusal> {
        Walk::new(self, now, request, seen, false).plan(request)
    }
}

struct Walk<'a> {
    broker: &'a Broker,
    now: Moment,
    seen: &'a Survey,
    hopeful: bool,
    queued: bool,
    chosen: BTreeSet<Port>,
    unseen: Vec<(Port, Protocol)>,
    plan: Plan,
}

impl<'a> Walk<'a> {
    fn new(broker: &'a Broker, now: Moment, request: &Request, seen: &'a Survey, hopeful: bool) -> Self {
        let (chosen, unseen, plan) = (BTreeSet::new(), Vec::new(), Plan::default());
        Self { broker, now, seen, hopeful, queued: request.queued, chosen, unseen, plan }
    }

    fn plan(&mut self, request: &Request) -> Result<Plan, Refusal> {
        let leases: Vec<&Ask> = request.asks.iter().filter(|ask| ask.purpose == Purpose::Lease).collect();
        let block = match request.contiguous {
            true if leases.len() > 1 => Some(self.block(request, &leases)?),
            _ => None,
        };
        let mut block = block.into_iter().flatten();
        for ask in &request.asks {
            let choice = match ask.purpose {
                Purpose::Claim => self.claim(ask),
                Purpose::Lease => match block.next() {
                    Some(choice) => choice,
                    None => self.lease(request, ask)?,
                },
            };
            if let Choice::Take(pick) = &choice {
                self.chosen.insert(pick.port);
            }
            self.plan.choices.push(choice);
        }
        Ok(std::mem::take(&mut self.plan))
    }

    fn claim(&mut self, ask: &Ask) -> Choice {
        if self.broker.claim_of(&ask.key).is_some() || self.broker.lease_of(&ask.key).is_some() {
            return Choice::Nothing;
        }
        let notes = self.plan.notes.len();
        match self.pick(ask) {
            Ok(pick) => {
                self.plan.notes.truncate(notes);
                Choice::Take(pick)
            }
            Err(_) => {
                self.plan.notes.truncate(notes);
                self.plan.notes.push(Note::SiblingUnclaimed { key: ask.key.clone() });
                Choice::Nothing
            }
        }
    }

    fn lease(&mut self, request: &Request, ask: &Ask) -> Result<Choice, Refusal> {
        match self.broker.standing(request, ask)? {
            Standing::None => self.pick(ask).map(Choice::Take),
            Standing::Keep(id) => {
                self.note_kept(ask, id);
                Ok(Choice::Keep(id))
            }
            Standing::Adopt(id, port) => match request.guard.is_none().then_some(()).or(self.look(ask, port).ok()) {
                Some(()) => {
                    self.note_kept(ask, id);
                    self.chosen.insert(port);
                    Ok(Choice::Adopt(id))
                }
                None => self.pick(ask).map(Choice::Take),
            },
        }
    }

    fn note_kept(&mut self, ask: &Ask, id: LeaseId) {
        let port = self.broker.lease(id).map(|lease| lease.port);
        if let Some(preferred) = ask.preferred.filter(|preferred| Some(*preferred) != port) {
            self.plan.notes.push(Note::KeptOther { key: ask.key.clone(), preferred });
        }
    }

    /// The order of candidates. The first acceptable one wins.
    fn pick(&mut self, ask: &Ask) -> Result<Pick, Refusal> {
        let key = || ask.key.clone();
        if let Some(port) = ask.preferred {
            match self.accept(ask, port, ask.strict.then_some(ClaimEnd::TakenOver)) {
                Ok(pick) => return Ok(pick),
                Err(Why::NoDescriptors) => return Err(Refusal::NoDescriptors),
                Err(why) if ask.strict => return Err(Refusal::PortUnavailable { key: key(), port, why }),
                Err(why) => self.plan.notes.push(Note::PreferredUnavailable { key: key(), port, why }),
            }
        }
        let former = self.broker.claim_of(&ask.key).map(|claim| claim.port);
        if let Some(port) = former.filter(|port| Some(*port) != ask.preferred && ask.admits(*port)) {
            match self.accept(ask, port, None) {
                Ok(pick) => return Ok(pick),
                Err(why) => self.plan.notes.push(Note::ClaimUnavailable { key: key(), port, why }),
            }
        }
        if let Some(pick) = self.scan(ask, ask.main_range(), ask.offset())? {
            return Ok(pick);
        }
        if let Some(pick) = ask.fallback.map_or(Ok(None), |range| self.scan(ask, range, 0))? {
            self.plan.notes.push(Note::FellBack { key: key() });
            return Ok(pick);
        }
        if let Some(pick) = ask.expand.map_or(Ok(None), |range| self.scan(ask, range, 0))? {
            self.plan.notes.push(Note::Expanded { key: key() });
            return Ok(pick);
        }
        self.press(ask).ok_or_else(|| Refusal::NoPort {
            key: key(),
            ranges: ask.ranges().collect(),
            reasons: self.reasons(ask),
        })
    }

    /// The first acceptable port of a range that nobody has a right to.
    fn scan(&mut self, ask: &Ask, range: PortRange, offset: u64) -> Result<Option<Pick>, Refusal> {
        let broker = self.broker;
        let mut candidates = broker.blocked.absent_from(range, offset);
        let mut refused = 0;
        for port in candidates.by_ref() {
            match self.accept(ask, port, None) {
                Ok(pick) => {
                    // Strangers tend to sit in rows: the more were met, the more is looked at at once.
                    let guessed = !self.seen.contains_key(&(port, ask.protocol));
                    if guessed && refused > 0 {
                        let ahead = candidates.filter(|port| self.ledger(ask, *port, None).is_ok());
                        let unseen = ahead.filter(|port| !self.seen.contains_key(&(*port, ask.protocol)));
                        let more: Vec<_> = unseen.take(refused.min(AHEAD_MAX)).collect();
                        self.unseen.extend(more.into_iter().map(|port| (port, ask.protocol)));
                    }
                    return Ok(Some(pick));
                }
                Err(Why::NoDescriptors) => return Err(Refusal::NoDescriptors),
                Err(_) => refused += 1,
            }
        }
        Ok(None)
    }

    /// Under pressure the claim unused for longest gives way: never a pinned one, never one in use.
    fn press(&mut self, ask: &Ask) -> Option<Pick> {
        let broker = self.broker;
        let within = |port: Port| ask.ranges().any(|range| range.contains(port));
        let mut claims: Vec<_> = broker
            .claims
            .values()
            .filter(|claim| within(claim.port) && claim.key != ask.key && !claim.pinned)
            .collect();
        claims.sort_by_key(|claim| (claim.last_used, claim.port));
        let port = claims.into_iter().find_map(|claim| self.accept(ask, claim.port, Some(ClaimEnd::Pressure)).ok())?;
        if let Some((from, _)) = &port.evicted {
            self.plan.notes.push(Note::ClaimTaken { from: from.clone(), port: port.port });
        }
        Some(port)
    }

    /// Ports in a row, one for each ask.
    fn block(&mut self, request: &Request, asks: &[&Ask]) -> Result<Vec<Choice>, Refusal> {
        let mut standing = Vec::new();
        for ask in asks {
            standing.push(self.broker.standing(request, ask)?);
        }
        if let Some(kept) = self.kept_block(&standing) {
            return Ok(kept);
        }
        let first = asks[0];
        let former = self.broker.claim_of(&first.key).map(|claim| claim.port).filter(|port| first.admits(*port));
        let broker = self.broker;
        let scans = first
            .ranges()
            .enumerate()
            .flat_map(|(place, range)| broker.blocked.absent_from(range, if place == 0 { first.offset() } else { 0 }));
        let starts = first.preferred.into_iter().chain(former.into_iter().chain(scans).filter(|_| !first.strict));
        for start in starts {
            if let Some(picks) = self.row(asks, start) {
                self.chosen.extend(picks.iter().map(|pick| pick.port));
                return Ok(picks.into_iter().map(Choice::Take).collect());
            }
        }
        let reasons = self.reasons(first);
        Err(Refusal::NoBlock { key: first.key.clone(), count: asks.len(), ranges: first.ranges().collect(), reasons })
    }

    fn kept_block(&self, standing: &[Standing]) -> Option<Vec<Choice>> {
        let ids: Option<Vec<LeaseId>> =
            standing.iter().map(|one| if let Standing::Keep(id) = one { Some(*id) } else { None }).collect();
        let ids = ids?;
        let ports: Vec<Port> = ids.iter().filter_map(|id| self.broker.lease(*id)).map(|lease| lease.port).collect();
        let in_a_row = ports.windows(2).all(|pair| pair[0].checked_add(1) == Some(pair[1]));
        in_a_row.then(|| ids.into_iter().map(Choice::Keep).collect())
    }

    fn row(&mut self, asks: &[&Ask], start: Port) -> Option<Vec<Pick>> {
        let unseen = self.unseen.len();
        let mut picks = Vec::new();
        for (place, ask) in asks.iter().enumerate() {
            let port = u16::try_from(place).ok().and_then(|steps| start.checked_add(steps));
            let whole = port.filter(|port| ask.strict || Some(start) == ask.preferred || ask.admits(*port));
            match whole.and_then(|port| self.accept(ask, port, ask.strict.then_some(ClaimEnd::TakenOver)).ok()) {
                Some(pick) => picks.push(pick),
                None => {
                    self.unseen.truncate(unseen);
                    return None;
                }
            }
        }
        Some(picks)
    }

    /// Whether the ask may have the port, by the ledger and by what was seen.
    fn accept(&mut self, ask: &Ask, port: Port, takeover: Option<ClaimEnd>) -> Result<Pick, Why> {
        let evicted = self.ledger(ask, port, takeover)?;
        self.look(ask, port)?;
        Ok(Pick { port, evicted })
    }

    fn look(&mut self, ask: &Ask, port: Port) -> Result<(), Why> {
        match self.seen.get(&(port, ask.protocol)) {
            Some(Look::Free) => Ok(()),
            Some(Look::Taken) => Err(Why::Taken),
            Some(Look::Forbidden) => Err(Why::Forbidden),
            Some(Look::NoDescriptors) => Err(Why::NoDescriptors),
            None if self.hopeful => {
                self.unseen.push((port, ask.protocol));
                Ok(())
            }
            None => Err(Why::Taken),
        }
    }

    fn ledger(&self, ask: &Ask, port: Port, takeover: Option<ClaimEnd>) -> Result<Option<(Key, ClaimEnd)>, Why> {
        let broker = self.broker;
        if self.chosen.contains(&port) {
            return Err(Why::Chosen);
        }
        if broker.excluded.contains(port) || ask.exclude.iter().any(|range| range.contains(port)) {
            return Err(Why::Excluded);
        }
        if let Some(quarantine) = broker.quarantine_on(port) {
            return Err(Why::Quarantined { reason: quarantine.reason.clone() });
        }
        if let Some(lease) = broker.lease_on(port).filter(|lease| lease.key != ask.key) {
            return Err(Why::Leased { lease: lease.id, by: lease.key.clone() });
        }
        let cooling = broker.cooling_on(port).filter(|(key, _)| **key != ask.key && !self.queued);
        if let Some((_, until)) = cooling.filter(|(_, until)| *until > self.now.awake) {
            return Err(Why::Cooling { remaining: until.since(self.now.awake) });
        }
        match (broker.claim_on(port).filter(|claim| claim.key != ask.key), takeover) {
            (None, _) => Ok(None),
            (Some(claim), Some(why)) if !claim.pinned => Ok(Some((claim.key.clone(), why))),
            (Some(claim), _) => Err(Why::Claimed { by: claim.key.clone(), pinned: claim.pinned }),
        }
    }

    /// Why none of the ask's ports will do, counted. Only a refusal pays for this.
    fn reasons(&self, ask: &Ask) -> Reasons {
        let mut reasons = Reasons::default();
        let ports: BTreeSet<Port> = ask.ranges().flat_map(|range| range.iter_from(0)).collect();
        for port in ports {
            let why = match self.ledger(ask, port, None) {
                Err(why) => why,
                Ok(_) if self.seen.get(&(port, ask.protocol)) == Some(&Look::Forbidden) => Why::Forbidden,
                Ok(_) => Why::Taken,
            };
            reasons.count(&why);
        }
        reasons
    }
}

impl Ask {
    fn main_range(&self) -> PortRange {
        self.range.unwrap_or(self.pool)
    }

    /// The ranges to go through, in order.
    fn ranges(&self) -> impl Iterator<Item = PortRange> {
        [Some(self.main_range()), self.fallback, self.expand].into_iter().flatten()
    }

    const fn offset(&self) -> u64 {
        match self.strategy {
            Strategy::Spread(offset) => offset,
            Strategy::Sequential => 0,
        }
    }

    /// Whether a port that is the key's already meets the wish.
    fn admits(&self, port: Port) -> bool {
        if self.strict {
            return self.preferred == Some(port);
        }
        self.range.is_none() || self.preferred == Some(port) || self.ranges().any(|range| range.contains(port))
    }
}

/// What the key's live lease, if any, means for an ask.
enum Standing {
    /// Choose a port; a live lease that does not meet the wish gives way.
    None,
    /// It will do.
    Keep(LeaseId),
    /// It will do for the asking holder, which it does not belong to yet.
    Adopt(LeaseId, Port),
}

impl Broker {
    fn standing(&self, request: &Request, ask: &Ask) -> Result<Standing, Refusal> {
        let Some(lease) = self.lease_of(&ask.key) else { return Ok(Standing::None) };
        let asker = request.holder.as_ref().map(|holder| holder.process);
        let holder = lease.living_holder().map(|holder| holder.process);
        let busy = lease.evidence().is_some() && !lease.contested;
        let same_holder = asker.is_some() && asker == holder;
        if asker.is_some() && !same_holder && (holder.is_some() || busy) {
            return Err(Refusal::AlreadyRunning { lease: lease.id });
        }
        let meets = lease.protocol.covers(ask.protocol) && ask.admits(lease.port) && !lease.contested;
        match (meets, asker) {
            (true, Some(_)) if !same_holder => Ok(Standing::Adopt(lease.id, lease.port)),
            (true, _) => Ok(Standing::Keep(lease.id)),
            (false, _) if same_holder || !(busy || holder.is_some()) => Ok(Standing::None),
            (false, _) if !lease.protocol.covers(ask.protocol) => {
                Err(Refusal::WrongProtocol { lease: lease.id, wanted: ask.protocol })
            }
            (false, _) => Err(Refusal::AlreadyRunning { lease: lease.id }),
        }
    }
}
