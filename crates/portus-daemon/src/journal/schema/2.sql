-- Format 2: beside the ledger, which worktrees have their leases mirrored as a file, and where in them.

CREATE TABLE mirror (
    worktree TEXT PRIMARY KEY,
    path     TEXT NOT NULL
) STRICT, WITHOUT ROWID;
