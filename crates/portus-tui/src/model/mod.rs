//! Everything the dashboard knows. Changed by `update` alone, shown by `view` alone.

pub(crate) mod columns;
mod ledger;
pub(crate) mod order;
mod question;
mod rates;
mod table;
pub(crate) mod time;

use portus_core::Port;
use portus_proto::{Explanation, Key};

pub(crate) use ledger::{Ledger, key_of, key_of_lease};
pub(crate) use question::{Question, Stage};
pub(crate) use rates::{Rates, SLICE_MS, SLICES_LEN};
pub(crate) use table::{Item, Line, Table};

use crate::keys::Reply;
use crate::layout::Areas;

/// Where the dashboard was started.
#[derive(Debug, Clone)]
pub struct Here {
    /// The project's name.
    pub project: String,
    /// The worktree's canonical path.
    pub worktree: String,
}

/// The views.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tab {
    /// Leases, by project and worktree.
    Leases,
    /// Every listener on the machine.
    Listeners,
    /// Claims, and ports in quarantine.
    Claims,
    /// What happens.
    Events,
    /// The pool, rates, and what needs a look.
    Overview,
}

impl Tab {
    /// All of them, in their order.
    pub const ALL: [Self; 5] = [Self::Leases, Self::Listeners, Self::Claims, Self::Events, Self::Overview];

    /// Its name.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Leases => "Leases",
            Self::Listeners => "Listeners",
            Self::Claims => "Claims",
            Self::Events => "Events",
            Self::Overview => "Overview",
        }
    }

    pub(crate) const fn index(self) -> usize {
        self as usize
    }
}

/// Which part of the ledger is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    All,
    Project,
    Worktree,
}

/// How the connection to the daemon stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Link {
    Connecting,
    Up,
    /// There is none, for this reason, and with this to be done about it.
    Down {
        reason: String,
        hint: String,
    },
}

/// A sentence at the bottom, until the next key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Notice {
    pub(crate) text: String,
    pub(crate) is_bad: bool,
}

/// A look that takes its time: at most one at once, and once more if things changed meanwhile.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Looking {
    /// None is under way, and what is known will do.
    #[default]
    Idle,
    /// What is known is out of date.
    Wanted,
    /// One is under way.
    UnderWay,
    /// One is under way, and out of date already.
    Again,
}

impl Looking {
    /// Something has changed.
    pub(crate) const fn want(&mut self) {
        *self = match self {
            Self::Idle | Self::Wanted => Self::Wanted,
            Self::UnderWay | Self::Again => Self::Again,
        };
    }

    /// Whether a look is to be begun now; from here on it is.
    pub(crate) fn begin(&mut self) -> bool {
        let begins = *self == Self::Wanted;
        if begins {
            *self = Self::UnderWay;
        }
        begins
    }

    /// The look is over.
    pub(crate) const fn end(&mut self) {
        *self = match self {
            Self::Again => Self::Wanted,
            Self::Idle | Self::Wanted | Self::UnderWay => Self::Idle,
        };
    }
}

/// What `explain` says about the selected port.
#[derive(Debug, Default)]
pub(crate) struct Explained {
    pub(crate) looking: Looking,
    /// The port the last answer is about, and the answer.
    pub(crate) answer: Option<(Port, Result<Box<Explanation>, String>)>,
    /// The port that was asked about last.
    pub(crate) asked: Option<Port>,
}

/// Everything the dashboard knows.
#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) here: Here,
    /// Milliseconds since 1970.
    pub(crate) now_ms: u64,
    /// Columns and rows of the terminal.
    pub(crate) size: (u16, u16),
    pub(crate) link: Link,
    pub(crate) ledger: Ledger,
    pub(crate) rates: Rates,
    /// Looks at the machine's listeners, which tell no events.
    pub(crate) listening: Looking,
    /// Why the last of them did not work.
    pub(crate) listening_error: Option<String>,
    pub(crate) explained: Explained,
    pub(crate) tab: Tab,
    tables: [Table; 5],
    pub(crate) filter: String,
    pub(crate) is_typing: bool,
    pub(crate) scope: Scope,
    pub(crate) has_detail: bool,
    /// The first line of the detail that is shown.
    pub(crate) detail_offset: u16,
    pub(crate) has_help: bool,
    /// The first line of the help that is shown.
    pub(crate) help_offset: u16,
    pub(crate) question: Option<Question>,
    pub(crate) notice: Option<Notice>,
}

impl Model {
    /// Nothing is known yet.
    pub(crate) fn new(here: Here, now_ms: u64, size: (u16, u16)) -> Self {
        let mut rates = Rates::default();
        rates.advance(now_ms);
        Self {
            here,
            now_ms,
            size,
            link: Link::Connecting,
            ledger: Ledger::default(),
            rates,
            listening: Looking::Wanted,
            listening_error: None,
            explained: Explained::default(),
            tab: Tab::Leases,
            tables: Tab::ALL.map(|tab| Table::new(tab == Tab::Events)),
            filter: String::new(),
            is_typing: false,
            scope: Scope::All,
            has_detail: false,
            detail_offset: 0,
            has_help: false,
            help_offset: 0,
            question: None,
            notice: None,
        }
    }

    /// Whether this answer means something while the question on the screen is open.
    pub(crate) fn can_answer(&self, reply: Reply) -> bool {
        self.question.as_ref().is_some_and(|question| question.stage.takes(reply))
    }

    /// A view's list.
    pub(crate) fn table(&self, tab: Tab) -> &Table {
        &self.tables[tab.index()]
    }

    /// The list on the screen.
    pub(crate) fn current(&self) -> &Table {
        self.table(self.tab)
    }

    /// The list on the screen, to be changed.
    pub(crate) fn current_mut(&mut self) -> &mut Table {
        &mut self.tables[self.tab.index()]
    }

    /// Every list is out of date.
    pub(crate) fn disorder(&mut self) {
        self.tables.iter_mut().for_each(|table| table.is_stale = true);
    }

    /// Brings the list on the screen up to date, if it is not. To be called before it is shown or moved in, and not
    /// for every event: with thousands of leases this is what takes time.
    pub(crate) fn settle(&mut self) {
        if self.current().is_stale {
            let lines = order::lines(self, self.tab);
            self.current_mut().replace(lines);
        }
        let height = usize::from(Areas::of(self).rows.height);
        self.current_mut().show_cursor(height);
    }

    /// The port of what is selected.
    pub(crate) fn selected_port(&self) -> Option<Port> {
        match self.current().selected()? {
            Item::Lease(id) => self.ledger.leases.get(id).map(|lease| lease.port),
            Item::Listener(id) => Some(id.port),
            Item::Claim(key) => self.ledger.claims.get(key).map(|claim| claim.port),
            Item::Quarantine(port) => Some(*port),
            Item::Event(number) => crate::words::event(self.ledger.event(*number)?).port,
        }
    }

    /// The key of what is selected.
    pub(crate) fn selected_key(&self) -> Option<Key> {
        match self.current().selected()? {
            Item::Lease(id) => self.ledger.leases.get(id).map(key_of_lease),
            Item::Listener(id) => {
                let lease = self.ledger.listeners.get(id)?.lease?;
                self.ledger.leases.get(&lease).map(key_of_lease)
            }
            Item::Claim(key) => Some(key.clone()),
            Item::Quarantine(_) => None,
            Item::Event(_) => self.ledger.lease_on(self.selected_port()?).map(key_of_lease),
        }
    }

    /// After how many milliseconds something on the screen will read otherwise though nothing has happened.
    pub(crate) fn next_change_ms(&self) -> Option<u64> {
        if self.tab == Tab::Overview {
            return (!self.rates.is_still()).then(|| SLICE_MS - self.now_ms % SLICE_MS);
        }
        let height = usize::from(Areas::of(self).rows.height);
        let of_line = |line: &Line| match line {
            Line::Group { .. } | Line::Item(Item::Listener(_)) => None,
            Line::Item(Item::Lease(id)) => self.ledger.leases.get(id).and_then(|lease| {
                let left = lease.expires_at.map(|at| at.0.saturating_sub(self.now_ms));
                Some(self.until_older(lease.granted_at.0)).into_iter().chain(left.and_then(time::until_less_ms)).min()
            }),
            Line::Item(Item::Claim(key)) => {
                self.ledger.claims.get(key).map(|claim| self.until_older(claim.last_used.0))
            }
            Line::Item(Item::Quarantine(port)) => {
                self.ledger.quarantines.get(port).map(|one| self.until_older(one.since.0))
            }
            Line::Item(Item::Event(number)) => self.ledger.event(*number).map(|event| self.until_older(event.at.0)),
        };
        self.current().visible(height).filter_map(|(_, line)| of_line(line)).min()
    }

    fn until_older(&self, since_ms: u64) -> u64 {
        time::until_older_ms(self.now_ms.saturating_sub(since_ms))
    }
}
