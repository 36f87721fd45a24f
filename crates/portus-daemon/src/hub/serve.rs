//! The daemon's loop: one closed set of things wakes it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::time::{sleep_until, timeout_at};

use super::{Hub, Job};
use crate::DaemonError;
use crate::server::{self, Client, ConnectionId, Ending, Introduction};
use crate::transport::{self, Listener, Signals, Stream};
use crate::wording;

/// Who is connected gets so long to be answered and to leave, each.
const LEAVE_WITHIN: Duration = Duration::from_secs(2);
/// When no client can be taken, for want of descriptors say, the next is taken after this.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);
/// The most jobs taken in before something is done about them.
const TAKE_MAX: usize = 1_024;

/// The connections there are.
struct Door {
    listener: Listener,
    endings: BTreeMap<ConnectionId, Arc<Ending>>,
    next: u64,
    introduction: Arc<Introduction>,
    closed_until: Option<Instant>,
}

/// What woke the loop.
enum Woken {
    Job(Job),
    Client(std::io::Result<Stream>),
    Signal(&'static str),
    Alarm,
    /// There is more to do.
    Work,
}

/// Serves until the daemon shall leave, and lets everybody go in order.
///
/// # Errors
/// [`DaemonError::Doubt`] when it is unknown what is written down.
pub(crate) async fn serve(
    mut hub: Hub,
    listener: Listener,
    mut jobs: mpsc::Receiver<Job>,
    mut signals: Signals,
    introduction: Introduction,
) -> Result<(), DaemonError> {
    let introduction = Arc::new(introduction);
    let mut door = Door { listener, endings: BTreeMap::new(), next: 0, introduction, closed_until: None };
    let outcome = loop {
        match door.wake(&mut hub, &mut jobs, &mut signals).await {
            Woken::Job(job) => {
                door.take(&mut hub, job);
                for _ in 1..TAKE_MAX {
                    let Ok(job) = jobs.try_recv() else { break };
                    door.take(&mut hub, job);
                }
            }
            Woken::Client(Ok(stream)) => door.admit(&mut hub, stream),
            Woken::Client(Err(error)) => {
                tracing::warn!(%error, "a client could not be taken");
                door.closed_until = Some(Instant::now() + ACCEPT_AGAIN);
            }
            Woken::Signal(name) => {
                hub.leaving.get_or_insert_with(|| name.to_owned());
            }
            Woken::Alarm => hub.alarm(),
            Woken::Work => {}
        }
        if let Err(error) = hub.turn() {
            break Err(error);
        }
        if hub.leaving.is_some() {
            break Ok(());
        }
    };
    let reason = hub.leaving.clone().unwrap_or_default();
    tracing::info!(reason, "leaving");
    leave(hub, door, jobs).await;
    outcome
}

impl Door {
    async fn wake(&mut self, hub: &mut Hub, jobs: &mut mpsc::Receiver<Job>, signals: &mut Signals) -> Woken {
        let closed_until = self.closed_until.take().filter(|at| *at > Instant::now());
        let alarm = hub.next_alarm();
        let alarm = async {
            match alarm.into_iter().chain(closed_until).min() {
                Some(at) => sleep_until(at.into()).await,
                None => std::future::pending().await,
            }
        };
        let has_work = hub.has_work();
        let tally = Arc::clone(&hub.metrics.tally);
        let woken = tokio::select! {
            Some(job) = jobs.recv() => Woken::Job(job),
            client = self.listener.accept(), if closed_until.is_none() => Woken::Client(client),
            signal = signals.next() => Woken::Signal(signal),
            () = alarm => Woken::Alarm,
            () = tally.stirred() => Woken::Work,
            () = tokio::task::yield_now(), if has_work => Woken::Work,
        };
        self.closed_until = self.closed_until.or(closed_until);
        woken
    }

    fn take(&mut self, hub: &mut Hub, job: Job) {
        if let Job::Left(connection) = &job {
            self.endings.remove(connection);
        }
        hub.take(job);
    }

    /// Lets a client in, if there is a seat.
    fn admit(&mut self, hub: &mut Hub, stream: Stream) {
        let Some(seat) = hub.seats.take() else {
            hub.metrics.connections_refused += 1;
            hub.metrics.tally.refused(portus_proto::Code::LimitReached);
            tracing::warn!("all seats are taken");
            tokio::spawn(server::refuse_for_want_of_seats(stream));
            return;
        };
        hub.metrics.connections += 1;
        self.next += 1;
        let id = ConnectionId(self.next);
        hub.admit(id);
        let ending = Arc::<Ending>::default();
        self.endings.insert(id, Arc::clone(&ending));
        let introduction = Arc::clone(&self.introduction);
        let (jobs, tally) = (hub.jobs.clone(), Arc::clone(&hub.metrics.tally));
        tokio::spawn(server::serve(Client { id, stream, seat, introduction, jobs, ending, tally }));
    }
}

/// Takes nobody more, answers what is being done, and says goodbye to everybody.
async fn leave(mut hub: Hub, door: Door, mut jobs: mpsc::Receiver<Job>) {
    let Door { listener, endings, .. } = door;
    drop(listener);
    transport::remove_socket(&hub.fixed.home);
    hub.dissolve_lines();
    hub.dissolve_awaiting();

    let deadline = Instant::now() + LEAVE_WITHIN;
    loop {
        while let Ok(job) = jobs.try_recv() {
            hub.take(job);
        }
        let failed = hub.turn().is_err();
        let done = !hub.has_work() && hub.busy_count() == 0;
        // Whoever goes on asking does not keep it from leaving.
        if failed || done || Instant::now() >= deadline {
            break;
        }
        if !hub.has_work() {
            match timeout_at(deadline.into(), jobs.recv()).await {
                Ok(Some(job)) => hub.take(job),
                Ok(None) | Err(_) => break,
            }
        }
    }
    hub.dissolve_lines();
    hub.dissolve_awaiting();

    endings.values().for_each(|ending| ending.end(wording::stopping()));
    let deadline = (Instant::now() + LEAVE_WITHIN).into();
    while hub.seats.taken() > 0 {
        match timeout_at(deadline, jobs.recv()).await {
            Ok(Some(Job::Call { to, .. } | Job::Subscribe { to, .. })) => to.answer(Err(wording::stopping())),
            Ok(Some(_)) => {}
            Ok(None) | Err(_) => break,
        }
    }
}
