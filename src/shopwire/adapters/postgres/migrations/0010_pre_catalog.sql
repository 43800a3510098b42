-- Products, the SKUs they own, categories.

CREATE TABLE product (
    tenant text NOT NULL,
    id text NOT NULL,
    version bigint NOT NULL CHECK (version > 0),
    source text NOT NULL,
    title text NOT NULL CHECK (title <> ''),
    description text NOT NULL,
    brand text NOT NULL,
    status text NOT NULL CHECK (status IN ('active', 'draft', 'archived')),
    categories jsonb NOT NULL,
    lineage jsonb NOT NULL,
    tags jsonb NOT NULL,
    options jsonb NOT NULL,
    variants jsonb NOT NULL,
    images jsonb NOT NULL,
    edited jsonb NOT NULL,
    search_text text NOT NULL,
    created_at_ms bigint NOT NULL,
    updated_at_ms bigint NOT NULL,
    PRIMARY KEY (tenant, id)
);
COMMENT ON TABLE product IS 'A product with its variants; price and stock are kept elsewhere.';
CREATE INDEX product_search ON product USING gin (to_tsvector('simple', search_text));
CREATE INDEX product_lineage ON product USING gin (lineage jsonb_path_ops);
CREATE INDEX product_by_title ON product (tenant, lower(title), id) WHERE status = 'active';
CREATE INDEX product_by_age ON product (tenant, created_at_ms DESC, id) WHERE status = 'active';

CREATE TABLE sku_owner (
    tenant text NOT NULL,
    sku text NOT NULL,
    product_id text NOT NULL,
    PRIMARY KEY (tenant, sku)
);
COMMENT ON TABLE sku_owner IS 'Which product a SKU belongs to; empty where it was given up.';

CREATE TABLE category (
    tenant text NOT NULL,
    tree text NOT NULL,
    slug text NOT NULL,
    name text NOT NULL CHECK (name <> ''),
    parent text,
    version bigint NOT NULL CHECK (version > 0),
    products bigint NOT NULL CHECK (products >= 0),
    revision bigint NOT NULL CHECK (revision >= 0),
    PRIMARY KEY (tenant, tree, slug)
) WITH (fillfactor = 70);
COMMENT ON TABLE category IS 'A category, with the active products in it and below it.';
