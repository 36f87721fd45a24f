//! What the daemon tells: the ledger as a whole, then every event. Connects again when the connection is lost.

use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::time::Duration;

use portus_client::{CallError, Client};
use portus_proto::{Alert, Code, Scope, What};

use super::Connect;
use crate::message::{Msg, News, Snapshot};

/// How long it takes from one vain attempt to the next: at first, and at most.
const RETRY_FIRST_S: u64 = 1;
const RETRY_MAX_S: u64 = 30;
/// A daemon that was told to leave is looked for this often; it is not started unasked.
const STOPPED_RETRY_S: u64 = 2;

/// Follows daemons, one after the other, until nobody listens to us. An order connects at once.
pub(super) fn run(connect: &Connect, tell: &SyncSender<Msg>, orders: &Receiver<()>) {
    let (mut may_start, mut retry_s) = (true, RETRY_FIRST_S);
    loop {
        if tell.send(Msg::Link(News::Connecting)).is_err() {
            return;
        }
        let wait_s = match connect(may_start) {
            Ok(client) => {
                let error = follow(client, tell);
                retry_s = RETRY_FIRST_S;
                let was_told_to = matches!(&error, Some(CallError::Refused(refusal)) if refusal.code == Code::Stopping);
                may_start = !was_told_to;
                let news = match error {
                    None => return,
                    Some(_) if was_told_to => News::Stopped,
                    Some(error) => News::Lost(error.to_string()),
                };
                if tell.send(Msg::Link(news)).is_err() {
                    return;
                }
                if was_told_to { STOPPED_RETRY_S } else { 0 }
            }
            // Nobody has started another one yet.
            Err(_) if !may_start => STOPPED_RETRY_S,
            Err(error) => {
                let news = News::Failed { reason: error.to_string(), hint: error.hint(), retry_s };
                if tell.send(Msg::Link(news)).is_err() {
                    return;
                }
                let wait_s = retry_s;
                retry_s = (retry_s * 2).min(RETRY_MAX_S);
                wait_s
            }
        };
        if wait_s > 0 {
            match orders.recv_timeout(Duration::from_secs(wait_s)) {
                Ok(()) => may_start = true,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }
}

/// Tells everything of one connection. Returns why it ended; nothing when nobody listens to us any more.
fn follow(client: Client, tell: &SyncSender<Msg>) -> Option<CallError> {
    // Events first, then the ledger: what happens in between is told twice, and never missed.
    let mut events = match client.into_events() {
        Ok(events) => events,
        Err(error) => return Some(error),
    };
    let mut is_stale = true;
    loop {
        if std::mem::take(&mut is_stale) {
            let snapshot = match snapshot(events.client()) {
                Ok(snapshot) => snapshot,
                Err(error) => return Some(error),
            };
            tell.send(Msg::Link(News::Up(Box::new(snapshot)))).ok()?;
        }
        match events.next()? {
            Ok(event) => {
                is_stale = matches!(event.what, What::Missed(_));
                tell.send(Msg::Event(Box::new(event))).ok()?;
            }
            Err(error) => return Some(error),
        }
    }
}

/// The ledger as it stands.
pub(super) fn snapshot(client: &mut Client) -> Result<Snapshot, CallError> {
    Ok(Snapshot {
        leases: client.all_leases(Scope::All, false)?.leases,
        claims: client.all_claims(Scope::All)?,
        quarantines: client.quarantines()?,
        status: client.status()?,
        alerts: alerts(client)?,
    })
}

/// What the daemon says needs a look; nothing where it is of an older build, which does not say.
fn alerts(client: &mut Client) -> Result<Vec<Alert>, CallError> {
    match client.stats() {
        Ok(stats) => Ok(stats.alerts),
        Err(CallError::Refused(refusal)) if refusal.code == Code::UnknownMethod => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}
