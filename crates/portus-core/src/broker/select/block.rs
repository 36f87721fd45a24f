//! Ports in a row.

use std::borrow::Cow;

use super::standing::Standing;
use super::{Choice, Level, Walk};
use crate::broker::{Ask, Note, Refusal, Request, Stale, Why};
use crate::vocabulary::{ClaimEnd, Key, LeaseId, Port, PortRange};

/// One ask of a row.
struct Member<'a> {
    ask: Cow<'a, Ask>,
    standing: Standing,
    /// The port of the live lease that will do.
    port: Option<Port>,
}

impl Member<'_> {
    /// The lease that can be in no row but one that has it where it is.
    const fn fixed(&self) -> Option<LeaseId> {
        match self.standing {
            Standing::Keep { id, fixed: true } => Some(id),
            _ => None,
        }
    }
}

/// What spoiled a row: whose port which could not be, and why.
struct Miss {
    key: Key,
    port: Port,
    why: Why,
}

/// The first ask says where the row lies: who was given the same range follows wherever that
/// leads, be it to a preferred port outside.
fn follower<'a>(first: &Ask, ask: &'a Ask) -> Cow<'a, Ask> {
    if ask.range == first.range { Cow::Owned(Ask { range: None, ..ask.clone() }) } else { Cow::Borrowed(ask) }
}

impl Walk<'_> {
    /// Ports in a row, one for each ask: the first row that fits, in the order of candidates.
    pub(super) fn block(&mut self, request: &Request, asks: &[&Ask]) -> Result<Vec<Choice>, Refusal> {
        let mut members = Vec::new();
        for (place, &ask) in asks.iter().enumerate() {
            let ask = if place == 0 { Cow::Borrowed(ask) } else { follower(asks[0], ask) };
            let standing = self.broker.standing(request, &ask)?;
            let port = standing.lease().and_then(|id| self.broker.lease(id)).map(|lease| lease.port);
            members.push(Member { ask, standing, port });
        }
        let row = match self.kept_row(request, &members)? {
            Some(row) => {
                self.note_kept(asks[0], members[0].port);
                row
            }
            None => self.new_row(request, &members)?,
        };
        row.iter().for_each(|choice| self.chose(choice));
        Ok(row)
    }

    /// The row in which the live leases stay where they are, if they are all there or must be kept.
    fn kept_row(&mut self, request: &Request, members: &[Member<'_>]) -> Result<Option<Vec<Choice>>, Refusal> {
        let fixed = members.iter().enumerate().find_map(|(place, member)| Some((place, member.fixed()?)));
        if fixed.is_none() && members.iter().any(|member| member.port.is_none()) {
            return Ok(None);
        }
        let (place, kept) = fixed.map_or((0, None), |(place, id)| (place, Some(id)));
        let start = members[place].port.and_then(|port| down(port, place));
        let row = start.and_then(|start| self.row(request, members, start, None).ok());
        match (row, kept) {
            (None, Some(lease)) => Err(Refusal::AlreadyRunning { lease }),
            (row, _) => Ok(row),
        }
    }

    fn new_row(&mut self, request: &Request, members: &[Member<'_>]) -> Result<Vec<Choice>, Refusal> {
        let first = members[0].ask.as_ref();
        if let Some(start) = first.preferred {
            match self.row(request, members, start, None) {
                Ok(row) => return Ok(row),
                Err(Some(Miss { why: Why::NoDescriptors, .. })) => return Err(Refusal::NoDescriptors),
                Err(Some(Miss { key, port, why })) if first.strict => {
                    return Err(Refusal::PortUnavailable { key, port, why });
                }
                Err(Some(Miss { key, port, why })) => self.notes.push(Note::PreferredUnavailable { key, port, why }),
                Err(None) => {}
            }
        }
        let former = self.broker.claim_of(&first.key).map(|claim| claim.port);
        if let Some(start) = former.filter(|port| Some(*port) != first.preferred && first.admits(*port)) {
            match self.row(request, members, start, None) {
                Ok(row) => return Ok(row),
                Err(Some(Miss { key, port, why })) if key == first.key => {
                    self.notes.push(Note::ClaimUnavailable { key, port, why });
                }
                Err(_) => {}
            }
        }
        let broker = self.broker;
        let looks_first = request.stale == Stale::Unknown;
        for (range, offset, level) in first.levels().filter(|(.., level)| !looks_first || *level != Level::Expansion) {
            for start in broker.blocked.absent_from(range, offset) {
                match self.row(request, members, start, Some(range)) {
                    Ok(row) => {
                        self.notes.extend(level.note(first, range));
                        return Ok(row);
                    }
                    Err(Some(Miss { why: Why::NoDescriptors, .. })) => return Err(Refusal::NoDescriptors),
                    Err(_) => {}
                }
            }
        }
        let (count, ranges) = (members.len(), first.ranges().collect());
        Err(Refusal::NoBlock { key: first.key.clone(), count, ranges, reasons: self.reasons(first).0 })
    }

    /// The row that starts here and stays within. A miss without particulars is one of place: the
    /// row would pass 65535, leave its range, or move a lease that must stay.
    fn row(
        &mut self,
        request: &Request,
        members: &[Member<'_>],
        start: Port,
        within: Option<PortRange>,
    ) -> Result<Vec<Choice>, Option<Miss>> {
        let unseen = self.unseen.len();
        let mut row = Vec::new();
        for (place, member) in members.iter().enumerate() {
            let port = u16::try_from(place).ok().and_then(|steps| start.checked_add(steps));
            let port = port.filter(|port| within.is_none_or(|range| range.contains(*port)));
            match port.ok_or(None).and_then(|port| self.stand(request, member, port)) {
                Ok(choice) => row.push(choice),
                Err(miss) => {
                    self.unseen.truncate(unseen);
                    return Err(miss);
                }
            }
        }
        Ok(row)
    }

    fn stand(&mut self, request: &Request, member: &Member<'_>, port: Port) -> Result<Choice, Option<Miss>> {
        let ask = member.ask.as_ref();
        if member.port == Some(port)
            && let Some(choice) = self.settle(request, ask, &member.standing)
        {
            return Ok(choice);
        }
        if member.fixed().is_some() || !ask.admits(port) {
            return Err(None);
        }
        let takeover = ask.strict.then_some(ClaimEnd::TakenOver);
        let picked = self.accept(ask, port, takeover);
        picked.map(Choice::Take).map_err(|why| Some(Miss { key: ask.key.clone(), port, why }))
    }
}

fn down(port: Port, steps: usize) -> Option<Port> {
    u16::try_from(steps).ok().and_then(|steps| port.number().checked_sub(steps)).and_then(Port::new)
}
