//! The leases of one `run`: asked for, started upon, watched, given back, over a daemon that may come and go.

use std::collections::BTreeSet;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use portus_client::{CallError, Client, Options};
use portus_core::{LeaseId, Port, Protocol, ServiceName};
use portus_os::place::Home;
use portus_os::supervise::{KeptPorts, Readable, Waker, keep_out_of_the_tree};
use portus_proto::{
    AttachCall, Caller, Claim, Event, HealthCall, LaunchCall, Lease, MirrorCall, Process, ReleaseCall, RequestCall,
    Scope, SuspectCall, Suspected, Target, What,
};

/// How often, and after which pauses, a lost daemon is looked for.
const LOOK_AGAIN_AFTER: [Duration; 4] =
    [Duration::ZERO, Duration::from_millis(500), Duration::from_secs(2), Duration::from_secs(10)];
/// A frame that has begun is there in a moment; a wait for one that has not ends here.
const REST_OF_A_FRAME: Duration = Duration::from_millis(1);

/// The leases, and the way to the daemon that keeps them.
pub(super) struct Tenancy {
    home: Home,
    options: Options,
    /// `None` while the daemon is lost.
    client: Option<Client>,
    /// The search for a lost daemon, while there is one.
    search: Option<Receiver<Found>>,
    /// What is asked for, again after a port was abandoned.
    wish: RequestCall,
    /// The worktree, and the mirror that it wants.
    mirror: MirrorCall,
    leases: Vec<Lease>,
    /// Whether a port that could not be bound, though nobody showed, is avoided until it is revived.
    keep_dead: bool,
}

/// A daemon that was found again, and the leases it knows of this worktree; or why none was.
type Found = Result<(Client, Vec<Lease>), String>;

/// What became of the way to the daemon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Way {
    /// It is lost, and being looked for.
    Lost(String),
    /// It was found again.
    Found,
    /// It was not.
    Gone(String),
}

/// A port that the command could not bind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Abandoned {
    /// The port.
    pub(super) port: Port,
    /// Who sits there; nobody if none shows.
    pub(super) by: Vec<Process>,
}

impl Tenancy {
    /// A tenancy of nothing yet.
    pub(super) fn new(client: Client, home: Home, options: Options, mirror: MirrorCall, wish: RequestCall) -> Self {
        let leases = Vec::new();
        Self { home, options, client: Some(client), search: None, wish, mirror, leases, keep_dead: false }
    }

    /// The same, with ports that cannot be bound though nobody shows avoided until they are revived, if `keep`.
    pub(super) fn keeping_dead(self, keep: bool) -> Self {
        Self { keep_dead: keep, ..self }
    }

    /// The leases, in the order of the services.
    pub(super) fn leases(&self) -> &[Lease] {
        &self.leases
    }

    /// Keeps the daemon that runs out of the command's tree, also one that the command has started unknown to us.
    pub(super) fn leave_daemon_out(&self) {
        let pid = std::fs::read_to_string(self.home.lock()).ok().and_then(|text| text.trim().parse().ok());
        if let Some(pid) = pid {
            keep_out_of_the_tree(pid);
        }
    }

    /// One of them, if it is.
    pub(super) fn is_ours(&self, id: LeaseId) -> bool {
        self.leases.iter().any(|lease| lease.id == id)
    }

    /// Takes in how a lease stands now.
    pub(super) fn update(&mut self, lease: &Lease) {
        for own in self.leases.iter_mut().filter(|own| own.id == lease.id) {
            own.clone_from(lease);
        }
    }

    /// The journal's half of `PORTUS_LEASE`.
    pub(super) fn journal(&self) -> &str {
        self.client.as_ref().map_or("", |client| &client.welcome().journal)
    }

    /// Asks for the ports; what it had is among what it gets, if it still has it. Returns the daemon's notes.
    pub(super) fn request(&mut self) -> Result<Vec<String>, CallError> {
        let (wish, mirror) = (self.wish.clone(), self.mirror.clone());
        let reply = self.client()?.request_mirrored(wish, &mirror)?;
        self.leases = reply.leases;
        Ok(reply.notes)
    }

    /// The numbers of all services of this worktree.
    pub(super) fn claims(&mut self) -> Result<Vec<Claim>, CallError> {
        let scope = Scope::Worktree(self.mirror.worktree.clone());
        self.client()?.all_claims(scope)
    }

    /// The services of this worktree that have a live lease.
    pub(super) fn live_services(&mut self) -> Result<BTreeSet<ServiceName>, CallError> {
        let scope = Scope::Worktree(self.mirror.worktree.clone());
        let leases = self.client()?.all_leases(scope, false)?.leases;
        Ok(leases.into_iter().map(|lease| lease.service).collect())
    }

    /// Has the events of the leases come, and the guards stand aside. Until the program is started the ports
    /// are kept by what this returns.
    pub(super) fn launch(&mut self) -> Result<KeptPorts, CallError> {
        let leases = self.ids();
        let ports: Vec<(Port, Protocol)> =
            self.leases.iter().filter(|lease| lease.guarded).map(|lease| (lease.port, lease.protocol)).collect();
        let client = self.client()?;
        client.subscribe()?;
        if !ports.is_empty() {
            client.launch(LaunchCall { leases: leases.clone(), hand_over: true })?;
        }
        let kept = KeptPorts::take(&ports);
        client.launch(LaunchCall { leases, hand_over: false })?;
        Ok(kept)
    }

    /// Says which process was started. Only a help to the daemon, so that a failure is none of the command's.
    pub(super) fn attach(&mut self, pid: u32) {
        let leases = self.ids();
        if let Ok(client) = self.client() {
            drop(client.attach(AttachCall { leases, pid }));
        }
    }

    /// The command ended before it listened: asks whether the ports were the reason, and which.
    pub(super) fn suspect(&mut self) -> Result<Vec<Abandoned>, CallError> {
        let mut abandoned = Vec::new();
        for lease in self.leases.clone() {
            let call = SuspectCall { lease: lease.id, certain: false, keep: self.keep_dead };
            match self.client()?.suspect(call)? {
                Suspected::Cleared => {}
                Suspected::Abandoned { by } => abandoned.push(Abandoned { port: lease.port, by }),
            }
        }
        Ok(abandoned)
    }

    /// Says what a service answered when it was asked. Without a daemon there is nobody to keep it.
    pub(super) fn report_health(&mut self, call: HealthCall) {
        let reply = self.client().and_then(|client| client.report_health(call));
        for lease in reply.into_iter().flat_map(|reply| reply.leases) {
            self.update(&lease);
        }
    }

    /// Gives the leases back, as far as there is a daemon to give them to: it would notice by itself as well.
    pub(super) fn release(&mut self) {
        if self.leases.is_empty() {
            return;
        }
        let targets = self.ids().into_iter().map(Target::Lease).collect();
        let caller = Caller { worktree: self.mirror.worktree.clone(), force: false };
        if let Ok(client) = self.client() {
            drop(client.release(ReleaseCall { targets, caller }));
        }
        self.leases.clear();
    }

    /// Leaves the leases to the server that lives on.
    pub(super) fn leave(&mut self) {
        self.leases.clear();
    }

    /// What to wait on for events.
    pub(super) fn readable(&self) -> Option<Readable<'_>> {
        self.client.as_ref().map(|client| client.connection().readable())
    }

    /// The events that have come. A lost connection starts the search for another daemon.
    pub(super) fn events(&mut self, waker: Waker) -> (Vec<Event>, Option<Way>) {
        let mut events = Vec::new();
        while let Some(client) = &mut self.client {
            // Where a read cannot be limited, looking for events would hang; the command is seen through without.
            if !client.connection().has_timeouts() {
                break;
            }
            match client.next_event(REST_OF_A_FRAME) {
                Ok(Some(event)) => events.push(event),
                Ok(None) => break,
                Err(error) => return (events, Some(self.lose(&error, waker))),
            }
        }
        (events, None)
    }

    /// What came of the search, if it has ended: the leases as the daemon knows them count as events.
    pub(super) fn found(&mut self) -> Option<(Vec<Event>, Way)> {
        let found = self.search.as_ref()?.try_recv().ok()?;
        self.search = None;
        match found {
            Ok((client, leases)) => {
                // Something of the command's tree may have started it.
                keep_out_of_the_tree(client.welcome().pid);
                self.client = Some(client);
                let ours = leases.into_iter().filter(|lease| self.is_ours(lease.id));
                Some((ours.map(as_event).collect(), Way::Found))
            }
            Err(reason) => Some((Vec::new(), Way::Gone(reason))),
        }
    }

    fn lose(&mut self, error: &CallError, waker: Waker) -> Way {
        self.client = None;
        let was_stopped = matches!(error, CallError::Refused(_));
        let (home, mut options, worktree) = (self.home.clone(), self.options.clone(), self.mirror.worktree.clone());
        // Whoever stopped it did not want it back; a restart brings another one soon.
        options.autostart &= !was_stopped;
        let (send, receive) = channel();
        let search = move || {
            // Nobody listens when the command has ended meanwhile.
            drop(send.send(search(&home, &options, &worktree)));
            waker.wake();
        };
        match std::thread::Builder::new().name("find-daemon".to_owned()).spawn(search) {
            Ok(_) => {
                self.search = Some(receive);
                Way::Lost(error.to_string())
            }
            Err(error) => Way::Gone(error.to_string()),
        }
    }

    fn ids(&self) -> Vec<LeaseId> {
        self.leases.iter().map(|lease| lease.id).collect()
    }

    fn client(&mut self) -> Result<&mut Client, CallError> {
        self.client.as_mut().ok_or_else(|| CallError::Lost { reason: "the daemon is gone".to_owned() })
    }
}

/// Looks for a daemon, starting one if need be, and has its events come.
fn search(home: &Home, options: &Options, worktree: &str) -> Found {
    let mut reason = String::new();
    for pause in LOOK_AGAIN_AFTER {
        std::thread::sleep(pause);
        match find(home, options, worktree) {
            Ok(found) => return Ok(found),
            Err(error) => reason = error.to_string(),
        }
    }
    Err(reason)
}

fn find(home: &Home, options: &Options, worktree: &str) -> Result<(Client, Vec<Lease>), CallError> {
    let mut client = Client::connect(home, options.clone())?;
    client.subscribe()?;
    let listing = client.all_leases(Scope::Worktree(worktree.to_owned()), false)?;
    Ok((client, listing.leases))
}

/// A lease as it stands, as the event that would have told so.
fn as_event(lease: Lease) -> Event {
    let what = match lease.evidence {
        Some(_) if lease.contested => What::Contested(lease),
        Some(_) => What::Confirmed(lease),
        None if lease.drifted_to.is_some() => What::Drifted(lease),
        None => What::Updated(lease),
    };
    Event { at: portus_proto::WallTime::default(), what }
}
