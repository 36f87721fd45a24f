//! One client: asks, confirms, renews and gives back, as fast as it is answered, through any number of daemons.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::time::Duration;

use portus_client::{CallError, Client, Options};
use portus_core::{LeaseId, PortRange};
use portus_os::place::Home;
use portus_proto::{Caller, Code, ConfirmCall, GuardWish, Key, ReleaseCall, RenewCall, RequestCall, Target};

use super::book::{Book, Owner, Told};
use crate::sim::bytes::bytes_of;
use crate::wish;

/// How many services a client has.
pub const SERVICES: u8 = 8;

/// What a client works with.
#[derive(Debug)]
pub struct Work<'a> {
    /// Where the daemon lives.
    pub home: &'a Home,
    /// What becomes the daemon.
    pub program: &'a Path,
    /// Where ports come from.
    pub pool: PortRange,
    /// What everybody was told.
    pub book: &'a Book,
    /// Whether to stop.
    pub over: &'a AtomicBool,
}

/// Connects, starting a daemon if there is none.
///
/// # Errors
/// Why it could not.
pub fn connect(home: &Home, program: &Path) -> Result<Client, String> {
    let options =
        Options { deadline: Duration::from_secs(20), program: Some(program.to_owned()), ..Options::default() };
    Client::connect(home, options).map_err(|error| error.to_string())
}

/// The worktree of a client.
pub fn worktree_of(client: usize) -> String {
    format!("/torture/w{client}")
}

fn key(owner: Owner) -> Key {
    let (client, service) = owner;
    let service = format!("s{service}").parse().unwrap();
    Key { project: "torture".to_owned(), worktree: worktree_of(client), service }
}

/// Works until it is over. Tells of each answer.
pub fn work(work: &Work<'_>, number: usize, answered: &Sender<()>) {
    let draws = bytes_of(number as u64 + 1, 1 << 16);
    let mut draws = draws.iter().copied().cycle();
    let mut client = None;
    while !work.over.load(Ordering::Relaxed) {
        let connected = match client.take() {
            Some(client) => Ok(client),
            None => connect(work.home, work.program),
        };
        let mut connected = match connected {
            Ok(connected) => connected,
            Err(error) => {
                // The daemon that was started for this very call may be killed before it answers.
                work.book.count(|counts| counts.cut_off += 1);
                if !error.contains("ended without a word") && !error.contains("lost") {
                    work.book.count(|counts| counts.odd.push(format!("connecting: {error}")));
                }
                continue;
            }
        };
        let owner = (number, draws.next().unwrap_or(0) % SERVICES);
        match call(&mut connected, work, owner, draws.next().unwrap_or(0)) {
            Ok(()) => {
                client = Some(connected);
                if answered.send(()).is_err() {
                    return;
                }
            }
            Err(CallError::Refused(refusal)) if refusal.code != Code::Stopping => {
                client = Some(connected);
                odd(work.book, owner, &refusal);
            }
            Err(_) => work.book.count(|counts| counts.cut_off += 1),
        }
    }
}

/// A refusal: of what is certain, it is a loss.
fn odd(book: &Book, owner: Owner, refusal: &portus_proto::Refusal) {
    let held = book.held(owner);
    let line = format!("{owner:?} holds {held:?}: {:?}: {}", refusal.code, refusal.message);
    book.count(|counts| match (refusal.code, held) {
        (Code::NoSuchLease, Some(_)) => counts.lost.push(line),
        // It was given back by a call whose answer was cut off.
        (Code::NoSuchLease, None) => {}
        _ => counts.odd.push(line),
    });
}

fn call(client: &mut Client, work: &Work<'_>, owner: Owner, draw: u8) -> Result<(), CallError> {
    let book = work.book;
    let Some(held) = book.held(owner) else { return request(client, work, owner, draw) };
    let target = Target::Lease(LeaseId(held.id));
    let caller = Caller { worktree: worktree_of(owner.0), force: false };
    match draw % 8 {
        0..=2 => request(client, work, owner, draw)?,
        3..=4 => {
            client.renew(RenewCall { target, caller, ttl_ms: None })?;
        }
        5 => {
            book.is_up(owner);
            client.confirm(ConfirmCall { target, caller, pid: Some(std::process::id()) })?;
        }
        _ => {
            book.gives_up(owner);
            client.release(ReleaseCall { targets: vec![target], caller })?;
        }
    }
    book.count(|counts| counts.answered += 1);
    Ok(())
}

/// Asks for one port, without a guard: the lease's number.
///
/// # Errors
/// Why there is none.
pub fn ask(client: &mut Client, owner: Owner) -> Result<u64, String> {
    let reply = client.request(wish(owner, None, false)).map_err(|error| error.to_string())?;
    reply.leases.first().map(|lease| lease.id.0).ok_or_else(|| "a yes without a lease".to_owned())
}

/// Gives a lease back.
///
/// # Errors
/// Why it is not taken.
pub fn give_back(client: &mut Client, owner: Owner, lease: u64) -> Result<(), String> {
    let caller = Caller { worktree: worktree_of(owner.0), force: false };
    let call = ReleaseCall { targets: vec![Target::Lease(LeaseId(lease))], caller };
    client.release(call).map(drop).map_err(|error| error.to_string())
}

fn wish(owner: Owner, pool: Option<PortRange>, guarded: bool) -> RequestCall {
    let mut wish = wish::for_one_port(key(owner));
    wish.asks.iter_mut().for_each(|ask| ask.pool = pool);
    RequestCall { guard: guarded.then_some(GuardWish::UntilLaunch), ..wish }
}

fn request(client: &mut Client, work: &Work<'_>, owner: Owner, draw: u8) -> Result<(), CallError> {
    let book = work.book;
    let reply = client.request(wish(owner, Some(work.pool), draw >= 128))?;
    match &reply.leases[..] {
        [lease] => {
            book.told(owner, Told { id: lease.id.0, port: lease.port.number(), guarded: lease.guarded });
        }
        other => book.count(|counts| counts.odd.push(format!("{} leases for one ask", other.len()))),
    }
    Ok(())
}
