-- Raised by each change of a tenant: what an ETag is made of.
ALTER TABLE tenants ADD COLUMN revision INTEGER NOT NULL DEFAULT 0;
