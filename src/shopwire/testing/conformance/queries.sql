-- create --
-- Tables of the sample domain.
CREATE TABLE sample_counter (
    tenant text NOT NULL,
    shelf text NOT NULL,
    id text NOT NULL,
    count bigint NOT NULL CONSTRAINT sample_counter_limit CHECK (count BETWEEN 0 AND 1000000),
    version bigint NOT NULL,
    label text,
    tags json NOT NULL,
    PRIMARY KEY (tenant, shelf, id)
);
CREATE TABLE sample_line (
    tenant text NOT NULL,
    shelf text NOT NULL,
    line text NOT NULL,
    amount bigint NOT NULL,
    PRIMARY KEY (tenant, shelf, line)
)

-- load_counters --
-- All counters of some shelves.
SELECT c.tenant, c.shelf, c.id, c.count, c.version, c.label, c.tags
FROM unnest($1::text[], $2::text[]) AS g (tenant, shelf)
JOIN sample_counter c USING (tenant, shelf)

-- save_counters --
-- Inserts or replaces.
INSERT INTO sample_counter (tenant, shelf, id, count, version, label, tags)
SELECT * FROM unnest(
    $1::text[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::text[], $7::json[]
)
ON CONFLICT (tenant, shelf, id) DO UPDATE SET
    count = excluded.count, version = excluded.version, label = excluded.label,
    tags = excluded.tags

-- load_lines --
-- All lines of some shelves.
SELECT l.tenant, l.shelf, l.line, l.amount
FROM unnest($1::text[], $2::text[]) AS g (tenant, shelf)
JOIN sample_line l USING (tenant, shelf)

-- save_lines --
-- A line of a ledger is written once.
INSERT INTO sample_line (tenant, shelf, line, amount)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[])
