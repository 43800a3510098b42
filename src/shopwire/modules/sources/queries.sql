-- load_source --
-- All sources of the wanted suppliers.
SELECT
    s.tenant, s.supplier, s.name, s.version, s.place, s.schedule, s.profile, s.encoding,
    s.currency, s.feed, s.as_of, s.state, s.anchor_ms, s.due_ms, s.why, s.fence, s.began_ms,
    s.lease_until_ms, s.running_why, s.failures, s.failed_at, s.marks, s.last
FROM unnest($1::text[], $2::text[]) AS wanted (tenant, supplier)
JOIN source s USING (tenant, supplier)

-- save_source --
-- Inserts or replaces sources; a trigger lets a run be followed only by the next one.
INSERT INTO source (
    tenant, supplier, name, version, place, schedule, profile, encoding, currency, feed, as_of,
    state, anchor_ms, due_ms, why, fence, began_ms, lease_until_ms, running_why, failures,
    failed_at, marks, last
)
SELECT * FROM unnest(
    $1::text[], $2::text[], $3::text[], $4::bigint[], $5::jsonb[], $6::jsonb[], $7::text[],
    $8::text[], $9::text[], $10::text[], $11::text[], $12::text[], $13::bigint[], $14::bigint[],
    $15::text[], $16::bigint[], $17::bigint[], $18::bigint[], $19::text[], $20::bigint[],
    $21::jsonb[], $22::jsonb[], $23::jsonb[]
)
ON CONFLICT (tenant, supplier, name) DO UPDATE SET
    version = excluded.version, place = excluded.place, schedule = excluded.schedule,
    profile = excluded.profile, encoding = excluded.encoding, currency = excluded.currency,
    feed = excluded.feed, as_of = excluded.as_of, state = excluded.state,
    anchor_ms = excluded.anchor_ms, due_ms = excluded.due_ms, why = excluded.why,
    fence = excluded.fence, began_ms = excluded.began_ms,
    lease_until_ms = excluded.lease_until_ms, running_why = excluded.running_why,
    failures = excluded.failures, failed_at = excluded.failed_at, marks = excluded.marks,
    last = excluded.last

-- load_supply --
-- How the wanted suppliers stand.
SELECT
    s.tenant, s.supplier, s.version, s.rule, s.since_ms, s.good_ms, s.state, s.late_ms, s.stale_ms,
    s.caution, s.judge_ms, s.breaker, s.breaker_reason, s.breaker_failures, s.opened, s.retry_ms
FROM unnest($1::text[], $2::text[]) AS wanted (tenant, supplier)
JOIN supply s USING (tenant, supplier)

-- save_supply --
-- Inserts or replaces.
INSERT INTO supply (
    tenant, supplier, version, rule, since_ms, good_ms, state, late_ms, stale_ms, caution,
    judge_ms, breaker, breaker_reason, breaker_failures, opened, retry_ms
)
SELECT * FROM unnest(
    $1::text[], $2::text[], $3::bigint[], $4::jsonb[], $5::bigint[], $6::bigint[], $7::text[],
    $8::bigint[], $9::bigint[], $10::jsonb[], $11::bigint[], $12::text[], $13::text[],
    $14::bigint[], $15::bigint[], $16::bigint[]
)
ON CONFLICT (tenant, supplier) DO UPDATE SET
    version = excluded.version, rule = excluded.rule, since_ms = excluded.since_ms,
    good_ms = excluded.good_ms, state = excluded.state, late_ms = excluded.late_ms,
    stale_ms = excluded.stale_ms, caution = excluded.caution, judge_ms = excluded.judge_ms,
    breaker = excluded.breaker, breaker_reason = excluded.breaker_reason,
    breaker_failures = excluded.breaker_failures, opened = excluded.opened,
    retry_ms = excluded.retry_ms

-- load_source_fetch --
-- Lines are never loaded for a decision; this is for the conformance of the adapter.
SELECT f.* FROM unnest($1::text[], $2::text[]) AS wanted (tenant, supplier)
JOIN source_fetch f USING (tenant, supplier)

-- save_source_fetch --
-- Lines are only ever added: a run ends once.
INSERT INTO source_fetch (
    tenant, supplier, name, fence, why, began_ms, ended_ms, outcome, bytes, rows, run, file,
    error, reason
)
SELECT * FROM unnest(
    $1::text[], $2::text[], $3::text[], $4::bigint[], $5::text[], $6::bigint[], $7::bigint[],
    $8::text[], $9::bigint[], $10::bigint[], $11::text[], $12::text[], $13::text[], $14::text[]
)

-- due_fetches --
-- Sources that do not rest; while one of a supplier's runs, its others wait for its lease. A run
-- whose process is gone is due at once, and says so.
SELECT s.supplier || '/' || s.name AS id, s.tenant,
    CASE WHEN gone.yes THEN s.began_ms
        WHEN s.lease_until_ms IS NOT NULL THEN s.lease_until_ms
        ELSE greatest(s.due_ms, u.retry_ms, (
            SELECT max(o.lease_until_ms) FROM source o
            WHERE o.tenant = s.tenant AND o.supplier = s.supplier
        )) END AS due_ms,
    jsonb_build_object(
        'supplier', s.supplier, 'name', s.name, 'fence', s.fence,
        'gone', CASE WHEN gone.yes THEN s.fence END
    ) AS payload
FROM source s
JOIN supply u USING (tenant, supplier)
CROSS JOIN LATERAL (
    SELECT s.lease_until_ms IS NOT NULL AND EXISTS (
        SELECT FROM lease_holder h
        WHERE h.tenant = s.tenant AND h.principal = 'alone' AND h.operation = 'sources.run'
            AND h.key = s.supplier || '/' || s.name || '/' || s.fence AND process_gone(h.holder)
    ) AS yes
) gone
WHERE s.state = 'active' AND (s.due_ms IS NOT NULL OR s.lease_until_ms IS NOT NULL)
ORDER BY due_ms, id
LIMIT $1

-- due_judgements --
-- Suppliers whose data means something else from a moment on.
SELECT supplier AS id, tenant, judge_ms AS due_ms,
    jsonb_build_object('supplier', supplier) AS payload
FROM supply
WHERE judge_ms IS NOT NULL
ORDER BY judge_ms
LIMIT $1

-- supplies --
-- How suppliers stand for the console, those that need somebody first.
SELECT
    u.supplier, coalesce(s.name, u.supplier) AS name, u.state, u.good_ms, u.late_ms, u.stale_ms,
    u.rule::text AS rule, u.caution::text AS caution, u.breaker, u.breaker_reason,
    u.breaker_failures, u.retry_ms, u.version, (
        SELECT count(*) FROM offer o
        WHERE o.tenant = u.tenant AND o.supplier = u.supplier AND o.active
    ) AS skus
FROM supply u
LEFT JOIN supplier s ON s.tenant = u.tenant AND s.id = u.supplier
WHERE u.tenant = $1
ORDER BY
    array_position(ARRAY['failed', 'stale', 'late', 'paused', 'fresh'], u.state), u.supplier
LIMIT $2

-- sources_of --
-- Sources with their last run.
SELECT
    supplier, name, version, place::text AS place, schedule::text AS schedule, profile, encoding,
    currency, feed, as_of, state, due_ms, began_ms AS running_since_ms, failures,
    coalesce(running_why, why) AS trigger, last::text AS last
FROM source
WHERE tenant = $1 AND ($2::text IS NULL OR supplier = $2) AND state <> 'removed'
ORDER BY supplier, name
LIMIT $3

-- one_source --
-- What a run has to know of its source.
SELECT
    supplier, name, place::text AS place, profile, encoding, currency, feed, as_of,
    marks::text AS marks, state
FROM source WHERE tenant = $1 AND supplier = $2 AND name = $3

-- push_source --
-- The source that a supplier pushes to.
SELECT name FROM source
WHERE tenant = $1 AND supplier = $2 AND state = 'active' AND place ->> 'kind' = 'push'
LIMIT 1

-- supplier_name --
-- How a supplier is called.
SELECT name FROM supplier WHERE tenant = $1 AND id = $2

-- fetches_of --
-- Runs of a source, newest first, before a number if one is given.
SELECT
    fence, why, began_ms, ended_ms, outcome, bytes, rows, run, file, error, reason
FROM source_fetch
WHERE tenant = $1 AND supplier = $2 AND name = $3 AND ($4::bigint IS NULL OR fence < $4)
ORDER BY fence DESC
LIMIT $5

-- audit_runs --
-- Sources of which a run has no line: every number up to the present one, but the run under way
-- and those before the last 2,000 (SOURCE_RUNS_KEPT).
SELECT s.tenant || '/' || s.supplier || '/' || s.name AS subject,
    coalesce(f.lines, 0)::text AS found,
    least(2000, s.fence - (s.began_ms IS NOT NULL)::int)::text AS expected
FROM source s
LEFT JOIN (
    SELECT tenant, supplier, name, count(*) AS lines
    FROM source_fetch GROUP BY tenant, supplier, name
) f USING (tenant, supplier, name)
WHERE coalesce(f.lines, 0) <> least(2000, s.fence - (s.began_ms IS NOT NULL)::int)
LIMIT $1

-- audit_source_documents --
-- Sources whose document says something else than their row.
SELECT s.tenant || '/' || s.supplier || '/' || s.name AS subject,
    concat_ws(
        ' ', d.version, d.body ->> 'state', d.body ->> 'due_ms', d.body ->> 'failures',
        d.body ->> 'running_since_ms'
    ) AS found,
    concat_ws(' ', s.version, s.state, s.due_ms, s.failures, s.began_ms) AS expected
FROM source s
LEFT JOIN documents d
    ON d.tenant = s.tenant AND d.topic = 'source:' || s.supplier || '/' || s.name
WHERE s.state <> 'removed' AND (
    d.version, d.body ->> 'state', d.body ->> 'due_ms', d.body ->> 'failures',
    d.body ->> 'running_since_ms', (d.body -> 'place')::jsonb
) IS DISTINCT FROM (
    s.version, s.state, s.due_ms::text, s.failures::text, s.began_ms::text, s.place
)
LIMIT $1

-- audit_supply_documents --
-- Suppliers whose standing is told otherwise than their row has it.
SELECT s.tenant || '/' || s.supplier AS subject,
    concat_ws(' ', d.version, d.body ->> 'state', d.body ->> 'breaker', d.body ->> 'good_ms')
        AS found,
    concat_ws(' ', s.version, s.state, s.breaker, s.good_ms) AS expected
FROM supply s
LEFT JOIN documents d ON d.tenant = s.tenant AND d.topic = 'supply:' || s.supplier
WHERE (
    d.version, d.body ->> 'state', d.body ->> 'breaker', d.body ->> 'good_ms',
    (d.body -> 'caution')::jsonb
) IS DISTINCT FROM (
    s.version, s.state, s.breaker, s.good_ms::text, s.caution
)
LIMIT $1
