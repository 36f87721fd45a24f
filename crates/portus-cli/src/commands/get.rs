//! `portus get`

use std::time::{Duration, Instant};

use portus_client::config::Wish;
use portus_client::health::{ANSWER_WITHIN, ASK_AGAIN_AFTER, Check};
use portus_client::{CallError, Client, Workspace, shapes};
use portus_core::{Port, ServiceName};
use portus_proto::{AwaitCall, Code, Event, Key, Lease, LeasesReply, Target, WallTime, What};

use super::health;
use crate::args::{Place, millis, positive_duration};
use crate::asking;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};

/// Print the port of a service of this worktree
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// The service [default: PORTUS_SERVICE, else the package's directory: `default` at the root, `apps-web` in apps/web]
    #[arg(value_name = "SERVICE")]
    service: Option<ServiceName>,
    /// Print http://localhost:PORT instead of the number
    #[arg(long)]
    url: bool,
    /// Wait for so long until the service listens, such as 30s; if it declares `health`, until it is healthy
    #[arg(long, value_name = "DURATION", value_parser = positive_duration)]
    wait: Option<Duration>,
    #[command(flatten)]
    place: Place,
}

pub(crate) fn run(args: Args, context: &Context) -> Outcome {
    let workspace = context.workspace(args.place)?;
    let service = match args.service {
        Some(service) => service,
        None => workspace.service()?,
    };
    if let Some(switch) = workspace.config.disabled_by {
        return without_daemon(&service, &workspace, (args.url, args.wait), switch, context);
    }
    let mut client = context.connect()?;
    let reply = match args.wait {
        Some(wait) => {
            let check = Check::declared(&workspace.config, &service);
            Waiting { key: workspace.key(service.clone()), check, deadline: Instant::now() + wait }.on(&mut client)?
        }
        None => {
            let listing = client.all_leases(workspace.scope(), false)?;
            let leases = listing.leases.into_iter().filter(|lease| lease.service == service).collect();
            LeasesReply { leases, notes: Vec::new(), mirror: None }
        }
    };
    let Some(lease) = reply.leases.first() else {
        return Err(Failure::new(
            Exit::NOT_FOUND,
            "no_such_lease",
            format!("`{service}` has no live lease in this worktree"),
            format!("`portus request {service}` leases a port; `portus list` shows what there is"),
        ));
    };
    let text = told(lease.port, args.url);
    if context.output.json {
        context.output.reply(shapes::Leases { leases: reply.leases, notes: reply.notes })?;
    } else {
        context.output.data(text.as_bytes())?;
        reply.notes.iter().for_each(|note| context.output.note(note));
    }
    Ok(Exit::DONE)
}

fn told(port: Port, url: bool) -> String {
    if url { format!("http://localhost:{port}\n") } else { format!("{port}\n") }
}

/// The port that the service prefers, while Portus is switched off.
fn without_daemon(
    service: &ServiceName,
    workspace: &Workspace,
    (url, wait): (bool, Option<Duration>),
    switch: &str,
    context: &Context,
) -> Outcome {
    let wish = workspace.config.environment.below(Wish::default(), 0);
    let ask = workspace.config.ask(workspace.key(service.clone()), &wish, None);
    let port = asking::port_without_daemon(service, ask.preferred, true, switch)?;
    if let Some(wait) = wait
        && !asking::listens_within(port, wait)
    {
        let message = format!("{switch} is set, and nobody listens on port {port}, which `{service}` prefers");
        let hint = format!("start it on that port; unset {switch} to let Portus give it one");
        return Err(Failure::new(Exit::TIMED_OUT, "timed_out", message, hint));
    }
    let note = format!("{switch} is set: {port} is only what `{service}` prefers, leased by nobody");
    if context.output.json {
        let leases = vec![super::request::imagined(&ask, port)];
        context.output.reply(shapes::Leases { leases, notes: vec![note] })?;
    } else {
        context.output.data(told(port, url).as_bytes())?;
        context.output.note(&note);
    }
    Ok(Exit::DONE)
}

/// A wait until a service is up.
struct Waiting {
    key: Key,
    /// How it is asked whether it is well, if that is declared.
    check: Option<Check>,
    deadline: Instant,
}

/// What became of a lease that was waited for.
enum Waited {
    /// Its service is as it should be.
    Up(LeasesReply),
    /// It may have ended, and another may follow: to be waited for anew.
    Anew,
}

impl Waiting {
    /// Waits until the service listens, and is healthy if it declares how to ask; also for a lease that is still to
    /// come, since whoever starts the service and whoever waits for it often start together.
    fn on(&self, client: &mut Client) -> Result<LeasesReply, Failure> {
        // Before the question, so that no grant falls between it and its answer.
        client.subscribe()?;
        loop {
            let target = Target::Key(self.key.clone());
            match client.wait_for(AwaitCall { target, wait_ms: millis(self.left()) }) {
                Err(CallError::Refused(refusal)) if refusal.code == Code::NoSuchLease => {}
                outcome => match self.until_healthy(outcome?, client)? {
                    Waited::Up(reply) => return Ok(reply),
                    Waited::Anew => continue,
                },
            }
            self.until_granted(client)?;
        }
    }

    fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    fn until_granted(&self, client: &mut Client) -> Result<(), Failure> {
        loop {
            match event_or_loss(client, self.left())? {
                Some(Event { what: What::Granted(lease), .. })
                    if lease.service == self.key.service && lease.worktree == self.key.worktree =>
                {
                    return Ok(());
                }
                // What was missed may have been it.
                Some(Event { what: What::Missed(_), .. }) => return Ok(()),
                Some(_) if !self.left().is_zero() => {}
                Some(_) | None => {
                    let service = &self.key.service;
                    let message = format!("`{service}` got no lease in this worktree while it was waited for");
                    let hint = format!("`portus request {service}` leases a port");
                    return Err(Failure::new(Exit::TIMED_OUT, "timed_out", message, hint));
                }
            }
        }
    }

    /// The service listens: asks it until it answers as it should, and tells the daemon what it answers.
    fn until_healthy(&self, reply: LeasesReply, client: &mut Client) -> Result<Waited, Failure> {
        let (Some(check), Some(lease)) = (&self.check, reply.leases.first().filter(|lease| lease.protocol.tcp()))
        else {
            return Ok(Waited::Up(reply));
        };
        let (mut pause, mut told) = (ASK_AGAIN_AFTER.0, None);
        loop {
            let asked = check.ask(lease, self.left().clamp(ASK_AGAIN_AFTER.0, ANSWER_WITHIN));
            if told != Some(asked.health) {
                let Some(known) = health::report(client, lease, &asked)? else { return Ok(Waited::Anew) };
                told = Some(asked.health);
                if asked.is_healthy() {
                    return Ok(Waited::Up(LeasesReply { notes: reply.notes, ..known }));
                }
            }
            if self.left().is_zero() {
                let message = format!(
                    "`{}` listens on port {}, but was not healthy while it was waited for: {}",
                    lease.service, lease.port, asked.detail
                );
                let hint = format!(
                    "`health` is declared, so `--wait` waits for it as well: `portus health {}` asks again, \
                     `portus explain {}` says who listens",
                    lease.service, lease.port
                );
                return Err(Failure::new(Exit::TIMED_OUT, "timed_out", message, hint));
            }
            if must_look_anew(lease, pause.min(self.left()), client)? {
                return Ok(Waited::Anew);
            }
            pause = (pause * 2).min(ASK_AGAIN_AFTER.1);
        }
    }
}

/// Pauses before the next question. Whether the lease may have ended instead.
fn must_look_anew(lease: &Lease, pause: Duration, client: &mut Client) -> Result<bool, Failure> {
    let until = Instant::now() + pause;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        match event_or_loss(client, left)? {
            Some(Event { what: What::Ended(ended), .. }) if ended.id == lease.id => return Ok(true),
            // It may have been that.
            Some(Event { what: What::Missed(_), .. }) => return Ok(true),
            Some(_) if !left.is_zero() => {}
            Some(_) | None => return Ok(false),
        }
    }
}

/// The next event. A daemon that is lost is followed by another with the next call, and what happened meanwhile was
/// missed.
fn event_or_loss(client: &mut Client, wait: Duration) -> Result<Option<Event>, CallError> {
    match client.next_event(wait) {
        Err(CallError::Lost { .. }) => Ok(Some(Event { at: WallTime::default(), what: What::Missed(1) })),
        outcome => outcome,
    }
}
