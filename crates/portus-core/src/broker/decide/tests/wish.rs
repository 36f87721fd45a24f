//! Short ways to say what is asked for and who asks.

use crate::broker::{Ask, Purpose, Request, Stale, Strategy};
use crate::vocabulary::{
    Admit, BootId, Holder, Key, LeaseId, Listener, Port, PortRange, ProcessIdentity, Protocol, Requester, Span,
};

pub(super) const BOOT: BootId = BootId(7);

pub(super) fn port(number: u16) -> Port {
    Port::new(number).unwrap()
}

pub(super) fn range(first: u16, last: u16) -> PortRange {
    PortRange::new(port(first), port(last)).unwrap()
}

/// A service of the main worktree of the project `shop`.
pub(super) fn key(service: &str) -> Key {
    key_in("/shop", service)
}

pub(super) fn key_in(worktree: &str, service: &str) -> Key {
    Key { project: "shop".into(), worktree: worktree.into(), service: service.parse().unwrap() }
}

pub(super) fn process(pid: u32) -> ProcessIdentity {
    ProcessIdentity { pid, birth: u64::from(pid) * 10, boot: BOOT }
}

pub(super) fn holder(pid: u32) -> Holder {
    Holder { process: process(pid), command: "npm run dev".into() }
}

/// A request under construction. What follows an ask says more about that ask; holder, time to
/// live and the like are the whole request's.
#[derive(Debug, Clone)]
pub(super) struct Wish(pub(super) Request);

/// Asks for a lease for a service of `/shop`, from 20000 on.
pub(super) fn request(service: &str) -> Wish {
    let nothing = Request {
        asks: Vec::new(),
        contiguous: false,
        holder: None,
        requester: Requester::default(),
        ttl: None,
        guard: None,
        queued: false,
        stale: Stale::None,
    };
    Wish(nothing).and(service)
}

impl Wish {
    /// One more lease.
    pub(super) fn and(mut self, service: &str) -> Self {
        self.0.asks.push(Ask {
            key: key(service),
            purpose: Purpose::Lease,
            protocol: Protocol::Tcp,
            preferred: None,
            strict: false,
            range: None,
            pool: range(20_000, 29_999),
            fallback: None,
            expand: None,
            strategy: Strategy::Sequential,
            exclude: Vec::new(),
        });
        self
    }

    /// One more number, without a lease.
    pub(super) fn and_number(self, service: &str) -> Self {
        self.and(service).with(|ask| ask.purpose = Purpose::Claim)
    }

    pub(super) fn with(mut self, change: impl FnOnce(&mut Ask)) -> Self {
        change(self.0.asks.last_mut().unwrap());
        self
    }

    pub(super) fn of(self, worktree: &str) -> Self {
        self.with(|ask| ask.key.worktree = worktree.into())
    }

    pub(super) fn of_project(self, project: &str) -> Self {
        self.with(|ask| ask.key.project = project.into())
    }

    pub(super) fn preferred(self, number: u16) -> Self {
        self.with(|ask| ask.preferred = Some(port(number)))
    }

    pub(super) fn strict(self) -> Self {
        self.with(|ask| ask.strict = true)
    }

    pub(super) fn range(self, first: u16, last: u16) -> Self {
        self.with(|ask| ask.range = Some(range(first, last)))
    }

    pub(super) fn pool(self, first: u16, last: u16) -> Self {
        self.with(|ask| ask.pool = range(first, last))
    }

    pub(super) fn fallback(self, first: u16, last: u16) -> Self {
        self.with(|ask| ask.fallback = Some(range(first, last)))
    }

    pub(super) fn expand(self, first: u16, last: u16) -> Self {
        self.with(|ask| ask.expand = Some(range(first, last)))
    }

    pub(super) fn without(self, first: u16, last: u16) -> Self {
        self.with(|ask| ask.exclude.push(range(first, last)))
    }

    pub(super) fn spread(self, offset: u64) -> Self {
        self.with(|ask| ask.strategy = Strategy::Spread(offset))
    }

    pub(super) fn protocol(self, protocol: Protocol) -> Self {
        self.with(|ask| ask.protocol = protocol)
    }

    pub(super) fn in_a_row(mut self) -> Self {
        self.0.contiguous = true;
        self
    }

    pub(super) fn held_by(mut self, pid: u32) -> Self {
        self.0.holder = Some(holder(pid));
        self
    }

    pub(super) fn ttl(mut self, span: Span) -> Self {
        self.0.ttl = Some(span);
        self
    }

    pub(super) fn guarded(mut self, admit: Admit) -> Self {
        self.0.guard = Some(admit);
        self
    }

    pub(super) fn stale(mut self, stale: Stale) -> Self {
        self.0.stale = stale;
        self
    }

    pub(super) fn queued(mut self) -> Self {
        self.0.queued = true;
        self
    }
}

/// A TCP server of the daemon's user that works in no project, unless said otherwise.
pub(super) fn server(pid: u32) -> Listener {
    Listener {
        protocol: Protocol::Tcp,
        process: Some(process(pid)),
        command: "node server.js".into(),
        same_user: true,
        lineage: [].into(),
        marker: [].into(),
        worktree: None,
        container_proxy: false,
    }
}

/// A server that belongs to nothing in the ledger, provably.
pub(super) fn stranger(pid: u32) -> Listener {
    server(pid).cwd("/elsewhere")
}

impl Listener {
    pub(super) fn under(self, pid: u32) -> Self {
        self.of_tree(process(pid))
    }

    pub(super) fn of_tree(mut self, root: ProcessIdentity) -> Self {
        self.lineage.insert(root);
        self
    }

    pub(super) fn marked(mut self, lease: LeaseId) -> Self {
        self.marker.insert(lease);
        self
    }

    pub(super) fn cwd(mut self, worktree: &str) -> Self {
        self.worktree = Some(worktree.into());
        self
    }

    pub(super) fn of_another_user(mut self) -> Self {
        self.same_user = false;
        self
    }

    pub(super) fn proxy(mut self) -> Self {
        self.container_proxy = true;
        self
    }

    pub(super) fn unseen(mut self) -> Self {
        self.process = None;
        self
    }

    pub(super) fn udp(mut self) -> Self {
        self.protocol = Protocol::Udp;
        self
    }
}
