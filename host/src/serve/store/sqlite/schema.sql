-- One row: what revisions and lease tokens are drawn from, so that none ever comes twice, not even when a connection is
-- deleted and made again.
CREATE TABLE counter (value INTEGER NOT NULL) STRICT;
INSERT INTO counter (value) VALUES (0);

CREATE TABLE tenants (
    name TEXT PRIMARY KEY,
    created_at INTEGER NOT NULL,
    connections INTEGER,
    concurrent_runs INTEGER,
    requests_per_day INTEGER,
    bytes_per_day INTEGER,
    memory_bytes INTEGER,
    cpu_seconds INTEGER
) STRICT;

CREATE TABLE tokens (
    id TEXT PRIMARY KEY,
    hash BLOB NOT NULL UNIQUE,
    tenant TEXT REFERENCES tenants (name) ON DELETE CASCADE,
    role TEXT NOT NULL,
    label TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX tokens_of_tenants ON tokens (tenant);

CREATE TABLE secrets (
    tenant TEXT NOT NULL REFERENCES tenants (name) ON DELETE CASCADE,
    name TEXT NOT NULL,
    sealed BLOB NOT NULL,
    put_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, name)
) STRICT, WITHOUT ROWID;

-- What the runs that ended on a day used. It outlives their history, so that deleting a connection gives nothing back.
CREATE TABLE usage (
    tenant TEXT NOT NULL REFERENCES tenants (name) ON DELETE CASCADE,
    day INTEGER NOT NULL,
    requests INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    PRIMARY KEY (tenant, day)
) STRICT, WITHOUT ROWID;

CREATE TABLE connections (
    tenant TEXT NOT NULL REFERENCES tenants (name) ON DELETE CASCADE,
    name TEXT NOT NULL,
    document TEXT NOT NULL,
    schedule TEXT,
    is_paused INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,

    -- When it runs by itself, and as what.
    due_at INTEGER,
    due_as TEXT NOT NULL DEFAULT 'schedule',
    -- When somebody asked for a run that has not begun.
    requested_at INTEGER,
    -- Whether the next run reads all anew.
    is_full_refresh INTEGER NOT NULL DEFAULT 0,

    -- The run that goes on, by which lease, and of which revision.
    run TEXT,
    lease_token INTEGER,
    lease_until INTEGER,
    run_revision INTEGER,

    failures INTEGER NOT NULL DEFAULT 0,
    failing_since INTEGER,
    last_status TEXT,
    last_ended_at INTEGER,
    last_done_at INTEGER,
    last_error TEXT,

    -- Since when a run may begin. What somebody asked for is due whatever the clock says.
    ready_at INTEGER GENERATED ALWAYS AS (
        CASE
            WHEN run IS NOT NULL THEN NULL
            WHEN requested_at IS NOT NULL THEN 0
            WHEN is_paused THEN NULL
            ELSE due_at
        END
    ) VIRTUAL,

    PRIMARY KEY (tenant, name)
) STRICT;
CREATE INDEX connections_ready ON connections (tenant, ready_at, requested_at) WHERE ready_at IS NOT NULL;
CREATE INDEX connections_running ON connections (tenant, lease_until) WHERE run IS NOT NULL;

CREATE TABLE runs (
    id TEXT PRIMARY KEY,
    tenant TEXT NOT NULL,
    connection TEXT NOT NULL,
    trigger TEXT NOT NULL,
    scheduled_for INTEGER,
    is_full_refresh INTEGER NOT NULL,
    started_at INTEGER NOT NULL,

    ended_at INTEGER,
    status TEXT,
    requests INTEGER,
    retries INTEGER,
    bytes_in INTEGER,
    rows_read INTEGER,
    inserted INTEGER,
    updated INTEGER,
    unchanged INTEGER,
    deleted INTEGER,
    checkpoints INTEGER,
    plugin_digest TEXT,
    retry_at INTEGER,
    error TEXT,
    -- Last, since listings stop before it.
    log TEXT,

    FOREIGN KEY (tenant, connection) REFERENCES connections (tenant, name) ON DELETE CASCADE
) STRICT;
CREATE UNIQUE INDEX firings ON runs (tenant, connection, scheduled_for) WHERE scheduled_for IS NOT NULL;
CREATE INDEX runs_of_connections ON runs (tenant, connection, id);
CREATE INDEX runs_of_tenants ON runs (tenant, id);
CREATE INDEX runs_ended ON runs (ended_at) WHERE ended_at IS NOT NULL;

-- Answers to requests that may be sent again. Without an answer: the request is being answered.
CREATE TABLE answers (
    caller TEXT NOT NULL REFERENCES tokens (id) ON DELETE CASCADE,
    key TEXT NOT NULL,
    fingerprint BLOB NOT NULL,
    begun_at INTEGER NOT NULL,
    answer TEXT,
    PRIMARY KEY (caller, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX answers_begun ON answers (begun_at);
