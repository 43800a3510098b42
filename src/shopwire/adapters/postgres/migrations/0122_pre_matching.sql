-- What suppliers' SKUs are in the shop, and the rows of their feeds that wait for a person.

CREATE TABLE match_policy (
    tenant text NOT NULL,
    supplier text NOT NULL,
    version bigint NOT NULL CHECK (version > 0),
    mode text NOT NULL CHECK (mode IN ('own_skus', 'match')),
    unknown text NOT NULL CHECK (unknown IN ('make', 'review')),
    titles boolean NOT NULL,
    PRIMARY KEY (tenant, supplier)
);
COMMENT ON TABLE match_policy IS 'How a supplier''s SKUs become the shop''s.';

CREATE TABLE match_link (
    tenant text NOT NULL,
    supplier_sku text NOT NULL,
    supplier text NOT NULL,
    version bigint NOT NULL CHECK (version >= 0),
    state text NOT NULL CHECK (state IN ('linked', 'ignored', 'forgotten')),
    sku text NOT NULL,
    how text NOT NULL,
    by text NOT NULL,
    at_ms bigint NOT NULL,
    PRIMARY KEY (tenant, supplier_sku, supplier),
    CONSTRAINT match_link_names_a_sku CHECK (state <> 'linked' OR sku <> '')
);
COMMENT ON TABLE match_link IS 'What a supplier''s SKU is.';
CREATE UNIQUE INDEX match_link_once ON match_link (tenant, supplier, sku) WHERE state = 'linked';

CREATE TABLE match_hold (
    tenant text NOT NULL,
    sku text NOT NULL,
    supplier text NOT NULL,
    supplier_sku text NOT NULL,
    PRIMARY KEY (tenant, sku, supplier)
);
COMMENT ON TABLE match_hold IS 'Which of a supplier''s SKUs an article is; blank: none.';

CREATE TABLE match_case (
    tenant text NOT NULL,
    supplier_sku text NOT NULL,
    supplier text NOT NULL,
    version bigint NOT NULL CHECK (version > 0),
    status text NOT NULL
        CHECK (status IN ('waiting', 'linked', 'made', 'ignored', 'settled')),
    run text NOT NULL,
    line bigint NOT NULL CHECK (line >= 0),
    reasons jsonb NOT NULL,
    candidates jsonb NOT NULL,
    product jsonb,
    offers jsonb NOT NULL,
    quantity bigint CHECK (quantity >= 0),
    as_of_ms bigint,
    new_sku text NOT NULL,
    new_product text NOT NULL,
    digest text NOT NULL,
    sku text NOT NULL,
    decided_by text NOT NULL,
    waits_since_ms bigint NOT NULL,
    changed_at_ms bigint NOT NULL,
    PRIMARY KEY (tenant, supplier_sku, supplier)
) WITH (fillfactor = 70);
COMMENT ON TABLE match_case IS 'A row of a feed that waits, or waited, for a person.';
CREATE INDEX match_case_waiting ON match_case (tenant, supplier, supplier_sku)
    WHERE status = 'waiting';

CREATE TABLE match_queue (
    tenant text NOT NULL,
    id text NOT NULL,
    version bigint NOT NULL CHECK (version > 0),
    waiting jsonb NOT NULL,
    PRIMARY KEY (tenant, id)
) WITH (fillfactor = 70);
COMMENT ON TABLE match_queue IS 'How many rows wait, by supplier.';
