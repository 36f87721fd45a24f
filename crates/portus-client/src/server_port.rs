//! A port for a server that runs in this very process: leased, bound, and given back at its end.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use portus_core::{LeaseId, Port, PortRange, ServiceName};
use portus_proto::{Caller, Lease, LeasesReply, ReleaseCall, RequestCall, SuspectCall, Suspected, Target};

use crate::client::Client;
use crate::config::Wish;
use crate::error::CallError;
use crate::requester::requester;
use crate::workspace::Workspace;

/// A daemon that does not answer for so long does not keep a server from ending: it sees by itself that it has.
const RELEASE_WITHIN: Duration = Duration::from_secs(1);

/// What a server wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerWish {
    /// Which service of the worktree it is. Several servers of one worktree at once need a name each.
    pub service: ServiceName,
    /// Which port; `range` and `sequential` are what a host of many servers sets.
    pub wish: Wish,
    /// How many more ports to try when one turns out to be in use.
    pub retries: u32,
}

/// A port of this process's own, from the grant until it is dropped (or given back, or the process ends).
pub struct ServerPort {
    client: Client,
    caller: Caller,
    lease: Lease,
    notes: Vec<String>,
    is_over: bool,
}

/// Why a server has no port.
#[derive(Debug, thiserror::Error)]
pub enum ServerPortError {
    /// The daemon gives none, and says why: how many are leased, dead and taken, and where it looked. Or it cannot be
    /// asked.
    #[error(transparent)]
    Call(#[from] CallError),
    /// Somebody else was faster to take each of the ports tried.
    #[error("none of {} ports tried for `{service}` could be bound, because somebody else has them: {}", tried.len(), list(tried))]
    InUse {
        /// For which service.
        service: ServiceName,
        /// The ports tried, in order. They are avoided as long as whoever has them stays; if nobody shows, until the
        /// machine is started anew, or with `pool.dead = "keep"` until they are revived.
        tried: Vec<Port>,
    },
    /// A port could not be bound for a reason that another would not mend.
    #[error("port {port} cannot be bound: {source}")]
    Bind {
        /// The port.
        port: Port,
        /// What the system said.
        source: io::Error,
    },
}

impl ServerPortError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Call(error) => error.hint(),
            Self::InUse { tried, .. } => {
                let first = tried.first().map_or_else(String::new, |port| format!("`portus explain {port}`"));
                format!("{first} says who is there; allow more retries, or another range")
            }
            Self::Bind { .. } => "a port below 1024 needs a privilege; see what the system said".to_owned(),
        }
    }
}

impl ServerPort {
    /// Leases a port for this process and has `bind` take it; on `EADDRINUSE` ([`io::ErrorKind::AddrInUse`]) the next
    /// one, as often as `wanted` allows. The bad ones are told to the daemon, which avoids them.
    ///
    /// `bind` gets the number, and best returns the socket that is to serve: then nobody can come in between.
    ///
    /// # Errors
    /// [`ServerPortError`]. No lease is left behind.
    pub fn bind<T>(
        client: Client,
        workspace: &Workspace,
        wanted: &ServerWish,
        mut bind: impl FnMut(u16) -> io::Result<T>,
    ) -> Result<(Self, T), ServerPortError> {
        let mut call = call(workspace, wanted);
        let mut own = Self::lease(client, workspace, &call)?;
        let mut tried = Vec::new();
        loop {
            let port = own.port();
            match bind(port.number()) {
                Ok(bound) => return Ok((own, bound)),
                Err(source) if source.kind() == io::ErrorKind::AddrInUse => tried.push(port),
                Err(source) => return Err(ServerPortError::Bind { port, source }),
            }
            own.give_up(workspace.config.pool.keeps_dead())?;
            if tried.len() > wanted.retries as usize {
                return Err(ServerPortError::InUse { service: wanted.service.clone(), tried });
            }
            call.asks[0].exclude.push(PortRange::single(port));
            own.take(&call)?;
        }
    }

    fn lease(mut client: Client, workspace: &Workspace, call: &RequestCall) -> Result<Self, CallError> {
        let LeasesReply { leases, notes, .. } = client.request(call.clone())?;
        let lease = first(leases)?;
        Ok(Self { client, caller: workspace.caller(false), lease, notes, is_over: false })
    }

    /// Takes another port in the place of one that was given up.
    fn take(&mut self, call: &RequestCall) -> Result<(), CallError> {
        let LeasesReply { leases, notes, .. } = self.client.request(call.clone())?;
        self.lease = first(leases)?;
        self.notes.extend(notes);
        self.is_over = false;
        Ok(())
    }

    /// Says that the port could not be bound, which ends the lease.
    fn give_up(&mut self, keep: bool) -> Result<(), CallError> {
        let call = SuspectCall { lease: self.lease.id, certain: true, keep };
        if self.client.suspect(call)? == Suspected::Cleared {
            // Another part of this very process has it, and then no stranger is to blame.
            self.give_back()?;
        }
        self.is_over = true;
        Ok(())
    }

    /// The port.
    #[must_use]
    pub const fn port(&self) -> Port {
        self.lease.port
    }

    /// The lease, as it was granted.
    #[must_use]
    pub const fn granted(&self) -> &Lease {
        &self.lease
    }

    /// What people should know: why it is not the port liked best, and what was got over.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Gives the port back. Dropping does the same, and cannot say whether it went well.
    ///
    /// # Errors
    /// As every call. The daemon gives the port back by itself when this process ends.
    pub fn release(mut self) -> Result<(), CallError> {
        self.is_over = true;
        self.give_back()
    }

    fn give_back(&mut self) -> Result<(), CallError> {
        let targets = vec![Target::Lease(self.lease.id)];
        self.client.release(ReleaseCall { targets, caller: self.caller.clone() }).map(drop)
    }
}

impl fmt::Debug for ServerPort {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (port, lease): (Port, LeaseId) = (self.lease.port, self.lease.id);
        out.debug_struct("ServerPort").field("port", &port).field("lease", &lease).finish_non_exhaustive()
    }
}

impl Drop for ServerPort {
    fn drop(&mut self) {
        if !self.is_over {
            self.client.limit(RELEASE_WITHIN);
            // Where it cannot be told, the daemon sees the process end.
            drop(self.give_back());
        }
    }
}

/// The program that becomes the daemon where this one is another: `portus`, as the shell would find it.
#[must_use]
pub fn portus_on_path() -> Option<PathBuf> {
    let name = format!("portus{}", std::env::consts::EXE_SUFFIX);
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|dir| dir.join(&name)).find(|file| file.is_file())
}

fn call(workspace: &Workspace, wanted: &ServerWish) -> RequestCall {
    let key = workspace.key(wanted.service.clone());
    RequestCall {
        asks: vec![workspace.config.ask(key, &wanted.wish, workspace.linked.as_deref())],
        contiguous: false,
        holder: Some(std::process::id()),
        requester: requester(),
        ttl_ms: None,
        guard: None,
        wait_ms: None,
    }
}

fn first(leases: Vec<Lease>) -> Result<Lease, CallError> {
    let senseless = || CallError::Senseless { reason: "it granted the request and names no lease".to_owned() };
    leases.into_iter().next().ok_or_else(senseless)
}

fn list(ports: &[Port]) -> String {
    ports.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
