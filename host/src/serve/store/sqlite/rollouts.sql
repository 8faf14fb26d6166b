-- How many of the connections, in percent, go by the new version before all do; and which, once they do: those whose
-- places are below.
ALTER TABLE rollouts ADD COLUMN share INTEGER NOT NULL DEFAULT 100;
ALTER TABLE rollouts ADD COLUMN canaries_below INTEGER;

-- States from before another version went on from them, the last one of each form. Where there was none, that is kept,
-- too, as of form -1.
CREATE TABLE states_kept (
    tenant TEXT NOT NULL,
    connection TEXT NOT NULL,
    version INTEGER NOT NULL,
    state TEXT,
    plugin_digest TEXT NOT NULL,
    -- The digest of the version that went on.
    successor TEXT,
    PRIMARY KEY (tenant, connection, version),
    FOREIGN KEY (tenant, connection) REFERENCES connections (tenant, name) ON DELETE CASCADE
) STRICT;
INSERT INTO states_kept SELECT tenant, connection, version, state, plugin_digest, NULL FROM kept_states;
DROP TABLE kept_states;
ALTER TABLE states_kept RENAME TO kept_states;
