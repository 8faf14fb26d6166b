-- What the strategy of a run used.
ALTER TABLE runs RENAME COLUMN log TO moved;
ALTER TABLE runs ADD COLUMN cpu_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN memory_bytes INTEGER NOT NULL DEFAULT 0;
-- Still last, since listings stop before it.
ALTER TABLE runs ADD COLUMN log TEXT;
UPDATE runs SET log = moved;
ALTER TABLE runs DROP COLUMN moved;
