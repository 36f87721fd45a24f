//! From the wire to the core. What makes no sense is refused here, before anything looks or decides.

use std::path::Path;
use std::sync::Arc;

use portus_core as core;
use portus_core::{Holder, PortRange, Purpose, Span, Strategy};
use portus_proto as proto;
use portus_proto::Refusal;

use crate::wording;

/// The longest path of a worktree, in bytes.
const WORKTREE_LEN_MAX: usize = 4_096;
/// The longest name of a project, in bytes.
const PROJECT_LEN_MAX: usize = 255;
/// What is only recorded for people (commands, sessions, reasons) is cut to so many characters.
const TEXT_LEN_MAX: usize = 300;
/// The most leases, keys or excluded ranges one call may name.
const LIST_LEN_MAX: usize = 4_096;

/// What a request leaves to the daemon.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Defaults {
    /// Where ports come from unless a range is named.
    pub(crate) pool: PortRange,
    /// The user's number: a part of where the search begins.
    pub(crate) user: u32,
    /// The most asks of one request.
    pub(crate) asks_max: usize,
}

/// A part of the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Of this worktree.
    Worktree(Arc<str>),
    /// Of this project.
    Project(Arc<str>),
    /// All.
    All,
}

impl Scope {
    /// Reads a scope.
    pub(crate) fn read(scope: &proto::Scope) -> Result<Self, Refusal> {
        Ok(match scope {
            proto::Scope::Worktree(path) => Self::Worktree(worktree(path)?),
            proto::Scope::Project(name) => Self::Project(project(name)?),
            proto::Scope::All => Self::All,
        })
    }

    /// Whether a key lies in it.
    pub(crate) fn contains(&self, key: &core::Key) -> bool {
        match self {
            Self::Worktree(worktree) => key.worktree == *worktree,
            Self::Project(project) => key.project == *project,
            Self::All => true,
        }
    }
}

/// A worktree's path: absolute, of bearable length, and without what could forge a line of output.
pub(crate) fn worktree(path: &str) -> Result<Arc<str>, Refusal> {
    if path.len() > WORKTREE_LEN_MAX {
        return Err(wording::bad_request(
            format!("the worktree's path is {} bytes long, and the limit is {WORKTREE_LEN_MAX}", path.len()),
            "name a directory with a shorter path",
        ));
    }
    if path.contains(char::is_control) {
        return Err(wording::bad_request(
            "the worktree's path holds a control character".to_owned(),
            "name a directory without control characters in its path",
        ));
    }
    if !Path::new(path).is_absolute() {
        return Err(wording::bad_request(
            format!("the worktree `{path}` is no absolute path"),
            "name the worktree by its absolute, canonical path",
        ));
    }
    Ok(path.into())
}

fn project(name: &str) -> Result<Arc<str>, Refusal> {
    let fault = if name.is_empty() {
        "is empty".to_owned()
    } else if name.len() > PROJECT_LEN_MAX {
        format!("is {} bytes long, and the limit is {PROJECT_LEN_MAX}", name.len())
    } else if name.contains(char::is_control) {
        "holds a control character".to_owned()
    } else {
        return Ok(name.into());
    };
    Err(wording::bad_request(
        format!("the project's name {fault}"),
        "name the project with `--project`, or in portus.toml",
    ))
}

/// Who asks.
pub(crate) fn key(key: &proto::Key) -> Result<core::Key, Refusal> {
    Ok(core::Key { project: project(&key.project)?, worktree: worktree(&key.worktree)?, service: key.service.clone() })
}

/// Several keys.
pub(crate) fn keys(keys: &[proto::Key]) -> Result<Vec<core::Key>, Refusal> {
    bounded("keys", keys.len())?;
    keys.iter().map(key).collect()
}

/// Which lease is meant.
pub(crate) fn target(target: &proto::Target) -> Result<core::Target, Refusal> {
    Ok(match target {
        proto::Target::Key(named) => core::Target::Key(key(named)?),
        proto::Target::Port(port) => core::Target::Port(*port),
        proto::Target::Lease(id) => core::Target::Lease(*id),
        proto::Target::Worktree(path) => core::Target::Worktree(worktree(path)?),
    })
}

/// Which leases are meant.
pub(crate) fn targets(targets: &[proto::Target]) -> Result<Vec<core::Target>, Refusal> {
    bounded("targets", targets.len())?;
    targets.iter().map(target).collect()
}

/// On whose behalf.
pub(crate) fn caller(caller: &proto::Caller) -> Result<core::Caller, Refusal> {
    Ok(core::Caller { worktree: worktree(&caller.worktree)?, force: caller.force })
}

/// A time to live. Zero would be over before it began.
pub(crate) fn ttl(ttl_ms: Option<u64>) -> Result<Option<Span>, Refusal> {
    if ttl_ms == Some(0) {
        return Err(wording::bad_request("a time to live of zero ends at once".to_owned(), "name a span such as `5m`"));
    }
    Ok(ttl_ms.map(Span::from_millis))
}

/// A sentence that is kept for people.
pub(crate) fn reason(text: &str) -> Arc<str> {
    shown(text).into()
}

/// A wish for ports. `holder` is what was found out about the process that `call` names.
pub(crate) fn request(
    call: &proto::RequestCall,
    holder: Option<Holder>,
    peer: Option<u32>,
    defaults: &Defaults,
) -> Result<core::Request, Refusal> {
    if call.asks.is_empty() {
        return Err(wording::bad_request("the request asks for nothing".to_owned(), "name at least one service"));
    }
    if call.asks.len() > defaults.asks_max {
        return Err(wording::limit(
            format!("the request names {} services, and the limit is {}", call.asks.len(), defaults.asks_max),
            "ask for fewer services at a time",
            defaults.asks_max as u64,
        ));
    }
    holdable(call)?;
    Ok(core::Request {
        asks: call.asks.iter().map(|one| ask(one, defaults)).collect::<Result<_, _>>()?,
        contiguous: call.contiguous,
        holder,
        requester: core::Requester {
            pid: call.requester.pid.or(peer),
            command: shown(&call.requester.command).into(),
            session: call.requester.session.as_deref().map(|text| shown(text).into()),
            client: call.requester.client.as_deref().map(|text| shown(text).into()),
        },
        ttl: ttl(call.ttl_ms)?,
        guard: call.guard.map(Into::into),
        queued: false,
        // Nobody looks before the ranges are exhausted.
        stale: core::Stale::Unknown,
    })
}

/// No guard of UDP lets its tenant past and keeps others out: beside one that shares the port, whoever shares it gets
/// in, and most programs do not share. So it can only stand aside, at a launch.
fn holdable(call: &proto::RequestCall) -> Result<(), Refusal> {
    let is_held = |ask: &&proto::Ask| !ask.claim_only && ask.protocol.udp();
    let held = call.asks.iter().find(is_held).filter(|_| call.guard == Some(proto::GuardWish::UntilConfirm));
    let Some(service) = held.map(|ask| &ask.key.service) else { return Ok(()) };
    Err(wording::bad_request(
        format!("UDP cannot be held for `{service}` until its server is there: that would keep out the server, too"),
        format!("portus run -s {service} -- CMD keeps the port until CMD starts; or leave out `--hold`"),
    ))
}

fn ask(ask: &proto::Ask, defaults: &Defaults) -> Result<core::Ask, Refusal> {
    if ask.strict && ask.preferred.is_none() {
        return Err(wording::bad_request(
            format!("`{}` insists on a port and names none", ask.key.service),
            "name the port with `--port`, or leave out `--strict`",
        ));
    }
    bounded("excluded ranges", ask.exclude.len())?;
    let key = key(&ask.key)?;
    let linked = ask.linked.as_deref();
    if linked.is_some_and(|name| name.len() > PROJECT_LEN_MAX) {
        return Err(wording::bad_request(
            "the linked worktree's name is too long".to_owned(),
            "name it in 255 bytes at most",
        ));
    }
    let strategy = if ask.sequential {
        Strategy::Sequential
    } else {
        Strategy::Spread(core::spread(defaults.user, &key.project, key.service.as_str(), linked))
    };
    Ok(core::Ask {
        key,
        purpose: if ask.claim_only { Purpose::Claim } else { Purpose::Lease },
        protocol: ask.protocol,
        preferred: ask.preferred,
        strict: ask.strict,
        range: ask.range,
        pool: ask.pool.unwrap_or(defaults.pool),
        fallback: ask.fallback,
        expand: ask.expand,
        strategy,
        exclude: ask.exclude.clone(),
    })
}

fn bounded(what: &str, len: usize) -> Result<(), Refusal> {
    if len <= LIST_LEN_MAX {
        return Ok(());
    }
    Err(wording::limit(
        format!("the call names {len} {what}, and the limit is {LIST_LEN_MAX}"),
        "name fewer at a time",
        LIST_LEN_MAX as u64,
    ))
}

/// Text that is kept to be shown: cut, and without what moves a terminal's cursor.
fn shown(text: &str) -> String {
    let plain = |c: char| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c };
    text.chars().take(TEXT_LEN_MAX).map(plain).collect()
}

#[cfg(test)]
mod tests;
