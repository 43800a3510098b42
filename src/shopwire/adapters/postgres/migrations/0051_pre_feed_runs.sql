-- Runs that can be held, looked through, undone, and whose bad rows can be mended.

ALTER TABLE import_run
    ADD COLUMN kind text NOT NULL DEFAULT 'partial' CHECK (kind IN ('full', 'partial')),
    ADD COLUMN reading jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN mended bigint NOT NULL DEFAULT 0 CHECK (mended >= 0),
    ADD COLUMN dropped bigint NOT NULL DEFAULT 0 CHECK (dropped >= 0),
    ADD COLUMN discontinued bigint NOT NULL DEFAULT 0 CHECK (discontinued >= 0),
    ADD COLUMN altered bigint NOT NULL DEFAULT 0 CHECK (altered >= 0),
    ADD COLUMN undone_to bigint NOT NULL DEFAULT 0 CHECK (undone_to >= 0),
    ADD COLUMN restored bigint NOT NULL DEFAULT 0 CHECK (restored >= 0),
    ADD COLUMN stayed bigint NOT NULL DEFAULT 0 CHECK (stayed >= 0),
    ADD COLUMN hold jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN held_parts bigint NOT NULL DEFAULT 0 CHECK (held_parts >= 0),
    ADD COLUMN decided_by text NOT NULL DEFAULT '',
    ADD CONSTRAINT import_run_settled CHECK (mended + dropped <= kept),
    ADD CONSTRAINT import_run_undone CHECK (undone_to <= altered + 1);
ALTER TABLE import_run DROP CONSTRAINT import_run_status_check;
ALTER TABLE import_run ADD CONSTRAINT import_run_status_check CHECK (
    status IN ('running', 'held', 'rejected', 'finished', 'failed', 'undoing', 'undone')
);
CREATE INDEX import_run_open ON import_run (tenant, supplier)
    WHERE status IN ('running', 'held', 'undoing');

ALTER TABLE import_quarantine ADD COLUMN cells jsonb NOT NULL DEFAULT '{}';

CREATE TABLE import_mend (
    tenant text NOT NULL,
    place text NOT NULL,
    run text NOT NULL,
    seq bigint NOT NULL,
    outcome text NOT NULL CHECK (outcome IN ('mended', 'dropped')),
    by text NOT NULL,
    at_ms bigint NOT NULL,
    raw text NOT NULL,
    PRIMARY KEY (tenant, place),
    CHECK (place = run || '#' || seq),
    FOREIGN KEY (tenant, run, seq) REFERENCES import_quarantine (tenant, run, seq)
        DEFERRABLE INITIALLY DEFERRED
);
COMMENT ON TABLE import_mend IS 'What became of quarantined rows; each is settled once.';

CREATE TABLE import_change (
    tenant text COLLATE "C" NOT NULL,
    run text COLLATE "C" NOT NULL,
    seq bigint NOT NULL CHECK (seq > 0),
    entity text NOT NULL,
    altered jsonb NOT NULL,
    said_was jsonb NOT NULL,
    said_now jsonb NOT NULL,
    PRIMARY KEY (tenant, run, seq)
);
COMMENT ON TABLE import_change IS 'What a run changed of one product: before and after.';

CREATE TABLE import_left (
    tenant text NOT NULL,
    run text NOT NULL,
    seq bigint NOT NULL CHECK (seq > 0),
    kept jsonb NOT NULL,
    PRIMARY KEY (tenant, run, seq)
);
COMMENT ON TABLE import_left IS 'What an undo left, since something newer had changed it.';

CREATE TABLE import_held (
    tenant text NOT NULL,
    run text NOT NULL,
    part bigint NOT NULL CHECK (part >= 0),
    data text NOT NULL,
    PRIMARY KEY (tenant, run, part)
);
COMMENT ON TABLE import_held IS 'Pieces of held feeds, packed; empty once they are decided about.';

CREATE TABLE feed_limits (
    tenant text NOT NULL,
    supplier text NOT NULL,
    version bigint NOT NULL CHECK (version > 0),
    zeroed_percent bigint NOT NULL CHECK (zeroed_percent BETWEEN 0 AND 100),
    price_moved_percent bigint NOT NULL CHECK (price_moved_percent BETWEEN 0 AND 100),
    price_move_percent bigint NOT NULL CHECK (price_move_percent > 0),
    shrunk_percent bigint NOT NULL CHECK (shrunk_percent BETWEEN 0 AND 100),
    skus_min bigint NOT NULL CHECK (skus_min > 0),
    price_factor bigint NOT NULL CHECK (price_factor > 1),
    PRIMARY KEY (tenant, supplier)
);
COMMENT ON TABLE feed_limits IS 'From where on a supplier''s feeds are held.';

CREATE INDEX feed_row_by_supplier ON feed_row (tenant, supplier, entity);
CREATE INDEX offer_of_supplier ON offer (tenant, supplier, sku) WHERE active;
CREATE INDEX stock_pool_of_supplier ON stock_pool (tenant, supplier, sku);
