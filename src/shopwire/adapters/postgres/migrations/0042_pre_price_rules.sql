-- Versions of the rules, what rules ask of a SKU, exchange rates, promotions with quotas.

ALTER TABLE price_rules ADD COLUMN undo_to bigint CHECK (undo_to >= 0);
COMMENT ON COLUMN price_rules.undo_to IS 'The version that an undo goes to.';

CREATE TABLE price_rules_version (
    tenant text NOT NULL,
    place text NOT NULL,
    version bigint NOT NULL CHECK (version > 0 AND place = version::text),
    rules jsonb NOT NULL,
    undo_to bigint CHECK (undo_to >= 0 AND undo_to < version),
    returns_to bigint CHECK (returns_to >= 0 AND returns_to < version),
    put_by text NOT NULL,
    put_at_ms bigint NOT NULL CHECK (put_at_ms > 0),
    PRIMARY KEY (tenant, place)
);
COMMENT ON TABLE price_rules_version IS 'Rules as they were put once; what an undo takes them from.';
CREATE INDEX price_rules_version_newest ON price_rules_version (tenant, version DESC);

-- What was put before this table was there is in the log.
INSERT INTO price_rules_version (tenant, place, version, rules, undo_to, put_by, put_at_ms)
SELECT tenant, version::text, version, (document -> 'rules')::jsonb, version - 1, '', recorded_at_ms
FROM events WHERE event_type = 'pricing.rules_put';
UPDATE price_rules SET undo_to = version - 1;

CREATE TABLE price_traits (
    tenant text NOT NULL,
    sku text NOT NULL,
    product text NOT NULL,
    categories jsonb NOT NULL CHECK (jsonb_typeof(categories) = 'array'),
    brand text NOT NULL,
    PRIMARY KEY (tenant, sku)
) WITH (fillfactor = 80);
COMMENT ON TABLE price_traits IS 'What price rules ask of a SKU: categories and brand of its product.';

CREATE TABLE price_rates (
    tenant text NOT NULL,
    id text NOT NULL,
    version bigint NOT NULL CHECK (version > 0),
    current jsonb NOT NULL,
    coming jsonb NOT NULL,
    next_due_ms bigint,
    PRIMARY KEY (tenant, id),
    CHECK ((next_due_ms IS NULL) = (coming = '[]'::jsonb))
);
COMMENT ON TABLE price_rates IS 'The exchange rates that hold, and those that are to come.';

CREATE TABLE price_rate_told (
    tenant text NOT NULL,
    pair text NOT NULL CHECK (pair ~ '^[A-Z]{3}/[A-Z]{3}$'),
    valid_from_ms bigint NOT NULL CHECK (valid_from_ms >= 0),
    version bigint NOT NULL CHECK (version > 0),
    rate_pico bigint NOT NULL CHECK (rate_pico > 0),
    told_by text NOT NULL,
    told_at_ms bigint NOT NULL,
    PRIMARY KEY (tenant, pair, valid_from_ms, version)
);
COMMENT ON TABLE price_rate_told IS 'Exchange rates as they were told, for good.';

CREATE TABLE price_promotion (
    tenant text NOT NULL,
    id text NOT NULL,
    version bigint NOT NULL CHECK (version > 0),
    terms_version bigint NOT NULL CHECK (terms_version BETWEEN 1 AND version),
    name text NOT NULL,
    skus jsonb NOT NULL CHECK (jsonb_typeof(skus) = 'array'),
    category text,
    kind text NOT NULL CHECK (kind IN ('percent', 'amount', 'fixed')),
    value bigint NOT NULL CHECK (value > 0 AND (kind <> 'percent' OR value < 10000)),
    currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    starts_at_ms bigint NOT NULL,
    ends_at_ms bigint NOT NULL CHECK (ends_at_ms > starts_at_ms),
    quota bigint CHECK (quota > 0),
    ended boolean NOT NULL,
    skus_count bigint CHECK (skus_count >= 0),
    put_by text NOT NULL,
    put_at_ms bigint NOT NULL,
    PRIMARY KEY (tenant, id),
    CHECK ((category IS NULL) <> (skus = '[]'::jsonb))
);
COMMENT ON TABLE price_promotion IS 'Promotions as they were put.';

CREATE TABLE price_sale (
    tenant text NOT NULL,
    sku text NOT NULL,
    promotion text NOT NULL,
    terms_version bigint NOT NULL CHECK (terms_version > 0),
    kind text NOT NULL CHECK (kind IN ('percent', 'amount', 'fixed')),
    value bigint NOT NULL CHECK (value > 0 AND (kind <> 'percent' OR value < 10000)),
    currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    starts_at_ms bigint NOT NULL,
    ends_at_ms bigint NOT NULL CHECK (ends_at_ms > starts_at_ms),
    quota bigint CHECK (quota > 0),
    taken bigint NOT NULL CHECK (taken >= 0),
    state text NOT NULL CHECK (state IN ('planned', 'running', 'ended')),
    bucket bigint NOT NULL CHECK (bucket >= 0),
    PRIMARY KEY (tenant, sku, promotion),
    CONSTRAINT price_sale_within_quota CHECK (taken <= quota)
) WITH (fillfactor = 70);
COMMENT ON TABLE price_sale IS 'A promotion at one SKU, and how many units were taken at its price.';
CREATE INDEX price_sale_of_promotion ON price_sale (tenant, promotion, sku);
CREATE INDEX price_sale_planned ON price_sale (starts_at_ms, tenant, promotion, bucket)
    WHERE state = 'planned';
CREATE INDEX price_sale_running ON price_sale (ends_at_ms, tenant, promotion, bucket)
    WHERE state = 'running';

CREATE TABLE price_sale_units (
    tenant text NOT NULL,
    order_id text NOT NULL,
    sku text NOT NULL,
    promotion text NOT NULL,
    units bigint NOT NULL CHECK (units >= 0),
    PRIMARY KEY (tenant, order_id, sku)
);
COMMENT ON TABLE price_sale_units IS 'Units that an order took out of a sale''s quota.';
CREATE INDEX price_sale_units_of_sale ON price_sale_units (tenant, sku, promotion);

ALTER TABLE price
    ADD COLUMN promotion text,
    ADD COLUMN regular_minor bigint CHECK (regular_minor > amount_minor),
    ADD COLUMN sale_ends_at_ms bigint,
    ADD COLUMN quota_left bigint CHECK (quota_left > 0),
    ADD CHECK ((promotion IS NULL) = (regular_minor IS NULL)),
    ADD CHECK ((promotion IS NULL) = (sale_ends_at_ms IS NULL)),
    ADD CHECK (promotion IS NOT NULL OR quota_left IS NULL);
COMMENT ON COLUMN price.regular_minor IS 'What the SKU costs without the promotion.';
