//! The daemon's events as "something changed", for whoever subscribed to the resource.

use std::sync::{Mutex, PoisonError};

use portus_proto::What;
use tokio::sync::watch;

use super::Connect;

/// One stream of events for all subscriptions of this server, begun when the first is made.
pub(super) struct Feed {
    connect: Connect,
    changes: Mutex<Option<watch::Receiver<u64>>>,
}

impl Feed {
    pub(super) fn new(connect: Connect) -> Self {
        Self { connect, changes: Mutex::new(None) }
    }

    /// Changes from now on: how many there were. Several in a row may be seen as one. Ends with the stream.
    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        let mut changes = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        // A stream that ended is begun anew by the next subscription.
        let mut receiver = match changes.as_ref().filter(|receiver| receiver.has_changed().is_ok()) {
            Some(receiver) => receiver.clone(),
            None => {
                let receiver = begin(self.connect.clone());
                *changes = Some(receiver.clone());
                receiver
            }
        };
        receiver.mark_unchanged();
        receiver
    }
}

fn begin(connect: Connect) -> watch::Receiver<u64> {
    let (sender, receiver) = watch::channel(0);
    // A thread of its own: it waits for as long as the server lives, and ends with the process.
    std::thread::spawn(move || {
        while let Ok(Ok(events)) = connect().map(portus_client::Client::into_events) {
            let mut heard = false;
            for event in events {
                let Ok(event) = event else { break };
                heard = true;
                if concerns_leases(&event.what) {
                    sender.send_modify(|count| *count += 1);
                }
                if sender.is_closed() {
                    return;
                }
            }
            // A daemon that was replaced is followed by the next. One that goes at once is not chased.
            if !heard {
                return;
            }
            sender.send_modify(|count| *count += 1);
        }
    });
    receiver
}

const fn concerns_leases(what: &What) -> bool {
    match what {
        What::Granted(_)
        | What::Updated(_)
        | What::Confirmed(_)
        | What::Lapsing(_)
        | What::Contested(_)
        | What::Uncontested(_)
        | What::Orphaned(_)
        | What::Drifted(_)
        | What::Ended(_)
        | What::Health { .. }
        | What::Missed(_) => true,
        What::Claimed(_)
        | What::Unclaimed { .. }
        | What::Quarantined(_)
        | What::Revived(_)
        | What::Queued { .. }
        | What::Alert { .. } => false,
    }
}
