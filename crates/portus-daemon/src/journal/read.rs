//! From rows to the shortest history that leads to the same ledger.

use std::collections::{BTreeSet, HashSet};
use std::str::FromStr;
use std::sync::Arc;

use portus_core::{
    BootId, Change, Claim, Holder, Key, Lease, LeaseId, LeaseState, Moment, Port, ProcessIdentity, Protocol,
    Quarantine, Requester, ServiceName, Span, StateWord, Timestamp, Ttl,
};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row, Rows};

/// Why the rows could not be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReadError {
    /// SQLite says so.
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    /// A value that this program never writes.
    #[error("{0}")]
    Senseless(String),
}

/// Hands over the whole ledger. Returns how many ended leases are in it.
pub(super) fn read(db: &Connection, each: &mut dyn FnMut(Change)) -> Result<usize, ReadError> {
    // One view of the file, should somebody else write to it.
    let view = db.unchecked_transaction()?;
    let mut reader = Reader::default();
    read_meta(&view, each)?;
    reader.claims(&view, each)?;
    reader.quarantines(&view, each)?;
    let ended = reader.leases(&view, each)?;
    view.finish()?;
    Ok(ended)
}

fn read_meta(db: &Connection, each: &mut dyn FnMut(Change)) -> Result<(), ReadError> {
    let mut statement = db.prepare("SELECT boot, next_lease FROM meta WHERE only = 1")?;
    let mut rows = statement.query([])?;
    let row = rows.next()?.ok_or_else(|| senseless("meta", "no row"))?;
    let mut fields = Fields::of(row);
    if let Some(boot) = fields.maybe_boot()? {
        each(Change::Booted { boot });
    }
    each(Change::Numbered { next: LeaseId(fields.number()?) });
    Ok(())
}

/// What rows have in common is in memory once.
#[derive(Default)]
struct Reader {
    texts: HashSet<Arc<str>>,
    /// The keys of the claims by port, ascending: a lease's key is nearly always one of them.
    claimed: Vec<(Port, Key)>,
}

impl Reader {
    fn claims(&mut self, db: &Connection, each: &mut dyn FnMut(Change)) -> Result<(), ReadError> {
        let mut statement = db.prepare(
            "SELECT port, project, worktree, service, protocol, pinned, last_used_wall, missing_since_wall \
             FROM claim ORDER BY port",
        )?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let mut fields = Fields::of(row);
            let port = fields.port()?;
            let key = self.key(port, fields.text()?, fields.text()?, fields.text()?)?;
            let claim = Claim {
                key: key.clone(),
                port,
                protocol: protocol(fields.text()?)?,
                pinned: fields.flag()?,
                last_used: fields.time()?,
                missing_since: fields.maybe_time()?,
            };
            self.claimed.push((port, key));
            each(Change::Claimed { claim });
        }
        Ok(())
    }

    fn quarantines(&mut self, db: &Connection, each: &mut dyn FnMut(Change)) -> Result<(), ReadError> {
        let mut statement = db.prepare("SELECT port, until, reason, since_wall FROM quarantine ORDER BY port")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let mut fields = Fields::of(row);
            let quarantine = Quarantine {
                port: fields.port()?,
                until: word(fields.text()?)?,
                reason: self.shared(fields.text()?),
                since: fields.time()?,
            };
            each(Change::Quarantined { quarantine });
        }
        Ok(())
    }

    /// Ended and live ones together in the order of their numbers, which is that of their grants:
    /// so a cool-down never falls on a port leased again since.
    fn leases(&mut self, db: &Connection, each: &mut dyn FnMut(Change)) -> Result<usize, ReadError> {
        let mut statement = db.prepare(
            "SELECT id, project, worktree, service, port, protocol, state, until_awake, evidence, end_reason, \
             ended_awake, ended_wall, cool_until_awake, ttl_span, ttl_until_awake, guard, contested, orphaned, \
             drifted_to, holder_pid, holder_birth, holder_boot, holder_command, requester_pid, requester_command, \
             requester_session, requester_client, granted_wall FROM lease ORDER BY id",
        )?;
        let mut watched = db.prepare("SELECT lease, pid, birth, boot FROM watched ORDER BY lease")?;
        let mut watched = Watched::of(watched.query([])?)?;
        let mut rows = statement.query([])?;
        let mut ended = 0;
        while let Some(row) = rows.next()? {
            let (mut lease, cool_until) = self.lease(row)?;
            if lease.is_live() {
                lease.watched = watched.of_lease(lease.id)?;
            } else {
                ended += 1;
            }
            each(Change::Granted { lease: Box::new(lease), cool_until });
        }
        Ok(ended)
    }

    fn lease(&mut self, row: &Row<'_>) -> Result<(Lease, Option<Timestamp>), ReadError> {
        let mut fields = Fields::of(row);
        let id = LeaseId(fields.number()?);
        let (project, worktree, service) = (fields.text()?, fields.text()?, fields.text()?);
        let port = fields.port()?;
        let key = self.key(port, project, worktree, service)?;
        let protocol = protocol(fields.text()?)?;
        let state = word(fields.text()?)?;
        let until = fields.maybe_time()?;
        let evidence = fields.maybe_text()?;
        let reason = fields.maybe_text()?;
        let (awake, wall) = (fields.maybe_time()?, fields.maybe_time()?);
        let state = match state {
            StateWord::Pending => LeaseState::Pending { until },
            StateWord::Lapsing => LeaseState::Lapsing { until },
            StateWord::Active => LeaseState::Active { evidence: word(needed(evidence, "evidence")?)? },
            StateWord::Ended => {
                let at = Moment { awake: needed(awake, "ended_awake")?, wall: needed(wall, "ended_wall")? };
                LeaseState::Ended { reason: word(needed(reason, "end_reason")?)?, at }
            }
        };
        let cool_until = fields.maybe_time()?;
        let ttl = match (fields.maybe_number()?, fields.maybe_time()?) {
            (Some(span), Some(until)) => Some(Ttl { span: Span(span), until }),
            _ => None,
        };
        let guard = fields.maybe_text()?.map(word).transpose()?;
        let (contested, orphaned) = (fields.flag()?, fields.flag()?);
        let drifted_to = fields.maybe_port()?;
        let holder = self.holder(&mut fields)?;
        let requester = Requester {
            pid: fields.maybe_number()?.map(small).transpose()?,
            command: self.shared(fields.text()?),
            session: fields.maybe_text()?.map(|text| self.shared(text)),
            client: fields.maybe_text()?.map(|text| self.shared(text)),
        };
        let granted_at = fields.time()?;
        let watched = BTreeSet::new();
        let lease = Lease {
            id,
            key,
            port,
            protocol,
            state,
            holder,
            orphaned,
            requester,
            watched,
            guard,
            ttl,
            contested,
            drifted_to,
            granted_at,
        };
        Ok((lease, cool_until))
    }

    fn holder(&mut self, fields: &mut Fields<'_>) -> Result<Option<Holder>, ReadError> {
        let (pid, birth) = (fields.maybe_number()?, fields.maybe_number()?);
        let (boot, command) = (fields.maybe_boot()?, fields.maybe_text()?);
        let Some(pid) = pid else { return Ok(None) };
        let process = ProcessIdentity {
            pid: small(pid)?,
            birth: needed(birth, "holder_birth")?,
            boot: needed(boot, "holder_boot")?,
        };
        Ok(Some(Holder { process, command: self.shared(command.unwrap_or_default()) }))
    }

    fn key(&mut self, port: Port, project: &str, worktree: &str, service: &str) -> Result<Key, ReadError> {
        if let Ok(place) = self.claimed.binary_search_by_key(&port, |(port, _)| *port) {
            let key = &self.claimed[place].1;
            if key.service.as_str() == service && *key.worktree == *worktree && *key.project == *project {
                return Ok(key.clone());
            }
        }
        let service = ServiceName::from_str(service).map_err(|error| ReadError::Senseless(error.to_string()))?;
        Ok(Key { project: self.shared(project), worktree: self.shared(worktree), service })
    }

    fn shared(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.texts.get(text) {
            return known.clone();
        }
        let text: Arc<str> = text.into();
        self.texts.insert(text.clone());
        text
    }
}

/// The watched processes, beside the leases in the same order.
struct Watched<'s> {
    rows: Rows<'s>,
    next: Option<(LeaseId, ProcessIdentity)>,
}

impl<'s> Watched<'s> {
    fn of(rows: Rows<'s>) -> Result<Self, ReadError> {
        let mut watched = Self { rows, next: None };
        watched.advance()?;
        Ok(watched)
    }

    fn advance(&mut self) -> Result<(), ReadError> {
        let Some(row) = self.rows.next()? else {
            self.next = None;
            return Ok(());
        };
        let mut fields = Fields::of(row);
        let lease = LeaseId(fields.number()?);
        let (pid, birth) = (small(fields.number()?)?, fields.number()?);
        let boot = needed(fields.maybe_boot()?, "boot")?;
        self.next = Some((lease, ProcessIdentity { pid, birth, boot }));
        Ok(())
    }

    fn of_lease(&mut self, id: LeaseId) -> Result<BTreeSet<ProcessIdentity>, ReadError> {
        let mut processes = BTreeSet::new();
        while let Some((lease, process)) = self.next.filter(|(lease, _)| *lease <= id) {
            if lease == id {
                processes.insert(process);
            }
            self.advance()?;
        }
        Ok(processes)
    }
}

/// A row's values, one after the other.
struct Fields<'r> {
    row: &'r Row<'r>,
    place: usize,
}

impl<'r> Fields<'r> {
    const fn of(row: &'r Row<'r>) -> Self {
        Self { row, place: 0 }
    }

    fn next(&mut self) -> Result<ValueRef<'r>, ReadError> {
        let value = self.row.get_ref(self.place)?;
        self.place += 1;
        Ok(value)
    }

    fn maybe_number(&mut self) -> Result<Option<u64>, ReadError> {
        match self.next()? {
            ValueRef::Null => Ok(None),
            ValueRef::Integer(number) => Ok(Some(number.cast_unsigned())),
            other => Err(senseless("a number", other.data_type())),
        }
    }

    fn number(&mut self) -> Result<u64, ReadError> {
        needed(self.maybe_number()?, "a number")
    }

    fn flag(&mut self) -> Result<bool, ReadError> {
        Ok(self.number()? != 0)
    }

    fn maybe_time(&mut self) -> Result<Option<Timestamp>, ReadError> {
        Ok(self.maybe_number()?.map(Timestamp))
    }

    fn time(&mut self) -> Result<Timestamp, ReadError> {
        Ok(Timestamp(self.number()?))
    }

    fn maybe_port(&mut self) -> Result<Option<Port>, ReadError> {
        let Some(number) = self.maybe_number()? else { return Ok(None) };
        let port = u16::try_from(number).ok().and_then(Port::new);
        port.map(Some).ok_or_else(|| senseless("a port", number))
    }

    fn port(&mut self) -> Result<Port, ReadError> {
        needed(self.maybe_port()?, "a port")
    }

    fn maybe_text(&mut self) -> Result<Option<&'r str>, ReadError> {
        match self.next()? {
            ValueRef::Null => Ok(None),
            ValueRef::Text(bytes) => str::from_utf8(bytes).map(Some).map_err(|error| senseless("a text", error)),
            other => Err(senseless("a text", other.data_type())),
        }
    }

    fn text(&mut self) -> Result<&'r str, ReadError> {
        needed(self.maybe_text()?, "a text")
    }

    fn maybe_boot(&mut self) -> Result<Option<BootId>, ReadError> {
        match self.next()? {
            ValueRef::Null => Ok(None),
            ValueRef::Blob(bytes) => match bytes.try_into() {
                Ok(bytes) => Ok(Some(BootId(u128::from_be_bytes(bytes)))),
                Err(_) => Err(senseless("a boot", format_args!("{} bytes", bytes.len()))),
            },
            other => Err(senseless("a boot", other.data_type())),
        }
    }
}

fn senseless(wanted: &str, found: impl std::fmt::Display) -> ReadError {
    ReadError::Senseless(format!("{found} where {wanted} should be"))
}

fn needed<T>(value: Option<T>, what: &str) -> Result<T, ReadError> {
    value.ok_or_else(|| senseless(what, "nothing"))
}

fn small(number: u64) -> Result<u32, ReadError> {
    u32::try_from(number).map_err(|_| senseless("a process id", number))
}

fn word<T: FromStr<Err: std::fmt::Display>>(text: &str) -> Result<T, ReadError> {
    text.parse().map_err(|error: T::Err| ReadError::Senseless(error.to_string()))
}

fn protocol(text: &str) -> Result<Protocol, ReadError> {
    [Protocol::Tcp, Protocol::Udp, Protocol::Both]
        .into_iter()
        .find(|protocol| protocol.word() == text)
        .ok_or_else(|| senseless("a protocol", text))
}
