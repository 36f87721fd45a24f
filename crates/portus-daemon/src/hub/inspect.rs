//! Questions about the machine: a look beside, then a judgement on the ledger as it then stands.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use portus_core::{Caller, Command, Key, Look, Port, PortRange, ProcessIdentity, Protocol, Sighting, Target};
use portus_os::port::probe;
use portus_proto::{self as proto, Code, KILL_GRACE_DEFAULT_MS, LISTENERS_PAGE_LEN, Refusal, Reply};

use super::{Hub, Then, Work};
use crate::inspect::{self, Detail, Plan, Seen};
use crate::server::Responder;
use crate::{translate, wording};

/// No caller may wait longer for a server to end by itself.
const GRACE_MAX: Duration = Duration::from_secs(60);

/// What is to be told about what was seen.
pub(super) struct Judging {
    question: Question,
    seen: io::Result<Vec<Seen>>,
    /// Whether a port that is asked about, and neither leased nor listened on, could be bound.
    bind: Option<Look>,
    to: Responder,
}

enum Question {
    Scan,
    Explain { port: Port, caller: Caller },
    Verify { keys: Vec<Key>, accept_presumed: bool },
    Kill { port: Port, caller: Caller, dry_run: bool, grace: Duration, spare: BTreeSet<ProcessIdentity> },
}

impl Hub {
    pub(super) fn begin_scan(&self, call: &proto::ScanCall, to: Responder) {
        self.inspect(call.range.unwrap_or(PortRange::ALL), Detail::Brief, Question::Scan, to);
    }

    pub(super) fn begin_explain(&self, call: &proto::ExplainCall, to: Responder) {
        let read = || {
            let (target, caller) = (translate::target(&call.target)?, translate::caller(&call.caller)?);
            let claimed = match &target {
                Target::Key(key) => self.engine.broker().claim_of(key).map(|claim| claim.port),
                _ => None,
            };
            Ok((self.port_meant(&target).or_else(|no| claimed.ok_or(no))?, caller))
        };
        match read() {
            Ok((port, caller)) => {
                self.inspect(PortRange::single(port), Detail::Ancestry, Question::Explain { port, caller }, to);
            }
            Err(refusal) => to.answer(Err(refusal)),
        }
    }

    pub(super) fn begin_verify(&self, call: &proto::VerifyCall, to: Responder) {
        let keys = match translate::keys(&call.keys) {
            Ok(keys) => keys,
            Err(refusal) => return to.answer(Err(refusal)),
        };
        let ports: Vec<Port> =
            keys.iter().filter_map(|key| self.engine.broker().lease_of(key)).map(|lease| lease.port).collect();
        let around = ports.iter().min().zip(ports.iter().max());
        let around = around.and_then(|(first, last)| PortRange::new(*first, *last).ok());
        // With no lease at all there is nothing to look at, and the judgement says so.
        let range = around.unwrap_or(PortRange::single(Port::MIN));
        let question = Question::Verify { keys, accept_presumed: call.accept_presumed };
        self.inspect(range, Detail::Brief, question, to);
    }

    pub(super) fn begin_kill(&self, pid: Option<u32>, call: &proto::KillCall, to: Responder) {
        let read = || {
            let (target, caller) = (translate::target(&call.target)?, translate::caller(&call.caller)?);
            Ok((self.port_meant(&target)?, caller))
        };
        let (port, caller) = match read() {
            Ok(read) => read,
            Err(refusal) => return to.answer(Err(refusal)),
        };
        let grace = Duration::from_millis(call.grace_ms.unwrap_or(KILL_GRACE_DEFAULT_MS)).min(GRACE_MAX);
        let spare = inspect::spared(pid);
        let question = Question::Kill { port, caller, dry_run: call.dry_run, grace, spare };
        self.inspect(PortRange::single(port), Detail::Ancestry, question, to);
    }

    fn port_meant(&self, target: &Target) -> Result<Port, Refusal> {
        let broker = self.engine.broker();
        let port = match target {
            Target::Port(port) => Some(*port),
            Target::Key(key) => broker.lease_of(key).map(|lease| lease.port),
            Target::Lease(id) => broker.lease(*id).map(|lease| lease.port),
            Target::Worktree(_) => None,
        };
        port.ok_or_else(|| self.with_view(|view| wording::no_such_lease(target, view)))
    }

    fn inspect(&self, range: PortRange, detail: Detail, question: Question, to: Responder) {
        let gatherer = self.gatherer.clone();
        // A verification stands in front of tests, and asks nothing that takes longer.
        let names = !matches!(question, Question::Verify { .. });
        // Nobody binds a leased port but its tenant, not even to look.
        let unleased = match &question {
            Question::Explain { port, .. } => Some(*port).filter(|port| self.engine.broker().lease_on(*port).is_none()),
            Question::Scan | Question::Verify { .. } | Question::Kill { .. } => None,
        };
        let slow = move || {
            let mut seen = inspect::look(&gatherer, range, detail);
            seen.iter_mut().filter(|_| names).for_each(|seen| inspect::name_containers(seen));
            let silent = unleased.filter(|_| seen.as_ref().is_ok_and(Vec::is_empty));
            Some((seen, silent.map(|port| probe(port, Protocol::Tcp))))
        };
        self.beside(slow, move |looked| {
            let (seen, bind) = looked.unzip();
            let bind = bind.flatten();
            let seen = seen.unwrap_or_else(|| Err(io::Error::other("the look did not come to an end")));
            let single = (range.count() == 1).then_some(range.first());
            let sightings = seen.as_deref().map(|seen| sightings(seen, single)).unwrap_or_default();
            // What was seen is told to the ledger first, so that the answer and the ledger agree.
            let then = Then::Judge(Box::new(Judging { question, seen, bind, to }));
            Some(Work { command: Command::Sighted { sightings }, then })
        });
    }

    pub(super) fn judge(&self, judging: Judging) {
        let Judging { question, seen, bind, to } = judging;
        let seen = match seen {
            Ok(seen) => seen,
            Err(error) => {
                let message = format!("the system's sockets cannot be listed: {error}");
                let refusal = Refusal::new(Code::Internal, message, "`portus doctor` may say more");
                return to.answer(Err(refusal));
            }
        };
        let reply = match question {
            Question::Scan => self.with_view(|view| {
                let rows = page(&seen).iter().map(|seen| seen.shape(view));
                Reply::Listeners(rows.collect())
            }),
            Question::Explain { port, caller } => self.with_view(|view| {
                let explained = inspect::explain(view, port, &seen, bind, &caller);
                Reply::Explained(Box::new(explained))
            }),
            Question::Verify { keys, accept_presumed } => {
                self.with_view(|view| Reply::Verified(inspect::verify(view, &keys, &seen, accept_presumed)))
            }
            Question::Kill { port, caller, dry_run, grace, spare } => {
                return match self.with_view(|view| inspect::plan(view, port, &seen, &caller, &spare)) {
                    Ok(plan) => self.carry_out(plan, dry_run, grace, spare, to),
                    Err(refusal) => to.answer(Err(refusal)),
                };
            }
        };
        to.answer(Ok(reply));
    }

    /// Ends what a plan names, or tells what would be ended. Slow, and so beside.
    fn carry_out(&self, plan: Plan, dry_run: bool, grace: Duration, spare: BTreeSet<ProcessIdentity>, to: Responder) {
        let busy = Arc::clone(&self.busy);
        tokio::task::spawn_blocking(move || {
            to.answer(ended(plan, dry_run, grace, &spare));
            drop(busy);
        });
    }
}

fn ended(plan: Plan, dry_run: bool, grace: Duration, spare: &BTreeSet<ProcessIdentity>) -> Result<Reply, Refusal> {
    let port = plan.port;
    let unknown = |error: io::Error| {
        let message =
            format!("the system's processes cannot be listed, so it is not known who serves port {port}: {error}");
        Refusal::new(Code::Internal, message, "try again; `portus doctor` may say more")
    };
    if dry_run {
        let killed = inspect::trees(&plan.roots, spare).map_err(unknown)?;
        let notes = plan.refusal.iter().map(inspect::needs_force).collect();
        return Ok(Reply::Killed(proto::Killed { port, killed, dry_run, notes }));
    }
    if let Some(refusal) = plan.refusal {
        // Nobody is ended, whether or not it can be told who would be.
        return Err(match inspect::trees(&plan.roots, spare) {
            Ok(processes) => inspect::with_processes(refusal, processes),
            Err(_) => refusal,
        });
    }
    let (killed, stuck) = inspect::end(&plan, spare, grace).map_err(unknown)?;
    tracing::info!(port = port.number(), killed = killed.len(), stuck = stuck.len(), "ended what listened");
    if stuck.is_empty() {
        return Ok(Reply::Killed(proto::Killed { port, killed, dry_run, notes: Vec::new() }));
    }
    Err(inspect::stuck(port, &killed, stuck))
}

/// What was seen, for the ledger. Of a single port also that nobody listens there.
fn sightings(seen: &[Seen], single: Option<Port>) -> Vec<Sighting> {
    let ports: BTreeSet<Port> = seen.iter().map(|seen| seen.port).chain(single).collect();
    let of = |port: Port| seen.iter().filter(move |seen| seen.port == port && !seen.is_guard());
    ports
        .into_iter()
        .filter(|port| of(*port).all(|seen| seen.is_placed))
        .map(|port| Sighting { port, listeners: of(port).map(|seen| seen.listener.clone()).collect() })
        .collect()
}

/// The rows of one answer: cut only between ports, and where more follow never fewer than [`LISTENERS_PAGE_LEN`],
/// since fewer tell the client that it has them all.
fn page(seen: &[Seen]) -> &[Seen] {
    match seen.get(LISTENERS_PAGE_LEN - 1) {
        None => seen,
        Some(last) => {
            let rest = &seen[LISTENERS_PAGE_LEN..];
            let more = rest.iter().position(|seen| seen.port != last.port).unwrap_or(rest.len());
            &seen[..LISTENERS_PAGE_LEN + more]
        }
    }
}
