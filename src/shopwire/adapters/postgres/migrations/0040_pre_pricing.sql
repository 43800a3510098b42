-- Costs, rules, and the list prices that follow from them.

CREATE TABLE price_input (
    tenant text NOT NULL,
    sku text NOT NULL,
    supplier text NOT NULL,
    cost_minor bigint NOT NULL CHECK (cost_minor > 0),
    currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    lead_time_days bigint,
    map_minor bigint CHECK (map_minor > 0),
    msrp_minor bigint CHECK (msrp_minor > 0),
    active boolean NOT NULL,
    PRIMARY KEY (tenant, sku, supplier)
) WITH (fillfactor = 80);
COMMENT ON TABLE price_input IS 'What pricing knows of one supplier''s offer.';

CREATE TABLE price (
    tenant text NOT NULL,
    sku text NOT NULL,
    version bigint NOT NULL CHECK (version > 0),
    amount_minor bigint CHECK (amount_minor > 0),
    currency text NOT NULL,
    compare_at_minor bigint CHECK (compare_at_minor > amount_minor),
    supplier text,
    reason text NOT NULL,
    PRIMARY KEY (tenant, sku),
    CHECK ((amount_minor IS NULL) = (currency = ''))
) WITH (fillfactor = 80);
COMMENT ON TABLE price IS 'A SKU''s list price as it was last published.';

CREATE TABLE price_rules (
    tenant text NOT NULL,
    id text NOT NULL,
    version bigint NOT NULL CHECK (version > 0),
    rules jsonb NOT NULL,
    PRIMARY KEY (tenant, id)
);
COMMENT ON TABLE price_rules IS 'How a list price follows from a cost.';
