//! From changes to rows. Each change is a few statements, each statement prepared once.

use portus_core::{
    Admit, Change, Claim, EndReason, Evidence, Holder, Key, Lease, LeaseId, LeaseState, Moment, Port, ProcessIdentity,
    Quarantine, Requester, Timestamp,
};
use rusqlite::{Connection, Params, params};

/// Ended leases beyond the history go in portions of this size, so that few commits pay for it.
pub(super) const TRIM_COUNT: usize = 64;

/// A lease's end.
pub(super) const ENDED: &str = "UPDATE lease SET state = 'ended', until_awake = NULL, evidence = NULL, guard = NULL, \
                                end_reason = ?2, ended_awake = ?3, ended_wall = ?4, cool_until_awake = ?5 \
                                WHERE id = ?1 AND state <> 'ended'";

/// Writes changes into the open transaction.
pub(super) struct Writer<'a> {
    pub(super) db: &'a Connection,
    /// How many ended leases are kept at least.
    pub(super) history_max: usize,
    /// How many ended leases there are.
    pub(super) ended: &'a mut usize,
}

impl Writer<'_> {
    pub(super) fn write(&mut self, change: &Change) -> rusqlite::Result<()> {
        match change {
            Change::Granted { lease, cool_until } => self.granted(lease, *cool_until),
            Change::Ended { lease, reason, at, cool_until } => self.ended(*lease, *reason, *at, *cool_until),
            Change::Booted { boot } => {
                self.run("UPDATE meta SET boot = ?1", params![boot.0.to_be_bytes()])?;
                // Cool-downs count on a clock that began anew.
                self.run("UPDATE lease SET cool_until_awake = NULL WHERE cool_until_awake IS NOT NULL", [])
            }
            Change::Numbered { next } => {
                self.run("UPDATE meta SET next_lease = max(next_lease, ?1)", params![number(*next)])
            }
            Change::Claimed { claim } => self.claimed(claim),
            Change::Unclaimed { key, .. } => {
                let sql = "DELETE FROM claim WHERE worktree = ?1 AND service = ?2 AND project = ?3";
                self.run(sql, params![key.worktree, key.service.as_str(), key.project])
            }
            Change::Missing { worktree, since } => {
                let sql = "UPDATE claim SET missing_since_wall = ?2 WHERE worktree = ?1";
                self.run(sql, params![worktree, since.map(millis)])
            }
            Change::Quarantined { quarantine } => self.quarantined(quarantine),
            Change::Revived { port } => self.run("DELETE FROM quarantine WHERE port = ?1", params![port.number()]),
            _ => self.altered(change),
        }
    }

    /// The changes of a lease that lives on.
    fn altered(&self, change: &Change) -> rusqlite::Result<()> {
        match change {
            Change::Extended { lease, until, ttl } => {
                let sql = "UPDATE lease SET ttl_span = ?2, ttl_until_awake = ?3, \
                           until_awake = CASE state WHEN 'active' THEN NULL ELSE coalesce(?4, until_awake) END \
                           WHERE id = ?1 AND state <> 'ended'";
                let (span, end) = (ttl.map(|ttl| ttl.span.0.cast_signed()), ttl.map(|ttl| millis(ttl.until)));
                self.run(sql, params![number(*lease), span, end, until.map(millis)])
            }
            Change::Adopted { lease, holder, requester } => self.adopted(*lease, holder, requester),
            Change::Guarded { lease, admit } => {
                let sql = "UPDATE lease SET guard = ?2 WHERE id = ?1 AND state <> 'ended'";
                self.run(sql, params![number(*lease), admit.map(Admit::word)])
            }
            Change::Attached { lease, processes } => self.watch(*lease, processes),
            Change::Detached { lease, process } => {
                let sql = "DELETE FROM watched WHERE lease = ?1 AND pid = ?2 AND birth = ?3 AND boot = ?4";
                self.run(sql, params![number(*lease), process.pid, birth(process), boot(process)])
            }
            Change::Orphaned { lease, until } => {
                let sql = "UPDATE lease SET orphaned = 1, \
                           until_awake = CASE WHEN state IN ('pending', 'lapsing') THEN ?2 ELSE until_awake END \
                           WHERE id = ?1 AND state <> 'ended'";
                self.run(sql, params![number(*lease), millis(*until)])
            }
            Change::Confirmed { lease, evidence, listeners } => {
                let sql = "UPDATE lease SET state = 'active', evidence = ?2, until_awake = NULL, guard = NULL, \
                           drifted_to = NULL WHERE id = ?1 AND state <> 'ended'";
                self.run(sql, params![number(*lease), evidence.word()])?;
                self.watch(*lease, listeners)
            }
            Change::Lapsed { lease, until } => {
                let sql = "UPDATE lease SET state = 'lapsing', until_awake = ?2, evidence = NULL \
                           WHERE id = ?1 AND state <> 'ended'";
                self.run(sql, params![number(*lease), until.map(millis)])
            }
            Change::Contested { lease, contested } => {
                let sql = "UPDATE lease SET contested = ?2 WHERE id = ?1 AND state <> 'ended'";
                self.run(sql, params![number(*lease), contested])
            }
            Change::Drifted { lease, to } => {
                let sql = "UPDATE lease SET drifted_to = ?2 WHERE id = ?1 AND state <> 'ended'";
                self.run(sql, params![number(*lease), to.map(Port::number)])
            }
            // Written by the caller, since they move a lease or concern none.
            Change::Granted { .. }
            | Change::Ended { .. }
            | Change::Booted { .. }
            | Change::Numbered { .. }
            | Change::Claimed { .. }
            | Change::Unclaimed { .. }
            | Change::Missing { .. }
            | Change::Quarantined { .. }
            | Change::Revived { .. } => Ok(()),
        }
    }

    fn granted(&mut self, lease: &Lease, cool_until: Option<Timestamp>) -> rusqlite::Result<()> {
        let sql = "INSERT OR REPLACE INTO lease VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, \
                   ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26, ?27, ?28)";
        let (until, evidence, end) = match &lease.state {
            LeaseState::Pending { until } | LeaseState::Lapsing { until } => (*until, None, None),
            LeaseState::Active { evidence } => (None, Some(*evidence), None),
            LeaseState::Ended { reason, at } => (None, None, Some((*reason, *at))),
        };
        let Key { project, worktree, service } = &lease.key;
        let holder = lease.holder.as_ref();
        let row = params![
            number(lease.id),
            project,
            worktree,
            service.as_str(),
            lease.port.number(),
            lease.protocol.word(),
            lease.state.word().word(),
            until.map(millis),
            evidence.map(Evidence::word),
            end.map(|(reason, _)| reason.word()),
            end.map(|(_, at)| millis(at.awake)),
            end.map(|(_, at)| millis(at.wall)),
            cool_until.map(millis),
            lease.ttl.map(|ttl| ttl.span.0.cast_signed()),
            lease.ttl.map(|ttl| millis(ttl.until)),
            lease.guard.map(Admit::word),
            lease.contested,
            lease.orphaned,
            lease.drifted_to.map(Port::number),
            holder.map(|holder| holder.process.pid),
            holder.map(|holder| birth(&holder.process)),
            holder.map(|holder| boot(&holder.process)),
            holder.map(|holder| &holder.command),
            lease.requester.pid,
            lease.requester.command,
            lease.requester.session,
            lease.requester.client,
            millis(lease.granted_at),
        ];
        self.run(sql, row)?;
        self.watch(lease.id, &lease.watched)?;
        if end.is_some() { self.remember(1) } else { Ok(()) }
    }

    fn adopted(&self, lease: LeaseId, holder: &Holder, requester: &Requester) -> rusqlite::Result<()> {
        let sql = "UPDATE lease SET holder_pid = ?2, holder_birth = ?3, holder_boot = ?4, holder_command = ?5, \
                   requester_pid = ?6, requester_command = ?7, requester_session = ?8, requester_client = ?9, \
                   orphaned = 0, until_awake = NULL WHERE id = ?1 AND state <> 'ended'";
        let process = &holder.process;
        let row = params![
            number(lease),
            process.pid,
            birth(process),
            boot(process),
            holder.command,
            requester.pid,
            requester.command,
            requester.session,
            requester.client,
        ];
        self.run(sql, row)
    }

    fn ended(&mut self, lease: LeaseId, reason: EndReason, at: Moment, cool_until: Timestamp) -> rusqlite::Result<()> {
        let cools = cool_until > at.awake && reason != EndReason::Reboot;
        let cool_until = cools.then(|| millis(cool_until));
        let row = params![number(lease), reason.word(), millis(at.awake), millis(at.wall), cool_until];
        if self.db.prepare_cached(ENDED)?.execute(row)? == 0 {
            return Ok(());
        }
        // By the claim's port alone (`+` keeps the planner off the other index), then whether it is the key's.
        let sql = "UPDATE claim SET last_used_wall = ?2 FROM lease WHERE lease.id = ?1 AND claim.port = lease.port \
                   AND +claim.worktree = lease.worktree AND +claim.service = lease.service \
                   AND +claim.project = lease.project";
        self.run(sql, params![number(lease), millis(at.wall)])?;
        self.run("DELETE FROM watched WHERE lease = ?1", params![number(lease)])?;
        self.remember(1)
    }

    /// So many leases have ended. The oldest are forgotten when there are too many.
    fn remember(&mut self, count: usize) -> rusqlite::Result<()> {
        *self.ended += count;
        if *self.ended < self.history_max.saturating_add(TRIM_COUNT) {
            return Ok(());
        }
        // A number is never given twice, even if the lease that had the highest is forgotten.
        self.run("UPDATE meta SET next_lease = max(next_lease, (SELECT max(id) + 1 FROM lease))", [])?;
        let sql = "DELETE FROM lease WHERE id IN (SELECT id FROM lease WHERE state = 'ended' \
                   ORDER BY ended_wall, id LIMIT ?1)";
        let excess = i64::try_from(*self.ended - self.history_max).unwrap_or(i64::MAX);
        let forgotten = self.db.prepare_cached(sql)?.execute(params![excess])?;
        *self.ended = self.ended.saturating_sub(forgotten);
        Ok(())
    }

    fn watch<'p>(
        &self,
        lease: LeaseId,
        processes: impl IntoIterator<Item = &'p ProcessIdentity>,
    ) -> rusqlite::Result<()> {
        for process in processes {
            let sql = "INSERT OR IGNORE INTO watched VALUES (?1, ?2, ?3, ?4)";
            self.run(sql, params![number(lease), process.pid, birth(process), boot(process)])?;
        }
        Ok(())
    }

    fn claimed(&self, claim: &Claim) -> rusqlite::Result<()> {
        let Key { project, worktree, service } = &claim.key;
        let row = params![
            claim.port.number(),
            project,
            worktree,
            service.as_str(),
            claim.protocol.word(),
            claim.pinned,
            millis(claim.last_used),
            claim.missing_since.map(millis),
        ];
        // Mostly the key has the port already. Then the row keeps its place, and no index changes.
        let sql = "UPDATE claim SET protocol = ?5, pinned = ?6, last_used_wall = ?7, missing_since_wall = ?8 \
                   WHERE port = ?1 AND +worktree = ?3 AND +service = ?4 AND +project = ?2";
        if self.db.prepare_cached(sql)?.execute(row)? > 0 {
            return Ok(());
        }
        // Takes the place of the key's former claim, and of another's on the port.
        self.run("INSERT OR REPLACE INTO claim VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)", row)
    }

    fn quarantined(&self, quarantine: &Quarantine) -> rusqlite::Result<()> {
        let Quarantine { port, until, reason, since } = quarantine;
        let sql = "INSERT OR REPLACE INTO quarantine VALUES (?1, ?2, ?3, ?4)";
        self.run(sql, params![port.number(), until.word(), reason, millis(*since)])
    }

    fn run(&self, sql: &str, row: impl Params) -> rusqlite::Result<()> {
        self.db.prepare_cached(sql)?.execute(row).map(|_| ())
    }
}

// SQLite's numbers are signed. Bits are kept as they are, so that every value survives.

const fn number(lease: LeaseId) -> i64 {
    lease.0.cast_signed()
}

const fn millis(time: Timestamp) -> i64 {
    time.0.cast_signed()
}

const fn birth(process: &ProcessIdentity) -> i64 {
    process.birth.cast_signed()
}

const fn boot(process: &ProcessIdentity) -> [u8; 16] {
    process.boot.0.to_be_bytes()
}
