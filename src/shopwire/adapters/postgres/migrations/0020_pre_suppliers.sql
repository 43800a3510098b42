-- Suppliers, and what each offers a SKU for.

CREATE TABLE supplier (
    tenant text NOT NULL,
    id text NOT NULL,
    name text NOT NULL CHECK (name <> ''),
    status text NOT NULL CHECK (status IN ('active', 'paused')),
    version bigint NOT NULL CHECK (version > 0),
    PRIMARY KEY (tenant, id)
);
COMMENT ON TABLE supplier IS 'Somebody who holds stock for the shop.';

CREATE TABLE offer (
    tenant text NOT NULL,
    sku text NOT NULL,
    supplier text NOT NULL,
    version bigint NOT NULL CHECK (version > 0),
    cost_minor bigint NOT NULL CHECK (cost_minor > 0),
    currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    lead_time_days bigint CHECK (lead_time_days BETWEEN 0 AND 365),
    order_min bigint NOT NULL CHECK (order_min > 0),
    order_max bigint CHECK (order_max >= order_min),
    map_minor bigint CHECK (map_minor > 0),
    msrp_minor bigint CHECK (msrp_minor > 0),
    active boolean NOT NULL,
    PRIMARY KEY (tenant, sku, supplier)
) WITH (fillfactor = 80);
COMMENT ON TABLE offer IS 'The terms of one supplier for one SKU.';
CREATE INDEX offer_by_supplier ON offer (tenant, supplier) WHERE active;
