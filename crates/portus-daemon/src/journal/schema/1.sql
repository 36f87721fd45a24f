-- Format 1: the ledger as it stands, one row for each thing in it. Deadlines and other `..._awake`
-- columns count in milliseconds on the boot's clock without sleep, `..._wall` since 1970. A boot is
-- 16 bytes, most significant first.

PRAGMA application_id = 1349481076;

CREATE TABLE meta (
    only       INTEGER PRIMARY KEY CHECK (only = 1),
    uuid       TEXT NOT NULL,
    boot       BLOB,
    next_lease INTEGER NOT NULL
) STRICT;

INSERT INTO meta (only, uuid, boot, next_lease)
VALUES (
    1,
    lower(
        hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' || substr(hex(randomblob(2)), 2) || '-'
        || substr('89ab', 1 + (random() & 3), 1) || substr(hex(randomblob(2)), 2) || '-' || hex(randomblob(6))
    ),
    NULL,
    1
);

CREATE TABLE lease (
    id                INTEGER PRIMARY KEY,
    project           TEXT NOT NULL,
    worktree          TEXT NOT NULL,
    service           TEXT NOT NULL,
    port              INTEGER NOT NULL,
    protocol          TEXT NOT NULL,
    state             TEXT NOT NULL,
    until_awake       INTEGER,
    evidence          TEXT,
    end_reason        TEXT,
    ended_awake       INTEGER,
    ended_wall        INTEGER,
    cool_until_awake  INTEGER,
    ttl_span          INTEGER,
    ttl_until_awake   INTEGER,
    guard             TEXT,
    contested         INTEGER NOT NULL,
    orphaned          INTEGER NOT NULL,
    drifted_to        INTEGER,
    holder_pid        INTEGER,
    holder_birth      INTEGER,
    holder_boot       BLOB,
    holder_command    TEXT,
    requester_pid     INTEGER,
    requester_command TEXT NOT NULL,
    requester_session TEXT,
    requester_client  TEXT,
    granted_wall      INTEGER NOT NULL
) STRICT;

-- Finds the oldest ended leases, which are the first to be forgotten.
CREATE INDEX lease_ended ON lease (id) WHERE state = 'ended';

-- The processes, beside the holder, whose end matters to a lease.
CREATE TABLE watched (
    lease INTEGER NOT NULL,
    pid   INTEGER NOT NULL,
    birth INTEGER NOT NULL,
    boot  BLOB NOT NULL,
    PRIMARY KEY (lease, pid, birth, boot)
) STRICT, WITHOUT ROWID;

CREATE TABLE claim (
    port               INTEGER PRIMARY KEY,
    project            TEXT NOT NULL,
    worktree           TEXT NOT NULL,
    service            TEXT NOT NULL,
    protocol           TEXT NOT NULL,
    pinned             INTEGER NOT NULL,
    last_used_wall     INTEGER NOT NULL,
    missing_since_wall INTEGER,
    UNIQUE (worktree, service, project)
) STRICT;

CREATE TABLE quarantine (
    port       INTEGER PRIMARY KEY,
    until      TEXT NOT NULL,
    reason     TEXT NOT NULL,
    since_wall INTEGER NOT NULL
) STRICT;
