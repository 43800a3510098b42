-- Mappings that a merchant gave a name.

CREATE TABLE feed_profile (
    tenant text NOT NULL,
    name text NOT NULL,
    version bigint NOT NULL CHECK (version > 0),
    mapping text NOT NULL,
    removed boolean NOT NULL,
    by text NOT NULL,
    at_ms bigint NOT NULL,
    PRIMARY KEY (tenant, name)
);
COMMENT ON TABLE feed_profile IS 'A mapping in TOML, under a name.';
