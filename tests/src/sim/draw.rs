//! Draws the next event: one that is possible, and mostly sensible, as things stand.

use portus_core::{Admit, Broker};
use portus_daemon::engine::toy::Fault;

use super::bytes::Bytes;
use super::event::{Event, FAULTS, Who, Wish};
use super::run::{FALLBACK, PIDS, POOL, Run};

/// How many services a worktree has.
const SERVICES: usize = 4;
/// How many worktrees there are.
const PLACES: usize = 3;

/// The next event, or two that belong together.
pub fn draw(bytes: &mut Bytes<'_>, run: &Run) -> Vec<Event> {
    let drawn = match bytes.below(32) {
        0..=7 => ask(bytes, run),
        8..=12 => touch(bytes, run).unwrap_or_else(|| ask(bytes, run)),
        13..=14 => spawn(bytes, run),
        15..=16 => someone(bytes, run).map_or_else(|| spawn(bytes, run), Event::Exit),
        17..=18 => Event::Notice,
        19..=20 => listen(bytes, run),
        21 => Event::Intrude(port(bytes)),
        22 => bytes.one_of(&run.town.intruded()).map_or(Event::Look, Event::Vanish),
        23 => Event::Look,
        24..=25 => pass(bytes, run),
        26 => Event::Tick,
        27 => claims(bytes),
        28 => together(bytes, run),
        29 => strike(bytes),
        30 => Event::LoseGuard(port(bytes)),
        _ => upheaval(bytes),
    };
    // A number that is used again right away is what most tools get wrong.
    match drawn {
        Event::Exit(pid) if bytes.once_in(3) => vec![Event::Exit(pid), Event::Spawn(pid, small(bytes, PLACES), None)],
        other => vec![other],
    }
}

fn port(bytes: &mut Bytes<'_>) -> u16 {
    POOL.0 + u16::try_from(bytes.below(usize::from(FALLBACK - POOL.0) + 1)).unwrap_or(0)
}

fn small(bytes: &mut Bytes<'_>, count: usize) -> u8 {
    u8::try_from(bytes.below(count)).unwrap_or(0)
}

fn who(bytes: &mut Bytes<'_>) -> Who {
    Who { service: small(bytes, SERVICES), worktree: small(bytes, PLACES) }
}

fn someone(bytes: &mut Bytes<'_>, run: &Run) -> Option<u8> {
    bytes.one_of(&run.town.pids())
}

fn ask(bytes: &mut Bytes<'_>, run: &Run) -> Event {
    let mut whose = vec![who(bytes)];
    if bytes.once_in(4) {
        let other = who(bytes);
        whose.extend((other != whose[0]).then_some(other));
    }
    let holder = if bytes.once_in(2) { someone(bytes, run) } else { None };
    let ttl = bytes.once_in(4).then(|| 30 + u64::from(bytes.take()) * 4);
    let guard = bytes.one_of(&[None, Some(Admit::Nobody), Some(Admit::Nobody), Some(Admit::Reuse)]).flatten();
    let preferred = bytes.once_in(4).then(|| port(bytes));
    let strict = preferred.is_some() && bytes.once_in(2);
    let row = whose.len() > 1 && bytes.once_in(2);
    Event::Ask(Wish { whose, holder, ttl, guard, preferred, strict, row })
}

fn lease(bytes: &mut Bytes<'_>, run: &Run) -> Option<u64> {
    let live: Vec<u64> = run.broker()?.live_leases().map(|lease| lease.id.0).collect();
    // Now and then one that is long over, or never was.
    if bytes.once_in(16) { Some(u64::from(bytes.take())) } else { bytes.one_of(&live) }
}

fn touch(bytes: &mut Bytes<'_>, run: &Run) -> Option<Event> {
    let id = lease(bytes, run)?;
    Some(match bytes.below(9) {
        0..=1 => Event::Confirm(id, if bytes.once_in(3) { someone(bytes, run) } else { None }),
        2 => Event::Renew(id, bytes.once_in(2).then(|| 30 + u64::from(bytes.take()))),
        3..=4 => Event::Release(id),
        5 => Event::Launch(id, bytes.once_in(2)),
        6 => Event::Attach(id, someone(bytes, run)?),
        7 => Event::Suspect(id, bytes.once_in(2)),
        _ => Event::ReleaseAll(small(bytes, PLACES)),
    })
}

fn spawn(bytes: &mut Bytes<'_>, run: &Run) -> Event {
    let free: Vec<u8> = (1..=PIDS).filter(|pid| run.town.process(*pid).is_none()).collect();
    let Some(pid) = bytes.one_of(&free) else { return Event::Notice };
    let worktree = small(bytes, PLACES);
    let parent = if bytes.once_in(2) { someone(bytes, run) } else { None };
    Event::Spawn(pid, worktree, parent)
}

/// Mostly on a leased port.
fn listen(bytes: &mut Bytes<'_>, run: &Run) -> Event {
    let Some(pid) = someone(bytes, run) else { return spawn(bytes, run) };
    let leased: Vec<u16> =
        run.broker().map(|broker| broker.live_leases().map(|lease| lease.port.number()).collect()).unwrap_or_default();
    let at = if bytes.once_in(4) { port(bytes) } else { bytes.one_of(&leased).unwrap_or(POOL.0) };
    Event::Listen(pid, at)
}

fn pass(bytes: &mut Bytes<'_>, run: &Run) -> Event {
    let deadline = run.broker().and_then(Broker::next_deadline);
    match (bytes.below(4), deadline) {
        (0 | 1, Some(until)) => Event::Pass(until.0.saturating_sub(run.awake()).div_ceil(1_000)),
        (2, _) => Event::Pass(u64::from(bytes.take())),
        _ => {
            let days = i64::from(bytes.take()) - 128;
            Event::Leap(days * 86_400)
        }
    }
}

fn claims(bytes: &mut Bytes<'_>) -> Event {
    match bytes.below(5) {
        0 => Event::Pin(who(bytes), port(bytes)),
        1 => Event::Forget(who(bytes)),
        2 => Event::Sweep(small(bytes, PLACES)),
        3 => Event::Quarantine(port(bytes)),
        _ => Event::Revive(port(bytes)),
    }
}

fn together(bytes: &mut Bytes<'_>, run: &Run) -> Event {
    let count = 2 + bytes.below(2);
    let one = |bytes: &mut Bytes<'_>| match bytes.once_in(2) {
        true => ask(bytes, run),
        false => touch(bytes, run).unwrap_or_else(|| ask(bytes, run)),
    };
    Event::Together((0..count).map(|_| one(bytes)).collect())
}

fn strike(bytes: &mut Bytes<'_>) -> Event {
    let (_, fault) = bytes.one_of(&FAULTS).unwrap_or(("", Fault::DiskFull));
    Event::Strike(bytes.below(12), fault)
}

fn upheaval(bytes: &mut Bytes<'_>) -> Event {
    match bytes.below(8) {
        0..=3 => Event::Restart,
        4..=6 => Event::Reboot,
        _ => Event::Spoil,
    }
}
