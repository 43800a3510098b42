-- Runs of imports, their quarantined rows, and what each supplier said last.

CREATE TABLE import_run (
    tenant text NOT NULL,
    id text NOT NULL,
    version bigint NOT NULL CHECK (version > 0),
    supplier text NOT NULL,
    profile text NOT NULL,
    source text NOT NULL,
    status text NOT NULL CHECK (status IN ('running', 'finished', 'failed')),
    rows bigint NOT NULL CHECK (rows >= 0),
    changed bigint NOT NULL CHECK (changed >= 0),
    unchanged bigint NOT NULL CHECK (unchanged >= 0),
    quarantined bigint NOT NULL CHECK (quarantined >= 0),
    kept bigint NOT NULL CHECK (kept BETWEEN 0 AND quarantined),
    notes jsonb NOT NULL,
    started_at_ms bigint NOT NULL,
    finished_at_ms bigint,
    error text,
    PRIMARY KEY (tenant, id),
    CONSTRAINT import_run_adds_up CHECK (rows = changed + unchanged + quarantined)
) WITH (fillfactor = 70);
COMMENT ON TABLE import_run IS 'One import of one feed.';
CREATE INDEX import_run_by_age ON import_run (tenant, started_at_ms DESC, id DESC);

CREATE TABLE import_recent (
    tenant text NOT NULL,
    id text NOT NULL,
    version bigint NOT NULL CHECK (version > 0),
    runs jsonb NOT NULL,
    PRIMARY KEY (tenant, id)
) WITH (fillfactor = 70);
COMMENT ON TABLE import_recent IS 'The latest runs of a shop.';

CREATE TABLE import_quarantine (
    tenant text NOT NULL,
    run text NOT NULL,
    seq bigint NOT NULL CHECK (seq > 0),
    line bigint NOT NULL CHECK (line >= 0),
    column_name text NOT NULL,
    code text NOT NULL,
    reason text NOT NULL,
    remedy text NOT NULL,
    raw text NOT NULL,
    PRIMARY KEY (tenant, run, seq)
);
COMMENT ON TABLE import_quarantine IS 'Rows that could not be used, as they came.';

CREATE TABLE feed_row (
    tenant text NOT NULL,
    entity text NOT NULL,
    supplier text NOT NULL,
    product text NOT NULL,
    offers text NOT NULL,
    stock text NOT NULL,
    PRIMARY KEY (tenant, entity, supplier)
) WITH (fillfactor = 80);
COMMENT ON TABLE feed_row IS 'Digests of what a supplier last said of a product.';
