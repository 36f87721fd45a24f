//! `portus run`: lease, start, watch, release.
//!
//! `portus run` asks for the leases, fills the ports into the command ([`command`], [`expand`], [`frameworks`]), has the
//! guards stand aside ([`lease`]), starts the command and watches it ([`supervise`]), and starts it again on another
//! port when a stranger was faster. What it says on the way is in [`announce`].

mod announce;
mod command;
mod disabled;
mod expand;
mod frameworks;
mod lease;
mod nested;
mod ready;
mod supervise;

use std::ffi::OsString;
use std::sync::{Mutex, PoisonError};

use clap::Args;
use portus_client::config::Wish;
use portus_client::health::Check;
use portus_client::{CallError, Workspace};
use portus_core::ServiceName;
use portus_os::supervise::{Event, SignalTrap, Status, Supervisor, TerminalPolicy, become_subreaper};
use portus_proto::{Ask, Code, GuardWish, Lease, RequestCall};

pub(crate) use self::command::of_commands;
pub(crate) use self::expand::Ports;

use self::announce::Voice;
use self::command::Command;
use self::lease::{Abandoned, Tenancy};
use self::ready::Readiness;
use self::supervise::{End, Rules, Watch};
use crate::args::{Place, WishArgs};
use crate::asking;
use crate::context::{Context, note_on_place};
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};

/// A failure of ours, once the command was meant to run.
const OUR_FAILURE: Exit = Exit(125);

/// Signals caught before the command line was read.
static TRAP: Mutex<Option<SignalTrap>> = Mutex::new(None);

/// Catches signals from here on, for a `run` that comes later.
pub(crate) fn first_instant() {
    // A failure shows when `run` finds no trap, and tries once more.
    *TRAP.lock().unwrap_or_else(PoisonError::into_inner) = SignalTrap::install().ok();
}

/// Lease ports, start a command with them, and give them back when it has ended
///
/// The command gets PORT (for the first service), `PORTUS_PORT_<SERVICE>` and `PORTUS_URL_<SERVICE>` for this worktree's
/// services, PORTUS_LEASE, and what portus.toml says. In its arguments, {port} and {services.NAME.port} are replaced;
/// {{port}} is a literal {port}. Tools that do not heed PORT (Vite, Astro, Angular, Django, …) get their flag.
///
/// Its status is passed on: 128+N for signal N, 126 and 127 as a shell gives them, 125 for a failure of Portus. What
/// `run` itself has to tell goes to standard error, as lines of JSON with --json.
#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// A service to lease a port for; PORT is the first one's [default: the directory's]
    #[arg(short, long = "service", value_name = "SERVICE")]
    services: Vec<ServiceName>,
    #[command(flatten)]
    wish: WishArgs,
    #[command(flatten)]
    place: Place,
    /// When the service counts as ready: when it listens, or when it answers a path with a status below 400
    #[arg(long, value_name = "tcp|http:/path", default_value = "tcp")]
    ready: Readiness,
    /// How often to start the command again when somebody else was faster to take its port
    #[arg(long, value_name = "N", default_value_t = 3)]
    retry: u32,
    /// End the command, and fail, when it listens on another port than its own
    #[arg(long)]
    fail_on_drift: bool,
    /// Leave the command as it is: nothing is replaced, and no flag added
    #[arg(long)]
    no_expand: bool,
    /// The command and its arguments
    #[arg(trailing_var_arg = true, required = true, value_name = "CMD")]
    command: Vec<OsString>,
}

/// Does it.
pub(crate) fn main(args: RunArgs, context: &Context) -> Outcome {
    let trap = TRAP.lock().unwrap_or_else(PoisonError::into_inner).take();
    let trap = match trap {
        Some(trap) => trap,
        None => SignalTrap::install().map_err(|error| Failure::io("catch signals", &error))?,
    };
    let workspace = context.workspace(args.place.clone())?;
    let note_on_place = note_on_place(&workspace, &args.place);
    let mut job = Job { args, voice: Voice(context.output), supervisor: Supervisor::new(trap), workspace };
    for note in note_on_place.into_iter().chain(crate::output::take_held()) {
        job.voice.tell("note", &[], &note);
    }
    if let Some(variable) = job.workspace.config.disabled_by {
        return job.without_daemon(variable);
    }
    if let Some(note) = asking::container_note() {
        job.voice.tell("note", &[], &note);
    }
    let mut tenancy = job.tenancy(context)?;
    let outcome = job.attempts(&mut tenancy);
    tenancy.release();
    outcome
}

/// One `run`, over all its attempts.
struct Job {
    args: RunArgs,
    voice: Voice,
    supervisor: Supervisor,
    workspace: Workspace,
}

impl Job {
    /// The services that the user named, or the directory stands for.
    fn services(&self) -> Result<Vec<ServiceName>, Failure> {
        match &self.args.services[..] {
            [] => Ok(vec![self.workspace.service()?]),
            named => Ok(named.to_vec()),
        }
    }

    /// The way to the daemon, and what to ask it for.
    fn tenancy(&self, context: &Context) -> Result<Tenancy, Failure> {
        let asks = self.asks()?;
        let protected = asks.iter().any(|ask| !ask.claim_only && ask.protocol.tcp());
        let wish = RequestCall {
            asks,
            contiguous: false,
            holder: Some(std::process::id()),
            requester: portus_client::requester(),
            ttl_ms: None,
            guard: protected.then_some(GuardWish::UntilLaunch),
            wait_ms: None,
        };
        let (home, options) = (context.home()?.clone(), context.options());
        let client = context.connect()?;
        // Not before: a daemon that was started above must not be of our tree.
        become_subreaper().map_err(|error| Failure::io("adopt what the command leaves behind", &error))?;
        let keeps_dead = self.workspace.config.pool.keeps_dead();
        Ok(Tenancy::new(client, home, options, self.workspace.mirror(), wish).keeping_dead(keeps_dead))
    }

    /// Leases for the services to run, and a number for each sibling that is declared.
    fn asks(&self) -> Result<Vec<Ask>, Failure> {
        let named = self.services()?;
        let wish = self.args.wish.wish();
        let wishes = named.into_iter().enumerate().map(|(place, service)| {
            // There is only one first port.
            let wish = if place == 0 { wish } else { Wish { preferred: None, strict: false, ..wish } };
            (service, wish)
        });
        let mut asks = asking::asks(wishes, self.args.wish.count.unwrap_or(1), &self.workspace)?;
        asks.extend(asking::siblings(&asks, &self.workspace));
        Ok(asks)
    }

    /// Starts the command, again and again while strangers are faster.
    fn attempts(&mut self, tenancy: &mut Tenancy) -> Outcome {
        let mut retries_left = self.args.retry;
        let mut abandoned: Vec<Abandoned> = Vec::new();
        loop {
            let notes = match tenancy.request() {
                Ok(notes) => notes,
                Err(error) => {
                    let services = self.services()?.len();
                    if let Some(lease) = nested::around(&error, tenancy.journal(), services) {
                        return self.within(&lease, tenancy);
                    }
                    self.tell_taken(&abandoned);
                    return Err(already_running(error));
                }
            };
            for note in notes {
                self.voice.tell("note", &[], &note);
            }
            if let Some(exit) = self.interrupted()? {
                return Ok(exit);
            }
            self.tell_again(&abandoned, tenancy.leases());
            let command = Command::prepare(&self.args, &self.workspace, tenancy)?;
            command.tell(self.voice);
            let status = match self.attempt(tenancy, &command)? {
                Attempt::Over(exit) => return Ok(exit),
                Attempt::PortTaken(status, taken) => {
                    abandoned = taken;
                    status
                }
            };
            if retries_left == 0 {
                self.tell_taken(&abandoned);
                return Ok(exit_of(status));
            }
            retries_left -= 1;
        }
    }

    fn tell_taken(&self, abandoned: &[Abandoned]) {
        for Abandoned { port, by } in abandoned {
            self.voice.warn("taken", &[], &announce::taken(*port, by));
        }
    }

    fn tell_again(&self, abandoned: &[Abandoned], leases: &[Lease]) {
        let ports: Vec<String> = leases.iter().map(|lease| lease.port.to_string()).collect();
        for Abandoned { port, by } in abandoned {
            let sentence = format!("{}; starting again on {}", announce::taken(*port, by), ports.join(", "));
            self.voice.warn("taken", &leases.iter().collect::<Vec<_>>(), &sentence);
        }
    }

    /// Starts the command once, and sees it through.
    fn attempt(&mut self, tenancy: &mut Tenancy, command: &Command) -> Result<Attempt, Failure> {
        let kept = tenancy.launch().map_err(|error| ours(error.into()))?;
        let started =
            self.supervisor.spawn_keeping(command.spec(), TerminalPolicy::HandOver, kept).map_err(|error| {
                let code = u8::try_from(error.exit_code()).map_or(OUR_FAILURE, Exit);
                Failure::new(code, "cannot_start", error.to_string(), "")
            })?;
        tenancy.attach(started.pid);
        let rules = self.rules(tenancy.leases());
        let mut watch = Watch::new(&mut self.supervisor, tenancy, self.voice, &rules);
        let mut end = wait(&mut watch)?;
        if let End::Failed(status) = end {
            // Without a daemon nobody knows, and then the command's own status is all there is to say.
            let mut taken = watch.suspect();
            if taken.as_ref().is_none_or(Vec::is_empty) {
                end = wait(&mut watch)?;
                // What had lived on has ended as well, and has never listened.
                if taken.is_none() && matches!(end, End::Exited(_)) && !watch.has_listened() {
                    taken = watch.suspect();
                }
            }
            if let Some(taken) = taken.filter(|taken| !taken.is_empty() && watch.signalled().is_none()) {
                return Ok(Attempt::PortTaken(status, taken));
            }
            if matches!(end, End::Failed(_)) {
                end = wait(&mut watch)?;
            }
        }
        match end {
            End::Failed(status) | End::Exited(status) => Ok(Attempt::Over(exit_of(status))),
            End::LeftBehind(signal) => {
                tenancy.leave();
                Ok(Attempt::Over(Exit(supervise::exit_code(signal))))
            }
            End::Signalled(signal) => Ok(Attempt::Over(Exit(supervise::exit_code(signal)))),
            End::Drifted { own, other } => Err(Failure::new(
                Exit::FAILED,
                "drifted",
                format!("the command listened on {other} instead of {own}, and was ended"),
                "name the port with {port} in the command, or have it read PORT",
            )),
        }
    }

    fn rules(&self, leases: &[Lease]) -> Rules {
        let declared = |lease: &Lease| {
            let check = Check::declared(&self.workspace.config, &lease.service)?;
            Some((lease.service.clone(), check))
        };
        Rules {
            ready: self.args.ready.clone(),
            fail_on_drift: self.args.fail_on_drift,
            checks: leases.iter().filter_map(declared).collect(),
        }
    }

    /// A signal that came before there was a command to pass it on to.
    fn interrupted(&mut self) -> Result<Option<Exit>, Failure> {
        let now = std::time::Instant::now();
        loop {
            match self.supervisor.next_event(Some(now), None).map_err(|error| Failure::io("wait", &error))? {
                Event::Signal(signal) if supervise::asks_for_an_end(signal) => {
                    return Ok(Some(Exit(supervise::exit_code(signal))));
                }
                Event::Deadline => return Ok(None),
                _ => {}
            }
        }
    }
}

/// What came of starting the command once.
enum Attempt {
    /// It is over, this way.
    Over(Exit),
    /// The command failed, because these ports could not be bound.
    PortTaken(Status, Vec<Abandoned>),
}

fn wait(watch: &mut Watch<'_>) -> Result<End, Failure> {
    watch.until_end().map_err(|error| ours(Failure::io("wait for the command", &error)))
}

/// A failure of ours while the command was meant to run.
fn ours(failure: Failure) -> Failure {
    Failure { exit: OUR_FAILURE, ..failure }
}

fn exit_of(status: Status) -> Exit {
    u8::try_from(status.exit_code() & 0xff).map_or(OUR_FAILURE, Exit)
}

/// A refusal, with where the service runs if that is the reason.
fn already_running(error: CallError) -> Failure {
    let lease = match &error {
        CallError::Refused(refusal) if refusal.code == Code::AlreadyRunning => refusal.facts.lease.clone(),
        _ => None,
    };
    let failure = Failure::from(error);
    let Some(lease) = lease else { return failure };
    let by =
        lease.holder.as_ref().map_or_else(String::new, |holder| format!(" by {} (pid {})", holder.command, holder.pid));
    let place = announce::url(&lease).unwrap_or_else(|| format!("{} port {}", lease.protocol, lease.port));
    let message = format!(
        "{} is already running{by}: {place}, port {} ({}, worktree {})",
        lease.service, lease.port, lease.project, lease.worktree
    );
    Failure { message, ..failure }
}
