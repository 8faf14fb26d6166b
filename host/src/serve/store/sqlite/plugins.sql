-- Strategies: bytes are kept beside the database, by their digests.
CREATE TABLE versions (
    digest TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    version TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    contract TEXT NOT NULL,
    imports TEXT NOT NULL,
    needs TEXT NOT NULL,
    state_version INTEGER NOT NULL,
    summary TEXT NOT NULL,
    config_schema TEXT NOT NULL,
    uploaded_by TEXT,
    uploaded_at INTEGER NOT NULL,
    UNIQUE (name, version)
) STRICT;

-- Which version of a name is active; a name that is not here has its built-in version.
CREATE TABLE active (
    name TEXT PRIMARY KEY,
    digest TEXT NOT NULL REFERENCES versions (digest),
    handover TEXT NOT NULL
) STRICT;

CREATE TABLE rollouts (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    from_digest TEXT REFERENCES versions (digest),
    to_digest TEXT REFERENCES versions (digest),
    handover TEXT NOT NULL,
    stage TEXT NOT NULL,
    is_over INTEGER NOT NULL DEFAULT 0,
    steps TEXT NOT NULL,
    started_at INTEGER NOT NULL
) STRICT;
-- One rollout of a name at a time.
CREATE UNIQUE INDEX rollouts_open ON rollouts (name) WHERE NOT is_over;
CREATE INDEX rollouts_of_names ON rollouts (name, id);

-- States from before a migration.
CREATE TABLE kept_states (
    tenant TEXT NOT NULL,
    connection TEXT NOT NULL,
    version INTEGER NOT NULL,
    state TEXT NOT NULL,
    plugin_digest TEXT NOT NULL,
    PRIMARY KEY (tenant, connection, version),
    FOREIGN KEY (tenant, connection) REFERENCES connections (tenant, name) ON DELETE CASCADE
) STRICT;

-- Which connections go by a name.
CREATE INDEX connections_naming ON connections (json_extract(document, '$.strategy'));
