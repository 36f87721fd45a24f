//! Which ports are worth looking at, and which is chosen.
//!
//! One walk serves both questions. [`Broker::shortlist`] takes it with hope (a port not looked at
//! yet counts as free, and is named), the decision takes it without.

mod block;
mod standing;

use std::collections::{BTreeMap, BTreeSet};

use crate::broker::{Ask, Broker, LeaseState, Note, Purpose, Reasons, Refusal, Request, Stale, Strategy, Why};
use crate::vocabulary::{ClaimEnd, Key, LeaseId, Look, Moment, Port, PortRange, Protocol, Survey};
use standing::Standing;

/// The most ports named at once beyond the one that is needed next.
const AHEAD_MAX: usize = 64;
/// Ports taken by strangers are named in a refusal if they are no more than this.
const NAMED_MAX: usize = 5;

/// What an ask comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Choice {
    /// The key's live lease will do.
    Keep {
        id: LeaseId,
        /// Whether it is to be guarded from here on.
        guard: bool,
    },
    /// The key's live lease will do, and gets the asking holder.
    Adopt {
        id: LeaseId,
        /// Whether it is to be guarded from here on.
        guard: bool,
    },
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
    /// One for each ask, in the order of the request.
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
    /// Whose claims go to asks of this request.
    evicted: BTreeSet<Key>,
    unseen: Vec<(Port, Protocol)>,
    notes: Vec<Note>,
}

impl<'a> Walk<'a> {
    fn new(broker: &'a Broker, now: Moment, request: &Request, seen: &'a Survey, hopeful: bool) -> Self {
        let (chosen, evicted, unseen, notes) = (BTreeSet::new(), BTreeSet::new(), Vec::new(), Vec::new());
        Self { broker, now, seen, hopeful, queued: request.queued, chosen, evicted, unseen, notes }
    }

    /// Who has the least choice comes first, so that no ask takes what only another can use: ports
    /// in a row, then strict asks, then the other leases, then numbers for siblings.
    fn plan(&mut self, request: &Request) -> Result<Plan, Refusal> {
        let leases = || request.asks.iter().enumerate().filter(|(_, ask)| ask.purpose == Purpose::Lease);
        let mut choices = BTreeMap::new();
        if request.contiguous && leases().count() > 1 {
            let asks: Vec<&Ask> = leases().map(|(_, ask)| ask).collect();
            let block = self.block(request, &asks)?;
            asks.iter().zip(&block).for_each(|(ask, choice)| self.note_given_up(ask, choice));
            choices.extend(leases().map(|(place, _)| place).zip(block));
        }
        let mut places: Vec<usize> = (0..request.asks.len()).filter(|place| !choices.contains_key(place)).collect();
        places.sort_by_key(|place| (request.asks[*place].purpose == Purpose::Claim, !request.asks[*place].strict));
        for place in places {
            let ask = &request.asks[place];
            let choice = match ask.purpose {
                Purpose::Claim => self.claim(request, ask),
                Purpose::Lease => self.lease(request, ask)?,
            };
            self.chose(&choice);
            self.note_given_up(ask, &choice);
            choices.insert(place, choice);
        }
        Ok(Plan { choices: choices.into_values().collect(), notes: std::mem::take(&mut self.notes) })
    }

    fn chose(&mut self, choice: &Choice) {
        if let Choice::Take(pick) = choice {
            self.chosen.insert(pick.port);
            if let Some((from, _)) = &pick.evicted {
                self.notes.push(Note::ClaimTaken { from: from.clone(), port: pick.port });
                self.evicted.insert(from.clone());
            }
        }
    }

    fn claim(&mut self, request: &Request, ask: &Ask) -> Choice {
        let claimed = self.broker.claim_of(&ask.key).is_some() && !self.evicted.contains(&ask.key);
        if claimed || self.broker.lease_of(&ask.key).is_some() {
            return Choice::Nothing;
        }
        let notes = self.notes.len();
        let picked = self.pick(request, ask);
        self.notes.truncate(notes);
        picked.map(Choice::Take).unwrap_or_else(|_| {
            self.notes.push(Note::SiblingUnclaimed { key: ask.key.clone() });
            Choice::Nothing
        })
    }

    fn lease(&mut self, request: &Request, ask: &Ask) -> Result<Choice, Refusal> {
        let standing = self.broker.standing(request, ask)?;
        if let Some(choice) = self.settle(request, ask, &standing) {
            let port = standing.lease().and_then(|id| self.broker.lease(id)).map(|lease| lease.port);
            self.note_kept(ask, port);
            return Ok(choice);
        }
        self.pick(request, ask).map(Choice::Take)
    }

    fn note_kept(&mut self, ask: &Ask, kept: Option<Port>) {
        let preferred = ask.preferred.filter(|preferred| kept.is_some_and(|kept| kept != *preferred));
        self.notes.extend(preferred.map(|preferred| Note::KeptOther { key: ask.key.clone(), preferred }));
    }

    /// A contested lease gives way as nobody wants it; any other only because something else was asked for.
    fn note_given_up(&mut self, ask: &Ask, choice: &Choice) {
        let Choice::Take(pick) = choice else { return };
        let former = self.broker.lease_of(&ask.key).filter(|former| !former.contested && former.port != pick.port);
        self.notes.extend(former.map(|former| Note::GaveUp { key: ask.key.clone(), port: former.port }));
    }

    /// What becomes of the key's live lease if it is to serve; `None` when there is none that can.
    fn settle(&mut self, request: &Request, ask: &Ask, standing: &Standing) -> Option<Choice> {
        let lease = self.broker.lease(standing.lease()?)?;
        let id = lease.id;
        // A server that is up needs no guard, and one that starts would be kept out by it.
        let waits = !matches!(lease.state, LeaseState::Active { .. });
        match standing {
            Standing::None => None,
            Standing::Keep { fixed, .. } => {
                let wanted = request.guard.is_some() && lease.guard.is_none() && waits;
                let idle = lease.watched.is_empty() && !fixed;
                let guard = wanted && idle && self.look(ask, lease.port).is_ok();
                Some(Choice::Keep { id, guard })
            }
            Standing::Adopt(_) => {
                let guard = request.guard.is_some() && lease.guard != request.guard && waits;
                let free = !guard || lease.guard.is_some() || self.look(ask, lease.port).is_ok();
                free.then_some(Choice::Adopt { id, guard })
            }
        }
    }

    /// The order of candidates. The first acceptable one wins.
    fn pick(&mut self, request: &Request, ask: &Ask) -> Result<Pick, Refusal> {
        let key = || ask.key.clone();
        let for_lease = ask.purpose == Purpose::Lease;
        if let Some(port) = ask.preferred {
            match self.accept(ask, port, (ask.strict && for_lease).then_some(ClaimEnd::TakenOver)) {
                Ok(pick) => return Ok(pick),
                Err(Why::NoDescriptors) => return Err(Refusal::NoDescriptors),
                Err(why) if ask.strict => return Err(Refusal::PortUnavailable { key: key(), port, why }),
                Err(why) => self.notes.push(Note::PreferredUnavailable { key: key(), port, why }),
            }
        }
        let former = self.broker.claim_of(&ask.key).map(|claim| claim.port);
        if let Some(port) = former.filter(|port| Some(*port) != ask.preferred && ask.admits(*port)) {
            match self.accept(ask, port, None) {
                Ok(pick) => return Ok(pick),
                Err(why) => self.notes.push(Note::ClaimUnavailable { key: key(), port, why }),
            }
        }
        let (near, far): (Vec<_>, Vec<_>) = ask.levels().partition(|(.., level)| *level != Level::Expansion);
        if let Some(pick) = self.scan_all(ask, &near)? {
            return Ok(pick);
        }
        let looks_first = for_lease && !far.is_empty() && request.stale == Stale::Unknown;
        if for_lease && !far.is_empty() && request.stale == Stale::Ended {
            // They gave way for this: what they leave behind is used before anything else is.
            let near = Ask { expand: None, ..ask.clone() };
            if let Some(pick) = self.press(request, &near) {
                return Ok(pick);
            }
        }
        if !looks_first {
            if let Some(pick) = self.scan_all(ask, &far)? {
                return Ok(pick);
            }
            if let Some(pick) = for_lease.then(|| self.press(request, ask)).flatten() {
                return Ok(pick);
            }
        }
        let (reasons, taken) = self.reasons(ask);
        let preferred = self.notes.iter().find_map(|note| match note {
            Note::PreferredUnavailable { key, port, why } if *key == ask.key => Some((*port, why.clone())),
            _ => None,
        });
        Err(Refusal::NoPort { key: key(), ranges: ask.ranges().collect(), reasons, taken, preferred })
    }

    /// The first acceptable port of these ranges that nobody has a right to.
    fn scan_all(&mut self, ask: &Ask, levels: &[(PortRange, u64, Level)]) -> Result<Option<Pick>, Refusal> {
        for (range, offset, level) in levels {
            if let Some(pick) = self.scan(ask, *range, *offset)? {
                self.notes.extend(level.note(ask, *range));
                return Ok(Some(pick));
            }
        }
        Ok(None)
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
                    if guessed {
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

    /// Under pressure the claim unused for longest gives way: never a pinned one, never one in use
    /// or about to be.
    fn press(&mut self, request: &Request, ask: &Ask) -> Option<Pick> {
        let broker = self.broker;
        let asked = |key: &Key| request.asks.iter().any(|ask| ask.purpose == Purpose::Lease && ask.key == *key);
        let within = |port: Port| ask.ranges().any(|range| range.contains(port));
        let within = broker.claims.values().filter(|claim| within(claim.port));
        let mut claims: Vec<_> = within.filter(|claim| !asked(&claim.key)).collect();
        claims.sort_by_key(|claim| (claim.last_used, claim.port));
        claims.into_iter().find_map(|claim| self.accept(ask, claim.port, Some(ClaimEnd::Pressure)).ok())
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
        if broker.excluded.contains(port) || ask.excludes(port) {
            return Err(Why::Excluded);
        }
        if let Some(quarantine) = broker.quarantine_on(port) {
            return Err(Why::Quarantined { reason: quarantine.reason.clone() });
        }
        if let Some(lease) = broker.lease_on(port).filter(|lease| lease.key != ask.key) {
            return Err(Why::Leased { lease: lease.id, by: lease.key.clone() });
        }
        let evicted = match (broker.claim_on(port).filter(|claim| claim.key != ask.key), takeover) {
            (None, _) => None,
            (Some(claim), Some(why)) if !claim.pinned => Some((claim.key.clone(), why)),
            (Some(claim), _) => return Err(Why::Claimed { by: claim.key.clone(), pinned: claim.pinned }),
        };
        // Last, since it alone passes by itself.
        let cooling = broker.cooling_on(port).filter(|(key, _)| **key != ask.key && !self.queued);
        match cooling.filter(|(_, until)| *until > self.now.awake) {
            Some((_, until)) => Err(Why::Cooling { remaining: until.since(self.now.awake) }),
            None => Ok(evicted),
        }
    }

    /// Why none of the ask's ports will do, counted, and which are taken by strangers, if those are few. Only a
    /// refusal pays for this.
    fn reasons(&self, ask: &Ask) -> (Reasons, Vec<Port>) {
        let mut reasons = Reasons::default();
        let mut taken = Vec::new();
        let ports: BTreeSet<Port> = ask.ranges().flat_map(|range| range.iter_from(0)).collect();
        for port in ports {
            let why = match (self.ledger(ask, port, None), self.seen.get(&(port, ask.protocol))) {
                (Err(why), _) => why,
                (Ok(_), Some(Look::Taken | Look::NoDescriptors)) => Why::Taken,
                (Ok(_), Some(Look::Forbidden)) => Why::Forbidden,
                // Acceptable by itself, but not in a row.
                (Ok(_), Some(Look::Free) | None) => continue,
            };
            reasons.count(&why);
            if why == Why::Taken && taken.len() <= NAMED_MAX {
                taken.push(port);
            }
        }
        if taken.len() > NAMED_MAX {
            taken.clear();
        }
        (reasons, taken)
    }
}

/// One of the ranges an ask may be served from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    Main,
    Fallback,
    Expansion,
}

impl Level {
    /// What is to be said when it serves.
    fn note(self, ask: &Ask, to: PortRange) -> Option<Note> {
        let key = ask.key.clone();
        match self {
            Self::Main => None,
            Self::Fallback => Some(Note::FellBack { key, to }),
            Self::Expansion => Some(Note::Expanded { key, to }),
        }
    }
}

impl Ask {
    /// The ranges to go through, in order, each with the place to start at.
    fn levels(&self) -> impl Iterator<Item = (PortRange, u64, Level)> + use<> {
        let offset = match self.strategy {
            Strategy::Spread(offset) => offset,
            Strategy::Sequential => 0,
        };
        let main = Some((self.range.unwrap_or(self.pool), offset, Level::Main));
        let fallback = self.fallback.map(|range| (range, 0, Level::Fallback));
        [main, fallback, self.expand.map(|range| (range, 0, Level::Expansion))].into_iter().flatten()
    }

    fn ranges(&self) -> impl Iterator<Item = PortRange> + use<> {
        self.levels().map(|(range, ..)| range)
    }

    fn excludes(&self, port: Port) -> bool {
        self.exclude.iter().any(|range| range.contains(port))
    }

    /// Whether a port that is the key's already meets the wish.
    fn admits(&self, port: Port) -> bool {
        if self.strict {
            return self.preferred == Some(port);
        }
        self.range.is_none() || self.preferred == Some(port) || self.ranges().any(|range| range.contains(port))
    }
}
