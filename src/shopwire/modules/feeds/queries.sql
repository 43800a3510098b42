-- load_import_run --
-- Runs by id.
SELECT
    r.tenant, r.id, r.version, r.supplier, r.profile, r.source, r.status, r.rows, r.changed,
    r.unchanged, r.quarantined, r.kept, r.notes, r.started_at_ms, r.finished_at_ms, r.error
FROM unnest($1::text[], $2::text[]) AS wanted (tenant, id)
JOIN import_run r USING (tenant, id)

-- save_import_run --
-- Inserts or replaces runs.
INSERT INTO import_run (
    tenant, id, version, supplier, profile, source, status, rows, changed, unchanged, quarantined,
    kept, notes, started_at_ms, finished_at_ms, error
)
SELECT * FROM unnest(
    $1::text[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::text[],
    $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[], $13::jsonb[],
    $14::bigint[], $15::bigint[], $16::text[]
)
ON CONFLICT (tenant, id) DO UPDATE SET
    version = excluded.version, status = excluded.status, rows = excluded.rows,
    changed = excluded.changed, unchanged = excluded.unchanged,
    quarantined = excluded.quarantined, kept = excluded.kept, notes = excluded.notes,
    finished_at_ms = excluded.finished_at_ms, error = excluded.error

-- load_import_recent --
-- The latest runs of the wanted shops.
SELECT r.tenant, r.id, r.version, r.runs
FROM unnest($1::text[], $2::text[]) AS wanted (tenant, id)
JOIN import_recent r USING (tenant, id)

-- save_import_recent --
-- Inserts or replaces lists of the latest runs.
INSERT INTO import_recent (tenant, id, version, runs)
SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::jsonb[])
ON CONFLICT (tenant, id) DO UPDATE SET version = excluded.version, runs = excluded.runs

-- load_import_quarantine --
-- Never loaded for a decision; this is for the conformance of the adapter.
SELECT q.* FROM unnest($1::text[], $2::text[]) AS wanted (tenant, run)
JOIN import_quarantine q USING (tenant, run)

-- save_import_quarantine --
-- Rows are only ever added.
INSERT INTO import_quarantine (
    tenant, run, seq, line, column_name, code, reason, remedy, raw
)
SELECT * FROM unnest(
    $1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::text[], $6::text[], $7::text[],
    $8::text[], $9::text[]
)

-- load_feed_row --
-- What suppliers said last of the wanted products.
SELECT f.tenant, f.entity, f.supplier, f.product, f.offers, f.stock
FROM unnest($1::text[], $2::text[]) AS wanted (tenant, entity)
JOIN feed_row f USING (tenant, entity)

-- save_feed_row --
-- Inserts or replaces what was said last.
INSERT INTO feed_row (tenant, entity, supplier, product, offers, stock)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[])
ON CONFLICT (tenant, entity, supplier) DO UPDATE SET
    product = excluded.product, offers = excluded.offers, stock = excluded.stock

-- said_last --
-- What one supplier said last of some products.
SELECT entity AS key, product, offers, stock FROM feed_row
WHERE tenant = $1 AND supplier = $2 AND entity = ANY ($3::text[])

-- latest_runs --
-- Runs for the console, newest first, before a (moment, id) if one is given.
SELECT
    id, supplier, profile, source, status, rows, changed, unchanged, quarantined, notes::text,
    started_at_ms, finished_at_ms, error, version
FROM import_run
WHERE tenant = $1
    AND ($2::text IS NULL OR supplier = $2)
ORDER BY started_at_ms DESC, id DESC
LIMIT $3

-- one_run --
-- One run.
SELECT
    id, supplier, profile, source, status, rows, changed, unchanged, quarantined, notes::text,
    started_at_ms, finished_at_ms, error, version
FROM import_run WHERE tenant = $1 AND id = $2

-- quarantined_rows --
-- Bad rows of a run in the order of the file, after a number.
SELECT seq, line, column_name AS "column", code, reason, remedy, raw
FROM import_quarantine
WHERE tenant = $1 AND run = $2 AND seq > $3
ORDER BY seq
LIMIT $4

-- audit_runs --
-- Finished runs whose rows do not add up, or whose quarantine is not what they say.
SELECT r.tenant || '/' || r.id AS subject,
    concat_ws(' ', r.rows, r.kept) AS found,
    concat_ws(' ', r.changed + r.unchanged + r.quarantined, q.kept) AS expected
FROM import_run r
LEFT JOIN (
    SELECT tenant, run AS id, count(*) AS kept FROM import_quarantine GROUP BY tenant, run
) q USING (tenant, id)
WHERE r.rows <> r.changed + r.unchanged + r.quarantined OR r.kept <> coalesce(q.kept, 0)
LIMIT $1
