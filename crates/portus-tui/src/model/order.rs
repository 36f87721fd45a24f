//! Which lines a list has: what the scope and the filter let through, in the order asked for, under headings.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};

use portus_proto::{Claim, Event, Lease, Listener, What};

use super::ledger::{key_of, key_of_lease};
use super::table::{Item, Line};
use super::{Model, Scope, Tab};
use crate::words;

/// The lines of a view as things stand.
pub(crate) fn lines(model: &Model, tab: Tab) -> Vec<Line> {
    match tab {
        Tab::Leases => leases(model),
        Tab::Listeners => listeners(model),
        Tab::Claims => claims(model),
        Tab::Events => events(model),
        Tab::Overview => Vec::new(),
    }
}

/// What the filter asks for: words that must all occur, however they are written.
struct Filter(Vec<String>);

impl Filter {
    fn of(model: &Model) -> Self {
        Self(model.filter.split_whitespace().map(str::to_lowercase).collect())
    }

    fn passes(&self, texts: &[&str]) -> bool {
        if self.0.is_empty() {
            return true;
        }
        let all = texts.join("\n").to_lowercase();
        self.0.iter().all(|word| all.contains(word))
    }
}

impl Model {
    fn is_in_scope(&self, project: Option<&str>, worktree: Option<&str>) -> bool {
        match self.scope {
            Scope::All => true,
            Scope::Project => project == Some(&self.here.project),
            Scope::Worktree => worktree == Some(&self.here.worktree),
        }
    }
}

fn leases(model: &Model) -> Vec<Line> {
    let filter = Filter::of(model);
    let passes = |lease: &&Lease| {
        let holder = words::whose(lease);
        let [port, id] = [lease.port.to_string(), format!("lease:{}", lease.id)];
        let session = lease.requester.session.as_deref().unwrap_or_default();
        let texts = [lease.service.as_str(), &port, &id, words::state(lease), &holder, session];
        model.is_in_scope(Some(&lease.project), Some(&lease.worktree))
            && filter.passes(&[&texts[..], &[&lease.project, &lease.worktree]].concat())
    };
    let mut all: Vec<&Lease> = model.ledger.leases.values().filter(passes).collect();
    let table = model.table(Tab::Leases);
    let by_column = |a: &&Lease, b: &&Lease| match table.sort {
        0 => a.service.cmp(&b.service),
        1 => a.port.cmp(&b.port),
        2 => words::urgency(b).cmp(&words::urgency(a)),
        3 => b.granted_at.cmp(&a.granted_at),
        4 => nothing_last(a.expires_at, b.expires_at),
        5 => words::holder(a).cmp(&words::holder(b)),
        _ => nothing_last(a.requester.session.as_ref(), b.requester.session.as_ref()),
    };
    all.sort_by(|a, b| by_column(a, b).then(a.port.cmp(&b.port)));
    if table.reverse {
        all.reverse();
    }
    grouped(all, table.sort == 0, |lease| (&lease.project, &lease.worktree), |lease| Item::Lease(lease.id))
}

fn nothing_last<T: Ord>(a: Option<T>, b: Option<T>) -> Ordering {
    a.is_none().cmp(&b.is_none()).then_with(|| a.cmp(&b))
}

/// Puts sorted things under headings: by name, or as their first things come.
fn grouped<'a, T>(
    all: Vec<&'a T>,
    by_name: bool,
    place: impl Fn(&'a T) -> (&'a String, &'a String),
    item: impl Fn(&T) -> Item,
) -> Vec<Line> {
    let mut groups: Vec<((&String, &String), Vec<Item>)> = Vec::new();
    let mut known = HashMap::new();
    for thing in all {
        let place = place(thing);
        let at = *known.entry(place).or_insert(groups.len());
        match groups.get_mut(at) {
            Some((_, items)) => items.push(item(thing)),
            None => groups.push((place, vec![item(thing)])),
        }
    }
    if by_name {
        groups.sort_by(|a, b| a.0.cmp(&b.0));
    }
    let lines = groups.into_iter().flat_map(|((title, place), items)| {
        let head = Line::Group { title: title.clone(), place: place.clone(), count: items.len() };
        std::iter::once(head).chain(items.into_iter().map(Line::Item))
    });
    lines.collect()
}

fn listeners(model: &Model) -> Vec<Line> {
    let filter = Filter::of(model);
    let passes = |listener: &Listener| {
        let [port, pid] = [listener.port.to_string(), listener.pid.map(|pid| pid.to_string()).unwrap_or_default()];
        let lease = words::lease_of(listener, &model.ledger);
        let place = listener.worktree.as_deref().or(listener.cwd.as_deref()).unwrap_or_default();
        let project = listener.project.as_deref().unwrap_or_default();
        let texts =
            [&port, listener.protocol.word(), &pid, &lease, &listener.command, &listener.address, place, project];
        model.is_in_scope(listener.project.as_deref(), listener.worktree.as_deref()) && filter.passes(&texts)
    };
    let mut all: Vec<_> = model.ledger.listeners.iter().filter(|(_, listener)| passes(listener)).collect();
    let table = model.table(Tab::Listeners);
    all.sort_by(|(_, a), (_, b)| {
        let by_column = match table.sort {
            1 => a.protocol.cmp(&b.protocol),
            2 => nothing_last(a.lease, b.lease),
            3 => a.command.cmp(&b.command),
            4 => nothing_last(a.pid, b.pid),
            5 => a.address.cmp(&b.address),
            6 => nothing_last(a.worktree.as_ref(), b.worktree.as_ref()),
            _ => Ordering::Equal,
        };
        by_column.then(a.port.cmp(&b.port))
    });
    if table.reverse {
        all.reverse();
    }
    all.into_iter().map(|(id, _)| Line::Item(Item::Listener(id.clone()))).collect()
}

fn claims(model: &Model) -> Vec<Line> {
    let filter = Filter::of(model);
    let passes = |claim: &&Claim| {
        let port = claim.port.to_string();
        let pinned = if claim.pinned { "pinned" } else { "" };
        model.is_in_scope(Some(&claim.project), Some(&claim.worktree))
            && filter.passes(&[claim.service.as_str(), &port, pinned, &claim.project, &claim.worktree])
    };
    let mut all: Vec<&Claim> = model.ledger.claims.values().filter(passes).collect();
    let table = model.table(Tab::Claims);
    let leased: BTreeMap<_, _> = match table.sort {
        4 => model.ledger.leases.values().map(|lease| (key_of_lease(lease), lease.id)).collect(),
        _ => BTreeMap::new(),
    };
    all.sort_by(|a, b| {
        let by_column = match table.sort {
            0 => a.service.cmp(&b.service),
            1 => a.port.cmp(&b.port),
            2 => b.pinned.cmp(&a.pinned),
            3 => b.last_used.cmp(&a.last_used),
            _ => nothing_last(leased.get(&key_of(a)), leased.get(&key_of(b))),
        };
        by_column.then(a.port.cmp(&b.port))
    });
    if table.reverse {
        all.reverse();
    }
    let mut lines =
        grouped(all, table.sort == 0, |claim| (&claim.project, &claim.worktree), |claim| Item::Claim(key_of(claim)));
    let kept_away =
        model.ledger.quarantines.values().filter(|one| {
            model.scope == Scope::All && filter.passes(&[&one.port.to_string(), &one.reason, "quarantine"])
        });
    let kept_away: Vec<_> = kept_away.map(|one| Line::Item(Item::Quarantine(one.port))).collect();
    if !kept_away.is_empty() {
        let count = kept_away.len();
        lines.push(Line::Group { title: "in quarantine".to_owned(), place: "not to be handed out".to_owned(), count });
        lines.extend(kept_away);
    }
    lines
}

fn events(model: &Model) -> Vec<Line> {
    let filter = Filter::of(model);
    let passes = |event: &Event| {
        let (project, worktree) = place_of(&event.what);
        let told = words::event(event);
        let port = told.port.map(|port| port.to_string()).unwrap_or_default();
        model.is_in_scope(project, worktree)
            && filter.passes(&[event.what.kind(), &told.who, &port, &told.what, worktree.unwrap_or_default()])
    };
    let mut all: Vec<_> = model.ledger.events().filter(|(_, event)| passes(event)).collect();
    all.reverse();
    let table = model.table(Tab::Events);
    match table.sort {
        1 => all.sort_by_key(|(_, event)| event.what.kind()),
        2 => all.sort_by_cached_key(|(_, event)| words::event(event).who),
        3 => all.sort_by_cached_key(|(_, event)| words::event(event).port),
        4 => all.sort_by_cached_key(|(_, event)| words::event(event).what),
        5 => all.sort_by(|(_, a), (_, b)| place_of(&a.what).1.cmp(&place_of(&b.what).1)),
        _ => {}
    }
    if table.reverse {
        all.reverse();
    }
    all.into_iter().map(|(number, _)| Line::Item(Item::Event(number))).collect()
}

/// The project and the worktree that an event is about.
pub(crate) fn place_of(what: &What) -> (Option<&str>, Option<&str>) {
    match what {
        What::Granted(lease)
        | What::Updated(lease)
        | What::Confirmed(lease)
        | What::Lapsing(lease)
        | What::Contested(lease)
        | What::Uncontested(lease)
        | What::Orphaned(lease)
        | What::Drifted(lease)
        | What::Ended(lease)
        | What::Health { lease, .. } => (Some(&lease.project), Some(&lease.worktree)),
        What::Claimed(claim) | What::Unclaimed { claim, .. } => (Some(&claim.project), Some(&claim.worktree)),
        What::Queued { key, .. } => (Some(&key.project), Some(&key.worktree)),
        What::Quarantined(_) | What::Revived(_) | What::Alert { .. } | What::Missed(_) => (None, None),
    }
}
