//! What a call sets going: a command, a look first, a wait, or a plain read.

use std::time::{Duration, Instant};

use portus_core::{
    Ask, Broker, Command, Holder, LeaseId, Port, PortRange, Protocol, Quarantine, QuarantineUntil, Request, Target,
};
use portus_os::port::EphemeralPorts;
use portus_os::process;
use portus_proto::{self as proto, Call, Refusal, Reply};

use super::{Hub, Requested, Shape, Then, Work};
use crate::observer::missing_worktrees;
use crate::server::{ConnectionId, Responder};
use crate::translate::{self, View};
use crate::wording;

/// No call waits longer.
const WAIT_MAX: Duration = Duration::from_secs(24 * 3_600);

/// The moment until which a call may wait.
fn deadline(wait_ms: u64) -> Instant {
    Instant::now() + Duration::from_millis(wait_ms).min(WAIT_MAX)
}

impl Hub {
    /// Begins a call. What it asks for first may be refused right here.
    pub(super) fn begin(&mut self, connection: ConnectionId, pid: Option<u32>, call: Call, to: Responder) {
        tracing::trace!(connection = connection.0, ?call, "call");
        self.sweep_now_and_then();
        let begun = match call {
            Call::Request(call) => return self.begin_request(connection, pid, &call, to),
            Call::Confirm(call) => return self.begin_confirm(&call, to),
            Call::Suspect(call) => return self.begin_suspect(call, to),
            Call::Await(call) => return self.begin_await(connection, &call, to),
            Call::Prune(call) => return self.begin_prune(call.drop, to),
            Call::Mirror(call) => return self.begin_mirror(&call, to),
            Call::Sweep => return self.begin_sweep(to),
            Call::Stop => {
                self.leaving.get_or_insert_with(|| "a client asked for it".to_owned());
                return to.answer(Ok(Reply::Done));
            }
            Call::Renew(call) => renew(&call).map(|command| (command, Shape::Leases)),
            Call::Release(call) => release(&call).map(|command| (command, Shape::Leases)),
            Call::Launch(call) => {
                let proto::LaunchCall { leases, hand_over } = call;
                Ok((Command::Launch { leases, hand_over }, Shape::Done))
            }
            Call::Attach(call) => attach(call).map(|command| (command, Shape::Done)),
            Call::Pin(call) => pin(&call.key, call.port, !call.claim_only).map(|command| (command, Shape::Claims)),
            Call::Unpin(call) => pin(&call.key, None, false).map(|command| (command, Shape::Claims)),
            Call::Forget(call) => translate::keys(&call.keys).map(|keys| (Command::Forget { keys }, Shape::Unclaimed)),
            Call::Quarantine(call) => Ok(quarantine(&call)),
            Call::Revive(call) => Ok(revive(self.engine.broker(), call.port)),
            Call::Scan(call) => return self.begin_scan(&call, to),
            Call::Explain(call) => return self.begin_explain(&call, to),
            Call::Verify(call) => return self.begin_verify(&call, to),
            Call::Kill(call) => return self.begin_kill(pid, &call, to),
            Call::ReportHealth(call) => return self.begin_health(call, to),
            call @ (Call::List(_) | Call::Claims(_) | Call::Quarantines | Call::Status | Call::Stats) => {
                return self.reads.push((call, to));
            }
            // The connection makes a job of its own of it.
            Call::Subscribe => Err(wording::bad_request("a subscription came to the wrong place".to_owned(), "")),
        };
        match begun {
            Ok((command, shape)) => self.ready.push(Work { command, then: Then::Reply(to, shape) }),
            Err(refusal) => to.answer(Err(refusal)),
        }
    }

    fn begin_request(&mut self, connection: ConnectionId, pid: Option<u32>, call: &proto::RequestCall, to: Responder) {
        let holder = match call.holder.map(|holder| holder_of(holder, pid)).transpose() {
            Ok(holder) => holder,
            Err(refusal) => return to.answer(Err(refusal)),
        };
        let request = match translate::request(call, holder, pid, &self.fixed.defaults) {
            Ok(request) => request,
            Err(refusal) => return to.answer(Err(refusal)),
        };
        self.metrics.asked(&request, self.engine.broker());
        let until = call.wait_ms.filter(|wait_ms| *wait_ms > 0).map(deadline);
        let notes = self.fixed.ephemeral.map(|ephemeral| range_notes(&request, ephemeral, EphemeralPorts::read));
        let notes = notes.unwrap_or_default();
        let recovery = Default::default();
        let survey = Default::default();
        self.push_request_of_holder(Requested { to, connection, notes, request, survey, until, recovery });
    }

    fn begin_confirm(&mut self, call: &proto::ConfirmCall, to: Responder) {
        let read = || {
            let process = call.pid.map(identity).transpose()?;
            Ok((translate::target(&call.target)?, translate::caller(&call.caller)?, process))
        };
        let (target, caller, process) = match read() {
            Ok(read) => read,
            Err(refusal) => return to.answer(Err(refusal)),
        };
        let then = Then::Reply(to, Shape::Leases);
        let Some((_, port, protocol)) = place_of(self.engine.broker(), &target).filter(|_| process.is_none()) else {
            let command = Command::Confirm { target, caller, process, sighting: None };
            return self.ready.push(Work { command, then });
        };
        self.look_first(vec![(port, protocol)], move |seen| {
            let sighting = seen.into_iter().next();
            Work { command: Command::Confirm { target, caller, process, sighting }, then }
        });
    }

    fn begin_suspect(&mut self, call: proto::SuspectCall, to: Responder) {
        let proto::SuspectCall { lease, certain, keep } = call;
        let avoid = if keep { QuarantineUntil::Revived } else { QuarantineUntil::Reboot };
        let Some((_, port, protocol)) = place_of(self.engine.broker(), &Target::Lease(lease)) else {
            let refusal = self.with_view(|view| wording::no_such_lease(&Target::Lease(lease), view));
            return to.answer(Err(refusal));
        };
        let cannot_look = self.refuse(&portus_core::Refusal::NoDescriptors);
        let gatherer = self.gatherer.clone();
        self.beside(
            move || gatherer.sightings([(port, protocol)]),
            move |seen| {
                let Some(sighting) = seen.into_iter().next() else {
                    to.answer(Err(cannot_look));
                    return None;
                };
                let command = Command::Suspect { lease, certain, avoid, survey: Default::default(), sighting };
                Some(Work { command, then: Then::Reply(to, Shape::Suspected) })
            },
        );
    }

    fn begin_await(&mut self, connection: ConnectionId, call: &proto::AwaitCall, to: Responder) {
        let target = match translate::target(&call.target) {
            Ok(Target::Worktree(_)) => {
                let message = "a worktree's leases cannot be awaited together".to_owned();
                return to.answer(Err(wording::bad_request(message, "name a service")));
            }
            Ok(target) => target,
            Err(refusal) => return to.answer(Err(refusal)),
        };
        let Some((lease, ..)) = place_of(self.engine.broker(), &target) else {
            let refusal = self.with_view(|view| wording::no_such_lease(&target, view));
            return to.answer(Err(refusal));
        };
        if !self.present.contains(&connection) {
            return to.forget();
        }
        let waiter = self.new_waiter(connection);
        self.awaiting.add(waiter, lease, to, deadline(call.wait_ms));
        self.tell_awaiting(lease);
    }

    /// Finds the claims whose worktree is gone, and drops them if asked.
    fn begin_prune(&self, drop: bool, to: Responder) {
        // The number of a lease that is in use all the same is not dropped below it.
        let broker = self.engine.broker();
        let claims: Vec<_> = broker.claims().filter(|claim| broker.lease_of(&claim.key).is_none()).cloned().collect();
        let worktrees: std::collections::BTreeSet<_> = claims.iter().map(|claim| claim.key.worktree.clone()).collect();
        let slow = move || missing_worktrees(worktrees);
        self.beside(slow, move |missing| {
            let gone: Vec<_> = claims.into_iter().filter(|claim| missing.contains(&claim.key.worktree)).collect();
            if drop && !gone.is_empty() {
                let keys = gone.into_iter().map(|claim| claim.key).collect();
                return Some(Work { command: Command::Forget { keys }, then: Then::Reply(to, Shape::Unclaimed) });
            }
            to.answer(Ok(Reply::Claims(gone.iter().map(View::claim).collect())));
            None
        });
    }
}

/// What the asker should know about ranges that the system also draws from. Reserving one takes effect at once, so the
/// system is asked again, but only where a range overlaps what it drew from at the start.
pub(super) fn range_notes(
    request: &Request,
    ephemeral: PortRange,
    read: impl FnOnce() -> Option<EphemeralPorts>,
) -> Vec<String> {
    let of_ask = |ask: &Ask| [Some(ask.range.unwrap_or(ask.pool)), ask.fallback, ask.expand];
    let mut ranges = Vec::new();
    for range in request.asks.iter().flat_map(of_ask).flatten().filter(|range| range.overlaps(ephemeral)) {
        if !ranges.contains(&range) {
            ranges.push(range);
        }
    }
    let Some(ephemeral) = (!ranges.is_empty()).then(read).flatten() else { return Vec::new() };
    let drawn = ranges.into_iter().filter(|range| ephemeral.may_draw_from(*range));
    drawn.map(|range| wording::ephemeral_note(range, &ephemeral)).collect()
}

/// The live lease that is meant, and the port to look at for it.
fn place_of(broker: &Broker, target: &Target) -> Option<(LeaseId, Port, Protocol)> {
    let lease = match target {
        Target::Key(key) => broker.lease_of(key),
        Target::Port(port) => broker.lease_on(*port),
        Target::Lease(id) => broker.lease(*id).filter(|lease| lease.is_live()),
        Target::Worktree(_) => None,
    };
    lease.map(|lease| (lease.id, lease.port, lease.protocol))
}

/// The process that a lease shall live as long as. The first process of all may ask for itself, as a container's does.
fn holder_of(pid: u32, asker: Option<u32>) -> Result<Holder, Refusal> {
    if pid > 1 || asker != Some(pid) {
        identity(pid)?;
    }
    let described = process::describe(pid).ok_or_else(|| wording::no_such_process(pid))?;
    Ok(Holder { process: described.identity, command: described.command.into() })
}

/// A process that a client names as its own: its tree counts as the lease's, so not everybody's ancestor, nor another
/// user's process.
fn identity(pid: u32) -> Result<portus_core::ProcessIdentity, Refusal> {
    let identity = process::identity_of(pid).ok().flatten().ok_or_else(|| wording::no_such_process(pid))?;
    if pid <= 1 || !process::is_own_user(pid) {
        let message = format!("process {pid} is none of this user's own");
        return Err(wording::bad_request(message, "name a process that runs or starts the server"));
    }
    Ok(identity)
}

fn attach(call: proto::AttachCall) -> Result<Command, Refusal> {
    Ok(Command::Attach { leases: call.leases, process: identity(call.pid)? })
}

fn renew(call: &proto::RenewCall) -> Result<Command, Refusal> {
    Ok(Command::Renew {
        target: translate::target(&call.target)?,
        caller: translate::caller(&call.caller)?,
        ttl: translate::ttl(call.ttl_ms)?,
    })
}

fn release(call: &proto::ReleaseCall) -> Result<Command, Refusal> {
    Ok(Command::Release { targets: translate::targets(&call.targets)?, caller: translate::caller(&call.caller)? })
}

fn pin(key: &proto::Key, port: Option<Port>, pinned: bool) -> Result<Command, Refusal> {
    Ok(Command::Pin { key: translate::key(key)?, port, pinned })
}

fn quarantine(call: &proto::QuarantineCall) -> (Command, Shape) {
    let reason = translate::reason(&call.reason);
    let command = Command::Quarantine { port: call.port, until: QuarantineUntil::Revived, reason };
    (command, Shape::Quarantines(call.port, Vec::new()))
}

fn revive(broker: &Broker, port: Port) -> (Command, Shape) {
    let former: Option<&Quarantine> = broker.quarantine_on(port);
    (Command::Revive { port }, Shape::Quarantines(port, former.map(View::quarantine).into_iter().collect()))
}
